"""The states a SQLite file can be found in, and the refusals that name what is wrong with it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from drkit.engines.sqlite import SqliteEngine
from drkit.errors import CaptureError
from sqlite_shop import dump, last_order, make_shop, unbalanced_orders
from sqlite_vault import Vault, capture, child_at, listing, restore, run_child, utc_now

CRASH = """
shop = apsw.Connection(sys.argv[1])
shop.execute("PRAGMA cache_size = 5; BEGIN")
shop.execute("UPDATE items SET price = price + 1; UPDATE orders SET total = -1")
if sys.argv[2] == "committed":
    shop.execute("COMMIT")
os.kill(os.getpid(), signal.SIGKILL)
"""
HOLD = """
shop = apsw.Connection(sys.argv[1])
shop.execute(sys.argv[2]).fetchall()
wait_here("held")
"""
WAIT = """
print("waiting", flush=True)
capture(SqliteEngine(Path(sys.argv[1]), clock=utc_now))
print("captured", flush=True)
"""
CAPTURE_UNPRIVILEGED = """
drop_privileges()
engine = SqliteEngine(Path(sys.argv[1]), spool=Path(sys.argv[2]), clock=utc_now)
try:
    vault = capture(engine)
except DrkitError as error:
    print(error)
else:
    sys.stdout.flush()
    Path(sys.argv[2], "piece.db").write_bytes(b"".join(vault.kept["database"]))
    print(*vault.captured.notes, sep="; ")
"""


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A folder that an unprivileged child can reach, with a `spool` that it can write to."""
    folder = Path(tempfile.mkdtemp(prefix="sqlite-traps-"))
    (folder / "data").mkdir()
    (folder / "spool").mkdir()
    folder.chmod(0o755)
    (folder / "spool").chmod(0o777)
    yield folder
    (folder / "data").chmod(0o755)
    shutil.rmtree(folder)


def crash(shop: Path, how: str) -> None:
    with pytest.raises(AssertionError):
        run_child(CRASH, shop, how)


