"""The script that restores a PostgreSQL point without drkit, run where there is no drkit."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drkit.age import format_identity
from drkit.engines.postgres.division import Sizes
from drkit.model import Piece
from drkit.stores.local import LocalStore
from drkit.stores.shell import read_command
from postgres.compare import describe, describe_database, differences
from postgres.hard import build_hard, hash_partitions_by_enum, latin1_database
from postgres_vault import Point, capture, compare, engine, new_keys
from servers.postgres import PostgresServer, postgres_server

HEAD = ("set -euo pipefail", "umask 077")
NAME = 'by "hand"\n\t= it\'s'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Its roles may be changed: nobody else sees it."""
    with postgres_server(tmp_path_factory.mktemp("by-hand")) as started:
        yield started


def run_script(
    point: Point, server: PostgresServer, folder: Path, target: str, **instead: str
) -> subprocess.CompletedProcess[str]:
    """`instead` are commands that give other pieces than those in the store."""
    identity = folder / "identity"
    identity.write_text(format_identity(point.keys.keyring.identities[0]))

    def fetch(piece: Piece) -> str:
        opened = f'{read_command(folder.as_uri(), piece.key)} | age -d -i "$IDENTITY" | zstd -d'
        return instead.get(piece.name, opened)

    script = folder / "restore.sh"
    script.write_text("\n".join((*HEAD, *engine(server.bin).by_hand(point.manifest, fetch, server.dsn(target)))))
    environment = {
        "PATH": f"{server.bin}:/usr/bin:/bin",
        "IDENTITY": str(identity),
        "PGPASSWORD": server.password,
        "TMPDIR": str(folder),
    }
    command = ["/bin/bash", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_hard_database_comes_back_whole_by_hand(server: PostgresServer, tmp_path: Path) -> None:
    source = build_hard(server)
    hash_partitions_by_enum(source)
    point = capture(source, server.bin, LocalStore(tmp_path), new_keys())
    done = run_script(point, server, tmp_path, NAME)
    assert done.returncode == 0, done.stderr
    restored = server.dsn(NAME)
    assert differences(describe(source, server.bin), describe(restored, server.bin)) == []
    settings = [describe_database(dsn)["database"]["database"]["settings"] for dsn in (source, restored)]
    assert settings[0] == settings[1]
    assert compare(point, restored, server.bin).differences == ()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp.")] == []


def test_a_latin1_database_comes_back_whole_by_hand(server: PostgresServer, tmp_path: Path) -> None:
    source = latin1_database(server)
    point = capture(source, server.bin, LocalStore(tmp_path), new_keys(), sizes=Sizes(smallest=1))
    done = run_script(point, server, tmp_path, "Größe")
    assert done.returncode == 0, done.stderr
    assert differences(describe(source, server.bin), describe(server.dsn("Größe"), server.bin)) == []


def test_a_script_runs_no_command_of_psql_that_somebody_hid_in_the_steps(
    server: PostgresServer, tmp_path: Path
) -> None:
    server.create("plain")
    point = capture(server.dsn("plain"), server.bin, LocalStore(tmp_path), new_keys())
    (tmp_path / "forged").write_text(f"role\t\\! touch {tmp_path}/owned\n")
    done = run_script(point, server, tmp_path, "forged", steps=f"cat {tmp_path}/forged")
    assert done.returncode != 0
    assert "was not written by drkit" in done.stderr
    assert not (tmp_path / "owned").exists()


def test_a_script_ends_at_the_first_piece_that_cannot_be_opened(server: PostgresServer, tmp_path: Path) -> None:
    server.create("plain too")
    point = capture(server.dsn("plain too"), server.bin, LocalStore(tmp_path), new_keys())
    done = run_script(point, server, tmp_path, "cut", dump="false")
    assert done.returncode != 0
    assert "restored into" not in done.stderr
