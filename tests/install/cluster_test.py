"""Chart and kustomization on a real Kubernetes API server, with the real helm and kubectl: install, upgrade, rollback,
uninstall, and the commands of docs/install.md. There are no nodes, so Pods are made (or refused) and do not run."""

import json
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import yaml

from rendered import CHART, KUSTOMIZATION, NAMESPACE, ROOT, call, find_tool
from cluster import CONTROLLERS, Cluster, skip_without_assets
from processes import search_path, wait_for

MORE_CONTROLLERS = ("deployment-controller", "replicaset-controller", "disruption-controller")
CRDS = sorted(path.stem + ".datamesh.dev" for path in (ROOT / "crds").glob("*.yaml"))
BACKEND = """apiVersion: datamesh.dev/v1alpha1
kind: Backend
metadata: {name: kept}
spec:
  engine: postgresql
  external: {endpoint: 'postgres://db.example:5432/mesh', credentialsRef: {namespace: datamesh-system, name: a}}
"""


class WithDeployments(Cluster):
    """... whose Pods are made, so that admission has its say."""

    def _controllers(self):
        known = ",".join(CONTROLLERS)
        return [word if word != known else ",".join((*CONTROLLERS, *MORE_CONTROLLERS)) for word in super()._controllers()]


def blocks_on_a_cluster():
    """The commands of docs/install.md that need one, by heading."""
    text = (ROOT / "docs" / "install.md").read_text()
    found = {}
    for section in re.split(r"^##+ ", text, flags=re.M)[1:]:
        for block in re.findall(r"^```\n# on a cluster\n(.*?)^```$", section, re.M | re.S):
            found.setdefault(section.split("\n", 1)[0], []).append(block)
    return found


