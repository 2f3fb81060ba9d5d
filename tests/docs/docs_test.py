"""The documents name nothing that is not there, and leave out nothing that a person will meet."""

import pathlib
import re
import subprocess
import unittest

from documents import ROOT, blocks_of, documents, shown

# Where the code gives a condition, or a verdict, its reason.
CONDITION = re.compile(r"\bcondition_(?:true|false|unknown|of)\((.*?);", re.S)
VERDICT = re.compile(r'[({]\s*"([A-Z][A-Za-z]+)",\s*(?:"|\w)')
# Words that look like reasons and are none: kinds, condition types, verbs of events, fields of other APIs.
NO_REASONS = {"Backend", "Domain", "DataProduct", "DataContract", "Subscription", "Approval", "Policy", "Member",
              "Namespace", "Secret", "Role", "RoleBinding", "ClusterRole", "User", "Group", "Ready", "Reachable",
              "InSync", "Provisioned", "Resolved", "Approved", "Granted", "Applied", "Valid", "ContractValid",
              "PolicyCompliant", "NamespacesReady", "DeletionBlocked", "NotActedOn", "Stalled", "Reconciling",
              "Provision", "Repair", "Grant", "Revoke", "True", "False", "Unknown"}


def read(path: str) -> str:
    return (ROOT / path).read_text()


def sources(*folders: str) -> str:
    return "\n".join(path.read_text() for folder in folders for path in sorted((ROOT / folder).rglob("*.?pp")))


def mentions(pattern: str) -> list[tuple[str, str]]:
    """Where and what: the first group of each match, in every document."""
    return [(f"{path.relative_to(ROOT)}:{number}", found)
            for path in documents() for number, line in enumerate(path.read_text().splitlines(), 1)
            for found in re.findall(pattern, line)]


class Documents(unittest.TestCase):
    def expect_none(self, missing: list[str]) -> None:
        self.assertEqual(missing, [], "\n" + "\n".join(missing))

    def expect_program(self, *command: object) -> None:
        ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_links_lead_somewhere(self):
        self.expect_program(ROOT / "hack" / "check_links")

    def test_the_reference_is_what_the_crds_say(self):
        self.expect_program(ROOT / "hack" / "generate-reference", "--check")

    def test_what_make_is_told_to_do_is_a_target(self):
        targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.M))
        found = mentions(r"(?:^|`|= |&& )make ([a-z]+)")
        self.assertTrue(found)
        self.expect_none([f"{where}: make {name}" for where, name in found if name not in targets])

    def test_scripts_that_are_named_exist(self):
        found = mentions(r"\b(hack/[\w-]+)")
        self.assertTrue(found)
        self.expect_none([f"{where}: {name}" for where, name in found if not (ROOT / name).exists()])

    def test_commands_and_options_that_are_named_exist(self):
        text = read("controller/app/main.cpp")
        commands = set(re.findall(r'add_subcommand\(\s*"([a-z]+)"', text))
        self.assertIn("up", commands)
        named = mentions(r"(?:^|`)datamesh ([a-z]+)")
        self.assertTrue(named)
        self.expect_none([f"{where}: datamesh {name}" for where, name in named if name not in commands])
        given = set(re.findall(r"-{1,2}[\w-]+", " ".join(re.findall(r'add_(?:option|flag)\(\s*"([^"]*)"', text))))
        used = [(where, option) for where, rest in mentions(r"(?:^|`)datamesh ([a-z]+ [^`|&]*)")
                for option in re.findall(r"(?<=\s)-{1,2}[a-z][\w-]*", rest)]
        self.assertTrue(used)
        self.expect_none([f"{where}: {option}" for where, option in used if option not in given])

    def test_metrics_that_are_named_are_exposed(self):
        text = read("controller/telemetry/metrics.cpp")
        found = mentions(r"`((?:datamesh|controller_runtime|workqueue|apiserver|process|rest_client)_\w+)")
        self.assertTrue(found)
        self.expect_none([f"{where}: {name}" for where, name in found if f'"{name}"' not in text])

    def test_annotations_that_are_named_are_read(self):
        text = sources("api", "reconcilers", "mesh")
        found = [(where, name.rstrip("-")) for where, name in mentions(r"datamesh\.dev/([a-z-]+)") if not name.startswith("v1")]
        self.assertTrue(found)
        self.expect_none([f"{where}: {name}" for where, name in found if f"datamesh.dev/{name}" not in text])

    def test_every_reason_of_a_condition_is_in_the_runbook(self):
        runbook = read("docs/runbook.md")
        text = sources("mesh", "reconcilers")
        reasons = {word for call in CONDITION.findall(text) for word in re.findall(r'"([A-Z][A-Za-z]+)"', call)}
        reasons = (reasons | set(VERDICT.findall(text))) - NO_REASONS
        reasons |= set(re.findall(r'return "([A-Z]\w+)"', read("controller/plan/plan.cpp")))
        self.assertGreater(len(reasons), 50, sorted(reasons))
        self.expect_none(sorted(reason for reason in reasons if f"`{reason}`" not in runbook))

    def test_every_reason_in_the_runbook_is_in_the_code(self):
        text = sources("mesh", "reconcilers", "controller/plan")
        tables = re.findall(r"^\| (.*?) \|", read("docs/runbook.md"), re.M)
        found = {word for cell in tables for word in re.findall(r"`([A-Z][A-Za-z]+)`", cell)}
        self.assertGreater(len(found), 50)
        self.expect_none(sorted(word for word in found if f'"{word}"' not in text))

    def test_every_rule_of_prometheus_is_about_a_metric_in_the_runbook_or_well_known(self):
        runbook = read("docs/runbook.md")
        rules = read("manifests/monitoring/alerts.yaml")
        ours = set(re.findall(r"\b(datamesh_\w+?)(?:_bucket|_count|_sum)?\b(?=[\[({) ])", rules))
        self.assertTrue(ours)
        self.expect_none(sorted(name for name in ours if f"`{name}" not in runbook))

    def test_what_is_installed_is_listed_for_those_who_install_it_themselves(self):
        text = read("docs/development.md")
        arrays = re.findall(r"^(?:build|check|servers)=\((.*?)\)", read("hack/install-deps"), re.M | re.S)
        self.assertEqual(len(arrays), 3)
        self.expect_none([name for array in arrays for name in array.split() if f"`{name}`" not in text])

    def test_decisions_are_numbered_without_a_gap(self):
        numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"):
            self.assertTrue(path.read_text().startswith(f"# {int(path.name[:4])}. "), path.name)

    def test_a_block_is_tested_or_says_why_by_having_no_language(self):
        bad = [block.where for path in documents() for block in blocks_of(path)
               if block.language == "sh" and not block.is_tested]
        self.expect_none(bad)


class Parts(unittest.TestCase):
    """Of the test itself."""

    def test_shown_finds_lines_in_order_and_takes_dots_for_anything(self):
        output = "NAME   READY\norders  True   5s\n\nend\n"
        self.assertEqual(shown("orders True ...\nend\n", output), "")
        self.assertEqual(shown("end\norders True 5s\n", output), "orders True 5s")
        self.assertEqual(shown("orders False ...\n", output), "orders False ...")

    def test_blocks_know_their_language_and_neighbours(self):
        path = ROOT / "README.md"
        blocks = blocks_of(path)
        self.assertTrue(any(block.is_tested for block in blocks))
        self.assertTrue(any(block.language == "text" and block.adjoins for block in blocks))
        self.assertEqual(pathlib.Path(blocks[0].where.split(":")[0]).name, "README.md")


if __name__ == "__main__":
    unittest.main()
