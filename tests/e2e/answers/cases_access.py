"""Who one is, and what one may: reviews, tokens, impersonation, rights that are handed out."""

from asking import delete, get, merge, post, put
from cases_objects import C, config
from cases_kinds import R, RB, CR, SA, binding, named

Z = "/apis/authorization.k8s.io/v1/"
A = "/apis/authentication.k8s.io/v1/"
UNKNOWN = {"Authorization": "Bearer wrong"}
NOBODY = {"Authorization": None}


def as_user(name, *groups, **more):
    return {"Impersonate-User": name, **({"Impersonate-Group": groups[0]} if groups else {}), **more}


def review(kind, spec, version="authorization.k8s.io/v1"):
    return {"apiVersion": version, "kind": kind, "spec": spec}


def may(verb, resource="configmaps", group="", **more):
    return {"resourceAttributes": {"verb": verb, "resource": resource, "group": group, "namespace": "{ns}", **more}}


def bearer(saved):
    return {"Authorization": "Bearer {" + saved + ".token}"}


READER = [post(R, named("reader", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]), code_only=True),
          post(RB, binding("reader", {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}, [{"kind": "User", "name": "jane"}]), code_only=True)]
JANE = as_user("jane")
STATUS = ("status.allowed", "status.denied")

CASES = {
    "who is not known": [
        get("/api/v1/namespaces", headers=UNKNOWN), get("/api/v1/namespaces", headers={"Authorization": "Basic YTpi"}),
        get("/api/v1/namespaces", headers={"Authorization": "Bearer "}, code_only=True), get("/healthz", headers=NOBODY), get("/livez", headers=NOBODY),
        get("/readyz", headers=NOBODY), get("/healthz", headers=UNKNOWN, code_only=True), get("/api/v1/namespaces", headers={"Authorization": "Bearer a.b.c"}),
        get("/api/v1/namespaces", headers={"Authorization": "bearer wrong"}, code_only=True)],
    "what is refused says who, what and where": [
        *READER, get(C, headers=JANE, code_only=True, until=("", 200)), get(C + "/absent", headers=JANE), post(C, config("a"), headers=JANE), delete(C + "/a", headers=JANE), delete(C, headers=JANE),
        get("/api/v1/configmaps", headers=JANE), get("/api/v1/namespaces/{ns}", headers=JANE), get("/api/v1/namespaces", headers=JANE),
        get("/api/v1/namespaces/default/configmaps", headers=JANE), get("/apis/test.dev/v1/namespaces/{ns}/widgets/w/status", headers=JANE),
        merge("/apis/test.dev/v1/namespaces/{ns}/widgets/w", {}, headers=JANE), get("/metrics", headers=JANE), get("/apis", headers=JANE, code_only=True), get("/version", headers=JANE, code_only=True),
        get(C + "?watch=1&timeoutSeconds=1", headers=JANE), get("/apis/absent.dev/v1/things", headers=JANE), get(C + "/a/absent", headers=JANE), get("/nothing", headers=JANE),
        put("/api/v1/namespaces/{ns}/finalize", {}, headers=JANE)],
    "reviews of access": [
        *READER, get(C, headers=JANE, code_only=True, until=("", 200)),
        post(Z + "subjectaccessreviews", review("SubjectAccessReview", {"user": "jane", **may("get")}), only=("spec", *STATUS, "kind")),
        post(Z + "subjectaccessreviews", review("SubjectAccessReview", {"user": "jane", **may("create")})), post(Z + "subjectaccessreviews", review("SubjectAccessReview", {**may("get")})),
        post(Z + "subjectaccessreviews", review("SubjectAccessReview", {"user": "jane"})), post(Z + "subjectaccessreviews", review("SubjectAccessReview", {"user": "jane", **may("get"), "nonResourceAttributes": {"path": "/x", "verb": "get"}})),
        post(Z + "subjectaccessreviews", review("SubjectAccessReview", {"groups": ["system:masters"], **may("*", "*", "*")}), only=STATUS),
        post(Z + "subjectaccessreviews", review("SubjectAccessReview", {"user": "jane", "nonResourceAttributes": {"path": "/metrics", "verb": "get"}})),
        post(Z + "namespaces/{ns}/localsubjectaccessreviews", review("LocalSubjectAccessReview", {"user": "jane", **may("list")}), only=("kind", *STATUS)),
        post(Z + "namespaces/{ns}/localsubjectaccessreviews", review("LocalSubjectAccessReview", {"user": "jane", **may("list", namespace="other")})),
        post(Z + "selfsubjectaccessreviews", review("SelfSubjectAccessReview", may("list")), headers=JANE, only=STATUS), post(Z + "selfsubjectaccessreviews", review("SelfSubjectAccessReview", {}), headers=JANE),
        post(Z + "selfsubjectaccessreviews", review("SelfSubjectAccessReview", may("delete")), headers=JANE), post(Z + "selfsubjectaccessreviews", {"kind": "Other", "apiVersion": "v1"}),
        post(Z + "selfsubjectrulesreviews", review("SelfSubjectRulesReview", {"namespace": "{ns}"}), headers=JANE, only=("status.incomplete", "kind")), post(Z + "selfsubjectrulesreviews", review("SelfSubjectRulesReview", {}), headers=JANE),
        post(A + "selfsubjectreviews", {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, headers=as_user("jane", "devs", **{"Impersonate-Uid": "u-1", "Impersonate-Extra-Scopes": "view"})),
        post(A + "selfsubjectreviews", {}, headers=JANE), post(A + "tokenreviews", review("TokenReview", {"token": "wrong"}, "authentication.k8s.io/v1"), only=("status.authenticated", "kind")), post(A + "tokenreviews", review("TokenReview", {}, "authentication.k8s.io/v1"))],
    "impersonation": [
        get(C, headers=as_user("jane")), get(C, headers={"Impersonate-Group": "g"}), get(C, headers={"Impersonate-Uid": "u"}), get(C, headers={"Impersonate-Extra-X": "y"}), get(C, headers=as_user("x", "system:masters"), code_only=True),
        get(C, headers=as_user("system:serviceaccount:{ns}:robot")), get(C, headers=as_user("system:anonymous")), get(C, headers=as_user("system:serviceaccount:broken")),
        post(A + "selfsubjectreviews", {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, headers=as_user("system:serviceaccount:{ns}:robot"))],
    "tokens of service accounts": [
        post(SA, named("robot"), code_only=True, save="sa"), post(SA + "/robot/token", {"spec": {}}, code_only=True, save="t"), get("/api/v1/namespaces/{ns}/configmaps", headers=bearer("t")),
        post(A + "selfsubjectreviews", {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, headers=bearer("t"), only=("status.userInfo.username", "status.userInfo.groups")),
        post(A + "tokenreviews", review("TokenReview", {"token": "{t.token}"}, "authentication.k8s.io/v1"), only=("status.authenticated", "status.user.username", "status.user.groups")),
        post(A + "tokenreviews", review("TokenReview", {"token": "{t.token}", "audiences": ["other"]}, "authentication.k8s.io/v1"), only=("status.authenticated",)),
        post(SA + "/robot/token", {"spec": {"audiences": ["other"]}}, code_only=True, save="o"), get(C, headers=bearer("o"), code_only=True),
        post(A + "tokenreviews", review("TokenReview", {"token": "{o.token}", "audiences": ["other", "more"]}, "authentication.k8s.io/v1"), only=("status.authenticated", "status.audiences")),
        post("/api/v1/namespaces/{ns}/secrets", {"metadata": {"name": "bound"}}, code_only=True, save="s"),
        post(SA + "/robot/token", {"spec": {"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "bound"}}}, only=("spec.boundObjectRef",), save="b"), get(C, headers=bearer("b"), code_only=True),
        delete("/api/v1/namespaces/{ns}/secrets/bound", code_only=True), get(C, headers=bearer("b"), code_only=True, until=("", 401)),
        delete(SA + "/robot", code_only=True), get(C, headers=bearer("t"), code_only=True, until=("", 401))],
    "nobody hands out what they do not have": [
        post(R, named("granter", rules=[{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["*"]}, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]), code_only=True),
        post(RB, binding("granter", {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "granter"}, [{"kind": "User", "name": "bob"}]), code_only=True), get(R, headers=as_user("bob"), until=("", 200), code_only=True),
        post(R, named("mine", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]), headers=as_user("bob"), only=("rules",)),
        post(R, named("more", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "delete"]}]), headers=as_user("bob")), post(R, named("secret", rules=[{"apiGroups": ["", "x"], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["a"]}]), headers=as_user("bob")),
        post(RB, binding("mine", {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "mine"}), headers=as_user("bob"), only=("roleRef",)), post(RB, binding("top", {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}), headers=as_user("bob")),
        post(RB, binding("none", {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "absent"}), headers=as_user("bob")), merge(R + "/mine", {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}, headers=as_user("bob")),
        merge(R + "/mine", {"metadata": {"labels": {"a": "b"}}}, headers=as_user("bob"), only=("metadata.labels",)), merge(RB + "/mine", {"subjects": [{"kind": "Group", "name": "g"}]}, headers=as_user("bob"), only=("subjects.0.name",)),
        post(CR, named("{ns}-c", rules=[]), headers=as_user("bob"))],
}
