"""Transcripts that a change must not alter unnoticed. DRKIT_REWRITE_GOLDEN=1 writes them anew, for a person to read."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def compare(name: str, text: str) -> None:
    file = FOLDER / f"{name}.txt"
    if os.environ.get("DRKIT_REWRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text(), f"{file.name} says otherwise; DRKIT_REWRITE_GOLDEN=1 writes it anew"
