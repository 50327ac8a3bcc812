"""What cannot be restored is refused, with the windows that are there; and what was tampered with is never used."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cli_runner import drkit_in
from drkit import catalog
from drkit.when import format_moment
from postgres_system import error_in
from recovering import TICKS, await_covered, short_folder, spans_of
from servers.physical import SOURCE, PhysicalSystem, physical_system


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhysicalSystem]:
    """Two bases, and log before, between and after them."""
    with physical_system(tmp_path_factory.mktemp("refusals")) as system:
        system.server.execute(TICKS)
        with system.following():
            for _ in range(2):
                system.drkit.ok("backup", "now")
                for _ in range(3):
                    system.server.execute("INSERT INTO ticks DEFAULT VALUES", "SELECT pg_switch_wal()")
                    await_covered(system)
            system.server.execute("INSERT INTO ticks DEFAULT VALUES")
            await_covered(system)
        yield system


@pytest.fixture
def system(captured: PhysicalSystem) -> Iterator[PhysicalSystem]:
    """A copy, to do harm to."""
    with short_folder() as folder:
        home = shutil.copytree(captured.folder, folder / "system")
        home.chmod(0o711)
        drkit = drkit_in(home, DATABASE_URL="host=nowhere")
        copy = PhysicalSystem(home, captured.server, drkit, f"file://{home}/store")
        copy.configure()
        yield copy


SEGMENT = 16 << 20


def windows(system: PhysicalSystem) -> list[tuple[str, str]]:
    return [(each["from"], each["to"]) for each in system.drkit.json("backup", "list")["windows"]]


def refused(system: PhysicalSystem, at: str, *words: str) -> None:
    done = system.drkit("restore", "--at", at, "--to", str(system.folder / "restored"))
    assert done.code == 6, done
    told = error_in(done.err)
    for word in words:
        assert word in told
    assert not list(system.folder.glob("restored*"))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def shifted(text: str, seconds: float) -> str:
    return format_moment(moment(text) + timedelta(seconds=seconds))


def test_a_moment_before_the_first_base_had_ended_is_refused_with_the_window(system: PhysicalSystem) -> None:
    [(start, end)] = windows(system)
    first = catalog.survey(system.store, SOURCE).points[0]
    refused(system, shifted(start, -0.000001), "reaches back", start, end)
    refused(system, format_moment(first.consistent_at), "reaches back", start, end)
    assert system.drkit("restore", "--at", start, "--dry-run").code == 0


def test_a_moment_in_the_future_is_refused_with_the_window(system: PhysicalSystem) -> None:
    [(start, end)] = windows(system)
    refused(system, shifted(end, 86_400), "in the future", start, end)


def test_a_moment_in_a_gap_is_refused_with_the_windows_on_both_sides(system: PhysicalSystem) -> None:
    [(start, end)] = windows(system)
    one, two = (system.manifest(point.id).base for point in catalog.survey(system.store, SOURCE).points)
    assert one
    assert two
    between = [span for span in system.log().spans if one.stop <= span.start and span.end <= two.start - SEGMENT]
    gap = max((span for span in between if span.size), key=lambda span: (span.size, span.start))
    for span in system.log().spans:
        if span.start < gap.end and span.end > gap.start:
            (system.folder / "store" / catalog.span_key(SOURCE, span)).unlink()
    [(first, before), (after, last)] = windows(system)
    assert (first, last) == (start, end)
    assert moment(before) < moment(after)
    refused(system, shifted(after, -0.001), "holds", first, before, after, last)
    status = system.drkit("status", "--json").document["sources"][0]
    assert [(each["from"], each["to"]) for each in status["windows"]] == [(first, before), (after, last)]
    assert [(each["from"], each["to"]) for each in status["gaps"]] == [(before, after)]
    for at in (before, after):
        assert system.drkit("restore", "--at", at, "--dry-run").code == 0


def test_a_base_whose_log_is_not_there_yet_is_no_point_to_restore(system: PhysicalSystem) -> None:
    for path in spans_of(system):
        path.unlink()
    assert windows(system) == []
    refused(system, "latest", "the store lacks the log that it needs", system.manifest().id)
    done = system.drkit("status", "--json")
    assert done.code == 8


def test_log_of_another_server_is_none_for_this_one(system: PhysicalSystem) -> None:
    folder = system.folder / "store" / SOURCE / "log"
    [own] = folder.iterdir()
    own.rename(folder / "7000000000000000001")
    refused(system, "latest", "the store lacks the log that it needs")


def test_names_that_nobody_gave_and_positions_that_nobody_has_are_refused(system: PhysicalSystem) -> None:
    refused(system, "name:never made", "the restore point 'never made' is not in the log")
    refused(system, "xid:4000000000", "the transaction 4000000000 is not in the log")
    refused(system, "lsn:FF/0", "no log of shop/main holds the position FF/0")
    for text in ("lsn:what", "xid:many", "xid:1"):
        assert system.drkit("restore", "--at", text, "--to", "x").code == 2


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flip_a_base(system: PhysicalSystem) -> None:
    _flip(system.folder / "store" / next(p.key for p in system.manifest().pieces if p.name == "base-00000"))


def flip_the_servers_manifest(system: PhysicalSystem) -> None:
    _flip(system.folder / "store" / next(p.key for p in system.manifest().pieces if p.name == "manifest"))


def flip_the_log(system: PhysicalSystem) -> None:
    base = system.manifest().base
    assert base
    for span in system.log().spans:
        if span.end > base.start:
            _flip(system.folder / "store" / catalog.span_key(SOURCE, span))


def swap_spans(system: PhysicalSystem) -> None:
    """Genuine objects in the wrong places."""
    base = system.manifest().base
    assert base
    keys = [catalog.span_key(SOURCE, span) for span in system.log().spans if span.end > base.start and span.size]
    other = [catalog.span_key(SOURCE, span) for span in system.log().spans if span.end <= base.start and span.size]
    content = (system.folder / "store" / other[0]).read_bytes()
    for key in keys:
        (system.folder / "store" / key).write_bytes(content)


@pytest.mark.parametrize("harm", [flip_a_base, flip_the_servers_manifest, flip_the_log, swap_spans])
@pytest.mark.parametrize("how", [["--start"], []])
def test_what_was_tampered_with_is_refused_and_nothing_of_it_stays(
    system: PhysicalSystem, harm: Callable[[PhysicalSystem], None], how: list[str]
) -> None:
    harm(system)
    target = system.folder / "restored"
    done = system.drkit("restore", "--to", str(target), "--at", windows(system)[-1][1], *how)
    assert done.code == 7, done
    assert not list(system.folder.glob("restored.drkit*"))
    if harm not in (flip_the_log, swap_spans) or not how:
        assert not target.exists()


def test_a_newer_manifest_that_was_tampered_with_is_passed_over_and_told(system: PhysicalSystem) -> None:
    newest = system.manifest().id
    path = system.folder / "store" / SOURCE / "backups" / newest / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"timeline": 1', b'"timeline": 2'))
    done = system.drkit("restore", "--dry-run", "--json")
    assert done.code == 0
    assert done.document["backup"] < newest
    assert newest in "".join(line["message"] for line in done.lines if line["level"] == "warning")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--swap"], 2),
        (["--table", "x"], 2),
        (["--owner", "x"], 2),
        (["--database", "x"], 2),
        (["--tablespace", "nonsense"], 2),
        (["--tablespace", "/nowhere=relative"], 2),
        (["--tablespace", "/nowhere=/srv/x"], 2),
    ],
)
def test_wishes_that_mean_nothing_for_a_folder_are_refused(system: PhysicalSystem, words: list[str], code: int) -> None:
    assert system.drkit("restore", "--to", str(system.folder / "restored"), *words).code == code
    assert not list(system.folder.glob("restored*"))


def test_whoever_means_a_database_by_its_plain_name_is_told_how_to_name_it(system: PhysicalSystem) -> None:
    done = system.drkit("restore", "--to", "postgres", "--swap")
    assert (done.code, "--to postgresql://" in done.errors[-1]["hint"]) == (2, True)


def test_a_folder_that_is_not_empty_is_left_alone(system: PhysicalSystem) -> None:
    target = system.folder / "restored"
    target.mkdir()
    (target / "mine").write_text("mine")
    assert system.drkit("restore", "--to", str(target)).code == 2
    assert [path.name for path in target.iterdir()] == ["mine"]
