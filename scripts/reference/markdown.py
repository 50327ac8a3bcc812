"""What a page is made of, in Markdown: the text at its head, and tables."""

from collections.abc import Iterable, Sequence
from pathlib import Path

_HEADS = Path(__file__).parent / "heads"


def head_of(page: str) -> str:
    return (_HEADS / page).read_text() + "\n"


def draw_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(_escape, line))} |\n" for line in lines)


def _escape(cell: str) -> str:
    return cell.replace("|", r"\|")


def code(text: str) -> str:
    return f"`{text}`"
