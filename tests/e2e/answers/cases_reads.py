"""Reading: one, many, as a table, watched; discovery; what is not there."""

from asking import delete, get, merge, post, put
from cases_objects import C, W, config, widget

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
PARTIAL_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
PROTOBUF = {"Accept": "application/vnd.kubernetes.protobuf"}
NAMES = ("kind", "apiVersion", "items.0.metadata.name", "items.1.metadata.name", "items.2.metadata.name", "metadata")


def labelled():
    return [post(W, widget("a", labels={"k": "v", "tier": "one"})), post(W, widget("b", {"color": "blue"}, labels={"k": "w"})),
            post(W, widget("c", {"color": "green"}))]


def by_label(*selectors):
    return [get(W + "?labelSelector=" + text, only=NAMES) for text in selectors]


def by_field(*selectors):
    return [get(W + "?fieldSelector=" + text, only=NAMES) for text in selectors]


def watch(query, **more):
    return get(W + "?watch=1&timeoutSeconds=1&" + query, **more)


CASES = {
    "lists": [
        get(W), get(C + "?fieldSelector=metadata.name%3Dnone"), *labelled(), get(W), get(W, headers={"Accept": "*/*"}),
        get(W + "/"), get("/apis/test.dev/v1/widgets?labelSelector=k%3Dv"), get("/apis/test.dev/v1/namespaces/absent/widgets")],
    "label selectors": [
        *labelled(), *by_label("k", "!k", "k%3Dv", "k%3D%3Dv", "k!%3Dv", "k+in+(v,w)", "k+notin+(v)", "k+in+()", "k%3Dv,tier", "k>1",
                               "k%3D", "k+in+(v", "a+b+c", "%3D", "k%3Dv%3Dw", "k+in+v", "-k%3Dv", "k%3D-v", "a/b/c%3Dd", ",", "k,",
                               "k+in+(v,)", "k<x", "(k)", "k%3D%3D%3Dv", "k!v", "x" * 64, "k%3D" + "v" * 64)],
    "field selectors": [
        *labelled(), *by_field("metadata.name%3Da", "metadata.name!%3Da", "metadata.namespace%3D{ns}", "spec.color%3Dblue",
                               "spec.color!%3Dblue,metadata.name!%3Da", "spec.size%3D3", "metadata.labels%3Dx", "a", "a%3D", "a%3Db%3Dc",
                               "%3Dx", "metadata.name%3D%3Da", "metadata.name>a", "metadata.name%3Da%5C,b", ",", "metadata.uid%3Dx"),
        get(C + "?fieldSelector=data%3Dx"), get("/api/v1/namespaces?fieldSelector=status.phase%3DNone"),
        get("/api/v1/namespaces/{ns}/secrets?fieldSelector=type%3DOpaque"),
        get("/api/v1/namespaces/{ns}/events?fieldSelector=involvedObject.kind%3DX,type%3DWarning,involvedObject.uid%3Dx"),
        get("/apis/events.k8s.io/v1/namespaces/{ns}/events?fieldSelector=regarding.kind%3DX,reason%3DY"),
        delete(W + "?fieldSelector=spec.size%3D3"), delete(W + "?labelSelector=a+b+c")],
    "pages": [
        *labelled(), get(W + "?limit=2", save="p"), get(W + "?limit=2&continue={p.continue}"), get(W + "?limit=1&continue=garbage"),
        get(W + "?limit=-1"), get(W + "?limit=x"), get(W + "?limit=1&labelSelector=k"), get(W + "?limit=0", only=NAMES),
        get(W + "?limit=1&continue={p.continue}&resourceVersion=5"),
        get(W + "?limit=1&continue={p.continue}&resourceVersion=0", only=("metadata.remainingItemCount",)),
        get(W + "?limit=1&continue={p.continue}&resourceVersionMatch=Exact"), get(W + "?limit=500", only=NAMES)],
    "versions of lists and objects": [
        post(W, widget("a"), save="a"), merge(W + "/a", {"spec": {"color": "blue"}}, save="b"),
        get(W + "?resourceVersion=0", only=("items.0.spec.color",)),
        get(W + "?resourceVersion={a.rv}&resourceVersionMatch=Exact", only=("items.0.spec.color",)),
        get(W + "?resourceVersion={a.rv}&resourceVersionMatch=NotOlderThan", only=("items.0.spec.color",)),
        get(W + "?resourceVersion={a.rv}", only=("items.0.spec.color",)),
        get(W + "?resourceVersion={a.rv}&limit=1", only=("items.0.spec.color",)),
        get(W + "?resourceVersion=0&resourceVersionMatch=Exact"), get(W + "?resourceVersionMatch=Exact"),
        get(W + "?resourceVersion={a.rv}&resourceVersionMatch=Other"), get(W + "?resourceVersion=abc"), get(W + "?resourceVersion=-1"),
        get(W + "?resourceVersion=999999999"), get(W + "?resourceVersion=999999999&resourceVersionMatch=Exact"),
        get(W + "/a?resourceVersion=999999999"), get(W + "/a?resourceVersion=0", only=("spec.color",)), get(W + "/a?resourceVersion=abc"),
        get(W + "/a?resourceVersion={a.rv}", only=("spec.color",)), get(W + "/a?fieldSelector=x%3Dy", only=("spec.color",))],
    "watches": [
        post(W, widget("a", labels={"k": "v"}), save="a"), post(W, widget("b")), merge(W + "/a", {"metadata": {"labels": {"k": "w"}}}),
        delete(W + "/b"), watch(""), watch("resourceVersion=0"), watch("resourceVersion={a.rv}"),
        watch("resourceVersion={a.rv}&labelSelector=k%3Dv"), watch("resourceVersion={a.rv}&fieldSelector=metadata.name%3Db"),
        watch("resourceVersion={a.rv}&fieldSelector=spec.size%3D3"), watch("resourceVersion=abc"), watch("resourceVersionMatch=Exact"),
        watch("resourceVersionMatch=NotOlderThan&resourceVersion=0"), watch("sendInitialEvents=true"),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"), watch("sendInitialEvents=true&resourceVersionMatch=Exact"),
        watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan"), watch("sendInitialEvents=maybe"),
        watch("resourceVersion={a.rv}", headers=TABLE), watch("resourceVersion={a.rv}", headers=PARTIAL),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", headers=TABLE),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", headers=PARTIAL),
        watch("limit=1"), watch("continue=x"), get(W + "/a?watch=1&timeoutSeconds=1"), get(W + "?watch=1&timeoutSeconds=x"),
        get("/apis/test.dev/v1/watch/namespaces/{ns}/widgets?timeoutSeconds=1"),
        get("/apis/test.dev/v1/watch/namespaces/{ns}/widgets/a?timeoutSeconds=1")],
    "a watch of a version that is gone or to come": [watch("resourceVersion=1", only=("events.0.type",)),
                                                     watch("resourceVersion=999999999", code_only=True)],
    "forms of an answer": [
        post(W, widget("t", labels={"l": "m"})), get(W + "/t", headers=TABLE), get(W, headers=TABLE), get(W + "/t", headers=PARTIAL),
        get(W, headers=PARTIAL_LIST), get(W, headers=PARTIAL), get(W + "/t", headers=PARTIAL_LIST), get(W + "/t?includeObject=None", headers=TABLE),
        get(W + "/t?includeObject=Object", headers=TABLE), get(W + "/t?includeObject=Other", headers=TABLE), get(W + "/t", headers=PROTOBUF),
        get(W + "/t", headers={"Accept": "application/vnd.kubernetes.protobuf,application/json"}),
        get(W + "/t", headers={"Accept": "text/html"}), get(W + "/t", headers={"Accept": "text/html, */*;q=0.1"}),
        get(W + "/t", headers={"Accept": "application/json;as=Table;v=v2;g=meta.k8s.io"}),
        get(W + "/t", headers={"Accept": "application/json;as=Other;v=v1;g=meta.k8s.io"}),
        get(W + "/t", headers={"Accept": "application/json;as=Table;v=v1beta1;g=meta.k8s.io"}),
        get(W + "/t", headers={"Accept": "application/yaml"}, code_only=True), get(W + "?pretty=true", only=NAMES),
        post(W, widget("p"), headers=PARTIAL), post(W, widget("q"), headers=TABLE), delete(W + "/q", headers=TABLE),
        delete(W + "/p", headers=PARTIAL), get(W + "/absent", headers=TABLE), get("/version", headers={"Accept": "text/html"}, code_only=True)],
    "what is not there, and what is not served": [
        get(W + "/absent"), get("/apis/test.dev/v9/widgets"), get("/apis/absent.dev/v1/things"), get("/apis/test.dev/v1/things"),
        get("/api/v1/things"), get("/api/v2"), get("/nothing"), get("/apis/absent.dev"), get("/apis/test.dev/v9"), post("/api/v1/things", {}),
        get("/apis/test.dev/v1/widgets/a"), get("/api/v1/namespaces/{ns}/namespaces"), get("/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/clusterroles"),
        post(W + "/named", widget("named")), put("/api/v1/namespaces", {}), delete("/version"), post("/version"), post("/apis/test.dev", {}),
        get("/api/v1/namespaces/{ns}/configmaps/absent"), get("/api/v1/namespaces/absent"), get(C + "/a/b"), get(C + "/a/b/c"),
        get("/apis/test.dev/v1/namespaces/{ns}"), get("/api/v1/namespaces/{ns}/"), get("/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        delete("/apis/authorization.k8s.io/v1/subjectaccessreviews"), get("/apis/authentication.k8s.io/v1/tokenreviews/x"),
        get("/api/v1/namespaces/{ns}/serviceaccounts/default/token")],
    "paths that want to be clever": [
        post(C, config("x"), code_only=True), get("//api/v1/namespaces/{ns}/configmaps/x", code_only=True),
        get("/api/v1/namespaces/{ns}/../{ns}/configmaps/x", code_only=True), get("/api/v1/namespaces/{ns}/configmaps/%78", only=("metadata.name",)),
        get("/api/v1/namespaces/{ns}/configmaps/x%2fy"), get("/api/v1/namespaces/{ns}/configmaps/%zz", code_only=True),
        get("/api/v1/namespaces/{ns}/configmaps/.", code_only=True), get("/api/v1/namespaces/{ns}/configmaps/..", code_only=True),
        get("/api/v1/namespaces/{ns}/configmaps/%C3%BC"), get("/API/v1/namespaces", code_only=True), get("/api/v1/namespaces/{ns}//configmaps/x", code_only=True),
        get("/healthz/../api/v1/secrets", code_only=True)],
    "health, version and discovery": [
        get("/healthz"), get("/livez"), get("/readyz"), get("/healthz?verbose", code_only=True), get("/livez/ping"), get("/readyz?verbose", code_only=True),
        get("/healthz/absent", code_only=True), get("/version", only=("major", "minor", "compiler.x")), get("/api"), get("/apis/test.dev"), get("/apis/test.dev/v1"),
        get("/apis/apiextensions.k8s.io"), get("/apis/authentication.k8s.io/v1"), get("/apis/coordination.k8s.io/v1"), get("/apis/rbac.authorization.k8s.io/v1"),
        get("/apis/apiextensions.k8s.io/v1"), get("/apis/events.k8s.io/v1"), get("/apis/authorization.k8s.io/v1"), get("/apis/test.dev/v1", headers={"Accept": "text/html"}),
        get("/apis", only=("kind", "apiVersion")), get("/openapi/v3/apis/absent.dev/v1"), get("/openapi/v2", code_only=True),
        get("/openapi/v3/apis/test.dev/v1", code_only=True)],
}
