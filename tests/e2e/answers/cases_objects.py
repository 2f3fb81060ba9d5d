"""Creating, changing and deleting objects."""

from asking import apply, delete, get, json_patch, merge, post, put, strategic

W = "/apis/test.dev/v1/namespaces/{ns}/widgets"
C = "/api/v1/namespaces/{ns}/configmaps"
STRICT, WARN, IGNORE = ("?fieldValidation=" + word for word in ("Strict", "Warn", "Ignore"))


def widget(name, spec=None, **metadata):
    return {"apiVersion": "test.dev/v1", "kind": "Widget", "metadata": {"name": name, **metadata},
            "spec": {"color": "red"} if spec is None else spec}


def config(name, data=None, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {"a": "1"}}


def owned_by(name, kind="Widget", version="test.dev/v1", **more):
    return [{"apiVersion": version, "kind": kind, "name": name, "uid": "{" + name + ".uid}", **more}]


CASES = {
    "a create is answered with what is stored": [
        post(W, widget("a", labels={"x": "y"})), get(W + "/a"), post(W, widget("a")),
        post(C, config("a")), get(C + "/a"), post(C, config("a"))],
    "what identifies an object has to agree with the path": [
        post(W, {**widget("a"), "kind": "Other"}), post(W, {**widget("a"), "apiVersion": "test.dev/v2"}),
        post(W, {"metadata": {"name": "a"}, "spec": {"color": "red"}}), post(W, widget("a", namespace="other")),
        put(W + "/b", widget("a")), put(W + "/a", widget("a")), post(C, {"metadata": {"name": "bare"}}),
        post(C, {**config("a"), "kind": "Secret"}), post(C, {**config("a"), "apiVersion": "v2"}),
        put(C + "/b", config("a")), put(C + "/a", config("a", uid="11111111-2222-3333-4444-555555555555")),
        post(W, widget("a", resourceVersion="5")), post(W, widget("")), post(C, config("", namespace="{ns}")),
        post("/api/v1/configmaps", config("a", namespace="{ns}")), post(W, widget("a", namespace=""))],
    "bodies that are no object": [
        post(W, b"{"), post(W, b"[]"), post(W, b""), post(W, b"null"), post(W, b'"text"'), post(C, b"{"), post(C, b"[]"),
        post(C, b""), post(W, b"color: red", headers={"Content-Type": "text/plain"}),
        post(W, b"a: [", headers={"Content-Type": "application/yaml"}),
        post(C, b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: b}\n",
             headers={"Content-Type": "application/yaml"}),
        post(C, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "t"}, "data": {"a": 1}}),
        post(C, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "t"}, "data": [1]}),
        post(C, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": "t"})],
    "names are checked as the kind's": [
        post(W, widget("Upper_Case")), post(W, widget("a" * 254)), post(W, widget("-a")), post(C, config("Upper")),
        post(W, widget("a.b")), post(C, config("a/b")),
        post("/api/v1/namespaces", {"metadata": {"name": "Not_A_Label"}}), post("/api/v1/namespaces", {"metadata": {"name": "a.b"}}),
        post(W, widget("l", labels={"a b": "c"})), post(W, widget("l", labels={"a": "c d"})),
        post(W, widget("l", annotations={"a b": "c"})), post(W, widget("l", finalizers=["nodomain"])),
        post(W, widget("l", finalizers=["bad domain/x"])), post(C, config("l", labels={"a" * 64: "x"}))],
    "a name can be drawn": [
        post(W, {**widget("x"), "metadata": {"generateName": "drawn-"}}, only=("metadata.generateName", "spec")),
        post(C, {"metadata": {"generateName": "Bad_"}}, only=("code",))],
    "schemas refuse with a path": [
        post(W, widget("s", {})), post(W, widget("s", {"color": ""})), post(W, widget("s", {"color": 5})),
        post(W, widget("s", {"color": "red", "size": 0})), post(W, widget("s", {"color": "red", "size": 101})),
        post(W, widget("s", {"color": "red", "size": "7"})), post(W, widget("s", {"color": "red", "size": 1.5})),
        post(W, widget("s", "text")), post(W, widget("s", {"color": "red", "tags": ["a", "a"]})),
        post(W, widget("s", {"color": "red", "parts": [{"name": "a"}, {"name": "a"}]})),
        post(W, widget("s", {"color": "red", "parts": [{"count": 1}]})),
        post(W, widget("s", {"color": "red", "parts": {"name": "a"}})), post(W, widget("s", {"color": None})),
        post(W, widget("ok", {"color": "red", "size": None})), post(W, widget("two", {"size": 0, "parts": [{}]}))],
    "unknown and repeated fields as fieldValidation says": [
        post(W + STRICT, widget("f", {"color": "red", "colour": "x", "parts": [{"name": "a", "cuont": 1}]})),
        post(W + WARN, widget("f", {"color": "red", "colour": "x"}, labels={"a": "b"})),
        post(W + IGNORE, widget("g", {"color": "red", "colour": "x"})),
        post(W, widget("h", {"color": "red", "colour": "x"})),
        post(W + STRICT, {**widget("i"), "extra": 1}), post(W + STRICT, {**widget("i"), "metadata": {"name": "i", "extra": 1}}),
        post(W + STRICT, b'{"apiVersion":"test.dev/v1","kind":"Widget","metadata":{"name":"d"},"spec":{"color":"a","color":"b"}}'),
        post(W + WARN, b'{"apiVersion":"test.dev/v1","kind":"Widget","metadata":{"name":"d"},"spec":{"color":"a","color":"b"}}'),
        post(C + STRICT, {**config("c"), "extra": 1}), post(C + WARN, {**config("c"), "extra": {"deep": 1}}),
        post(C + STRICT, b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{"a":"1","a":"2"}}'),
        post(W + "?fieldValidation=Loose", widget("k")), put(W + "/f" + STRICT, widget("f", {"color": "red", "x": 1})),
        merge(W + "/f" + STRICT, {"spec": {"x": 1}}), merge(W + "/f" + WARN, {"spec": {"x": 1}}),
        json_patch(W + "/f" + STRICT, [{"op": "add", "path": "/spec/x", "value": 1}]),
        apply(W + "/f?fieldManager=m&force=true&fieldValidation=Strict", widget("f", {"color": "red", "x": 1})),
        apply(W + "/f?fieldManager=m&force=true", widget("f", {"color": "red", "x": 1})),
        strategic(C + "/c" + STRICT, {"extra": 1})],
    "an update replaces what is there": [
        post(W, widget("u", labels={"a": "b"}, annotations={"c": "d"}), save="u"),
        put(W + "/u", widget("u", {"color": "blue"}, resourceVersion="{u.rv}"), save="v"),
        put(W + "/u", widget("u", {"color": "green"}, resourceVersion="{u.rv}")),
        put(W + "/u", widget("u", {"color": "green"})), put(W + "/u", widget("u", uid="{u.uid}")),
        put(W + "/u", widget("u", uid="11111111-2222-3333-4444-555555555555")),
        put(W + "/u", {**widget("u"), "status": {"phase": "x"}}), put(W + "/absent", widget("absent")),
        put(W + "/u", widget("u", creationTimestamp="2001-01-01T00:00:00Z", generation=9)),
        post(C, config("u"), save="c"), put(C + "/u", config("u", {"b": "2"})), put(C + "/u", config("u", resourceVersion="1")),
        put(C + "/absent", config("absent")), put(W, widget("u")), put(W + "/u", b"{}"), put(W + "/u", b"{")],
    "the status is apart": [
        post(W, {**widget("s"), "status": {"phase": "ignored"}}),
        put(W + "/s/status", {**widget("s", {"color": "ignored"}, labels={"no": "no"}), "status": {"phase": "Done"}}),
        merge(W + "/s/status", {"status": {"phase": "Patched"}, "metadata": {"annotations": {"x": "y"}}}), get(W + "/s/status"),
        merge(W + "/s", {"status": {"phase": "ignored"}}), merge(W + "/s/status", {"status": {"phase": 5}}),
        merge(W + "/s/status", {"status": None}), post(W + "/s/status", widget("s")), delete(W + "/s/status"),
        get(W + "/s/scale"), get(W + "/s/other"), get(C + "/s/status"), put(W + "/absent/status", widget("absent")),
        apply(W + "/s/status?fieldManager=m", {"apiVersion": "test.dev/v1", "kind": "Widget", "metadata": {"name": "s"},
                                               "status": {"phase": "Applied"}})],
    "merge patches": [
        post(W, widget("m", {"color": "red", "tags": ["a"], "parts": [{"name": "p", "count": 1}]})),
        merge(W + "/m", {"spec": {"size": 5, "tags": None}}), merge(W + "/m", {"spec": {"parts": [{"name": "q"}]}}),
        merge(W + "/m", {}), merge(W + "/m", b"[]"), merge(W + "/m", b"{"), merge(W + "/m", b""), merge(W + "/m", b"null"),
        merge(W + "/absent", {}),
        merge(W + "/m", {"metadata": {"name": "other"}}), merge(W + "/m", {"metadata": {"resourceVersion": "1"}}),
        merge(W + "/m", {"kind": "Other"}), merge(W + "/m", {"metadata": {"namespace": "other"}}),
        merge(W + "/m", {"metadata": {"uid": "11111111-2222-3333-4444-555555555555"}}),
        merge(W + "/m", {"metadata": {"labels": {"a": "b"}, "finalizers": ["x.dev/y"]}}),
        merge(W + "/m", {"metadata": {"labels": None, "finalizers": None}}), merge(W, {}),
        merge(W + "/m", {"spec": {"size": 1000}}), merge(W + "/m", {"spec": None}), merge(W + "/m?force=true", {}),
        strategic(W + "/m", {}), merge(C + "/m", {}), merge(W + "/m", {}, headers={"Content-Type": "text/plain"}),
        merge(W + "/m", {}, headers={"Content-Type": "application/json"})],
    "JSON patches": [
        post(W, widget("j", {"color": "red", "tags": ["a", "b"]})),
        json_patch(W + "/j", [{"op": "replace", "path": "/spec/color", "value": "blue"}]),
        json_patch(W + "/j", [{"op": "add", "path": "/spec/tags/-", "value": "c"}, {"op": "remove", "path": "/spec/tags/0"}]),
        json_patch(W + "/j", [{"op": "test", "path": "/spec/color", "value": "white"}]),
        json_patch(W + "/j", [{"op": "remove", "path": "/spec/absent"}]),
        json_patch(W + "/j", [{"op": "replace", "path": "/spec/absent", "value": 1}]),
        json_patch(W + "/j", [{"op": "add", "path": "/spec/deep/er", "value": 1}]),
        json_patch(W + "/j", [{"op": "add", "path": "/spec/tags/9", "value": "x"}]),
        json_patch(W + "/j", [{"op": "copy", "from": "/spec/color", "path": "/metadata/annotations"}]),
        json_patch(W + "/j", [{"op": "move", "from": "/spec/tags", "path": "/spec/other"}]),
        json_patch(W + "/j", [{"op": "fly", "path": "/spec"}]), json_patch(W + "/j", {"op": "add"}), json_patch(W + "/j", b"["),
        json_patch(W + "/j", []), json_patch(W + "/absent", []), json_patch(W + "/j", [{"path": "/spec"}]),
        json_patch(W + "/j", [{"op": "add", "path": "/metadata/labels/a~1b", "value": "x"}]),
        json_patch(W + "/j", [{"op": "add", "path": "/metadata/labels", "value": {"a/b": "x"}}]),
        json_patch(W + "/j", [{"op": "replace", "path": "/metadata/labels/a~1b", "value": "y"}]),
        json_patch(W + "/j", [{"op": "replace", "path": "", "value": {}}])],
    "strategic merge patches of kinds of the core": [
        post(C, config("s", {"a": "1", "b": "2"})), strategic(C + "/s", {"data": {"a": None, "c": "3"}}),
        strategic(C + "/s", {"data": {"$patch": "replace", "z": "9"}}), strategic(C + "/s", {"$patch": "delete"}),
        strategic(C + "/s", b"[]"), strategic(C + "/s", {"metadata": {"finalizers": ["a.dev/b"]}}),
        strategic(C + "/s", {"metadata": {"finalizers": ["c.dev/d"]}}),
        strategic(C + "/s", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.dev/b"]}}),
        strategic(C + "/s", {"metadata": {"finalizers": None}}), strategic(C + "/s", {"data": "text"}),
        post("/api/v1/namespaces/{ns}/serviceaccounts", {"metadata": {"name": "s"}, "secrets": [{"name": "a"}]}),
        strategic("/api/v1/namespaces/{ns}/serviceaccounts/s", {"secrets": [{"name": "b"}], "imagePullSecrets": [{"name": "p"}]}),
        strategic("/api/v1/namespaces/{ns}/serviceaccounts/s", {"secrets": [{"$patch": "delete", "name": "a"}]})],
    "what changes nothing writes nothing": [
        post(W, widget("n"), save="n"), merge(W + "/n", {"spec": {"color": "red"}}, save="o"),
        put(W + "/n", widget("n", resourceVersion="{n.rv}"), only=("metadata.generation",)),
        merge(W + "/n", {"metadata": {"labels": {"a": "b"}}}, only=("metadata.generation",)),
        merge(W + "/n", {"spec": {"size": 4}}, only=("metadata.generation",))],
    "a dry run answers and writes nothing": [
        post(W + "?dryRun=All", widget("d")), get(W + "/d"), post(W, widget("d")), post(W + "?dryRun=All", widget("d")),
        put(W + "/d?dryRun=All", widget("d", {"color": "blue"})), merge(W + "/d?dryRun=All", {"spec": {"color": "blue"}}),
        apply(W + "/e?dryRun=All&fieldManager=m", widget("e")), delete(W + "/d?dryRun=All"), get(W + "/d"),
        delete(W + "/d", {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}), get(W + "/d", code_only=True),
        post(W + "?dryRun=Some", widget("x")), delete(W + "/d?dryRun=Some"), delete(W + "?dryRun=All", only=("kind",)),
        get(W + "/d", code_only=True), post("/apis/test.dev/v1/namespaces/absent/widgets?dryRun=All", widget("d"))],
    "server-side apply owns fields": [
        apply(W + "/a?fieldManager=one", widget("a", {"color": "red", "parts": [{"name": "p", "count": 1}], "tags": ["t"]})),
        apply(W + "/a?fieldManager=two", widget("a", {"color": "red", "parts": [{"name": "q"}], "tags": ["u"]})),
        apply(W + "/a?fieldManager=two", widget("a", {"color": "blue", "parts": [{"name": "p", "count": 2}]})),
        apply(W + "/a?fieldManager=two&force=true", widget("a", {"color": "blue"})),
        apply(W + "/a?fieldManager=one", widget("a", {"tags": []})), apply(W + "/a", widget("a")),
        apply(W + "/a?fieldManager=one", {"metadata": {"name": "a"}}), apply(W + "/a?fieldManager=one", b"[]"),
        apply(W + "/a?fieldManager=one", b"a: ["), apply(W + "/a?fieldManager=" + "x" * 129, widget("a")),
        apply(W + "/a?fieldManager=one", widget("a", managedFields=[{"manager": "x"}])),
        apply(W + "/a?fieldManager=one", widget("a", resourceVersion="1")),
        apply(W + "/b?fieldManager=one", widget("b", uid="11111111-2222-3333-4444-555555555555")),
        merge(W + "/a?fieldManager=three", {"spec": {"size": 8}}), merge(W + "/a?fieldManager=three", {"spec": {"size": None}}),
        apply(C + "/a?fieldManager=one", config("a", {"a": "1"})), apply(C + "/a?fieldManager=two", config("a", {"a": "2", "b": "3"})),
        apply(C + "/a?fieldManager=two&force=true", config("a", {"a": "2", "b": "3"})),
        apply(C + "/a?fieldManager=two", config("a", {"b": "3"})),
        put(C + "/a?fieldManager=four", {**config("a", {"b": "4"}), "metadata": {"name": "a", "managedFields": []}}),
        put(C + "/a?fieldManager=five", {**config("a", {"b": "5"}), "metadata": {"name": "a", "managedFields": [{}]}})],
    "deletes": [
        post(W, widget("d"), save="d"), delete(W + "/d", {"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}}),
        delete(W + "/d", {"preconditions": {"resourceVersion": "1"}}),
        delete(W + "/d", {"propagationPolicy": "Sideways"}), delete(W + "/d?propagationPolicy=Sideways"),
        delete(W + "/d", {"kind": "Other", "apiVersion": "v1"}), delete(W + "/d", b"{"), delete(W + "/d", b"[]"),
        delete(W + "/d", {"propagationPolicy": "Orphan", "orphanDependents": True}),
        delete(W + "/d", {"preconditions": {"uid": "{d.uid}", "resourceVersion": "{d.rv}"}}), delete(W + "/d"),
        post(W, widget("f", finalizers=["test.dev/hold"])), delete(W + "/f"), delete(W + "/f"),
        merge(W + "/f", {"metadata": {"finalizers": ["test.dev/hold", "test.dev/more"]}}),
        merge(W + "/f", {"spec": {"color": "blue"}}), merge(W + "/f", {"metadata": {"finalizers": []}}), get(W + "/f"),
        post(C, config("c")), delete(C + "/c", {"gracePeriodSeconds": 0}), delete(C + "/c"),
        post(C, config("c", labels={"k": "v"})), post(C, config("d", labels={"k": "w"})), delete(C + "?labelSelector=k%3Dv"),
        get(C + "/c"), get(C + "/d", code_only=True), delete("/api/v1/namespaces"), delete("/api/v1/configmaps")],
    "owners take their dependents along": [
        post(W, widget("owner"), save="owner"), post(W, widget("child", ownerReferences=owned_by("owner"))),
        delete(W + "/owner"), get(W + "/child", until=("", 404)),
        post(W, widget("bad", ownerReferences=[{"kind": "Widget", "name": "x"}])),
        post(W, widget("bad", ownerReferences=[{"apiVersion": "test.dev/v1", "kind": "Widget", "name": "x", "uid": "u", "controller": True},
                                               {"apiVersion": "test.dev/v1", "kind": "Widget", "name": "y", "uid": "v", "controller": True}])),
        post(W, widget("orphaner"), save="orphaner"), post(W, widget("left", ownerReferences=owned_by("orphaner"))),
        delete(W + "/orphaner?propagationPolicy=Orphan"), get(W + "/orphaner", until=("", 404)),
        get(W + "/left", only=("metadata.ownerReferences",)),
        post(W, widget("front"), save="front"),
        post(W, widget("back", ownerReferences=owned_by("front", blockOwnerDeletion=True), finalizers=["test.dev/hold"])),
        delete(W + "/front?propagationPolicy=Foreground"), get(W + "/back", until=("metadata.deletionGracePeriodSeconds", 0)),
        get(W + "/front", only=("metadata.finalizers",)), merge(W + "/back", {"metadata": {"finalizers": None}}, code_only=True),
        get(W + "/front", until=("", 404))],
}
