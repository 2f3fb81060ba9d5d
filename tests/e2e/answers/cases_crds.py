"""CustomResourceDefinitions: what is accepted, what they make of their objects, how they change and go."""

from asking import apply, delete, get, merge, post, put

D = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def group(tag):
    """Each case has a group of its own, so that cases do not meet."""
    return tag + ".{ns}.dev"


def version(name="v1", schema=None, **more):
    return {"name": name, "served": True, "storage": True,
            "schema": {"openAPIV3Schema": schema or {"type": "object", "properties": {"spec": {"type": "object"}}}}, **more}


def definition(tag, *versions, plural="gadgets", kind="Gadget", scope="Namespaced", names=None, **spec):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": plural + "." + group(tag)},
            "spec": {"group": group(tag), "scope": scope, "names": names or {"plural": plural, "kind": kind},
                     "versions": list(versions) or [version()], **spec}}


def path(tag, plural="gadgets"):
    return D + "/" + plural + "." + group(tag)


def things(tag, name="v1", plural="gadgets"):
    return f"/apis/{group(tag)}/{name}/namespaces/{{ns}}/{plural}"


def thing(tag, name, at="v1", kind="Gadget", **fields):
    return {"apiVersion": group(tag) + "/" + at, "kind": kind, "metadata": {"name": name}, **fields}


def properties(**fields):
    return {"type": "object", "properties": fields}


def spec_of(**fields):
    return properties(spec=properties(**fields))


def established(tag):
    return get(path(tag), until=("status.conditions.1.status", "True"), only=("status.acceptedNames", "status.storedVersions"))


def with_kind(tag, schema, *steps, **more):
    return [post(D, definition(tag, version(schema=schema, **more)), code_only=True), established(tag), *steps]


