"""A hot standby of a test server: a real one, made by pg_basebackup."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from postgres.programs import as_server_user, give_to_server
from servers.children import free_port
from servers.postgres import PostgresServer


@contextmanager
def standby_of(primary: PostgresServer, folder: Path) -> Iterator[PostgresServer]:
    with TemporaryDirectory(prefix="drkit-standby-") as home:
        Path(home).chmod(0o711)
        data = Path(home, "data")
        data.mkdir(0o700)
        give_to_server(data)
        command = [
            str(primary.bin / "pg_basebackup"),
            "-R",
            "--checkpoint=fast",
            "--no-sync",
            "-D",
            str(data),
            "-d",
            primary.dsn(),
        ]
        done = subprocess.run(as_server_user(command), capture_output=True, env=primary.environment(), timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        port = free_port()
        with (data / "postgresql.conf").open("a") as config:
            config.write(f"port = {port}\nunix_socket_directories = '{home}'\nhot_standby_feedback = on\n")
        give_to_server(Path(home))
        standby = PostgresServer(
            primary.host,
            port,
            primary.password,
            primary.bin,
            primary.major,
            data=data,
            socket=Path(home),
            log=folder / f"standby-{port}.log",
        )
        try:
            standby.start()
            yield standby
        finally:
            standby.stop("immediate")


def catch_up(primary: PostgresServer, standby: PostgresServer) -> bool:
    """Whether the standby shows all that the primary has committed so far."""
    [(position,)] = primary.query("SELECT pg_current_wal_lsn()::text")
    return standby.query("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]) == [(True,)]
