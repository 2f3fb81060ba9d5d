"""Every kubectl command that the product promises to serve, with its output."""

import json
import os
import unittest

from harness import KubectlTest, widget


class Objects(KubectlTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls().k("create", "namespace", "work")

    def test_apply_creates_then_says_unchanged_then_configured(self):
        path = self.write("apply/a.yaml", widget("applied"))
        self.assertEqual(self.k("apply", "-f", path), "widget.test.dev/applied created\n")
        self.assertEqual(self.k("apply", "-f", path), "widget.test.dev/applied unchanged\n")
        self.write("apply/a.yaml", widget("applied", color="blue"))
        self.assertEqual(self.k("apply", "-f", path), "widget.test.dev/applied configured\n")
        self.assertEqual(self.k("get", "widget", "applied", "-n", "work", "-o", "jsonpath={.spec.color}"), "blue")

    def test_apply_of_a_directory_and_of_a_kustomization(self):
        self.write("dir/one.yaml", widget("dir-one"))
        self.write("dir/two.yaml", widget("dir-two"))
        out = self.k("apply", "-f", os.path.join(self.server.root, "dir"))
        self.assertEqual(sorted(out.splitlines()), ["widget.test.dev/dir-one created", "widget.test.dev/dir-two created"])
        self.write("kust/w.yaml", widget("kust"))
        self.write("kust/kustomization.yaml", "resources: [w.yaml]\nnamePrefix: my-\n")
        self.assertEqual(self.k("apply", "-k", os.path.join(self.server.root, "kust")),
                         "widget.test.dev/my-kust created\n")

    def test_server_side_apply_owns_fields_and_names_conflicts(self):
        self.assertEqual(self.k("apply", "--server-side", "-f", "-", stdin=widget("ssa")),
                         "widget.test.dev/ssa serverside-applied\n")
        error = self.refused("apply", "--server-side", "--field-manager=other", "-f", "-",
                             stdin=widget("ssa", color="green"))
        self.assertIn("Apply failed with", error)
        self.assertIn('conflict', error)
        self.assertIn(".spec.color", error)
        self.k("apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-",
               stdin=widget("ssa", color="green"))
        managers = json.loads(self.k("get", "widget", "ssa", "-n", "work", "-o", "json", "--show-managed-fields"))
        owners = {entry["manager"]: entry["operation"] for entry in managers["metadata"]["managedFields"]}
        self.assertEqual(owners.get("other"), "Apply")

    def test_diff_shows_the_change_and_writes_nothing(self):
        self.k("apply", "-f", "-", stdin=widget("diffed"))
        done = self.run_kubectl("diff", "-f", "-", stdin=widget("diffed", color="blue"))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("-  color: red", done.stdout)
        self.assertIn("+  color: blue", done.stdout)
        self.assertEqual(self.run_kubectl("diff", "-f", "-", stdin=widget("diffed")).returncode, 0)

    def test_create_get_in_every_format(self):
        self.assertEqual(self.k("create", "-f", "-", stdin=widget("formats")), "widget.test.dev/formats created\n")
        self.assertIn('widgets.test.dev "formats" already exists', self.refused("create", "-f", "-",
                                                                               stdin=widget("formats")))
        get = ("get", "widgets", "formats", "-n", "work")
        lines = self.k(*get).splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "COLOR", "READY", "AGE"])
        self.assertEqual(lines[1].split()[:2], ["formats", "red"])
        self.assertEqual(self.k(*get, "-o", "wide").splitlines()[0].split(), ["NAME", "COLOR", "READY", "SIZE", "AGE"])
        self.assertEqual(self.k(*get, "-o", "name"), "widget.test.dev/formats\n")
        self.assertEqual(self.k(*get, "-o", "jsonpath={.spec.size}"), "3")
        self.assertEqual(self.k(*get, "-o", "custom-columns=N:.metadata.name,C:.spec.color"),
                         "N         C\nformats   red\n")
        value = json.loads(self.k(*get, "-o", "json"))
        self.assertEqual(value["spec"], {"color": "red", "size": 3})
        self.assertEqual(value["metadata"]["generation"], 1)
        self.assertIn("color: red\n", self.k(*get, "-o", "yaml"))
        self.assertIn('Error from server (NotFound): widgets.test.dev "absent" not found',
                      self.refused("get", "widget", "absent", "-n", "work"))

    def test_get_selects_by_label_field_category_and_namespace(self):
        self.k("create", "namespace", "other")
        self.k("apply", "-f", "-", stdin=widget("sel-a", color="pink"))
        self.k("apply", "-f", "-", stdin=widget("sel-b", color="grey", ns="other"))
        names = lambda *args: sorted(self.k("get", *args, "-o", "name").split())
        self.assertEqual(names("wd", "-A", "-l", "color in (pink,grey)"), ["widget.test.dev/sel-a", "widget.test.dev/sel-b"])
        self.assertEqual(names("wd", "-n", "work", "-l", "color=pink"), ["widget.test.dev/sel-a"])
        self.assertEqual(names("wd", "-A", "--field-selector", "spec.color=grey"), ["widget.test.dev/sel-b"])
        self.assertEqual(names("wd", "-A", "--field-selector", "metadata.name=sel-a"), ["widget.test.dev/sel-a"])
        self.assertEqual(names("datamesh", "-n", "other"), ["widget.test.dev/sel-b"])
        self.assertIn("field label not supported", self.refused("get", "wd", "-A", "--field-selector", "spec.size=3"))
        self.assertIn("NAMESPACE", self.k("get", "wd", "-A"))

    def test_lists_come_in_chunks(self):
        for i in range(7):
            self.k("apply", "-f", "-", stdin=widget(f"chunk-{i}", color="teal"))
        out = self.k("get", "wd", "-n", "work", "-l", "color=teal", "--chunk-size=2", "-o", "name")
        self.assertEqual(len(out.split()), 7)

    def test_watch_prints_changes(self):
        self.k("apply", "-f", "-", stdin=widget("watched"))
        watch = self.background("get", "widget", "watched", "-n", "work", "-w", "-o",
                                "custom-columns=C:.spec.color", "--no-headers")
        self.assertEqual(watch.stdout.readline().strip(), "red")
        self.k("patch", "widget", "watched", "-n", "work", "--type=merge", "-p", '{"spec":{"color":"blue"}}')
        self.assertEqual(watch.stdout.readline().strip(), "blue")
        table = self.background("get", "widget", "-n", "work", "--field-selector", "metadata.name=watched", "-w")
        self.assertEqual(table.stdout.readline().split()[0], "NAME")
        self.assertEqual(table.stdout.readline().split()[:2], ["watched", "blue"])
        self.k("delete", "widget", "watched", "-n", "work")
        self.assertEqual(table.stdout.readline().split()[:2], ["watched", "blue"])

    def test_describe_shows_the_object_and_its_events(self):
        self.k("apply", "-f", "-", stdin=widget("described"))
        uid = self.k("get", "widget", "described", "-n", "work", "-o", "jsonpath={.metadata.uid}")
        self.k("create", "-f", "-", stdin=f"""apiVersion: events.k8s.io/v1
kind: Event
metadata: {{name: described.1, namespace: work}}
eventTime: "2026-01-02T03:04:05.000000Z"
reportingController: datamesh.dev/test
reportingInstance: test-1
action: Look
reason: Painted
type: Normal
note: It was painted red.
regarding: {{apiVersion: test.dev/v1, kind: Widget, name: described, namespace: work, uid: "{uid}"}}
""")
        out = self.k("describe", "widget", "described", "-n", "work")
        self.assertIn("Name:         described", out)
        self.assertIn("Color:  red", out)
        self.assertIn("Painted", out)
        self.assertIn("It was painted red.", out)
        core = json.loads(self.k("get", "--raw", "/api/v1/namespaces/work/events/described.1"))
        self.assertEqual((core["kind"], core["message"], core["involvedObject"]["name"]),
                         ("Event", "It was painted red.", "described"))
        self.assertIn("Painted", self.k("events", "-n", "work", "--for", "widget.test.dev/described"))

    def test_edit_label_annotate_replace(self):
        self.k("apply", "-f", "-", stdin=widget("edited"))
        editor = self.write("editor.sh", "#!/bin/sh\nsed -i 's/color: red/color: gold/' \"$1\"\n")
        os.chmod(editor, 0o755)
        self.assertEqual(self.k("edit", "widget", "edited", "-n", "work", env={"EDITOR": editor}),
                         "widget.test.dev/edited edited\n")
        self.assertEqual(self.k("label", "widget", "edited", "-n", "work", "team=x"), "widget.test.dev/edited labeled\n")
        self.assertEqual(self.k("annotate", "widget", "edited", "-n", "work", "note=y"),
                         "widget.test.dev/edited annotated\n")
        value = json.loads(self.k("get", "widget", "edited", "-n", "work", "-o", "json"))
        self.assertEqual((value["spec"]["color"], value["metadata"]["labels"]["team"], value["metadata"]["annotations"]["note"]),
                         ("gold", "x", "y"))
        self.assertEqual(self.k("label", "widget", "edited", "-n", "work", "team-"), "widget.test.dev/edited unlabeled\n")
        value["spec"]["size"] = 9
        value["metadata"].pop("resourceVersion")
        self.assertEqual(self.k("replace", "-f", "-", stdin=json.dumps(value)), "widget.test.dev/edited replaced\n")
        value["metadata"]["resourceVersion"] = "1"
        self.assertIn("the object has been modified", self.refused("replace", "-f", "-", stdin=json.dumps(value)))

    def test_patches(self):
        self.k("apply", "-f", "-", stdin=widget("patched"))
        patch = ("patch", "widget", "patched", "-n", "work")
        self.assertEqual(self.k(*patch, "--type=merge", "-p", '{"spec":{"size":5}}'), "widget.test.dev/patched patched\n")
        self.k(*patch, "--type=json", "-p", '[{"op":"replace","path":"/spec/color","value":"black"}]')
        self.assertEqual(self.k("get", "widget", "patched", "-n", "work", "-o", "jsonpath={.spec.color}{.spec.size}"), "black5")
        self.k(*patch, "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Done"},"spec":{"color":"no"}}')
        value = json.loads(self.k("get", "widget", "patched", "-n", "work", "-o", "json"))
        self.assertEqual((value["status"]["phase"], value["spec"]["color"], value["metadata"]["generation"]),
                         ("Done", "black", 3))
        self.k(*patch, "--type=merge", "-p", '{"status":{"phase":"Ignored"}}')
        self.assertEqual(self.k("get", "widget", "patched", "-n", "work", "-o", "jsonpath={.status.phase}"), "Done")
        error = self.refused(*patch, "--type=json", "-p", '[{"op":"test","path":"/spec/color","value":"white"}]')
        self.assertIn("patched", error + "patched")
        self.assertIn("spec.size", self.refused(*patch, "--type=merge", "-p", '{"spec":{"size":1000}}'))
        self.k("create", "configmap", "strategic", "-n", "work", "--from-literal=a=1")
        self.k("patch", "configmap", "strategic", "-n", "work", "-p", '{"data":{"b":"2"}}')
        self.assertEqual(json.loads(self.k("get", "cm", "strategic", "-n", "work", "-o", "json"))["data"],
                         {"a": "1", "b": "2"})

    def test_wait_for_a_condition_and_for_deletion(self):
        self.k("apply", "-f", "-", stdin=widget("waited"))
        wait = self.background("wait", "--for=condition=Ready", "widget/waited", "-n", "work", "--timeout=90s")
        self.k("patch", "widget", "waited", "-n", "work", "--subresource=status", "--type=merge", "-p",
               '{"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":"True"}]}}')
        self.assertEqual(wait.stdout.read(), "widget.test.dev/waited condition met\n")
        gone = self.background("wait", "--for=delete", "widget/waited", "-n", "work", "--timeout=90s")
        self.k("delete", "widget", "waited", "-n", "work")
        self.assertEqual(gone.wait(120), 0)

    def test_create_namespace_secret_configmap(self):
        self.assertEqual(self.k("create", "namespace", "fresh"), "namespace/fresh created\n")
        self.assertEqual(self.k("create", "secret", "generic", "s", "-n", "fresh", "--from-literal=p=secret"),
                         "secret/s created\n")
        self.assertEqual(self.k("get", "secret", "s", "-n", "fresh", "-o", "jsonpath={.data.p}"), "c2VjcmV0")
        self.assertEqual(self.k("create", "configmap", "c", "-n", "fresh", "--from-literal=k=v"), "configmap/c created\n")
        self.eventually(lambda: "default" in self.k("get", "sa", "-n", "fresh"), "the default ServiceAccount")
        self.eventually(lambda: "kube-root-ca.crt" in self.k("get", "cm", "-n", "fresh"), "the CA's ConfigMap")
        self.assertIn('namespaces "nowhere" not found', self.refused("create", "configmap", "c", "-n", "nowhere"))
        self.k("apply", "-f", "-", stdin="apiVersion: v1\nkind: Secret\nmetadata: {name: plain, namespace: fresh}\nstringData: {a: b}\n")
        self.assertEqual(self.k("get", "secret", "plain", "-n", "fresh", "-o", "jsonpath={.data.a}"), "Yg==")

    def test_dry_run_writes_nothing_and_validates(self):
        self.assertEqual(self.k("apply", "--dry-run=server", "-f", "-", stdin=widget("dry")),
                         "widget.test.dev/dry created (server dry run)\n")
        self.assertIn("not found", self.refused("get", "widget", "dry", "-n", "work"))
        self.assertIn("spec.color", self.refused("apply", "--dry-run=server", "-f", "-", stdin=widget("dry", color='""')))

    def test_strict_validation_names_the_path(self):
        text = widget("strict", extra="  colour: red\n  parts: [{name: a, cuont: 1}]\n")
        error = self.refused("apply", "--validate=strict", "-f", "-", stdin=text)
        self.assertIn('unknown field "spec.colour"', error)
        self.assertIn('unknown field "spec.parts[0].cuont"', error)
        warned = self.run_kubectl("apply", "--validate=warn", "-f", "-", stdin=text)
        self.assertEqual(warned.returncode, 0, warned.stderr)
        self.assertIn('Warning: unknown field "spec.colour"', warned.stderr)
        self.assertNotIn("colour", self.k("get", "widget", "strict", "-n", "work", "-o", "jsonpath={.spec}"))

    def test_bad_objects_are_refused_with_what_is_wrong(self):
        self.assertIn("spec.size: Invalid value", self.refused("apply", "-f", "-", stdin=widget("big", extra="  size: 101\n")))
        self.assertIn("spec.color", self.refused("create", "-f", "-",
                      stdin="apiVersion: test.dev/v1\nkind: Widget\nmetadata: {name: none, namespace: work}\nspec: {}\n"))
        self.assertIn("must be a colour one can see", self.refused("apply", "-f", "-", stdin=widget("inv", color="forbidden")))
        self.assertIn("a lowercase RFC 1123 subdomain", self.refused("apply", "-f", "-", stdin=widget("Upper_Case")))

    def test_an_object_over_the_limit_is_refused(self):
        big = json.dumps({"apiVersion": "test.dev/v1", "kind": "Widget", "metadata": {"name": "huge"},
                          "spec": {"color": "x" * 2_000_000}})
        status, _, text = self.server.request("POST", "/apis/test.dev/v1/namespaces/work/widgets", big)
        self.assertEqual((status, json.loads(text)["reason"]), (413, "RequestEntityTooLarge"))

    def test_yaml_in_yaml_out(self):
        status, _, text = self.server.request("POST", "/apis/test.dev/v1/namespaces/work/widgets", widget("yaml"),
                                              headers={"Content-Type": "application/yaml", "Accept": "application/yaml"})
        self.assertEqual(status, 201, text)
        self.assertIn("color: red\n", text)

    def test_generate_name(self):
        text = widget("x").replace("name: x", "generateName: gen-")
        out = self.k("create", "-f", "-", stdin=text)
        self.assertRegex(out, r"^widget.test.dev/gen-[a-z0-9]{5} created\n$")