EVERYTHING = spec_of(
    port={"x-kubernetes-int-or-string": True}, any={"x-kubernetes-preserve-unknown-fields": True},
    kept={"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {"type": "integer"}}},
    embedded={"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
    nothing={"type": "string", "nullable": True}, map={"type": "object", "additionalProperties": {"type": "integer"}},
    when={"type": "string", "format": "date-time"}, once={"type": "string", "enum": ["a", "b"]},
    either={"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
    deep={"type": "object", "default": {}, "properties": {"n": {"type": "integer", "default": 5}, "s": {"type": "string", "default": "x"}}},
    ratio={"type": "number", "multipleOf": 0.5, "exclusiveMinimum": True, "minimum": 0},
    list={"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"}},
    one={"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]})
RULES = spec_of(
    low={"type": "integer"}, high={"type": "integer"},
    fixed={"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed stays"}]},
    names={"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 20},
           "x-kubernetes-validations": [{"rule": "self.all(n, n.startsWith('x-'))", "messageExpression": "'bad: ' + self[0]"}]})
RULES["properties"]["spec"]["x-kubernetes-validations"] = [
    {"rule": "!has(self.low) || !has(self.high) || self.low <= self.high", "message": "low is above high", "fieldPath": ".low", "reason": "FieldValueForbidden"}]


def refused(tag, *bodies):
    return [post(D, body) for body in bodies]


CASES = {
    "a definition is accepted and says so": [
        post(D, definition("ok")), established("ok"), get(path("ok")), get("/apis/" + group("ok")), get("/apis/" + group("ok") + "/v1"),
        get(things("ok")), post(things("ok"), thing("ok", "a", spec={"x": 1})), post(D, definition("ok")),
        get(path("ok") + "/status", only=("status.acceptedNames",)),
        delete(path("ok"), code_only=True), get(path("ok"), until=("", 404)), get(things("ok"), until=("", 404))],
    "definitions that are refused": refused(
        "no", {**definition("no"), "metadata": {"name": "other"}}, definition("no", version(), version("v2")), definition("no", version(storage=False)),
        definition("no", version(served="yes")), definition("no", version("V1")), definition("no", scope="Galaxy"), definition("no", names={"plural": "gadgets"}),
        definition("no", names={"plural": "gadgets", "kind": "Gadget", "shortNames": ["Bad Name"]}), definition("no", plural="Gadgets"),
        definition("no", {"name": "v1", "served": True, "storage": True}), definition("no", version(schema={"type": "array"})),
        definition("no", version(schema={"type": "object", "properties": {"spec": {}}})), definition("no", version(schema=spec_of(a={"type": "text"}))),
        definition("no", version(schema=spec_of(a={"type": "array"}))), definition("no", version(schema=spec_of(a={"type": "string", "pattern": "("}))),
        definition("no", version(schema=spec_of(a={"type": "integer", "default": "x"}))), definition("no", version(schema=spec_of(a={"$ref": "#/x"}))),
        definition("no", version(schema=spec_of(a={"type": "array", "items": {"type": "string"}, "uniqueItems": True}))),
        definition("no", version(schema=spec_of(a={"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}))),
        definition("no", version(schema={**spec_of(), "x-kubernetes-validations": [{"rule": "self.spec.absent == 1"}]})),
        definition("no", version(schema={**spec_of(), "x-kubernetes-validations": [{"rule": "1 +"}]})),
        definition("no", version(schema={**spec_of(), "x-kubernetes-validations": [{"rule": ""}]})),
        definition("no", version(additionalPrinterColumns=[{"name": "A", "type": "thing", "jsonPath": ".x"}])),
        definition("no", version(additionalPrinterColumns=[{"name": "A", "type": "string", "jsonPath": "x["}])),
        definition("no", version(subresources={"scale": {}})), definition("no", version(), preserveUnknownFields=True),
        definition("no", version(), conversion={"strategy": "Webhook"}), definition("no", version(), group="nodots"),
        definition("no", version(selectableFields=[{"jsonPath": ".spec.absent"}])), definition("no", version(deprecationWarning="x")),
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x.y.dev"}},
        {**definition("no"), "spec": {}}, {**definition("no"), "spec": "text"}),
    "all that a schema can say": with_kind(
        "all", EVERYTHING,
        post(things("all"), thing("all", "a", spec={
            "port": 80, "any": {"deep": [1, "x"]}, "kept": {"a": 1, "b": {"c": 1}}, "nothing": None, "map": {"x": 1}, "when": "2026-01-02T03:04:05Z",
            "once": "a", "either": "http", "ratio": 1.5, "list": ["abc"], "one": {"a": "x"},
            "embedded": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "unknown": 1}, "data": {"a": "b"}}, "gone": 1})),
        post(things("all"), thing("all", "b", spec={"port": 1.5})), post(things("all"), thing("all", "b", spec={"port": True})),
        post(things("all"), thing("all", "b", spec={"kept": {"a": "x"}})), post(things("all"), thing("all", "b", spec={"embedded": {"data": {}}})),
        post(things("all"), thing("all", "b", spec={"map": {"x": "y"}})), post(things("all"), thing("all", "b", spec={"when": "yesterday"})),
        post(things("all"), thing("all", "b", spec={"once": "c"})), post(things("all"), thing("all", "b", spec={"ratio": 0})),
        post(things("all"), thing("all", "b", spec={"ratio": 0.3})), post(things("all"), thing("all", "b", spec={"list": ["a", "b", "c"]})),
        post(things("all"), thing("all", "b", spec={"list": ["long"]})), post(things("all"), thing("all", "b", spec={"list": ["A1"]})),
        post(things("all"), thing("all", "b", spec={"one": {}})), post(things("all"), thing("all", "b", spec={"one": {"a": "x", "b": "y"}})),
        post(things("all"), thing("all", "c", spec={"deep": {"n": 1}})), post(things("all"), thing("all", "d", spec={"deep": None})),
        post(things("all"), thing("all", "e")), post(things("all"), thing("all", "f", spec=None)),
        post(things("all"), thing("all", "g", spec={"nothing": 5})), post(things("all"), thing("all", "h", spec={"list": None, "map": None})),
        delete(path("all"), code_only=True)),
    "rules that a schema says in CEL": with_kind(
        "cel", RULES, post(things("cel"), thing("cel", "a", spec={"low": 1, "high": 2, "fixed": "x", "names": ["x-a"]})),
        post(things("cel"), thing("cel", "b", spec={"low": 3, "high": 2})), post(things("cel"), thing("cel", "b", spec={"names": ["y"]})),
        merge(things("cel") + "/a", {"spec": {"fixed": "y"}}), merge(things("cel") + "/a", {"spec": {"fixed": None}}),
        merge(things("cel") + "/a", {"spec": {"low": 9}}), delete(path("cel"), code_only=True)),
    "the scale of a kind": with_kind(
        "scale", {**spec_of(replicas={"type": "integer"}, selector={"type": "string"}),
                  "properties": {"spec": properties(replicas={"type": "integer"}), "status": properties(replicas={"type": "integer"}, selector={"type": "string"})}},
        post(things("scale"), thing("scale", "s", spec={"replicas": 3})), get(things("scale") + "/s/scale"),
        put(things("scale") + "/s/scale", {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "s"}, "spec": {"replicas": 5}}),
        merge(things("scale") + "/s/scale", {"spec": {"replicas": 7}}), get(things("scale") + "/s", only=("spec", "metadata.generation")),
        merge(things("scale") + "/s/scale", {"spec": {"replicas": -1}}),
        merge(things("scale") + "/s/status", {"status": {"replicas": 2, "selector": "a=b"}}, only=("status",)), get(things("scale") + "/s/scale"),
        get(things("scale") + "/absent/scale"), get("/apis/" + group("scale") + "/v1"), delete(path("scale"), code_only=True),
        subresources={"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                                              "labelSelectorPath": ".status.selector"}}),
    "names that collide are not accepted": [
        post(D, definition("two"), code_only=True), established("two"),
        post(D, definition("two", plural="others", names={"plural": "others", "kind": "Gadget"}), code_only=True),
        get(path("two", "others"), until=("status.conditions.0.reason", "ListKindConflict"), only=("status.conditions", "status.acceptedNames")),
        get(things("two", plural="others")), delete(path("two"), code_only=True), delete(path("two", "others"), code_only=True)],
    "versions come and go": [
        post(D, definition("ver", version(), version("v2beta1", storage=False)), code_only=True), established("ver"),
        post(things("ver", "v2beta1"), thing("ver", "a", at="v2beta1", spec={"x": 1})), get(things("ver") + "/a"),
        get("/apis/" + group("ver")), merge(path("ver"), {"spec": {"versions": [version(storage=False), version("v2", deprecated=True)]}}, only=("status.storedVersions",)),
        get(things("ver", "v2") + "/a", until=("", 200)), get(things("ver", "v2beta1") + "/a", until=("", 404)),
        merge(path("ver"), {"spec": {"versions": [version("v2")]}}), merge(path("ver") + "/status", {"status": {"storedVersions": ["v2"]}}, only=("status.storedVersions",)),
        merge(path("ver"), {"spec": {"versions": [version("v2")]}}, only=("status.storedVersions",)),
        merge(path("ver"), {"spec": {"scope": "Cluster"}}), merge(path("ver"), {"spec": {"group": "other.dev"}}),
        merge(path("ver"), {"spec": {"names": {"kind": "Renamed"}}}, only=("metadata.generation",)),
        delete(path("ver"), code_only=True)],
    "a definition that goes takes its objects along": [
        post(D, definition("go"), code_only=True), established("go"),
        post(things("go"), {**thing("go", "held"), "metadata": {"name": "held", "finalizers": ["x.dev/y"]}}, code_only=True), post(things("go"), thing("go", "free"), code_only=True),
        delete(path("go"), only=("metadata.finalizers", "kind")), get(things("go") + "/free", until=("", 404), code_only=True),
        get(path("go"), until=("status.conditions.2.type", "Terminating"), only=("status.conditions.2.type", "status.conditions.2.status", "metadata.finalizers")),
        post(things("go"), thing("go", "late")), merge(things("go") + "/held", {"metadata": {"finalizers": None}}, code_only=True),
        get(path("go"), until=("", 404)), get(things("go"), until=("", 404))],
    "objects of a kind of the cluster": [
        post(D, definition("clu", scope="Cluster"), code_only=True), established("clu"),
        post("/apis/" + group("clu") + "/v1/gadgets", thing("clu", "a", spec={"x": 1})), get(things("clu")), post(things("clu"), thing("clu", "b")),
        apply("/apis/" + group("clu") + "/v1/gadgets/a?fieldManager=m", thing("clu", "a", spec={"y": 2})),
        get("/apis/" + group("clu") + "/v1/gadgets", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}),
        delete("/apis/" + group("clu") + "/v1/gadgets"), delete(path("clu"), code_only=True)],
}
