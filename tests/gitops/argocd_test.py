"""Argo CD's verdict on every state that an object of ours can be in."""

import unittest

import yaml

from argocd import ROOT, health, scripts

STATUSES = {"Healthy", "Progressing", "Degraded", "Suspended"}


def condition(kind, status, reason="Why", message=""):
    return {"type": kind, "status": status, "reason": reason, "message": message}


def item(*conditions, kind="DataProduct", generation=2, observed=2, annotations=None, deleted=False, status=True):
    metadata = {"name": "orders", "namespace": "sales", "generation": generation}
    if annotations:
        metadata["annotations"] = annotations
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    made = {"apiVersion": "datamesh.dev/v1alpha1", "kind": kind, "metadata": metadata}
    if status:
        made["status"] = {"observedGeneration": observed, "conditions": list(conditions)}
    return made


READY = condition("Ready", "True", "Ready")
WORKING = (condition("Ready", "False", "Progressing", "waiting for a look at backend warehouse"),
           condition("Reconciling", "True", "Progressing"))
STALLED = (condition("Ready", "False", "EngineUnknown", 'there is no "abacus"'),
           condition("Stalled", "True", "EngineUnknown", 'there is no "abacus"'))
AWAITING = (condition("Approved", "False", "AwaitingApproval", "level 1 of 1"), condition("Reconciling", "True"),
            condition("Ready", "False", "AwaitingApproval", "level 1 of 1"))

STATES = {
    "just created, with the CRD's default": (item(observed=-1), "Progressing", "waiting to be looked at"),
    "just created, without any status": (item(status=False), "Progressing", "waiting to be looked at"),
    "Ready": (item(READY), "Healthy", ""),
    "Ready, but of the generation before": (item(READY, generation=3), "Progressing", "waiting to be looked at"),
    "under way": (item(*WORKING), "Progressing", "Progressing: waiting for a look at backend warehouse"),
    "stalled": (item(*STALLED), "Degraded", 'EngineUnknown: there is no "abacus"'),
    "stalled, of the generation before": (item(*STALLED, generation=3), "Progressing", "waiting to be looked at"),
    "no longer stalled": (item(condition("Stalled", "False"), READY), "Healthy", ""),
    "waiting for people": (item(*AWAITING, kind="Subscription"), "Suspended", "AwaitingApproval: level 1 of 1"),
    "rejected": (item(condition("Approved", "False", "Rejected", "by ana"), condition("Ready", "False", "Rejected", "by ana"),
                      condition("Stalled", "True", "Rejected", "by ana"), kind="Subscription"), "Degraded", "Rejected: by ana"),
    "paused": (item(READY, annotations={"datamesh.dev/reconcile": "paused"}), "Suspended",
               "paused by the annotation datamesh.dev/reconcile"),
    "observed only": (item(READY, annotations={"datamesh.dev/reconcile": "observe"}), "Healthy", ""),
    "being deleted": (item(READY, deleted=True), "Progressing", "what it gave is being taken back"),
    "no message": (item(condition("Ready", "False", "BackingOff")), "Progressing", "BackingOff"),
    "a status without conditions": (item(), "Progressing", "waiting to be looked at"),
}


class Health(unittest.TestCase):
    def test_every_state_has_its_verdict(self):
        for sentence, (thing, status, message) in STATES.items():
            with self.subTest(sentence):
                self.assertEqual(health(thing), (status, message))
        self.assertEqual({status for _, status, _ in STATES.values()}, STATUSES)

    def test_every_kind_has_the_script(self):
        kinds = {yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in (ROOT / "crds").glob("*.yaml")}
        self.assertEqual(set(scripts()), kinds)
        self.assertEqual(len(kinds), 7)
        for kind in kinds:
            self.assertEqual(health(item(READY, kind=kind)), ("Healthy", ""))

    def test_words_of_any_kind_come_through(self):
        message = 'quotes " and \\ and\nlines, and größer'
        self.assertEqual(health(item(condition("Ready", "False", "Why", message))), ("Progressing", f"Why: {message}"))


if __name__ == "__main__":
    unittest.main()
