"""What the health script of manifests/argocd says of an object, by a real Lua interpreter."""

import json
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "manifests" / "argocd" / "argocd-cm.yaml"
KEY = "resource.customizations.health.datamesh.dev_"
# As Argo CD does: the object is the global `obj`, the script returns a table.
RUN = """obj = {obj}
local health = (function()
{script}
end)()
io.write(health.status, "\\n", health.message or "")
"""


def scripts():
    """By kind."""
    data = yaml.safe_load(CONFIG.read_text())["data"]
    return {key.removeprefix(KEY): script for key, script in data.items()}


def literal(value):
    """A JSON value as Lua writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{literal(key)}] = {literal(item)}" for key, item in value.items() if item is not None) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(literal(item) for item in value) + "}"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" if byte < 32 or byte > 126 or byte in b'"\\' else chr(byte)
                             for byte in value.encode()) + '"'
    return {True: "true", False: "false", None: "nil"}[value] if value is None or isinstance(value, bool) else json.dumps(value)


def health(item):
    """(status, message)"""
    program = RUN.format(obj=literal(item), script=scripts()[item["kind"]])
    ran = subprocess.run(["lua5.1", "-"], input=program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if ran.returncode:
        raise AssertionError(f"{item['kind']}: {ran.stderr}")
    status, _, message = ran.stdout.partition("\n")
    return status, message
