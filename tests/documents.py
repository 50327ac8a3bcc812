"""The documents as a reader has them: their blocks of code, what is marked above each, and their headings and links.

Blocks are of a language. `sh` is typed by the page's own test, in the order of the page; `shell` is not, and a comment
above it says which test runs the same, or why none can.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = "<!-- Written by scripts/make-reference"
_FENCE = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>[^\n]+) -->\n *)?```(?P<language>\w*)\n(?P<lines>.*?)^ *```$", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    mark: str | None
    lines: str


def find_documents() -> list[str]:
    """All but those that are written by a script from the code."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in paths if GENERATED not in path.read_text())


def blocks_of(document: str) -> list[Block]:
    found = _FENCE.finditer((ROOT / document).read_text())
    return [
        Block(each["language"], each["mark"], re.sub(f"^{each['indent']}", "", each["lines"], flags=re.M))
        for each in found
    ]


def anchors_of(document: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
    titles = [
        re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", each.lower()) for each in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    ]
    return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in titles} | set(
        re.findall(r'<a id="([^"]+)">', text)
    )


def links_of(document: str) -> Iterator[str]:
    text = re.sub(r"^ *```.*?^ *```", "", (ROOT / document).read_text(), flags=re.M | re.S)
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text))
