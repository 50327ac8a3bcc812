"""Documents that name tests as `file.py::test_name`: which those are, and the rows of their tables."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
Named = tuple[str, str]


def named_in(text: str) -> list[Named]:
    """Each once, as its file below `tests/` and its name."""
    return sorted(set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", text)))


def is_there(test: Named) -> bool:
    file, name = test
    return bool(re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE))


def rows_of(text: str) -> list[list[str]]:
    """The cells of every row of every table, without the heads."""
    lines = text.splitlines()
    heads = {number - 1 for number, line in enumerate(lines) if re.fullmatch(r"\|[-|]+\|", line)}
    rows = [line for number, line in enumerate(lines) if line.startswith("| ") and number not in heads]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
