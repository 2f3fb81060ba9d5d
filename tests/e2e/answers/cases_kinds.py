"""The kinds of Kubernetes itself: what each checks and fills in."""

from asking import delete, get, merge, post, put, strategic
from cases_objects import C, W, config, widget

N = "/api/v1/namespaces"
S = "/api/v1/namespaces/{ns}/secrets"
E = "/api/v1/namespaces/{ns}/events"
E1 = "/apis/events.k8s.io/v1/namespaces/{ns}/events"
L = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
SA = "/api/v1/namespaces/{ns}/serviceaccounts"
Q = "/api/v1/namespaces/{ns}/resourcequotas"
R = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles"
RB = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings"
CR = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
CRB = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
ROLE_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}


def named(name, **fields):
    return {"metadata": {"name": name}, **fields}


def secret(name, **fields):
    return {"apiVersion": "v1", "kind": "Secret", **named(name, **fields)}


def event(name, **fields):
    return {"metadata": {"name": name, "namespace": "{ns}"},
            "involvedObject": {"kind": "Widget", "namespace": "{ns}", "name": "w", "apiVersion": "test.dev/v1"}, **fields}


def event1(name, **fields):
    return {"metadata": {"name": name, "namespace": "{ns}"}, "regarding": {"kind": "Widget", "namespace": "{ns}", "name": "w"},
            "eventTime": "2026-01-02T03:04:05.000000Z", "reportingController": "test.dev/c", "reportingInstance": "i", "action": "Look",
            "reason": "Because", "type": "Normal", "note": "n", **fields}


def lease(name, **spec):
    return named(name, spec=spec)


def binding(name, ref=None, subjects=None):
    return named(name, roleRef=ref or ROLE_REF, subjects=subjects if subjects is not None else [{"kind": "User", "name": "u"}])


