"""Chart and kustomization: the same objects, of the form that they promise; no server needed."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import yaml

from rendered import (CHART, KUSTOMIZATION, NAMESPACE, ROOT, by_key, call, differences, find_tool, helm, kustomize,
                      template, without_helm)

MONITORING = [f"--set=monitoring.{name}.enabled=true" for name in ("serviceMonitor", "prometheusRule", "dashboard")]
OVERLAY = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{base}]
components: [{monitoring}]
"""
# What the schema must refuse, and the word that the answer has to have.
BAD_VALUES = {
    "an unknown value": ("replicaCount=3", "replicaCount"),
    "an unknown value further in": ("image.name=x", "name"),
    "a number that is none": ("replicas=two", "replicas"),
    "too many replicas": ("replicas=100", "replicas"),
    "a log level that there is not": ("controller.logLevel=loud", "logLevel"),
    "an argument that is no flag": ("controller.extraArgs[0]=up", "extraArgs"),
    "a digest that is none": ("image.digest=abc", "digest"),
    "a pull policy that there is not": ("image.pullPolicy=Sometimes", "pullPolicy"),
    "a privileged port": ("metrics.port=80", "port"),
    "a budget that lets nothing move": ("podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
    "a name that the API would refuse": ("serviceAccount.name=Data_Mesh", "name"),
    "an interval without a unit": ("monitoring.serviceMonitor.interval=30", "interval"),
    "a flag for a word": ("crds.install=maybe", "install"),
}


class Same(unittest.TestCase):
    maxDiff = None

    def compare(self, chart, kustomization):
        chart, kustomization = by_key(chart), by_key(kustomization)
        self.assertEqual(sorted(chart), sorted(kustomization))
        self.assertGreater(len(chart), 20)
        found = [f"{key}{line}" for key in chart
                 for line in differences(without_helm(chart[key]), without_helm(kustomization[key]))]
        self.assertEqual(found, [], "\n".join(found))

    def test_the_chart_renders_the_objects_of_the_kustomization(self):
        self.compare(template(), kustomize(KUSTOMIZATION / "base"))

    def test_so_it_does_with_monitoring(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder).resolve()
            parts = {name: os.path.relpath(KUSTOMIZATION / name, folder) for name in ("base", "monitoring")}
            (folder / "kustomization.yaml").write_text(OVERLAY.format(**parts))
            self.compare(template(*MONITORING), kustomize(folder))

    def test_what_is_applied_adds_the_namespace_alone(self):
        base, whole = by_key(kustomize(KUSTOMIZATION / "base")), by_key(kustomize(KUSTOMIZATION))
        self.assertEqual(sorted(set(whole) - set(base)), [f"v1 Namespace /{NAMESPACE}"])
        self.assertEqual({key: whole[key] for key in base}, base)

    def test_what_is_copied_is_up_to_date(self):
        ran = subprocess.run([ROOT / "hack" / "generate-manifests", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_chart_image_and_kustomization_are_of_one_version(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        base = yaml.safe_load((KUSTOMIZATION / "base" / "kustomization.yaml").read_text())
        cmake = (ROOT / "CMakeLists.txt").read_text().split("project(datamesh VERSION ", 1)[1].split(" ", 1)[0]
        self.assertEqual({chart["version"], chart["appVersion"], base["images"][0]["newTag"]}, {cmake})


class Form(unittest.TestCase):
    maxDiff = None

    def kinds(self, items, kind):
        return [item for item in items if item["kind"] == kind]

    def the(self, items, kind):
        found = self.kinds(items, kind)
        self.assertEqual(len(found), 1, kind)
        return found[0]

    def test_no_rule_has_a_wildcard(self):
        rules = [(item["metadata"]["name"], rule) for kind in ("ClusterRole", "Role")
                 for item in self.kinds(template(), kind) for rule in item["rules"]]
        self.assertGreater(len(rules), 20)
        for name, rule in rules:
            for field in ("apiGroups", "resources", "verbs"):
                self.assertNotIn("*", "".join(rule[field]), name)

    def test_the_controller_may_not_write_what_people_declare(self):
        for item in self.kinds(template(), "ClusterRole"):
            if not item["metadata"]["name"].endswith("-controller"):
                continue
            for rule in item["rules"]:
                if rule["apiGroups"] == ["datamesh.dev"]:
                    self.assertFalse({"create", "delete", "update", "deletecollection"} & set(rule["verbs"]), rule)

    def test_pods_are_restricted(self):
        pod = self.the(template(), "Deployment")["spec"]["template"]["spec"]
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        for container in pod["containers"]:
            self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                            "capabilities": {"drop": ["ALL"]}})
            self.assertTrue(container["resources"]["requests"] and container["resources"]["limits"])
            self.assertTrue(container["livenessProbe"] and container["readinessProbe"])

    def test_crds_are_part_of_the_release_and_outlive_it(self):
        crds = self.kinds(template(), "CustomResourceDefinition")
        self.assertEqual(len(crds), 7)
        for crd in crds:
            self.assertEqual(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")
        self.assertEqual(self.kinds(template("--set=crds.install=false"), "CustomResourceDefinition"), [])
        for crd in self.kinds(template("--set=crds.keep=false"), "CustomResourceDefinition"):
            self.assertNotIn("helm.sh/resource-policy", crd["metadata"].get("annotations", {}))

    def test_two_releases_share_nothing_but_what_a_cluster_has_once(self):
        flags = ("--set=crds.install=false", "--set=rbac.teamRoles=false")
        one, other = by_key(template(*flags)), by_key(template(*flags, release="second", namespace="elsewhere"))
        self.assertEqual(set(one) & set(other), set())

    def test_a_long_name_of_a_release_is_cut(self):
        for item in template("--set=crds.install=false", release="a" * 53):
            self.assertLessEqual(len(item["metadata"]["name"]), 63)

    def test_a_digest_goes_before_a_tag(self):
        digest = "sha256:" + "a" * 64
        pod = self.the(template("--set=image.repository=registry.example/mesh", "--set=image.tag=1.2", f"--set=image.digest={digest}"),
                       "Deployment")["spec"]["template"]["spec"]
        self.assertEqual(pod["containers"][0]["image"], f"registry.example/mesh@{digest}")

    def test_a_network_policy_with_egress_says_so(self):
        values = json.dumps({"networkPolicy": {"egress": [{"ports": [{"port": 5432}]}],
                                               "metricsFrom": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]}})
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(values)
            file.flush()
            spec = self.the(template("-f", file.name), "NetworkPolicy")["spec"]
        self.assertEqual(spec["policyTypes"], ["Ingress", "Egress"])
        self.assertEqual(spec["egress"], [{"ports": [{"port": 5432}]}])
        self.assertEqual(spec["ingress"][0]["from"], [{"namespaceSelector": {"matchLabels": {"a": "b"}}}])


    def test_prometheus_takes_the_rules_and_grafana_the_dashboard(self):
        items = template(*MONITORING)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(self.the(items, "PrometheusRule")["spec"], file)
            file.flush()
            answer = call(find_tool("promtool"), "check", "rules", file.name)
        self.assertTrue(answer.ok, answer)
        self.assertIn("SUCCESS", answer.out)
        board = json.loads(self.the(items, "ConfigMap")["data"]["datamesh.json"])
        self.assertEqual(board, json.loads((ROOT / "manifests" / "monitoring" / "dashboard.json").read_text()))

    def test_what_is_scraped_is_the_service_and_the_port_of_the_pods(self):
        items = template(*MONITORING)
        monitor, service = self.the(items, "ServiceMonitor")["spec"], self.the(items, "Service")
        pods = self.the(items, "Deployment")["spec"]["template"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
        self.assertLessEqual(service["spec"]["selector"].items(), pods["metadata"]["labels"].items())
        self.assertEqual(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])
        self.assertEqual(service["spec"]["ports"][0]["targetPort"], pods["spec"]["containers"][0]["ports"][0]["name"])


class Values(unittest.TestCase):
    def test_the_chart_passes_lint(self):
        answer = helm("lint", "--strict", CHART)
        self.assertTrue(answer.ok, answer)

    def test_bad_values_are_refused_by_name(self):
        for sentence, (flag, word) in BAD_VALUES.items():
            with self.subTest(sentence):
                answer = helm("template", "datamesh", CHART, "--set", flag)
                self.assertFalse(answer.ok, flag)
                self.assertIn("schema", answer.err)
                self.assertIn(word, answer.err)

    def test_a_service_account_of_ones_own_needs_its_name(self):
        answer = helm("template", "datamesh", CHART, "--set", "serviceAccount.create=false")
        self.assertIn("serviceAccount.name is needed", answer.err)
        named = template("--set=serviceAccount.create=false", "--set=serviceAccount.name=mine")
        self.assertNotIn("ServiceAccount", [item["kind"] for item in named])
        bound = [item["subjects"][0]["name"] for item in named if item["kind"].endswith("Binding") and "subjects" in item
                 and item["subjects"][0]["kind"] == "ServiceAccount"]
        self.assertEqual(set(bound), {"mine"})

    def test_every_value_has_a_rule_in_the_schema(self):
        schema = json.loads((CHART / "values.schema.json").read_text())

        def unnamed(value, rule, path):
            if not isinstance(value, dict) or "properties" not in rule:
                return []
            return [path + name for name in value if name not in rule["properties"]] + [
                line for name in value if name in rule["properties"]
                for line in unnamed(value[name], rule["properties"][name], f"{path}{name}.")]
        self.assertEqual(unnamed(yaml.safe_load((CHART / "values.yaml").read_text()), schema, ""), [])

    def test_the_package_is_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            answer = helm("package", CHART, "-d", folder)
            self.assertTrue(answer.ok, answer)
            package, = pathlib.Path(folder).glob("*.tgz")
            rendered = call(find_tool("helm"), "template", "datamesh", package, "-n", NAMESPACE)
            self.assertTrue(rendered.ok, rendered)
            self.assertEqual(by_key([item for item in yaml.safe_load_all(rendered.out) if item]), by_key(template()))


if __name__ == "__main__":
    unittest.main()
