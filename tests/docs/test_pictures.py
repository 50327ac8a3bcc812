"""The pictures show the pages as they are drawn today."""

import pytest

from pictures import FOLDER, PICTURES, hash_of, shown_in


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_the_page_that_is_drawn_today(name: str) -> None:
    picture = PICTURES[name]
    page, size = shown_in(FOLDER / name)
    assert page == hash_of(picture.draw()), "run scripts/draw-pictures"
    assert size == (picture.width, picture.height)


def test_every_picture_of_the_documents_is_one_that_a_script_draws() -> None:
    assert {path.name for path in FOLDER.rglob("*.png")} == set(PICTURES)
