"""Cases as values: requests, and what of their answers is compared. Pure."""

import dataclasses
import json
import re

MERGE, PATCH, STRATEGIC = (f"application/{kind}+json" for kind in ("merge-patch", "json-patch", "strategic-merge-patch"))
APPLY = "application/apply-patch+yaml"
HEADERS = ("Content-Type", "Warning", "Retry-After", "Allow")


@dataclasses.dataclass(frozen=True)
class Step:
    method: str
    path: str
    body: object = None
    headers: dict = dataclasses.field(default_factory=dict)
    save: str = ""       # {save.uid}, {save.rv}, ... of later steps are this answer's
    only: tuple = ()     # compare these paths of the body alone: "metadata.generation"
    code_only: bool = False
    until: tuple = ()    # (path, value): ask until the answer has it; "" for the code


def get(path, **more):
    return Step("GET", path, **more)


def post(path, body=None, **more):
    return Step("POST", path, body, **more)


def put(path, body=None, **more):
    return Step("PUT", path, body, **more)


def delete(path, body=None, **more):
    return Step("DELETE", path, body, **more)


def typed(kind, method="PATCH"):
    def make(path, body, **more):
        headers = {"Content-Type": kind, **more.pop("headers", {})}
        return Step(method, path, body, headers, **more)
    return make


merge, json_patch, strategic, apply = (typed(kind) for kind in (MERGE, PATCH, STRATEGIC, APPLY))


def fill(value, saved):
    """{ns}, {name.uid}, {name.rv}, {name.token} in every text of a request."""
    if isinstance(value, str):
        return re.sub(r"\{([a-z0-9]+)(?:\.([a-z]+))?\}", lambda match: saved.get(match.group(0)[1:-1], match.group(0)), value)
    if isinstance(value, bytes):
        return fill(value.decode(), saved).encode() if value.isascii() else value
    if isinstance(value, dict):
        return {key: fill(item, saved) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(item, saved) for item in value]
    return value


def remember(saved, name, body):
    metadata = body.get("metadata") or {}
    saved[f"{name}.uid"], saved[f"{name}.rv"] = metadata.get("uid", ""), metadata.get("resourceVersion", "")
    saved[f"{name}.continue"] = metadata.get("continue", "")
    saved[f"{name}.name"] = metadata.get("name", "")
    saved[f"{name}.token"] = (body.get("status") or {}).get("token", "") if isinstance(body.get("status"), dict) else ""


UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
VERSIONS = re.compile(r"(esource ?[vV]ersion[^0-9]{0,40}?)\d+(, current: \d+| \(\d+\))?")
DRAWN = re.compile(r"\b(Bad_)[a-z0-9]{5}\b")


def in_order(value):
    """Several causes come in any order: a real server walks its maps as it likes."""
    causes = (value.get("details") or {}).get("causes") or [] if isinstance(value.get("details"), dict) else []
    if len(causes) < 2:
        return value
    causes = sorted(causes, key=lambda cause: (cause.get("field", ""), cause["message"]))
    return {**value, "details": {**value["details"], "causes": causes}, "message": value["message"].split(" is invalid: [")[0]}


def plain(value, key=""):
    """The same for both servers: identities, times and versions that are nobody's promise go."""
    if isinstance(value, dict):
        value = in_order(value)
        return {UID.sub("<uid>", name): plain(item, name) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [plain(item, key) for item in value]
    if not isinstance(value, str):
        return value
    if key in ("resourceVersion", "continue", "token", "serverAddress"):
        return f"<{key}>" if value else ""
    return VERSIONS.sub(r"\1<version>", TIME.sub("<time>", UID.sub("<uid>", DRAWN.sub(r"\1<drawn>", value))))


def at(value, path):
    for word in path.split(".") if path else ():
        if isinstance(value, list):
            value = value[int(word)] if word.isdigit() and int(word) < len(value) else None
        else:
            value = value.get(word) if isinstance(value, dict) else None
    return value


def parsed(content_type, data):
    if "json" not in content_type:
        return data.decode(errors="replace")
    try:
        return json.loads(data) if data else ""
    except ValueError:
        lines = [line for line in data.decode().split("\n") if line]
        return [json.loads(line) for line in lines]


def answer_of(step, status, headers, data):
    """What is compared of an answer, as JSON."""
    if step.code_only:
        return {"code": status}
    body = parsed(headers.get("Content-Type", ""), data)
    if isinstance(body, list) or isinstance(body, dict) and body.get("type") in ("ADDED", "BOOKMARK", "ERROR"):
        events = body if isinstance(body, list) else [body]
        body = {"events": [event for event in events if event["type"] != "BOOKMARK" or "annotations" in event["object"]["metadata"]]}
    told = {name: [plain(value) for value in headers.get_all(name)] for name in HEADERS if headers.get_all(name)}
    if step.only and status < 300:
        return {"code": status, **{path: plain(at(body, path), path.rsplit(".", 1)[-1]) for path in step.only}}
    return {"code": status, "headers": told, "body": plain(body)}
