"""What the documents show is what happens: their blocks are run against a control plane of their own.

A block ```sh that begins with "# tested" is run; a block ```text right behind it is what must be among its output. A
block ```yaml passes `datamesh lint`; one with file=NAME is there under that name for the blocks that are run. Blocks of
one document are run in order, on a fresh control plane; a failing command ends the document.
"""

import pathlib
import sys
import unittest

from documents import ROOT, blocks_of, documents, shown

sys.path.insert(0, str(ROOT / "hack" / "lib"))
import processes  # noqa: E402
from lab import Lab  # noqa: E402

COMMANDS = ("up", "apply", "get", "plan", "lint", "version", "completion")
BLOCK_SECONDS = 300


class ControlPlane(Lab):
    """A mesh of its own for one document, and a folder for its blocks to run in."""

    def __init__(self) -> None:
        super().__init__()
        self.work = self.root / "work"
        self.work.mkdir()
        (self.work / "examples").symlink_to(ROOT / "examples")

    def run_block(self, script: str) -> tuple[int, str]:
        ran = processes.run("bash", "-euo", "pipefail", "-c", f"exec 2>&1 </dev/null\n{script}", cwd=self.work,
                            env=self.environment(), seconds=BLOCK_SECONDS)
        return ran.returncode, ran.stdout


def runs() -> list[pathlib.Path]:
    return [path for path in documents() if any(block.is_tested for block in blocks_of(path))]


class Blocks(unittest.TestCase):
    maxDiff = None

    def datamesh(self, *arguments: str, stdin: str = "") -> tuple[int, str]:
        ran = processes.run(processes.BINARY, *arguments, stdin=stdin)
        return ran.returncode, ran.stdout + ran.stderr

    def test_every_command_has_help(self):
        for command in COMMANDS:
            with self.subTest(command):
                code, output = self.datamesh(command, "--help")
                self.assertEqual(code, 0, output)
                self.assertIn("--help", output)

    def test_yaml_passes_lint(self):
        checked = 0
        for block in (block for path in documents() for block in blocks_of(path) if block.language == "yaml"):
            with self.subTest(block.where):
                code, output = self.datamesh("lint", "-f", "-", stdin=block.text)
                self.assertEqual(code, 0, output)
                checked += 1
        self.assertGreater(checked, 0)

    def test_documents_do_what_they_show(self):
        self.assertGreater(len(runs()), 0)
        for path in runs():
            with self.subTest(path.relative_to(ROOT).as_posix()):
                self.run_document(path)

    def run_document(self, path: pathlib.Path) -> None:
        with ControlPlane() as plane:
            blocks = blocks_of(path)
            for block, following in zip(blocks, [*blocks[1:], None]):
                if block.file:
                    (plane.work / block.file).write_text(block.text)
                if not block.is_tested:
                    continue
                variables = plane.root / "variables"  # of a block are there for those behind it
                code, output = plane.run_block(f"if [ -e {variables} ]; then . {variables}; fi\nset -a\n{block.text}\n"
                                               f"export -p >{variables}\n")
                context = f"{block.where}\n{block.text}--- output\n{output}--- control plane\n"
                self.assertEqual(code, 0, context + plane.log())
                if following is not None and following.language == "text" and following.adjoins:
                    missing = shown(following.text, output)
                    self.assertEqual(missing, "", f"not shown: {missing}\n{context}")


if __name__ == "__main__":
    unittest.main()
