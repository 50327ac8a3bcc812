"""What the front documents say, and how long they may be."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from drkit.config import load_system
from drkit.errors import DrkitError

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def exit_codes(error: type[DrkitError]) -> Iterator[int]:
    yield error.exit_code
    for each in error.__subclasses__():
        yield from exit_codes(each)


def test_every_exit_code_is_in_the_readme() -> None:
    line = next(line for line in README.splitlines() if line.startswith("Exit codes:"))
    named = {int(number) for number in re.findall(r"\b(\d+) ", line)}
    assert named == {0, 130, *exit_codes(DrkitError)}


@pytest.mark.parametrize("file", sorted((ROOT / "schedules").glob("*.toml")), ids=lambda file: file.stem)
def test_every_schedule_that_ships_loads_as_it_is(file) -> None:
    assert load_system(file).name == file.stem


def test_architecture_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [path for path in (ROOT / "src/drkit").iterdir() if not path.name.startswith("__")]
    assert [room.name for room in rooms if room.stem not in text] == []


def test_architecture_fits_two_pages() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 130


def test_the_first_twenty_lines_of_the_readme_say_what_it_is_and_proves_and_show_the_commands_and_the_report() -> None:
    first = "\n".join(README.splitlines()[:20])
    for part in ("# drkit", "proven by restoring them", "proves", "make demo", "make test", "](docs/report.png)"):
        assert part in first
    assert [line for line in README.splitlines()[:20] if len(line) > 220] == []
