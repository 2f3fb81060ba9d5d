"""helm install, upgrade, rollback and uninstall of a chart with custom resources."""

import json
import os
import unittest

from harness import KubectlTest, find_tool, processes, widget


@unittest.skipUnless(find_tool("helm"), "there is no helm; hack/install-deps gets it")
class Helm(KubectlTest):
    def helm(self, *args):
        done = processes.run(find_tool("helm"), *args, env=self.environment())
        self.assertEqual(done.returncode, 0, f"helm {' '.join(args)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def color(self):
        return self.k("get", "widget", "from-chart", "-n", "shop", "-o", "jsonpath={.spec.color}")

    def test_a_release_lives_its_life(self):
        chart = os.path.join(self.server.root, "chart")
        self.write("chart/Chart.yaml", "apiVersion: v2\nname: mesh\nversion: 0.1.0\n")
        self.write("chart/values.yaml", "color: red\n")
        self.write("chart/templates/widget.yaml",
                   widget("from-chart").replace("namespace: work", "namespace: {{ .Release.Namespace }}")
                   .replace("color: red\n", "color: {{ .Values.color }}\n"))
        self.write("chart/templates/config.yaml",
                   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-chart}\ndata: {color: '{{ .Values.color }}'}\n")
        self.assertIn("STATUS: deployed", self.helm("install", "mesh", chart, "-n", "shop", "--create-namespace", "--wait",
                                                    "--timeout", "90s"))
        self.assertEqual(self.color(), "red")
        self.helm("upgrade", "mesh", chart, "-n", "shop", "--set", "color=blue")
        self.assertEqual(self.color(), "blue")
        releases = json.loads(self.helm("list", "-n", "shop", "-o", "json"))
        self.assertEqual([(r["name"], r["revision"], r["status"]) for r in releases], [("mesh", "2", "deployed")])
        self.helm("rollback", "mesh", "1", "-n", "shop")
        self.assertEqual(self.color(), "red")
        self.assertIn("uninstalled", self.helm("uninstall", "mesh", "-n", "shop"))
        self.assertIn("not found", self.refused("get", "widget", "from-chart", "-n", "shop"))


if __name__ == "__main__":
    unittest.main()
