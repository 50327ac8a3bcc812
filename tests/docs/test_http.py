"""What docs/HTTP.md says is served is served, and what is served stands in it."""

import re
from pathlib import Path

import pytest

from drkit.daemon.http import make_app
from drkit.daemon.page import describe_state
from status_states import NOW, troubled

TEXT = (Path(__file__).parents[2] / "docs/HTTP.md").read_text()


def test_every_path_is_in_the_table_and_no_other() -> None:
    told = re.findall(r"^\| `(/[^`]*)` \|", TEXT, re.MULTILINE)
    assert sorted(told) == sorted(route.path for route in make_app(troubled, lambda: NOW, lambda *_: "").routes)


@pytest.mark.parametrize("part", ["sources", "systems", "running", "ended", "next", "troubles"])
def test_every_key_of_the_json_is_told_of(part: str) -> None:
    told = describe_state(troubled(), NOW)
    line = next(line for line in TEXT.splitlines() if line.startswith("| `") and f"`{part}`" in line.split("|")[1])
    assert {key for each in told[part] for key in each} - set(re.findall(r"`(\w+)`", line)) == set()


def test_every_member_of_the_json_is_told_of() -> None:
    assert [key for key in describe_state(troubled(), NOW) if f"`{key}`" not in TEXT] == []