CASES = {
    "namespaces": [
        post(N, named("{ns}-a")), get(N + "/{ns}-a"), put(N + "/{ns}-a", named("{ns}-a", spec={"finalizers": ["x.dev/y"]})),
        merge(N + "/{ns}-a", {"metadata": {"labels": {"k": "v"}}}), merge(N + "/{ns}-a", {"metadata": {"labels": None}}),
        post(N, named("{ns}-b", spec={"finalizers": ["nodomain"]})), post(N, named("{ns}-c", spec="x")),
        put(N + "/{ns}-a/finalize", named("{ns}-a", spec={"finalizers": ["kubernetes"]})),
        merge(N + "/{ns}-a/status", {"status": {"phase": "Terminating"}}), merge(N + "/{ns}-a/status", {"status": {"phase": "Other"}}),
        delete(N + "/default"), delete(N + "/kube-system"), delete(N + "/absent")],
    "a namespace that goes": [
        post(N, named("{ns}-gone"), code_only=True),
        post("/apis/test.dev/v1/namespaces/{ns}-gone/widgets", widget("held", finalizers=["test.dev/hold"]), code_only=True),
        delete(N + "/{ns}-gone", only=("status.phase", "spec", "metadata.name", "kind")),
        post("/api/v1/namespaces/{ns}-gone/configmaps", config("late")),
        post("/apis/test.dev/v1/namespaces/{ns}-gone/widgets", widget("late")),
        get("/apis/test.dev/v1/namespaces/{ns}-gone/widgets/held", until=("metadata.deletionGracePeriodSeconds", 0)),
        get(N + "/{ns}-gone", until=("status.conditions.0.type", "NamespaceDeletionDiscoveryFailure"), only=("status.phase", "spec.finalizers")),
        merge("/apis/test.dev/v1/namespaces/{ns}-gone/widgets/held", {"metadata": {"finalizers": None}}, code_only=True),
        get(N + "/{ns}-gone", until=("", 404)), post("/api/v1/namespaces/{ns}-gone/configmaps", config("late"))],
    "config maps": [
        post(C, config("k", {"a/b": "x"})), post(C, config("k", {"..": "x"})), post(C, config("k", {"": "x"})), post(C, config("k", {"x" * 254: "y"})),
        post(C, {**config("k"), "binaryData": {"b": "eA=="}}), post(C, {**config("l"), "binaryData": {"b": "not base64!"}}),
        post(C, {**config("l"), "binaryData": {"a": "eA=="}}), post(C, config("big", {"a": "x" * 1_048_577})),
        post(C, {**config("i"), "immutable": True}), merge(C + "/i", {"data": {"a": "2"}}), merge(C + "/i", {"immutable": False}),
        merge(C + "/i", {"binaryData": {"z": "eA=="}}), merge(C + "/i", {"immutable": None}),
        merge(C + "/i", {"metadata": {"labels": {"a": "b"}}}), merge(C + "/k", {"data": None})],
    "secrets": [
        post(S, secret("s", stringData={"a": "b"}, data={"a": "eA==", "c": "eQ=="})), post(S, secret("t", data={"a": "not base64!"})),
        post(S, secret("t", data={"a/b": "eA=="})), post(S, secret("t", stringData={"a/b": "x"})), merge(S + "/s", {"type": "other"}),
        post(S, secret("tls", type="kubernetes.io/tls", data={})), post(S, secret("basic", type="kubernetes.io/basic-auth")),
        post(S, secret("ssh", type="kubernetes.io/ssh-auth")), post(S, secret("docker", type="kubernetes.io/dockerconfigjson", data={})),
        post(S, secret("docker", type="kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "{"})),
        post(S, secret("token", type="kubernetes.io/service-account-token")), post(S, secret("own", type="servicebinding.io/postgresql", stringData={"a": "b"})),
        post(S, secret("i", immutable=True, stringData={"a": "b"})), merge(S + "/i", {"stringData": {"a": "c"}}), merge(S + "/i", {"immutable": None}),
        merge(S + "/s", {"stringData": {"n": "m"}}), merge(S + "/s", {"data": {"c": None}}), strategic(S + "/s", {"stringData": {"q": "r"}}),
        put(S + "/s", secret("s", type="other")), post(S, secret("big", stringData={"a": "x" * 1_048_577}))],
    "leases": [
        post(L, lease("l", holderIdentity="h", leaseDurationSeconds=15, acquireTime="2026-01-02T03:04:05.000006Z", renewTime="2026-01-02T03:04:05.123456Z", leaseTransitions=0)),
        post(L, lease("m", leaseDurationSeconds=0)), post(L, lease("m", leaseDurationSeconds=-1, leaseTransitions=-1)), post(L, lease("m", renewTime="yesterday")),
        post(L, lease("m", leaseDurationSeconds="5")), post(L, named("empty")), merge(L + "/l", {"spec": {"renewTime": "2026-01-02T03:04:06Z"}}),
        post(L, lease("s", strategy="OldestEmulationVersion")), post(L, lease("s", preferredHolder="x"))],
    "events": [
        post(E, event("e", reason="R", message="m", type="Normal", source={"component": "c"}, count=1, firstTimestamp="2026-01-02T03:04:05Z", lastTimestamp="2026-01-02T03:04:05Z")),
        get(E1 + "/e"), post(E1, event1("f")), get(E + "/f"), post(E1, event1("g", type="Odd")), post(E1, event1("g", reportingController="")),
        post(E1, event1("g", action="")), post(E1, event1("g", reason="")), post(E1, event1("g", note="x" * 1025)), post(E1, event1("g", eventTime=None)),
        post(E1, event1("g", regarding={"kind": "Widget", "namespace": "other", "name": "w"})),
        post(E, event("h", involvedObject={"kind": "Widget", "namespace": "other", "name": "w"})),
        post(E1, event1("g", series={"count": 1, "lastObservedTime": "2026-01-02T03:04:05.000000Z"})),
        post(E1, event1("g", series={"count": 2, "lastObservedTime": "2026-01-02T03:04:05.000000Z"})), post(E, event("h", eventTime="2026-01-02T03:04:05.000000Z")),
        post(E, event("bare")), merge(E + "/e", {"count": 2}), merge(E1 + "/f", {"note": "other"}), get(E + "?fieldSelector=involvedObject.name%3Dw,reason%3DR", only=("items.0.metadata.name",)),
        get(E, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}, only=("columnDefinitions",))],
    "service accounts": [
        post(SA, named("a", automountServiceAccountToken=False)), get(SA + "/default", until=("", 200), only=("kind",)),
        get(C + "/kube-root-ca.crt", until=("", 200), only=("kind",)),
        post(SA + "/a/token", {"spec": {}}, only=("kind", "apiVersion", "metadata.name", "metadata.namespace", "spec.expirationSeconds")),
        post(SA + "/a/token", {"spec": {"expirationSeconds": 5}}), post(SA + "/a/token", {"spec": {"expirationSeconds": 4294967297}}),
        post(SA + "/absent/token", {"spec": {}}), post(SA + "/a/token", {"spec": {"audiences": ["x"], "expirationSeconds": 600}}, only=("spec",)),
        post(SA + "/a/token", {"metadata": {"name": "other"}, "spec": {}}),
        post(SA + "/a/token", {"spec": {"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "absent"}}}),
        post(SA + "/a/token", {"spec": {"boundObjectRef": {"kind": "Other", "apiVersion": "v1", "name": "absent"}}}),
        post(SA + "/a/token", {}, only=("kind",))],
    "roles and bindings": [
        post(R, named("r", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}])), post(R, named("s", rules=[{"apiGroups": [""], "resources": ["x"]}])),
        post(R, named("s", rules=[{"verbs": ["get"]}])), post(R, named("s", rules=[{"verbs": ["get"], "nonResourceURLs": ["/x"]}])),
        post(R, named("s", rules=[{"verbs": ["get"], "resources": ["x"]}])), post(R, named("none")), post(R, named("with:colon", rules=[])), post(R, named("a%b")),
        post(CR, named("{ns}", rules=[{"verbs": ["get"], "nonResourceURLs": ["/x", "/y*"]}])), post(CR, named("{ns}-b", rules=[{"verbs": ["get"], "nonResourceURLs": ["x"]}])),
        post(CR, named("{ns}-c", rules=[{"verbs": ["get"], "nonResourceURLs": ["/x*y"]}])),
        post(CR, named("{ns}-d", rules=[{"verbs": ["get"], "nonResourceURLs": ["/x"], "resources": ["y"], "apiGroups": [""]}])),
        post(RB, binding("b")), post(RB, binding("c", {**ROLE_REF, "name": ""})), post(RB, binding("c", {"kind": "Role", "name": "r"})),
        post(RB, binding("d", {**ROLE_REF, "kind": "Other"})), post(RB, binding("d", {**ROLE_REF, "apiGroup": "x"})), post(RB, binding("d", subjects=[{"kind": "Robot", "name": "u"}])),
        post(RB, binding("d", subjects=[{"kind": "User"}])), post(RB, binding("d", subjects=[{"kind": "ServiceAccount", "name": "a"}])),
        post(RB, binding("e", subjects=[{"kind": "ServiceAccount", "name": "A B", "namespace": "x"}])), post(RB, binding("f", subjects=[{"kind": "User", "name": "u", "apiGroup": "x"}])),
        post(CRB, binding("{ns}", {**ROLE_REF, "kind": "Role"})), post(CRB, binding("{ns}-b", {**ROLE_REF, "kind": "ClusterRole"}, [{"kind": "ServiceAccount", "name": "a"}])),
        merge(RB + "/b", {"roleRef": {"name": "other"}}), merge(RB + "/b", {"subjects": [{"kind": "Group", "name": "g"}]}), post(RB, named("x")),
        post(CR, named("{ns}-agg", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"agg": "{ns}"}}]}, rules=[])),
        post(CR, {"metadata": {"name": "{ns}-part", "labels": {"agg": "{ns}"}}, "rules": [{"apiGroups": ["x.dev"], "resources": ["ys"], "verbs": ["get"]}]}, code_only=True),
        get(CR + "/{ns}-agg", until=("rules.0.resources.0", "ys"), only=("rules",)), post(CR, named("{ns}-agg2", aggregationRule={})),
        delete(CR + "/{ns}-agg", code_only=True), delete(CR + "/{ns}-part", code_only=True), delete(CR + "/{ns}", code_only=True)],
    "quotas": [
        post(Q, named("q", spec={"hard": {"count/widgets.test.dev": "2", "count/configmaps": 3, "secrets": "1"}})), post(Q, named("bad", spec={"hard": {"count/x": "-1"}})),
        post(Q, named("bad", spec={"hard": {"no such": "1"}})), post(Q, named("bad", spec={"hard": {"secrets": "1.5"}})), post(Q, named("bad", spec={"hard": {"secrets": "many"}})),
        get(Q + "/q", until=("status.hard.secrets", "1"), only=("status.hard",)), get(Q + "/q", until=("status.used.secrets", "0"), only=("status.used",)),
        post(W, widget("a"), code_only=True), post(W, widget("b"), code_only=True), post(W, widget("c")), post(S, secret("a"), code_only=True), post(S, secret("b")),
        get(Q + "/q", until=("status.used.secrets", "1"), only=("status.used",)), delete(W + "/a", code_only=True),
        get(Q + "/q", until=("status.used.count/widgets", None), only=("kind",)), merge(Q + "/q", {"spec": {"hard": {"secrets": "5"}}}, only=("spec",)),
        post(S, secret("b"), until=("", 201), only=("type",)), delete(Q + "/q", only=("kind",))],
}