def freeze(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


def refusal(engine: SqliteEngine) -> CaptureError:
    vault = Vault()
    with pytest.raises(CaptureError) as caught:
        engine.capture(vault.begin)
    assert vault.kept == {}
    assert caught.value.exit_code == 4
    return caught.value


def refusal_before_begin(engine: SqliteEngine) -> CaptureError:
    vault = Vault()
    with pytest.raises(CaptureError) as caught:
        engine.capture(vault.begin)
    assert vault.begun == []
    return caught.value


@pytest.mark.parametrize(
    "holding",
    [
        "PRAGMA journal_mode = delete; BEGIN EXCLUSIVE",
        "PRAGMA locking_mode = exclusive; PRAGMA journal_mode = wal; BEGIN; DELETE FROM items",
    ],
)
def test_a_source_locked_for_good_is_refused_when_patience_ends(tmp_path: Path, holding: str) -> None:
    shop = make_shop(tmp_path / "shop.db", "delete")
    engine = SqliteEngine(shop, lock_timeout=timedelta(seconds=0.1), clock=utc_now)
    with child_at("held", HOLD, shop, holding):
        error = refusal_before_begin(engine)
        findings = list(engine.check())
    assert f"{shop} is locked by another process since 20" in str(error)
    assert "fuser" in error.hint
    assert [(finding.check, finding.passed) for finding in findings][1] == ("journal", False)


def test_a_capture_waits_for_a_lock_that_is_let_go(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "delete")
    with child_at("held", HOLD, shop, "BEGIN EXCLUSIVE") as holder, child_at("waiting", WAIT, shop) as waiting:
        holder.kill()
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "captured\n"


def test_an_interrupt_ends_the_wait_for_a_lock(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "delete")
    code = """
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    capture(SqliteEngine(Path(sys.argv[1]), clock=utc_now))
except KeyboardInterrupt:
    print("interrupted")
"""
    with child_at("held", HOLD, shop, "BEGIN EXCLUSIVE"):
        assert run_child(code, shop) == "interrupted\n"


def test_a_journal_left_by_a_crash_is_rolled_back_in_the_copy_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    shop = make_shop(folder / "shop.db", "delete", orders=3000)
    before = dump(shop)
    crash(shop, "in mid transaction")
    left = listing(folder)
    assert "shop.db-journal" in left
    engine = SqliteEngine(shop, clock=utc_now)
    findings = list(engine.check())
    vault = capture(engine)
    assert listing(folder) == left
    restore(engine, vault, tmp_path / "back.db")
    assert dump(tmp_path / "back.db") == before
    assert vault.captured is not None
    assert "was left in mid transaction by a crash" in vault.captured.notes[0]
    assert "rollback journal of a transaction that a crash cut off" in findings[1].detail


@pytest.mark.parametrize("how", ["committed", "in mid transaction"])
@pytest.mark.parametrize("shm", ["with -shm", "without -shm"])
def test_a_log_left_by_a_crash_is_in_the_copy_as_far_as_it_was_committed(tmp_path: Path, how: str, shm: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    shop = make_shop(folder / "shop.db", "wal", orders=3000)
    crash(shop, how)
    if shm == "without -shm":
        (folder / "shop.db-shm").unlink()
    left = listing(folder)
    assert len(left["shop.db-wal"]) > 0
    engine = SqliteEngine(shop, clock=utc_now)
    restore(engine, capture(engine), tmp_path / "back.db")
    assert listing(folder) == left
    assert last_order(tmp_path / "back.db") == 3000
    assert len(unbalanced_orders(tmp_path / "back.db")) == (3000 if how == "committed" else 0)


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
@pytest.mark.parametrize("state", ["at rest", "crashed", "crashed and -shm lost"])
def test_a_source_in_a_folder_that_may_only_be_read_is_captured(anywhere: Path, journal_mode: str, state: str) -> None:
    folder, piece = anywhere / "data", anywhere / "spool" / "piece.db"
    shop = make_shop(folder / "shop.db", journal_mode, orders=3000)
    before = dump(shop)
    if state.startswith("crashed"):
        crash(shop, "in mid transaction")
    if state.endswith("lost"):
        (folder / "shop.db-shm").unlink(missing_ok=True)
    freeze(folder)
    left = listing(folder)
    said = run_child(CAPTURE_UNPRIVILEGED, shop, anywhere / "spool")
    assert ("was left in mid transaction by a crash" in said) == (
        state.startswith("crashed") and journal_mode == "delete"
    )
    assert listing(folder) == left
    assert dump(piece) == before


def test_a_live_log_in_a_folder_that_may_only_be_read_is_captured(anywhere: Path) -> None:
    folder, piece = anywhere / "data", anywhere / "spool" / "piece.db"
    shop = make_shop(folder / "shop.db", "wal")
    with child_at("held", HOLD, shop, "DELETE FROM items WHERE order_id = 7"):
        freeze(folder)
        left = listing(folder)
        assert run_child(CAPTURE_UNPRIVILEGED, shop, anywhere / "spool") == "\n"
        assert listing(folder) == left
    assert unbalanced_orders(piece) == [7]


def test_a_source_that_may_not_be_read_is_refused_by_name(anywhere: Path) -> None:
    shop = make_shop(anywhere / "data" / "shop.db")
    shop.chmod(0o000)
    assert run_child(CAPTURE_UNPRIVILEGED, shop, anywhere / "spool") == f"{shop} may not be read by this user\n"
    (anywhere / "data").chmod(0o000)
    said = run_child(CAPTURE_UNPRIVILEGED, shop, anywhere / "spool")
    assert said == f"{shop} cannot be reached: Permission denied\n"


def test_a_spool_that_may_not_be_written_is_refused_by_name(anywhere: Path) -> None:
    shop = make_shop(anywhere / "data" / "shop.db")
    (anywhere / "spool").chmod(0o555)
    said = run_child(CAPTURE_UNPRIVILEGED, shop, anywhere / "spool")
    assert said == f"{anywhere}/spool cannot hold a temporary copy: Permission denied\n"


def test_what_is_no_database_is_refused_by_name_with_what_to_do(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("SQLite format 2, or so it says\n" * 100)
    short = tmp_path / "short"
    short.write_bytes(b"SQL")
    os.mkfifo(tmp_path / "pipe")
    expected = {
        text: "is not a SQLite database",
        short: "is not a SQLite database",
        tmp_path: "is a folder, not a SQLite database",
        tmp_path / "gone.db": "does not exist",
        text / "below.db": "cannot be reached: Not a directory",
        tmp_path / "pipe": "is not a regular file",
    }
    for path, message in expected.items():
        engine = SqliteEngine(path, clock=utc_now)
        error = refusal_before_begin(engine)
        assert str(error) == f"{path} {message}"
        assert error.hint
        assert [(finding.passed, finding.detail) for finding in engine.check()] == [(False, str(error))]
    assert 'kind = "files"' in refusal_before_begin(SqliteEngine(text, clock=utc_now)).hint


def test_a_loop_of_links_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.db").symlink_to(tmp_path / "b.db")
    (tmp_path / "b.db").symlink_to(tmp_path / "a.db")
    error = refusal_before_begin(SqliteEngine(tmp_path / "a.db", clock=utc_now))
    assert str(error) == f"{tmp_path}/a.db cannot be reached: Too many levels of symbolic links"


def overwrite(path: Path, offset: int, body: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(body)


def test_a_database_cut_short_is_refused_as_damaged(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "delete", orders=3000)
    os.truncate(shop, shop.stat().st_size // 2)
    error = refusal_before_begin(SqliteEngine(shop, clock=utc_now))
    assert f"{shop} is damaged: " in str(error)
    assert "recover" in error.hint


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_damaged_page_is_found_while_the_copy_is_handed_over_and_nothing_is_kept(
    tmp_path: Path, journal_mode: str
) -> None:
    shop = make_shop(tmp_path / "shop.db", journal_mode, orders=3000)
    overwrite(shop, 4096 * 20, b"\xff" * 4096)
    error = refusal(SqliteEngine(shop, clock=utc_now))
    assert str(error).startswith(f"{shop} is damaged: ")


def test_a_database_captured_with_integrity_off_comes_back_as_it_is(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal", orders=3000)
    overwrite(shop, 4096 * 20, b"\xff" * 4096)
    engine = SqliteEngine(shop, integrity="off", clock=utc_now)
    vault = capture(engine)
    restore(engine, vault, tmp_path / "back.db")
    assert (tmp_path / "back.db").read_bytes() == shop.read_bytes()
    assert vault.captured and vault.captured.notes == ("not checked: integrity is off",)


def swap_two_indexes(path: Path) -> None:
    """Leaves two sound trees, each with the other's entries, which no look at single pages can tell."""
    with closing(apsw.Connection(str(path))) as database:
        database.execute("CREATE INDEX by_total ON orders (total); CREATE INDEX by_time ON orders (written_at)")
        database.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        ((one,), (two,)) = database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name IN ('by_total', 'by_time') ORDER BY name"
        ).fetchall()
        database.execute("PRAGMA writable_schema = on")
        database.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = 'by_time'", (two,))
        database.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = 'by_total'", (one,))


def test_a_wrong_index_is_found_by_the_full_check_and_not_by_the_quick_one(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "delete")
    swap_two_indexes(shop)
    vault = capture(SqliteEngine(shop, integrity="quick", clock=utc_now))
    assert vault.captured is not None
    assert vault.captured.notes == ()
    error = refusal(SqliteEngine(shop, integrity="full", clock=utc_now))
    assert f"{shop} is damaged: row 1 missing from index" in str(error)


def test_a_database_that_needs_its_application_to_be_checked_is_captured_with_a_note(tmp_path: Path) -> None:
    source = tmp_path / "source.db"
    with closing(apsw.Connection(str(source))) as application:
        application.create_collation("backwards", lambda one, two: (one < two) - (one > two))
        application.execute("CREATE TABLE t (a COLLATE backwards PRIMARY KEY); INSERT INTO t VALUES ('a'), ('b')")
    engine = SqliteEngine(source, integrity="full", clock=utc_now)
    vault = capture(engine)
    assert vault.captured is not None
    (note,) = vault.captured.notes
    assert (
        note
        == "not checked: integrity_check cannot run without the application (no such collation sequence: backwards)"
    )


def test_rows_that_break_a_constraint_of_the_application_do_not_stop_a_backup(tmp_path: Path) -> None:
    source = tmp_path / "source.db"
    with closing(apsw.Connection(str(source))) as database:
        database.execute("CREATE TABLE t (a CHECK (a > 0)); PRAGMA ignore_check_constraints = on")
        database.execute("INSERT INTO t VALUES (-1)")
    vault = capture(SqliteEngine(source, clock=utc_now))
    assert vault.captured is not None
    assert vault.captured.notes == ()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_no_room_for_the_copy_is_told_before_it_is_begun(tmp_path: Path, journal_mode: str) -> None:
    source = tmp_path / "huge.db"
    with closing(apsw.Connection(str(source))) as database:
        database.execute(
            f"PRAGMA page_size = 65536; PRAGMA journal_mode = {journal_mode}; CREATE TABLE t (a)"
        ).fetchall()
    pages = 2 * shutil.disk_usage(tmp_path).free // 65536
    overwrite(source, 28, pages.to_bytes(4, "big"))
    os.truncate(source, pages * 65536)  # a hole, which takes no room
    engine = SqliteEngine(source, spool=tmp_path, clock=utc_now)
    error = refusal_before_begin(engine)
    assert f"There is no room for a temporary copy of {source}: it takes {pages * 65536} bytes" in str(error)
    assert "TMPDIR" in error.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["huge.db"]
    assert [(finding.check, finding.passed) for finding in engine.check()][2] == ("room for the copy", False)


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_copy_that_the_disk_will_not_take_is_refused_by_name(tmp_path: Path, journal_mode: str) -> None:
    shop = make_shop(tmp_path / "shop.db", journal_mode, orders=3000)
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (40960, 40960))
try:
    capture(SqliteEngine(Path(sys.argv[1]), spool=Path(sys.argv[2]), clock=utc_now))
except DrkitError as error:
    print(error)
"""
    spool = tmp_path / "spool"
    spool.mkdir()
    assert f"{shop} could not be copied into {spool}" in run_child(code, shop, spool)
    assert list(spool.iterdir()) == []


def test_a_missing_spool_is_a_finding_and_a_refusal(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db")
    engine = SqliteEngine(shop, spool=tmp_path / "nowhere", clock=utc_now)
    message = f"{tmp_path}/nowhere cannot hold a temporary copy: No such file or directory"
    assert str(refusal_before_begin(engine)) == message
    assert [finding.detail for finding in engine.check() if not finding.passed] == [message]
