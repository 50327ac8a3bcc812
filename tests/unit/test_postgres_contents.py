"""What a PostgreSQL backup says of its server: written, read again, and missing from backups of earlier versions."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drkit.engines.postgres.contents import Contents, Segment, TableContents, format_contents, parse_contents
from drkit.engines.postgres.digest import LargeObjects
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.engines.postgres.scratch.provision import estimate_room
from drkit.errors import UnknownFormat

CONTENTS = Contents(
    server_version=170011,
    dump_major=17,
    encoding="UTF8",
    level="full",
    tables=(TableContents("public", "t", ("n",), (Segment("dump", 10, 100, "ab" * 32),)),),
    sequences={("public", "s"): (5, True)},
    large_objects=LargeObjects(0, 0, "0" * 64),
    objects=(),
    extensions={"hstore": "1.8"},
    belongings={"hstore": (7, 9)},
    settings={"fsync": "on"},
    system="7000000000000000000",
    size=8_000_000,
)


def test_contents_are_read_as_they_were_written() -> None:
    assert parse_contents(format_contents(CONTENTS)) == CONTENTS


def test_contents_of_an_earlier_version_leave_unknown_what_they_do_not_tell() -> None:
    document = json.loads(format_contents(CONTENTS))
    for name in ("belongings", "settings", "system", "size"):
        del document[name]
    found = parse_contents(json.dumps(document).encode())
    assert found == replace(CONTENTS, belongings={}, settings={}, system=None, size=None)
    server = ScratchServer(str, 17, {"fsync": "off"}, None, "somewhere", datetime(2026, 11, 20, tzinfo=UTC))
    assert server.settings_that_differ(found.settings) == {"fsync": ("not known", "off")}


def test_a_member_that_is_not_known_is_ignored() -> None:
    document = json.loads(format_contents(CONTENTS)) | {"mood": "good"}
    assert parse_contents(json.dumps(document).encode()) == CONTENTS


def test_contents_of_another_form_are_not_taken_for_damaged() -> None:
    document = json.loads(format_contents(CONTENTS)) | {"form": 2}
    with pytest.raises(UnknownFormat, match="are of form 2"):
        parse_contents(json.dumps(document).encode())


def test_room_is_what_the_rows_can_grow_to_and_never_more_than_the_database_took() -> None:
    assert estimate_room(CONTENTS, 100) == 3 * (100 + 28 * 10)
    assert estimate_room(replace(CONTENTS, size=None), 100) == 3 * (100 + 28 * 10)
    assert estimate_room(replace(CONTENTS, size=500), 100) == 500
