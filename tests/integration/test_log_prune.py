"""Prune on a real physical source: chains and log go together, and what stays can still be restored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from drkit import catalog
from drkit.keyring import open_signers
from drkit.prune.removals import read_removals
from drkit.restore.reading import reading
from drkit.when import format_length
from postgres.programs import find_programs
from recovering import TICKS, arriving, await_covered, spans_of
from servers.physical import SOURCE, PhysicalSystem, physical_system


def programs() -> str:
    return f'programs = "{find_programs(17)}"\n'


@contextmanager
def captured(
    folder: Path, rounds: int, more: str = "", major: int | None = 17, **settings: str
) -> Iterator[PhysicalSystem]:
    """A base backup, and one more tick after it that its log holds, several times."""
    with physical_system(folder, major, programs() + more if major else more, **settings) as system:
        system.server.execute(TICKS)
        with system.following():
            for _ in range(rounds):
                system.drkit.ok("backup", "now")
                system.server.execute("INSERT INTO ticks DEFAULT VALUES", "SELECT pg_switch_wal()")
                await_covered(system)
        yield system


def test_bases_go_with_the_log_that_only_they_need_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    with captured(tmp_path, 4) as system:
        before = len(spans_of(system))
        [window] = system.drkit.json("backup", "list")["windows"]
        points = catalog.survey(system.store, SOURCE).points
        third = system.manifest(points[2].id).base
        assert third
        # the rule for points counts from the last one, and that for moments from what the log covers, which is later
        length = points[-1].consistent_at - points[2].consistent_at + timedelta(milliseconds=1)
        text = f'keep = {{ within = "{length.total_seconds():.6f}s", min_points = 0 }}'
        system.configure(programs() + text)
        shown = system.drkit.json("prune", "--dry-run")
        going = {each["id"] for each in shown["remove"]}
        assert points[0].id in going and going <= {point.id for point in points[:2]}
        assert f"log within {format_length(length)}" in str(shown["keep"])
        assert len(spans_of(system)) == before
        done = system.drkit.json("prune", "--yes")
        assert done["remove"] == shown["remove"]
        assert done["log"] == shown["log"]
        assert len(spans_of(system)) == before - done["log"][0]["objects"]
        [left] = system.drkit.json("backup", "list")["windows"]
        assert left["to"] == window["to"]
        assert left["from"] > window["from"]
        record = read_removals(
            system.store, SOURCE, open_signers(system.source.system), third.stopped_at - timedelta(days=1)
        ).records[-1]
        assert record.log
        assert record.log.objects == done["log"][0]["objects"]
        with arriving(system, third.stopped_at) as there:
            assert there.query("SELECT count(*) FROM ticks") == [(2,)]
        with arriving(system, None) as there:
            assert there.query("SELECT count(*) FROM ticks") == [(4,)]
        again = system.drkit.json("prune", "--yes")
        assert again["remove"] == []
        assert "log" not in again


def test_the_log_behind_a_base_that_is_being_restored_stays(tmp_path: Path) -> None:
    """Also where it is to be restored to a moment long after it."""
    with captured(tmp_path, 4) as system:
        oldest, second, *_ = (system.manifest(point.id) for point in catalog.survey(system.store, SOURCE).points)
        moment = second.consistent_at
        system.configure(programs() + 'keep = { within = "0.001s", min_points = 0 }')
        going = {each["id"] for each in system.drkit.json("prune", "--dry-run")["remove"]}
        assert {oldest.id, second.id} <= going
        with reading(system.store, [oldest]):
            shown = system.drkit.json("prune", "--yes")
            [kept] = [each for each in shown["keep"] if each["id"] == oldest.id]
            assert kept["rules"] == ["being restored"]
            assert second.id in {each["id"] for each in shown["remove"]}
            with arriving(system, moment) as there:
                assert there.planned.manifest.id == oldest.id
                assert there.query("SELECT count(*) FROM ticks") == [(1,)]
        done = system.drkit.json("prune", "--yes")
        assert [each["id"] for each in done["remove"]] == [oldest.id]
        assert done["log"]


def test_what_an_incremental_backup_needs_stays(tmp_path: Path) -> None:
    more = "incremental = true\n"
    with captured(tmp_path, 3, more, summarize_wal="on") as system:
        system.configure(programs() + more + "keep = { last = 1, min_points = 0 }")
        shown = system.drkit.json("prune", "--yes")
        assert shown["remove"] == []
        assert "is incremental to it" in str(shown["keep"])
        with arriving(system, None) as there:
            assert there.query("SELECT count(*) FROM ticks") == [(3,)]


def test_without_a_rule_nothing_of_the_log_goes(tmp_path: Path) -> None:
    with captured(tmp_path, 1, major=None) as system:
        before = spans_of(system)
        assert "log" not in system.drkit.json("prune", "--yes")
        assert spans_of(system) == before