class OnACluster(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="datamesh-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, True)
        cls.cluster = WithDeployments(cls.root / "cluster")
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.environment = {**os.environ, "PATH": search_path(), "HOME": str(cls.root), "KUBECONFIG": cls.cluster.kubeconfig}

    def run_tool(self, tool, *words, stdin=None):
        return call(find_tool(tool), *words, stdin=stdin, env=self.environment, seconds=300)

    def works(self, tool, *words, stdin=None):
        answer = self.run_tool(tool, *words, stdin=stdin)
        self.assertTrue(answer.ok, f"{tool} {' '.join(map(str, words))}: {answer}")
        return answer.out

    def helm(self, *words):
        return self.works("helm", *words, "-n", NAMESPACE)

    def get(self, *words):
        answer = self.works("kubectl", "get", "-o", "json", "--ignore-not-found", *words)
        found = json.loads(answer) if answer else {"items": []}
        return found["items"] if "items" in found else found

    def crds(self):
        return sorted(item["metadata"]["name"] for item in self.get("crds") if item["metadata"]["name"] in CRDS)

    def restricted_namespace(self):
        self.works("kubectl", "apply", "-f", KUSTOMIZATION / "namespace.yaml")

    def expect_pods(self, count):
        """So many are there. All of them were let in under the restricted level, or there were none."""
        def look():
            pods = self.get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=datamesh")
            return len([pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]) == count
        wait_for(look, f"{count} pods", 120)

    def nothing_is_left(self):
        for name in self.crds():
            self.works("kubectl", "delete", "crd", name, "--timeout=60s")
        for kind in ("clusterroles", "clusterrolebindings"):
            self.works("kubectl", "delete", kind, "-l", "app.kubernetes.io/part-of=datamesh")
        self.works("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")

    def setUp(self):
        self.addCleanup(self.nothing_is_left)

    def older_chart(self):
        """The chart of a release before, whose Backends had no column more for `kubectl get`."""
        older = self.root / "older"
        shutil.copytree(CHART, older, dirs_exist_ok=True)
        path = older / "files" / "crds" / "backends.yaml"
        crd = yaml.safe_load(path.read_text())
        columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
        self.assertEqual(columns[0]["name"], "Engine")
        del columns[0]
        path.write_text(yaml.safe_dump(crd))
        return older

    def has_engine_column(self):
        crd = self.get("crd", "backends.datamesh.dev")
        return "Engine" in [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]

    def test_a_release_lives_its_life(self):
        self.restricted_namespace()
        self.assertIn("STATUS: deployed", self.helm("install", "datamesh", self.older_chart()))
        self.assertEqual(self.crds(), CRDS)
        self.works("kubectl", "wait", "--for=condition=Established", "--timeout=60s", *[f"crd/{name}" for name in CRDS])
        self.assertFalse(self.has_engine_column())
        self.expect_pods(2)
        self.works("kubectl", "apply", "-f", "-", stdin=BACKEND)

        self.helm("upgrade", "datamesh", CHART, "--set", "replicas=3")
        self.assertTrue(self.has_engine_column(), "an upgrade left the CustomResourceDefinitions as they were")
        self.expect_pods(3)
        self.helm("rollback", "datamesh", "1")
        self.assertFalse(self.has_engine_column())
        self.expect_pods(2)
        self.helm("upgrade", "datamesh", CHART, "--set", "monitoring.dashboard.enabled=true")
        board = self.get("configmap", "datamesh-dashboard", "-n", NAMESPACE)
        self.assertEqual(json.loads(board["data"]["datamesh.json"])["uid"], "datamesh")

        self.assertIn("uninstalled", self.helm("uninstall", "datamesh"))
        self.assertEqual(self.crds(), CRDS)
        self.assertEqual(self.get("backend", "kept")["spec"]["engine"], "postgresql")
        self.assertEqual(self.get("deployments", "-n", NAMESPACE), [])
        self.assertEqual(self.get("clusterroles", "-l", "app.kubernetes.io/part-of=datamesh"), [])
        self.helm("install", "datamesh", CHART)  # over what was kept
        self.assertTrue(self.has_engine_column())
        self.helm("uninstall", "datamesh")

    def test_crds_go_with_the_release_where_that_is_asked_for(self):
        self.restricted_namespace()
        self.helm("install", "datamesh", CHART, "--set", "crds.keep=false")
        self.assertEqual(self.crds(), CRDS)
        self.helm("uninstall", "datamesh")
        wait_for(lambda: not self.crds(), "the CustomResourceDefinitions are gone")

    def test_kubectl_applies_the_kustomization_again_and_again(self):
        for _ in range(2):
            self.works("kubectl", "apply", "--server-side", "-k", KUSTOMIZATION)
        self.assertEqual(self.works("kubectl", "diff", "--server-side", "-k", KUSTOMIZATION), "")
        self.expect_pods(2)
        wait_for(lambda: self.get("pdb", "datamesh", "-n", NAMESPACE)["status"].get("expectedPods") == 2,
                 "the disruption budget is about these pods")
        service = self.get("service", "datamesh-metrics", "-n", NAMESPACE)["spec"]
        pods = self.get("pods", "-n", NAMESPACE, "-l", ",".join(f"{k}={v}" for k, v in service["selector"].items()))
        self.assertEqual(len(pods), 2)
        self.works("kubectl", "delete", "-k", KUSTOMIZATION, "--timeout=120s")
        self.assertEqual(self.crds(), [])

    def test_kubectl_applies_the_kustomization_from_the_client_too(self):
        self.works("kubectl", "apply", "-k", KUSTOMIZATION)
        self.assertEqual(self.works("kubectl", "diff", "-k", KUSTOMIZATION), "")

    def test_the_namespace_does_refuse_pods_that_ask_for_more(self):
        self.restricted_namespace()
        template = yaml.safe_load_all(self.works("helm", "template", "datamesh", CHART, "-n", NAMESPACE))
        spec = next(item for item in template if item and item["kind"] == "Deployment")["spec"]["template"]["spec"]
        spec["serviceAccountName"] = "default"

        def create():
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": NAMESPACE}, "spec": spec}
            return self.run_tool("kubectl", "create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
        wait_for(lambda: self.get("serviceaccount", "default", "-n", NAMESPACE), "the namespace has its account")
        answer = create()
        self.assertTrue(answer.ok, answer)
        spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        answer = create()
        self.assertFalse(answer.ok)
        self.assertIn('violates PodSecurity "restricted', answer.err)

    def test_people_may_do_what_their_roles_say(self):
        self.works("kubectl", "apply", "--server-side", "-k", KUSTOMIZATION)
        self.works("kubectl", "create", "namespace", "sales")
        self.addCleanup(self.works, "kubectl", "delete", "namespace", "sales", "--timeout=120s")
        for user, role in (("ana", "owner"), ("bo", "developer"), ("stu", "steward"), ("vi", "viewer")):
            self.works("kubectl", "create", "rolebinding", user, "-n", "sales", f"--clusterrole=datamesh-{role}", f"--user={user}")
        table = {("create", "approvals", "ana"): "yes", ("create", "approvals", "bo"): "no", ("create", "approvals", "stu"): "yes",
                 ("create", "dataproducts", "bo"): "yes", ("create", "dataproducts", "stu"): "no", ("get", "secrets", "vi"): "no",
                 ("get", "secrets", "bo"): "yes", ("list", "secrets", "bo"): "no", ("list", "dataproducts", "vi"): "yes",
                 ("update", "subscriptions/status", "ana"): "no", ("list", "domains", "anybody"): "yes",
                 ("list", "backends", "anybody"): "no", ("list", "subscriptions", "anybody"): "no"}

        def answer(verb, what, who):
            resource, _, part = what.partition("/")
            return self.run_tool("kubectl", "auth", "can-i", verb, resource, "-n", "sales", f"--as={who}",
                                 "--as-group=system:authenticated", *([f"--subresource={part}"] if part else []))

        def wrong():
            said = {question: answer(*question).out.splitlines()[-1] for question in table}
            return {question: word for question, word in said.items() if table[question] != word}
        # The API server's own view of its roles is a watch behind.
        wait_for(lambda: not wrong(), "everybody may do what the table says")

    def test_what_the_document_shows_works(self):
        blocks = blocks_on_a_cluster()
        self.assertEqual(set(blocks), {"With Helm", "With kustomize", "Upgrades", "Uninstalling"})
        for heading in ("With Helm", "Upgrades", "Uninstalling", "With kustomize"):
            for block in blocks[heading]:
                ran = call("bash", "-euo", "pipefail", "-c", f"cd {ROOT}\n{block}", env=self.environment, seconds=300)
                self.assertTrue(ran.ok, f"{block}: {ran}")
            if heading != "Uninstalling":
                self.expect_pods(2)


if __name__ == "__main__":
    skip_without_assets()
    unittest.main()
