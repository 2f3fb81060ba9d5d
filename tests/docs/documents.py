"""The documents of this repository, taken apart."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^```([^`]*)$")


@dataclasses.dataclass
class Block:
    """One fenced block."""

    path: pathlib.Path
    line: int  # of its first line of text
    info: str  # what stands behind the fence: "sh", "yaml file=forecast.yaml", ""
    text: str
    adjoins: bool  # nothing but blank lines between it and the block before

    @property
    def language(self) -> str:
        return self.info.split(" ")[0]

    @property
    def file(self) -> str:
        """The name that its text is to be kept under; empty: none."""
        return next((word.removeprefix("file=") for word in self.info.split(" ") if word.startswith("file=")), "")

    @property
    def is_tested(self) -> bool:
        return self.language == "sh" and self.text.startswith("# tested\n")

    @property
    def where(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def documents() -> list[pathlib.Path]:
    paths = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    paths += sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "drivers").glob("*/README.md"))
    return [path for path in paths if path.exists()]


def blocks_of(path: pathlib.Path) -> list[Block]:
    blocks: list[Block] = []
    current: Block | None = None
    adjoins = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = FENCE.match(line.strip())
        if current is None and fence:
            current = Block(path, number + 1, fence[1].strip(), "", adjoins)
        elif current is not None and fence and not fence[1]:
            blocks.append(current)
            current, adjoins = None, True
        elif current is not None:
            current.text += line + "\n"
        elif line.strip():
            adjoins = False
    if current is not None:
        raise ValueError(f"{current.where}: the block does not end")
    return blocks


def shown(expected: str, output: str) -> str:
    """The first line of `expected` that `output` does not have, in order; empty: it has them all.

    Blanks count as one. "..." stands for anything.
    """
    lines = [" ".join(line.split()) for line in output.splitlines()]
    at = 0
    for wanted in (" ".join(line.split()) for line in expected.splitlines()):
        if not wanted:
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("...")))
        while at < len(lines) and not pattern.fullmatch(lines[at]):
            at += 1
        if at == len(lines):
            return wanted
        at += 1
    return ""
