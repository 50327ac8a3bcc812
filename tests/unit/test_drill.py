"""The order of a drill, and what it makes of all that can go wrong; a SQLite database and a folder stand for any."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drilling import HOUR, MINUTE, as_nobody, command, drill, found, make_drilled_system, outcomes, run, scratch_of
from drkit.catalog import folder_of, manifest_key
from drkit.engines.files import FilesEngine
from drkit.keyfiles import write_keys
from drkit.keyring import open_signing_key
from drkit.model import Manifest
from drkit.signing import sign_document
from drkit.stores.retrying import RetryPolicy
from drkit.stores.s3.opening import open_s3
from drkit.verify.drill import STORED_OBJECTS
from drkit.verify.model import Target
from drkit.verify.questions import Question
from drkit.verify.verdicts import judge_backup
from fault_system import BOOKS, DOCS, FaultSystem, utc_now
from patience import await_true
from processes import find_process
from servers.children import free_port
from servers.s3_server import S3Server


@pytest.fixture
def system(tmp_path: Path) -> FaultSystem:
    return make_drilled_system(tmp_path / "shop")


def objects(system: FaultSystem, manifest: Manifest) -> Path:
    return system.store_folder / folder_of(manifest.source, manifest.id)


@pytest.mark.parametrize("name", [DOCS, BOOKS])
def test_a_drill_says_what_it_restored_how_long_each_step_took_and_what_was_found(
    system: FaultSystem, name: str
) -> None:
    manifest = system.back_up(name)
    done = drill(system, name, rto=MINUTE, rpo=HOUR)
    assert (done.result, done.error, done.disposed) == ("passed", "", True)
    assert (done.backup, done.reached) == (manifest.id, manifest.consistent_at)
    assert set(outcomes(done).values()) == {"passed"}
    assert [phase for phase, _ in done.phases] == ["plan", "provision", "fetch_and_load", "check", "dispose"]
    assert done.rto.met and done.rpo.met
    spent = sum((timedelta(seconds=taken) for name, taken in done.phases if name != "dispose"), timedelta(0))
    assert done.rto.measured and done.rto.measured >= spent - timedelta(milliseconds=1)
    assert done.rpo.measured == done.started_at - manifest.consistent_at
    assert done.objects == tuple((piece.key, piece.sealed.sha256) for piece in manifest.pieces)
    assert (done.stored_bytes, done.restored_bytes) == (manifest.stored_bytes, manifest.plain_bytes)
    assert judge_backup(done) == "verified"


def flip_a_bit(folder: Path) -> None:
    for piece in folder.glob("*.age"):
        body = bytearray(piece.read_bytes())
        body[-40] ^= 1
        piece.write_bytes(body)


def cut(folder: Path) -> None:
    for piece in folder.glob("*.age"):
        piece.write_bytes(piece.read_bytes()[:-1])


def cut_to_nothing(folder: Path) -> None:
    next(folder.glob("*.age")).write_bytes(b"")


def lose(folder: Path) -> None:
    next(folder.glob("*.age")).unlink()


def swap_pieces(folder: Path) -> None:
    one, other = folder / "files.zst.age", folder / "index.zst.age"
    one.rename(folder / "kept")
    other.rename(one)
    (folder / "kept").rename(other)


def alter_the_manifest(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"plain_bytes": 2', '"plain_bytes": 3'))


@pytest.mark.parametrize("harm", [flip_a_bit, cut, cut_to_nothing, lose, swap_pieces, alter_the_manifest])
def test_damage_in_the_store_fails_the_drill_and_refutes_the_backup(
    system: FaultSystem, harm: Callable[[Path], None]
) -> None:
    manifest = system.back_up(DOCS)
    harm(objects(system, manifest))
    done = drill(system, DOCS, rto=MINUTE)
    assert (done.result, done.backup, done.reached) == ("failed", manifest.id, None)
    assert outcomes(done) == {STORED_OBJECTS: "failed"}
    assert folder_of(DOCS, manifest.id) in done.error
    assert done.rto.measured is None
    assert judge_backup(done) == "refuted"


def test_a_backup_by_another_signer_and_one_from_another_place_are_refuted(system: FaultSystem, tmp_path: Path) -> None:
    other = make_drilled_system(tmp_path / "other")
    forged = other.back_up(BOOKS)
    shutil.copytree(objects(other, forged), objects(system, forged))
    done = drill(system, BOOKS)
    assert (done.result, done.backup, outcomes(done)) == ("failed", forged.id, {STORED_OBJECTS: "failed"})
    assert judge_backup(done) == "refuted"
    honest = system.back_up(BOOKS)
    moved = system.store_folder / folder_of(BOOKS, honest.id.replace("-00000000", "-ffffffff"))
    shutil.copytree(objects(system, honest), moved)
    assert judge_backup(drill(system, BOOKS)) == "refuted"


def test_an_identity_that_opens_nothing_fails_the_drill_and_says_nothing_of_the_backup(
    system: FaultSystem, tmp_path: Path
) -> None:
    system.back_up(BOOKS)
    write_keys(tmp_path / "others")
    system.edit("file:../keys/identity", f"file:{tmp_path}/others/identity")
    done = drill(system, BOOKS)
    assert done.result == "failed"
    assert "database.zst.age" in done.error
    assert (done.checks, judge_backup(done)) == ((), None)


def test_a_backup_that_a_newer_drkit_wrote_fails_the_drill_and_is_not_refuted(system: FaultSystem) -> None:
    manifest = system.back_up(BOOKS)
    key = manifest_key(BOOKS, manifest.id)
    path = system.store_folder / key
    document = json.loads(path.read_bytes()) | {"drkit": 2}
    del document["signature"]
    path.chmod(0o644)
    path.write_bytes(sign_document(open_signing_key(system.source(BOOKS).system), key, document))
    done = drill(system, BOOKS)
    assert (done.result, done.backup, done.checks, judge_backup(done)) == ("failed", manifest.id, (), None)
    assert "written in format 2" in done.error


def test_a_schedule_that_names_another_kind_fails_the_drill_and_the_backup_is_not_refuted(system: FaultSystem) -> None:
    system.back_up(BOOKS)
    done = run(system, BOOKS, engine=system.source(DOCS).engine()).drill
    assert (done.result, done.checks, judge_backup(done)) == ("failed", (), None)
    assert "holds a source of kind sqlite, and shop/books is of kind files" in done.error


def test_a_promise_that_is_broken_fails_the_drill_and_the_backup_is_verified_all_the_same(system: FaultSystem) -> None:
    system.back_up(BOOKS)
    slow = drill(system, BOOKS, rto=timedelta(0), rpo=HOUR)
    assert (slow.result, slow.rto.met, slow.rpo.met) == ("failed", False, True)
    old = drill(system, BOOKS, rto=MINUTE, rpo=timedelta(0))
    assert (old.result, old.rto.met, old.rpo.met) == ("failed", True, False)
    assert judge_backup(slow) == judge_backup(old) == "verified"


def test_what_was_lost_is_the_time_from_the_point_to_the_moment_that_was_wanted(system: FaultSystem) -> None:
    began = utc_now() - 3 * HOUR
    system.back_up(DOCS, "0000000a", lambda: began, FilesEngine(system.folder / "docs", clock=lambda: began))
    system.back_up(DOCS)
    assert drill(system, DOCS, wanted=began + HOUR, rpo=HOUR).rpo.met
    assert not drill(system, DOCS, wanted=began + HOUR + timedelta.resolution, rpo=HOUR).rpo.met


@pytest.mark.parametrize("wanted", [None, utc_now() - HOUR])
def test_without_a_point_to_restore_the_drill_has_failed(system: FaultSystem, wanted: datetime | None) -> None:
    if wanted:
        system.back_up(DOCS)
    done = drill(system, DOCS, wanted=wanted, rpo=HOUR)
    assert (done.result, done.backup, done.rpo) == ("failed", None, Target(HOUR, None, False))
    assert "point" in done.error or "nothing of" in done.error


def test_a_store_that_does_not_answer_fails_the_drill(
    system: FaultSystem, use_server: Callable[[S3Server], None]
) -> None:
    nobody = S3Server(f"http://127.0.0.1:{free_port()}", "x", "x")
    use_server(nobody)
    done = drill(system, BOOKS, store=open_s3(nobody.url("bucket"), RetryPolicy(1)))
    assert (done.result, done.backup) == ("failed", None)
    assert "cannot be reached" in done.error


def test_a_check_of_ones_own_that_fails_refutes_and_nothing_was_measured(system: FaultSystem) -> None:
    system.back_up(BOOKS)
    questions = (Question("many", "select count(*) from orders", None, 51, MINUTE), command("true"), command("false"))
    done = drill(system, BOOKS, questions=questions, rto=MINUTE)
    assert (done.result, done.rto.measured, done.rto.met) == ("failed", None, None)
    assert (outcomes(done)["many"], found(done, "many")) == ("failed", "50")
    assert (outcomes(done)["true"], outcomes(done)["false"]) == ("passed", "failed")
    assert judge_backup(done) == "refuted"


def test_a_question_that_the_kind_cannot_answer_has_failed(system: FaultSystem) -> None:
    system.back_up(DOCS)
    done = drill(system, DOCS, questions=(Question("many", "select 1", None, True, MINUTE),))
    assert "SQL cannot be asked of it" in found(done, "many")
    assert done.result == "failed"


def test_the_time_runs_until_the_last_check_has_passed(system: FaultSystem) -> None:
    system.back_up(BOOKS)
    done = drill(system, BOOKS, questions=(command("sleep 0.2"),), rto=timedelta(seconds=0.2))
    assert (done.result, done.rto.met) == ("failed", False)


@pytest.fixture
def public() -> Iterator[Path]:
    with TemporaryDirectory(prefix="public-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_what_cannot_be_removed_is_told_beside_what_failed_before_and_the_next_drill_removes_it(public: Path) -> None:
    with as_nobody():
        system = make_drilled_system(public / "shop")
        system.back_up(BOOKS)
        scratch = scratch_of(system)
        closing = command(f"chmod 0555 {scratch}")
        done = run(system, BOOKS, questions=(closing,)).drill
        assert outcomes(done)[closing.name] == "passed"
        assert (done.result, done.disposed, judge_backup(done)) == ("failed", False, None)
        assert "holds restored data and cannot be removed" in done.error
        [left] = scratch.iterdir()
        assert str(left) in done.error
        scratch.chmod(0o700)
        assert drill(system, BOOKS).result == "passed"


def test_an_interrupt_outlives_a_failed_removal(public: Path) -> None:
    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with as_nobody():
            system = make_drilled_system(public / "shop")
            system.back_up(BOOKS)
            stopping = command(f"chmod 0555 {scratch_of(system)}; kill -USR1 $PPID; sleep 60")
            ended = run(system, BOOKS, questions=(stopping,))
            scratch_of(system).chmod(0o700)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert isinstance(ended.raised, KeyboardInterrupt)
    assert (ended.drill.result, ended.drill.disposed, judge_backup(ended.drill)) == ("aborted", False, None)
    assert "cannot be removed" in ended.drill.error
    assert ended.drill.error.endswith("stopped by KeyboardInterrupt")


def test_without_a_place_to_restore_to_the_drill_has_failed_and_says_nothing_of_the_backup(system: FaultSystem) -> None:
    manifest = system.back_up(BOOKS)
    scratch_of(system).rmdir()
    done = run(system, BOOKS).drill
    assert (done.result, done.backup, done.disposed, done.checks) == ("failed", manifest.id, True, ())
    assert f"{scratch_of(system)} cannot hold a scratch copy" in done.error
    assert judge_backup(done) is None


def test_a_secret_is_cut_out_of_errors_and_of_what_checks_found(system: FaultSystem) -> None:
    system.back_up(BOOKS)

    def redact(text: str) -> str:
        return text.replace("hunter2", "***")

    telling = (Question("tell", "select 'hunter2'", None, "x", MINUTE), Question("err", "hunter2", None, True, MINUTE))
    done = drill(system, BOOKS, questions=telling, redact=redact)
    assert found(done, "tell") == "***"
    assert "***" in found(done, "err") and "hunter2" not in str(done)
    system.edit("../scratch", "../hunter2")
    assert "/***" in run(system, BOOKS, redact=redact).drill.error


def test_what_a_check_leaves_running_ends_with_the_drill(system: FaultSystem) -> None:
    system.back_up(BOOKS)
    leaving = command(f"sleep 600 & echo $! > {system.folder}/pid")
    done = drill(system, BOOKS, questions=(leaving,))
    assert done.result == "passed"
    left = int((system.folder / "pid").read_text())
    await_true(lambda: not find_process(left))
