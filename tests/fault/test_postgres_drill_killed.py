"""kill -9 of a drill on PostgreSQL, in every phase: once the next has run no server, folder or database is left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drkit.config import load_system
from drkit.keyring import open_signers
from drkit.stores.local import LocalStore
from drkit.verify.chain import check_chain
from drkit.verify.ledger import read_store
from patience import await_true
from postgres.cluster import reachable_programs
from postgres.programs import find_programs
from postgres_system import System, fill, make_system
from processes import living
from servers.postgres import PostgresServer, postgres_server

MAIN = "shop/main"
OWN_DATABASES = 3  # of every new server


@pytest.fixture
def place() -> Iterator[Path]:
    """Whom the server runs as can reach it."""
    with TemporaryDirectory(prefix="place-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("source")) as server:
        fill(server.create("shop"))
        yield server


def captured(folder: Path, source: PostgresServer, place: Path, scratch: str) -> System:
    system = make_system(folder / "shop", source, "shop", f'scratch = "{scratch}"')
    system.configure(f'scratch = "{scratch}"', reachable_programs(find_programs(source.major), place))
    assert system.back_up().code == 0
    return system


@contextmanager
def drilling(system: System, **environment: str) -> Iterator[None]:
    """Killed when the block is left."""
    with system.drkit.running("verify", "now", **environment) as child:
        yield
        child.kill()
        child.wait()


def next_drill_is_clean(system: System, **environment: str) -> None:
    done = system.drkit("verify", "now", "--json", **environment)
    assert done.code == 0, done
    (drill,) = done.document["drills"]
    assert drill["passed"] and drill["disposed"]
    signers = open_signers(load_system(system.folder / "schedules" / "shop.toml"))
    stored = read_store(LocalStore(system.folder / "store"), MAIN)
    assert [each for each in check_chain(stored, signers) if not each.passed] == []


def serving(place: Path) -> list[int]:
    listed = [(process.pid, process.words) for process in living()]
    return [pid for pid, words in listed if "-D" in words and str(place) in " ".join(words)]


def databases(place: Path) -> int:
    return len([folder for folder in place.glob("drkit-scratch-*/data/base/*") if folder.name.isdigit()])


PHASES: dict[str, Callable[[Path], bool]] = {
    "provision: initdb": lambda place: bool(list(place.glob("drkit-scratch-*/data/PG_VERSION"))),
    "provision: the server": lambda place: bool(list(place.glob("drkit-scratch-*/socket/.s.PGSQL.5432"))),
    "restore: the database": lambda place: databases(place) > OWN_DATABASES,
    "check: the user's own": lambda place: (place / "asked").exists(),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_drill_leaves_no_server_and_no_folder_once_the_next_has_run(
    phase: str, tmp_path: Path, source: PostgresServer, place: Path
) -> None:
    scratch = place / "scratch"
    scratch.mkdir(0o777)
    scratch.chmod(0o777)
    system = captured(tmp_path, source, place, str(scratch))
    asked, calm = place / "asked", place / "calm"
    with (system.folder / "schedules" / "shop.toml").open("a") as schedule:
        waits = f"test -e {calm} || (touch {asked}; touch {scratch}/asked; sleep 30)"
        schedule.write(f'[[sources.main.checks]]\nname = "waits"\ncommand = "{waits}"\n')
    with drilling(system):
        await_true(lambda: PHASES[phase](scratch))
    calm.touch()
    (scratch / "asked").unlink(missing_ok=True)
    next_drill_is_clean(system)
    assert list(scratch.iterdir()) == []
    await_true(lambda: serving(scratch) == [])


@pytest.mark.parametrize("phase", ["while it loads", "while a check runs"])
def test_a_killed_drill_leaves_no_database_on_a_lent_server_once_the_next_has_run(
    phase: str, tmp_path: Path, source: PostgresServer, place: Path
) -> None:
    with postgres_server(tmp_path) as lent:
        variables = {"SCRATCH_URL": lent.dsn("postgres")}
        system = captured(tmp_path, source, place, "env:SCRATCH_URL")
        asked, calm = place / "asked", place / "calm"
        with (system.folder / "schedules" / "shop.toml").open("a") as schedule:
            waits = f"test -e {calm} || (touch {asked}; sleep 30)"
            schedule.write(f'[[sources.main.checks]]\nname = "waits"\ncommand = "{waits}"\n')

        def ours() -> list[str]:
            names = lent.query("SELECT datname FROM pg_database WHERE datname LIKE 'drkit_scratch_%'")
            return [name for (name,) in names]

        with drilling(system, **variables):
            await_true(lambda: len(ours()) > 1 if phase == "while it loads" else asked.exists())
        assert ours() != []
        calm.touch()
        await_true(lambda: not lent.query("SELECT FROM pg_stat_activity WHERE datname LIKE 'drkit_scratch_%'"))
        next_drill_is_clean(system, **variables)
        assert ours() == []
