"""Who may do what: tokens, roles, and what kubectl says of them."""

import json
import os
import unittest

from harness import KubectlTest, widget


class Access(KubectlTest):
    @classmethod
    def setUpClass(cls):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
        cls.crds = tuple(os.path.join(root, "crds", name + ".yaml")
                         for name in ("dataproducts", "datacontracts", "subscriptions", "approvals", "domains"))
        super().setUpClass()
        self = cls()
        for ns in ("sales", "marketing"):
            self.k("create", "namespace", ns)
        self.k("create", "rolebinding", "bo", "-n", "sales", "--clusterrole=datamesh-developer", "--user=bo@retail.example")
        self.k("create", "rolebinding", "ana", "-n", "sales", "--clusterrole=datamesh-owner", "--user=ana@retail.example")

    def can(self, user, *what):
        done = self.run_kubectl("auth", "can-i", *what, "--as", user)
        return done.stdout.strip()

    def test_without_a_token_nothing_is_served(self):
        for path in ("/api", "/api/v1/namespaces", "/version", "/openapi/v2", "/apis/datamesh.dev/v1alpha1/domains"):
            status, headers, text = self.server.request("GET", path, token="")
            self.assertEqual((status, json.loads(text)["reason"]), (401, "Unauthorized"), path)
        status, _, _ = self.server.request("GET", "/api", token="not.a.token")
        self.assertEqual(status, 401)
        self.assertEqual(self.server.request("GET", "/readyz", token="")[0], 200)

    def test_the_kubeconfig_is_for_its_owner_only(self):
        self.assertEqual(os.stat(self.server.kubeconfig).st_mode & 0o777, 0o600)
        self.assertEqual(self.k("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"), "admin")

    def test_a_developer_writes_in_the_domain_alone(self):
        bo = "bo@retail.example"
        self.assertEqual(self.can(bo, "create", "dataproducts.datamesh.dev", "-n", "sales"), "yes")
        self.assertEqual(self.can(bo, "create", "dataproducts.datamesh.dev", "-n", "marketing"), "no")
        self.assertEqual(self.can(bo, "create", "approvals.datamesh.dev", "-n", "sales"), "no")
        self.assertEqual(self.can(bo, "create", "approvals.datamesh.dev", "-n", "marketing"), "no")
        self.assertEqual(self.can(bo, "update", "dataproducts.datamesh.dev", "--subresource=status", "-n", "sales"), "no")
        self.assertEqual(self.can(bo, "get", "secrets", "-n", "sales"), "yes")
        self.assertEqual(self.can(bo, "list", "secrets", "-n", "sales"), "no")
        self.assertEqual(self.can(bo, "get", "secrets", "-n", "marketing"), "no")
        self.assertEqual(self.can("ana@retail.example", "create", "approvals.datamesh.dev", "-n", "sales"), "yes")
        self.assertEqual(self.can("ana@retail.example", "create", "approvals.datamesh.dev", "-n", "marketing"), "no")
        self.assertEqual(self.can("stranger", "create", "dataproducts.datamesh.dev", "-n", "sales"), "no")

    def test_refusals_say_who_what_and_where(self):
        error = self.refused("create", "configmap", "x", "-n", "marketing", "--as", "bo@retail.example")
        self.assertIn('User "bo@retail.example" cannot create resource "configmaps" in API group "" in the namespace "marketing"',
                      error)
        error = self.refused("get", "nodes.example", "--as", "bo@retail.example")
        self.assertTrue(error)

    def test_a_service_account_token_is_its_account(self):
        self.k("create", "serviceaccount", "robot", "-n", "sales")
        token = self.k("create", "token", "robot", "-n", "sales").strip()
        who = json.loads(self.server.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                                             {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
                                             token=token)[2])
        self.assertEqual(who["status"]["userInfo"]["username"], "system:serviceaccount:sales:robot")
        self.assertIn("system:serviceaccounts:sales", who["status"]["userInfo"]["groups"])
        path = "/api/v1/namespaces/sales/configmaps"
        self.assertEqual(self.server.request("GET", path, token=token)[0], 403)
        self.k("create", "role", "reader", "-n", "sales", "--verb=list", "--resource=configmaps")
        self.k("create", "rolebinding", "robot", "-n", "sales", "--role=reader", "--serviceaccount=sales:robot")
        self.assertEqual(self.server.request("GET", path, token=token)[0], 200)
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        status = json.loads(self.server.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)[2])["status"]
        self.assertTrue(status["authenticated"])
        self.k("delete", "serviceaccount", "robot", "-n", "sales")
        self.assertEqual(self.server.request("GET", path, token=token)[0], 401)

    def test_nobody_hands_out_what_they_do_not_have(self):
        self.k("create", "role", "granter", "-n", "sales", "--verb=create", "--resource=rolebindings.rbac.authorization.k8s.io")
        self.k("create", "rolebinding", "granter", "-n", "sales", "--role=granter", "--user=bo@retail.example")
        error = self.refused("create", "rolebinding", "mine", "-n", "sales", "--clusterrole=cluster-admin",
                             "--user=bo@retail.example", "--as", "bo@retail.example")
        self.assertIn("attempting to grant RBAC permissions not currently held", error)
        self.k("create", "rolebinding", "fine", "-n", "sales", "--clusterrole=datamesh-viewer", "--user=eve",
               "--as", "bo@retail.example")

    def test_only_who_may_impersonate_does(self):
        self.k("create", "serviceaccount", "plain", "-n", "sales")
        token = self.k("create", "token", "plain", "-n", "sales").strip()
        status, _, text = self.server.request("GET", "/api/v1/namespaces", token=token,
                                              headers={"Impersonate-User": "admin", "Impersonate-Group": "system:masters"})
        self.assertEqual(status, 403)
        self.assertIn("impersonate", text)

    def test_an_impersonated_identity_is_whole(self):
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        acting = {"Impersonate-User": "jane", "Impersonate-Uid": "u-1", "Impersonate-Extra-Example.com%2fScopes": "view"}
        who = json.loads(self.server.request("POST", path, review, headers=acting)[2])["status"]["userInfo"]
        self.assertEqual((who["username"], who["uid"], who["extra"]), ("jane", "u-1", {"example.com/scopes": ["view"]}))
        for alone in ({"Impersonate-Uid": "u-1"}, {"Impersonate-Extra-Scopes": "view"}, {"Impersonate-Group": "g"}):
            self.assertEqual(self.server.request("POST", path, review, headers=alone)[0], 400, alone)
        self.k("create", "clusterrole", "actor", "--verb=impersonate", "--resource=users", "--resource-name=jane")
        self.k("create", "clusterrolebinding", "actor", "--clusterrole=actor", "--serviceaccount=sales:actor")
        self.k("create", "serviceaccount", "actor", "-n", "sales")
        token = self.k("create", "token", "actor", "-n", "sales").strip()
        self.assertEqual(self.server.request("POST", path, review, token=token, headers={"Impersonate-User": "jane"})[0], 201)
        status, _, text = self.server.request("POST", path, review, token=token, headers=acting)
        self.assertEqual(status, 403)
        self.assertIn('cannot impersonate resource "uids" in API group "authentication.k8s.io"', json.loads(text)["message"])

    def test_what_may_i(self):
        out = self.k("auth", "can-i", "--list", "-n", "sales", "--as", "bo@retail.example")
        self.assertIn("dataproducts.datamesh.dev", out)
        self.assertIn("selfsubjectaccessreviews.authorization.k8s.io", out)


if __name__ == "__main__":
    unittest.main()
