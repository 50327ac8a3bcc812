"""Writes every page anew. A test compares them."""

from reference.pages import FOLDER, PAGES

FOLDER.mkdir(exist_ok=True)
for name, draw in PAGES.items():
    (FOLDER / name).write_text(draw())
