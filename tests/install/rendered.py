"""What chart and kustomization render, as objects."""

import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "hack" / "lib"))
from processes import call, find_tool  # noqa: E402

CHART = ROOT / "charts" / "datamesh"
KUSTOMIZATION = ROOT / "manifests" / "kubernetes"
RELEASE, NAMESPACE = "datamesh", "datamesh-system"

# All that may differ between the two: who says that it manages an object.
HELM_LABELS = ("app.kubernetes.io/managed-by", "helm.sh/chart")
# ... and that Helm leaves the CustomResourceDefinitions when the release goes.
HELM_ANNOTATIONS = ("helm.sh/resource-policy",)


def objects_of(text):
    return [document for document in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if document]


def helm(*words, stdin=None):
    return call(find_tool("helm"), *words, stdin=stdin)


def template(*words, release=RELEASE, namespace=NAMESPACE):
    """The objects of the chart with these flags."""
    answer = helm("template", release, CHART, "-n", namespace, *words)
    if not answer.ok:
        raise AssertionError(f"helm template {' '.join(map(str, words))}: {answer}")
    return objects_of(answer.out)


def kustomize(folder):
    answer = call(find_tool("kubectl"), "kustomize", folder)
    if not answer.ok:
        raise AssertionError(f"kubectl kustomize {folder}: {answer}")
    return objects_of(answer.out)


def key_of(item):
    metadata = item["metadata"]
    return f"{item['apiVersion']} {item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def by_key(items):
    found = {key_of(item): item for item in items}
    if len(found) != len(items):
        raise AssertionError("an object is rendered twice")
    return found


def without_helm(item):
    """The object without what only Helm says of it."""
    metadata = dict(item["metadata"])
    for field, names in (("labels", HELM_LABELS), ("annotations", HELM_ANNOTATIONS)):
        kept = {name: value for name, value in metadata.pop(field, {}).items() if name not in names}
        if kept:
            metadata[field] = kept
    return {**item, "metadata": metadata}


def differences(one, other, path=""):
    """Where two values differ, as lines."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for name in sorted(set(one) | set(other), key=str)
                for line in differences(one.get(name), other.get(name), f"{path}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [line for at, pair in enumerate(zip(one, other)) for line in differences(*pair, f"{path}[{at}]")]
    return [] if one == other else [f"{path}: {one!r} is not {other!r}"]