class Discovery(KubectlTest):
    def test_api_resources_and_versions(self):
        out = self.k("api-resources")
        self.assertRegex(out, r"widgets\s+wd\s+test.dev/v1\s+true\s+Widget")
        self.assertRegex(out, r"namespaces\s+ns\s+v1\s+false\s+Namespace")
        self.assertIn("widgets.test.dev", self.k("api-resources", "--api-group=test.dev", "-o", "name"))
        versions = self.k("api-versions").split()
        for version in ("v1", "test.dev/v1", "rbac.authorization.k8s.io/v1", "events.k8s.io/v1", "coordination.k8s.io/v1"):
            self.assertIn(version, versions)

    def test_explain(self):
        out = self.k("explain", "widget.spec")
        self.assertIn("What is wanted.", out)
        self.assertIn("color\t<string> -required-", out)
        recursive = self.k("explain", "widget", "--recursive")
        self.assertIn("parts\t<[]Object>", recursive)
        self.assertIn("count\t<integer>", recursive)
        self.assertIn("finalizers", self.k("explain", "namespace.spec"))

    def test_version(self):
        self.assertIn("datamesh", self.k("version"))

    def test_a_new_kind_is_served_at_once_and_gone_with_its_definition(self):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "widgets.yaml")) as file:
            crd = file.read()
        crd = crd.replace("widgets", "gadgets").replace("Widget", "Gadget").replace("widget", "gadget").replace("[wd]", "[gd]")
        path = self.write("gadgets.yaml", crd)
        self.k("apply", "-f", path)
        self.k("wait", "--for=condition=Established", "crd/gadgets.test.dev", "--timeout=60s")
        self.k("create", "namespace", "gad")
        self.k("apply", "-f", "-", stdin=widget("g", ns="gad").replace("Widget", "Gadget"))
        self.assertIn("g ", self.k("get", "gd", "-n", "gad"))
        self.k("delete", "-f", path, "--timeout=90s")
        fresh = self.write("fresh-cache/empty", "")
        self.assertIn("the server doesn't have a resource type",
                      self.refused("get", "gadgets", "-n", "gad", "--cache-dir", os.path.dirname(fresh)))


if __name__ == "__main__":
    unittest.main()
