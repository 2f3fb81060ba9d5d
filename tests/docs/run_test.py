"""What the documents show is what happens: their blocks are run against a control plane of their own.

A block ```sh that begins with "# tested" is run; a block ```text right behind it is what must be among its output. A
block ```yaml passes `datamesh lint`; one with file=NAME is there under that name for the blocks that are run. Blocks of
one document are run in order, on a fresh control plane; a failing command ends the document.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from documents import ROOT, blocks_of, documents, shown

BINARY = pathlib.Path(os.environ.get("DATAMESH_BIN") or ROOT / "build" / "release" / "bin" / "datamesh").resolve()
COMMANDS = ("up", "apply", "get", "plan", "lint", "version", "completion")
START_SECONDS, STOP_SECONDS, BLOCK_SECONDS = 60, 60, 240


def search_path() -> str:
    """Where hack/install-deps puts kubectl, and the server programs of Debian, besides the usual."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.pathsep.join([str(BINARY.parent), os.environ.get("PATH", ""), os.path.join(cache, "datamesh", "bin"),
                            "/usr/sbin", "/usr/lib/postgresql/15/bin"])


class ControlPlane:
    """`datamesh up` in a directory of its own, until close()."""

    def __init__(self) -> None:
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="datamesh-docs-"))
        self.root.chmod(0o755)  # servers may run as another user
        self.data = self.root / "data"
        self.work = self.root / "work"
        self.work.mkdir()
        (self.work / "examples").symlink_to(ROOT / "examples")
        self.log = open(self.root / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [BINARY, "up", "--data-dir", self.data, "--port", "0", "--telemetry-port", "0"],
            stdout=self.log, stderr=self.log, env={**os.environ, "PATH": search_path()})
        try:
            self.endpoints = self.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def output(self) -> str:
        self.log.flush()
        self.log.seek(0)
        return self.log.read()[-4000:]

    def wait_until_ready(self) -> dict:
        deadline = time.monotonic() + START_SECONDS
        pause = 0.05
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"datamesh up ended with {self.process.returncode}:\n{self.output()}")
            try:
                endpoints = json.loads((self.data / "endpoints.json").read_text())
                with urllib.request.urlopen(endpoints["telemetry"] + "/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return endpoints
            except (FileNotFoundError, urllib.error.URLError, OSError):
                pass  # not yet
            time.sleep(pause)
        raise RuntimeError(f"datamesh up was not ready in {START_SECONDS} s:\n{self.output()}")

    def run(self, script: str) -> tuple[int, str]:
        environment = {**os.environ, "PATH": search_path(), "KUBECONFIG": self.endpoints["kubeconfig"],
                       "HOME": str(self.root), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
        ran = subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], cwd=self.work, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
        try:
            output, _ = ran.communicate(timeout=BLOCK_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(ran.pid, signal.SIGKILL)
            output, _ = ran.communicate()
            return -1, output + f"\nended after {BLOCK_SECONDS} s"
        return ran.returncode, output

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)


def runs() -> list[pathlib.Path]:
    return [path for path in documents() if any(block.is_tested for block in blocks_of(path))]


class Blocks(unittest.TestCase):
    maxDiff = None

    def datamesh(self, *arguments: str, stdin: str = "") -> tuple[int, str]:
        ran = subprocess.run([BINARY, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, timeout=60, check=False)
        return ran.returncode, ran.stdout

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
        plane = ControlPlane()
        try:
            blocks = blocks_of(path)
            for block, following in zip(blocks, [*blocks[1:], None]):
                if block.file:
                    (plane.work / block.file).write_text(block.text)
                if not block.is_tested:
                    continue
                variables = plane.root / "variables"  # of a block are there for those behind it
                code, output = plane.run(f"if [ -e {variables} ]; then . {variables}; fi\nset -a\n{block.text}\n"
                                         f"export -p >{variables}\n")
                context = f"{block.where}\n{block.text}--- output\n{output}--- control plane\n"
                self.assertEqual(code, 0, context + plane.output())
                if following is not None and following.language == "text" and following.adjoins:
                    missing = shown(following.text, output)
                    self.assertEqual(missing, "", f"not shown: {missing}\n{context}")
        finally:
            plane.close()


if __name__ == "__main__":
    unittest.main()
