"""The commands of `datamesh`, helm, and what a domain's developer may do."""

import json
import os
import pathlib
import stat
import unittest

from harness import MeshTest, backend, contract, domain, kit, namespace, product, wait_for

CHART = pathlib.Path(__file__).resolve().parent / "chart"


class Commands(MeshTest):
    base = (namespace("sales"), namespace("growth"), backend("warehouse"),
            domain("sales", [("ana", "owner"), ("bo", "developer")]), domain("growth", [("gus", "owner")]),
            contract("sales", "plain"), product("sales", "steady", "plain"))

    def datamesh(self, *words, code=0, stdin=None):
        answer = self.mesh.run("datamesh", *words, stdin=stdin)
        self.assertEqual(answer.code, code, answer)
        return answer.out

    def manifest(self, name, *things):
        path = self.mesh.root / name
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
        return str(path)

    def test_plan_says_what_why_and_how_and_writes_nothing(self):
        columns = contract("sales", "planned")["spec"]["schema"][0]["properties"]
        self.apply(contract("sales", "planned"), product("sales", "planned", "planned"))
        self.mesh.wait_condition("dataproduct", "planned", "sales")
        more = contract("sales", "planned", [*columns, {"name": "country", "logicalType": "string"}])
        path = self.manifest("more.json", more)
        text = self.datamesh("plan", "-f", path, code=2)
        self.assertRegex(text, r"~ update table sales__planned_v1\.rows  \[DataProduct/sales/planned\] \S")
        self.assertRegex(text, r'ALTER TABLE .*ADD COLUMN IF NOT EXISTS "country"')
        self.assertRegex(text, r"Plan: \d+ to create, \d+ to update, 0 to delete")
        answer = json.loads(self.datamesh("plan", "-f", path, "-o", "json", code=2))
        tables = [change for found in answer["backends"] for change in found["changes"] if change["kind"] == "table"]
        self.assertEqual([(change["action"], change["name"]) for change in tables], [("update", "sales__planned_v1.rows")])
        self.assertTrue(tables[0]["statements"] and tables[0]["reason"])
        self.assertEqual(self.admin("SELECT count(*) FROM information_schema.columns WHERE column_name = 'country'"), "0")
        same = self.manifest("same.json", contract("sales", "planned"))
        wait_for(lambda: self.mesh.run("datamesh", "plan", "-f", same).code == 0, "nothing is left to do")
        new = self.datamesh("plan", "-f", self.manifest("new.json", product("sales", "fresh", "plain")), code=2)
        self.assertIn("+ create schema sales__fresh_v1", new)

    def test_plan_says_what_the_server_would_refuse(self):
        wrong = product("sales", "wrong", "plain")
        wrong["spec"]["version"] = "one"
        text = self.datamesh("plan", "-f", self.manifest("wrong.json", wrong), code=1)
        self.assertIn("refused:", text)
        self.assertIn("spec.version", text)

    def test_lint_needs_no_server(self):
        self.assertIn("0 problems", self.datamesh("lint", "-f", str(kit.RETAIL)))
        wrong = product("sales", "wrong", "plain")
        wrong["spec"]["outputPorts"][0]["typo"] = 1
        found = json.loads(self.datamesh("lint", "-o", "json", "-f", self.manifest("typo.json", wrong), code=1))
        self.assertIn("spec.outputPorts[0].typo", str(found))
        self.assertIn("1 problems", self.datamesh("lint", "-f", "-", stdin="a: [b", code=1))

    def test_apply_and_get(self):
        path = self.manifest("applied.json", product("sales", "applied", "plain"))
        self.datamesh("apply", "-f", path, "--dry-run")
        self.assertIsNone(self.mesh.get("dataproduct", "applied", "sales"))
        self.datamesh("apply", "-f", path)
        self.mesh.wait_condition("dataproduct", "applied", "sales")
        self.assertRegex(self.datamesh("get", "dp", "applied", "-n", "sales"), r"applied +1\.0\.0 .*True")
        self.assertEqual(json.loads(self.datamesh("get", "dp", "applied", "-n", "sales", "-o", "json"))["kind"],
                         "DataProduct")
        for word in ("warehouse", "growth", "steady"):
            self.assertIn(word, self.datamesh("get", "datamesh", "-A"))
        missing = self.mesh.run("datamesh", "get", "dp", "nothing", "-n", "sales")
        self.assertEqual(missing.code, 1)
        self.assertIn("nothing", missing.err)

    def test_version_and_completion(self):
        self.assertRegex(self.datamesh("version"), r"\d+\.\d+\.\d+")
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("plan", self.datamesh("completion", shell))
        self.assertEqual(self.mesh.run("datamesh", "sing").code, 2)

    def test_the_kubeconfig_is_for_its_owner_alone(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.mesh.endpoints["kubeconfig"]).st_mode), 0o600)

    @unittest.skipUnless(kit.find_tool("helm"), "there is no helm; hack/install-deps gets it")
    def test_helm_installs_upgrades_and_removes_a_mesh(self):
        def helm(*words):
            answer = self.mesh.run("helm", *words)
            self.assertTrue(answer.ok, answer)
            return answer.out
        self.assertIn("deployed", helm("install", "shop", CHART, "-n", "shop", "--create-namespace"))
        self.mesh.wait_condition("dataproduct", "visits", "shop")
        uri = self.uri_of("shop", "reads-visits")
        self.works(uri, "SELECT id, city FROM shop__visits_v1.visits")
        helm("upgrade", "shop", CHART, "-n", "shop", "--set", "columns={city,browser}")
        wait_for(lambda: self.mesh.run("kubectl", "get", "subscription", "reads-visits", "-n", "shop", "-o",
                                       "jsonpath={.status.readable.visits}").out.count("browser"), "the column is readable")
        wait_for(lambda: kit.psql(uri, "SELECT browser FROM shop__visits_v1.visits").ok, "it can be read")
        helm("upgrade", "shop", CHART, "-n", "shop", "--set", "columns={city,browser}", "--set", "reader=false")
        self.soon_fails(uri)
        helm("uninstall", "shop", "-n", "shop")
        wait_for(lambda: not self.mesh.list("dataproduct,datacontract,subscription", "-n", "shop"), "all of it is gone")
        wait_for(lambda: self.mesh.get("domain", "shop") is None, "the domain as well")
        self.assertEqual(self.admin("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shop%'"), "0")

    def may(self, verb, what, ns, *who):
        kind, _, part = what.partition("/")
        answer = self.mesh.run("kubectl", "auth", "can-i", verb, kind, *([f"--subresource={part}"] if part else []),
                               *(["-n", ns] if ns else []), *who)
        return answer.out.splitlines()[-1] == "yes"

    def test_a_developer_writes_in_the_own_domain_only(self):
        bo = "--as=bo@x.example"
        rights = {("create", "dataproducts", "sales"): True, ("create", "dataproducts", "growth"): False,
                  ("create", "subscriptions", "sales"): True, ("create", "approvals", "sales"): False,
                  ("create", "approvals", "growth"): False, ("patch", "dataproducts/status", "sales"): False,
                  ("update", "subscriptions/status", "sales"): False, ("get", "dataproducts", "growth"): True,
                  ("delete", "backends", ""): False, ("create", "policies", ""): False, ("update", "domains", ""): False,
                  ("list", "secrets", "growth"): False}
        self.assertEqual({asked: self.may(*asked, bo) for asked in rights}, rights)
        self.assertTrue(self.may("create", "approvals", "sales", "--as=ana@x.example"))
        self.assertFalse(self.may("create", "approvals", "growth", "--as=ana@x.example"))

    def test_a_token_is_held_to_its_rights(self):
        self.mesh.kubectl("create", "serviceaccount", "pipeline", "-n", "sales")
        self.mesh.kubectl("create", "rolebinding", "pipeline", "-n", "sales", "--clusterrole=datamesh-developer",
                          "--serviceaccount=sales:pipeline")
        token = self.mesh.kubectl("create", "token", "pipeline", "-n", "sales", "--duration=10m")
        config = json.loads(self.mesh.kubectl("config", "view", "--raw", "-o", "json"))
        config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
        path = self.mesh.root / "pipeline.kubeconfig"
        path.write_text(json.dumps(config))
        as_pipeline = ("--kubeconfig", str(path))
        own = self.manifest("own.json", product("sales", "piped", "plain"))
        answer = self.mesh.run("kubectl", "apply", "-f", own, *as_pipeline)
        self.assertTrue(answer.ok, answer)
        self.mesh.wait_condition("dataproduct", "piped", "sales")
        other = self.mesh.run("kubectl", "apply", "-f", self.manifest("other.json", product("growth", "piped", "plain")),
                              *as_pipeline)
        self.assertIn("forbidden", other.err.lower())
        status = self.mesh.run("kubectl", "patch", "dataproduct", "piped", "-n", "sales", "--subresource=status",
                               "--type=merge", "-p", '{"status": {"conditions": []}}', *as_pipeline)
        self.assertIn("forbidden", status.err.lower())
        config["users"] = [{"name": user["name"], "user": {"token": "none"}} for user in config["users"]]
        path.write_text(json.dumps(config))
        self.assertFalse(self.mesh.run("kubectl", "get", "domains", *as_pipeline).ok)


if __name__ == "__main__":
    unittest.main()
