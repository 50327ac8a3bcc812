"""Sizes and tables as people read them."""

import re
from collections.abc import Sequence

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def format_size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is seen in them: colours take no room."""
    widths = [max(_seen(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell + " " * (width - _seen(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )


def _seen(text: str) -> int:
    return len(_COLOR.sub("", text))
