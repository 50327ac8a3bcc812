import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli_runner import Drkit, drkit_in
from patience import PATIENCE, await_true
from processes import living, session_of


def _zeros(database: Path) -> tuple[int, int]:
    """How many orders there are, and how many the careless UPDATE has ruined."""
    with closing(sqlite3.connect(database)) as connection:
        return tuple(connection.execute("select count(*), coalesce(sum(total = 0), 0) from orders").fetchone())


def test_the_demo_ruins_a_shop_and_restores_it_equal_row_by_row(tmp_path: Path) -> None:
    drkit = drkit_in(tmp_path / "anywhere", DRKIT_CONFIG=str(tmp_path / "of-the-user"))
    told = drkit.json("demo", "--kind", "sqlite")
    folder = drkit.folder / told["folder"]
    restored, restored_zeros = _zeros(folder / "shop-restored.db")
    ruined, ruined_zeros = _zeros(folder / "shop.db")
    assert (told["equal"], told["differing"], restored_zeros) == (restored, 0, 0)
    assert restored > 0
    assert 0 < ruined_zeros < ruined
    assert told["reached"] <= told["ruined_at"]
    assert sorted(path.name for path in drkit.folder.iterdir()) == [told["folder"]]


def test_the_demo_shows_the_commands_it_types_and_what_to_do_next(tmp_path: Path) -> None:
    drkit = drkit_in(tmp_path / "anywhere")
    out = drkit.ok("demo", "here", "--kind", "sqlite").out
    for command in ("init --name shop", "backup now", "restore shop --at"):
        assert f"  $ drkit {command}" in out
    assert "equal row by row, 0 differ." in out
    assert "cd here" in out
    again = drkit("demo", "here", "--kind", "sqlite")
    assert again.code == 2
    assert "here exists already" in again.errors[0]["message"]


def _server(line: str) -> Path:
    """The folder of the demo's server, as it shows in the connection string."""
    found = re.search(r"host=(\S+)/socket", line)
    assert found, line
    return Path(found[1])


def _is_gone(server: Path) -> bool:
    """The folder, and whoever stood in it."""
    return not server.exists() and not any(process.stands_in(server) for process in living())


def _await_empty(session: int) -> None:
    """What was just being started when the signal came ends by itself."""
    await_true(lambda: not session_of(session))


@pytest.fixture
def drkit(tmp_path: Path) -> Drkit:
    return drkit_in(tmp_path / "anywhere")


def test_where_postgresql_is_the_demo_restores_a_database_and_leaves_no_server(drkit: Drkit) -> None:
    out = drkit.ok("demo", PGHOST="nowhere.example", PGSERVICE="nowhere", DATABASE_URL="postgresql://elsewhere/x").out
    assert "shop=# update orders" in out
    assert "equal row by row, 0 differ." in out
    assert _is_gone(_server(out))
    assert [path.name for path in drkit.folder.iterdir()] == ["drkit-demo"]
    assert list(Path(drkit.environment["TMPDIR"]).iterdir()) == []


def test_a_folder_that_was_named_keeps_the_backups_of_the_demo_with_postgresql(drkit: Drkit) -> None:
    told = drkit.json("demo", "here", "--kind", "postgres")
    assert (told["kind"], told["folder"], told["differing"]) == ("postgres", "here", 0)
    assert told["equal"] > 0
    assert told["reached"] <= told["ruined_at"]
    points = drkit.json("backup", "list", "--config", "here/schedules")["points"]
    assert [bool(point["verified_at"]) for point in points] == [True, False, False, False]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_demo_ends_with_a_restore_test_and_a_report_that_it_names(drkit: Drkit, kind: str) -> None:
    out = drkit.ok("demo", "here", "--kind", kind).out
    assert "database-failure passed" in out
    report = drkit.folder / "here/report.html"
    assert str(report) in out
    assert "<!doctype html>" in report.read_text().lower()
    assert drkit("evidence", "verify", "all", "--config", "here/schedules").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_server_and_no_folder(drkit: Drkit, number: signal.Signals) -> None:
    with drkit.running("demo", "--kind", "postgres") as child:
        assert child.stdout is not None
        seen = ""
        while "$ drkit backup now" not in (line := child.stdout.readline()):
            assert line, child.communicate()
            seen += line
        child.send_signal(number)
        assert child.wait(PATIENCE) == 130
        _await_empty(child.pid)
    assert _is_gone(_server(seen))
    assert list(Path(drkit.environment["TMPDIR"]).iterdir()) == []


def test_a_shop_ends_when_its_demo_was_killed(drkit: Drkit) -> None:
    with drkit.running("demo", "--kind", "sqlite") as child:
        assert child.stdout is not None
        while "$ drkit backup now" not in (line := child.stdout.readline()):
            assert line, child.communicate()
        child.kill()
        child.wait()
        _await_empty(child.pid)


def test_there_is_no_demo_of_another_kind(drkit: Drkit) -> None:
    done = drkit("demo", "--kind", "oracle")
    assert (done.code, "oracle" in done.errors[0]["message"]) == (2, True)
    assert list(drkit.folder.iterdir()) == []
