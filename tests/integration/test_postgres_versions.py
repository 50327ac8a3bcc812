"""Points of the hard database on every major of PostgreSQL: restored into the same one and into newer ones."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from drkit.errors import CaptureError, NotRestorable, UsageError
from postgres.compare import describe, describe_database, differences
from postgres.extension import offer_extension
from postgres.hard import build_hard, hash_partitions_by_enum
from postgres.programs import MAJORS, find_programs
from postgres_vault import Point, capture, compare, restore
from servers.postgres import PostgresServer, postgres_server

Start = Callable[[int | None], PostgresServer]
Take = Callable[[int | None], Point]
NEWER = [*pairwise(MAJORS), (MAJORS[0], MAJORS[-1])]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """One server of each major, or of this machine's own PostgreSQL, which has ICU."""
    with ExitStack() as stack:

        @cache
        def start_one(major: int | None) -> PostgresServer:
            server = stack.enter_context(postgres_server(tmp_path_factory.mktemp(f"postgres-{major}"), major))
            offer_extension(server)
            return server

        yield start_one


@pytest.fixture(scope="module")
def take(start: Start) -> Take:
    """The hard database of that server, captured."""

    @cache
    def take_one(major: int | None) -> Point:
        server = start(major)
        hash_partitions_by_enum(build_hard(server))
        return capture(server.dsn("hard"), server.bin)

    return take_one


@pytest.mark.parametrize("major", [None, *MAJORS])
def test_the_hard_database_comes_back_whole_and_is_found_equal(start: Start, take: Take, major: int | None) -> None:
    server, point = start(major), take(major)
    restored = restore(point, server.dsn("same"), server.bin)
    assert (restored.notes, restored.verified) == ((), True)
    before, after = describe(server.dsn("hard"), server.bin), describe(server.dsn("same"), server.bin)
    assert differences(before, after) == []
    assert belongings(server, "same") == belongings(server, "hard")


def belongings(server: PostgresServer, database: str) -> dict[str, object]:
    """Rights in any order, and without how many may connect, which is not captured."""
    found = dict(describe_database(server.dsn(database))["database"]["database"])
    del found["datconnlimit"]
    return found | {"acl": sorted(found["acl"].strip("{}").split(","))}


@pytest.mark.parametrize(("old", "new"), NEWER)
def test_a_point_of_an_older_major_comes_back_whole_on_a_newer_one(
    start: Start, take: Take, old: int, new: int
) -> None:
    source, target, point = start(old), start(new), take(old)
    name = f"from {old}"
    there = [f"role {role}: " for (role,) in target.query("SELECT rolname FROM pg_roles")]
    restored = restore(point, target.dsn(name), target.bin)
    assert restored.verified
    assert all(note.startswith("extension ") for note in restored.notes)
    found = differences(describe(source.dsn("hard"), target.bin), describe(target.dsn(name), target.bin))
    # a newer server tells views in other words, and has newer versions of extensions
    # and a role that is there already is not altered
    allowed = [*there, "schema VIEW ", "schema MATERIALIZED VIEW ", "extension "]
    if old == 14:  # since 15 the schema public belongs to the database's owner, and nobody else may create in it
        allowed += ["schema SCHEMA -.public, ", "schema ACL -.SCHEMA public, "]
    assert [each for each in found if not each.startswith(tuple(allowed))] == []
    assert compare(point, target.dsn(name), target.bin).differences == ()


def test_an_older_server_is_refused_before_anything_starts(start: Start, take: Take) -> None:
    with pytest.raises(UsageError, match=r"is PostgreSQL 14, and the backup is of 15"):
        restore(take(15), start(14).dsn("too old"), start(15).bin)
    assert start(14).query("SELECT datname FROM pg_database WHERE datname LIKE 'too old%'") == []


def test_programs_older_than_the_server_are_refused_before_anything_starts(start: Start, take: Take) -> None:
    with pytest.raises(CaptureError, match=r"PostgreSQL 15, and pg_dump of that version or newer is not here"):
        capture(start(15).dsn("hard"), find_programs(14))
    point = take(14)
    with pytest.raises(NotRestorable, match=r"PostgreSQL 15, and pg_dump of that version or newer is not here"):
        restore(point, start(15).dsn("by old programs"), find_programs(14))
    assert start(15).query("SELECT datname FROM pg_database WHERE datname LIKE 'by old%'") == []


def test_one_of_the_programs_newer_than_the_server_does_as_well(start: Start, tmp_path: Path) -> None:
    server = start(14)
    server.create("small")
    server.execute("CREATE TABLE t (n integer); INSERT INTO t VALUES (1)", database="small")
    point = capture(server.dsn("small"), find_programs(18))
    assert restore(point, server.dsn("small again"), find_programs(18)).verified
    assert server.query("SELECT n FROM t", database="small again") == [(1,)]


def test_what_a_newer_pg_restore_is_refused_by_an_older_server_still_ends_the_restore(start: Start) -> None:
    server = start(14)
    server.create("has bloom")
    server.execute("CREATE EXTENSION bloom", database="has bloom")
    point = capture(server.dsn("has bloom"), find_programs(18))
    server.create("other bloom")
    # taken by something that an emptiness does not look at: pg_restore meets it
    server.execute("CREATE ACCESS METHOD bloom TYPE INDEX HANDLER bthandler", database="other bloom")
    with pytest.raises(NotRestorable, match=r'access method "bloom" already exists'):
        restore(point, server.dsn("other bloom"), find_programs(18))
