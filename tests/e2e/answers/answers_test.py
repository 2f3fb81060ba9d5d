"""The same questions to the embedded API server and to a real kube-apiserver: the same answers.

answers.json holds what a real server (the version it names) answered, and the embedded server is held against it. Where the
binaries of a real server are at hand, `answers_test.py Real` holds that against it too, and `--record` writes it anew.
known.json lists the answers that are not yet (or will not be) the same, by case and place: an entry that no longer differs
is an error too, so that the list only gets shorter.
"""

import difflib
import json
import os
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import asking  # noqa: E402
import cases_access  # noqa: E402
import cases_crds  # noqa: E402
import cases_kinds  # noqa: E402
import cases_objects  # noqa: E402
import cases_reads  # noqa: E402
import sides  # noqa: E402

GOLDEN, KNOWN = HERE / "answers.json", HERE / "known.json"
CASES = {}
for module in (cases_objects, cases_reads, cases_kinds, cases_crds, cases_access):
    CASES.update(module.CASES)
KNOWN_SECONDS = 2
UNTIL_SECONDS = float(os.environ.get("ANSWERS_SECONDS", "60"))


def has_come(step, status, body):
    path, value = step.until
    return status == value if not path else status == 200 and asking.at(body, path) == value


def ask(side, step, saved, seconds):
    method, path = step.method, asking.fill(step.path, saved)
    body, headers = asking.fill(step.body, saved), asking.fill(step.headers, saved)
    deadline = time.monotonic() + seconds
    while True:
        status, told, data = side.ask(method, path, body, headers)
        parsed = asking.parsed(told.get("Content-Type", ""), data)
        if not step.until or has_come(step, status, parsed) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if step.until and not has_come(step, status, parsed):
        print(f"never came: {step.method} {path} {step.until}, last {status}", file=sys.stderr)
    if step.save and isinstance(parsed, dict):
        asking.remember(saved, step.save, parsed)
    return {"asked": f"{step.method} {step.path}", **asking.answer_of(step, status, told, data)}


def answers_of(side, number, steps, known=()):
    """The answers of one case, in a namespace of its own. What is known to differ is not waited for."""
    saved = {"ns": f"case-{number:02}"}
    side.ask("POST", "/api/v1/namespaces", {"metadata": {"name": saved["ns"]}})
    return [ask(side, step, saved, KNOWN_SECONDS if place in known else UNTIL_SECONDS) for place, step in enumerate(steps)]


def prepare(side):
    widgets = pathlib.Path(sides.harness.WIDGETS).read_bytes()
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    side.ask("POST", path, widgets, {"Content-Type": "application/yaml"})
    deadline = time.monotonic() + UNTIL_SECONDS
    while side.ask("GET", "/apis/test.dev/v1/widgets")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)


def number_of(name):
    return list(CASES).index(name)


def text(value):
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).split("\n")


def version_of(side):
    return json.loads(side.ask("GET", "/version")[2])["gitVersion"]


class Answers(unittest.TestCase):
    """One test for each case, made below."""

    maxDiff = None
    golden, known = {}, {}

    @classmethod
    def setUpClass(cls):
        cls.golden, cls.known = json.loads(GOLDEN.read_text()), json.loads(KNOWN.read_text())
        cls.context = sides.embedded()
        cls.side = cls.context.__enter__()
        cls.addClassCleanup(cls.context.__exit__, None, None, None)
        prepare(cls.side)

    def check(self, name):
        expected = self.golden["cases"][name]
        found = answers_of(self.side, number_of(name), CASES[name], self.known.get(name, ()))
        self.assertEqual([one["asked"] for one in expected], [one["asked"] for one in found], "record anew")
        known = set(self.known.get(name, []))
        differ = {place for place, (want, have) in enumerate(zip(expected, found)) if want != have}
        told = [explain(place, CASES[name][place], expected[place], found[place]) for place in sorted(differ - known)]
        agree = sorted(known - differ)
        if told:
            self.fail(f"{len(told)} of {len(found)} answers differ\n" + "\n\n".join(told))
        self.assertEqual(agree, [], "these agree now: take them off known.json")


def explain(place, step, want, have):
    diff = "\n".join(difflib.unified_diff(text(want), text(have), "real", "this", lineterm="", n=3))
    return f"{place}: {have['asked']} {json.dumps(step.body, default=str)[:300]}\n{diff}"


class Real(Answers):
    """The file still says what a real server says."""

    @classmethod
    def setUpClass(cls):
        if not sides.has_real():
            raise unittest.SkipTest("there is no real kube-apiserver here: its recorded answers stand for it")
        cls.golden, cls.known = json.loads(GOLDEN.read_text()), {}
        cls.context = sides.real()
        cls.side = cls.context.__enter__()
        cls.addClassCleanup(cls.context.__exit__, None, None, None)
        prepare(cls.side)


def add_tests():
    for name in CASES:
        method = "test_" + "".join(c if c.isalnum() else "_" for c in name)
        setattr(Answers, method, lambda self, name=name: self.check(name))


def record():
    with sides.real() as side:
        prepare(side)
        cases = {name: answers_of(side, number, steps) for number, (name, steps) in enumerate(CASES.items())}
        write(GOLDEN, {"server": version_of(side), "cases": cases})


def list_known():
    """For the first list, and after cases were added; a person looks at what it adds."""
    golden = json.loads(GOLDEN.read_text())["cases"]
    with sides.embedded() as side:
        prepare(side)
        found = {name: answers_of(side, number, steps) for number, (name, steps) in enumerate(CASES.items())}
    differ = {name: [place for place, one in enumerate(answers) if one != golden[name][place]] for name, answers in found.items()}
    KNOWN.write_text("{\n" + ",\n".join(f" {json.dumps(name)}: {places}" for name, places in differ.items() if places) + "\n}\n")


def write(path, value):
    path.write_text(json.dumps(value, indent=0, sort_keys=True, ensure_ascii=False) + "\n")


add_tests()

if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    elif sys.argv[1:] == ["--known"]:
        list_known()
    else:
        unittest.main(defaultTest=["Answers"])
