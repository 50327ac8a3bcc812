"""PostgreSQL servers for tests: throw-away ones of any version here, or the one that the environment names."""

import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict

from patience import await_true
from postgres.cluster import install_certificate, make_cluster, reachable_programs
from postgres.programs import (
    as_server_user,
    client_programs,
    find_programs,
    give_to_server,
    local_programs,
    major_of,
    program_environment,
)
from processes import find_process, kill, living
from servers.certificates import Certificates
from servers.children import free_port, running, wait_until

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "shared_buffers": "128MB",
    "max_connections": "60",
    # what a killed server leaves behind lies in its own folder
    "dynamic_shared_memory_type": "mmap",
}
_STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


@dataclass(frozen=True)
class NamedServer:
    """A server that is there, wherever it runs. `bin` holds programs that fit it."""

    host: str
    port: int
    password: str = field(repr=False)
    bin: Path
    major: int
    superuser: str = "postgres"
    options: Mapping[str, str] = field(default_factory=dict)

    def dsn(self, database: str = "postgres", user: str | None = None, **options: str) -> str:
        """As a URL. `password`, `host` and `port` may be among the options; every other one is libpq's."""
        given = {"password": self.password, "host": self.host, "port": str(self.port), **self.options, **options}
        password, host, port = (quote(given.pop(name), safe="") for name in ("password", "host", "port"))
        rest = f"?{urlencode(given, quote_via=quote)}" if given else ""
        who = quote(user or self.superuser, safe="")
        return f"postgresql://{who}:{password}@{host}:{port}/{quote(database, safe='')}{rest}"

    def query(
        self, statement: LiteralString, parameters: Any = None, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            return connection.execute(statement, parameters).fetchall()

    @contextmanager
    def asking(self) -> Iterator[Callable[[LiteralString], list[tuple[Any, ...]]]]:
        """For who asks again and again: all over one connection."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            yield lambda statement: connection.execute(statement).fetchall()

    def execute(self, *statements: LiteralString, database: str = "postgres") -> None:
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def create(self, database: str, options: LiteralString = "") -> str:
        """A new database, as a DSN."""
        statement = sql.SQL("CREATE DATABASE {} " + options).format(sql.Identifier(database))
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(statement)
        return self.dsn(database)

    def environment(self, **variables: str) -> dict[str, str]:
        """For the programs in `bin`: their libraries, and the superuser's password."""
        return program_environment(self.bin, PGPASSWORD=self.password, **variables)


@dataclass(frozen=True)
class PostgresServer(NamedServer):
    """A server of our own. Start and stop it from the thread that outlives it: the kernel ends it with that thread."""

    data: Path = Path()
    socket: Path = Path()
    log: Path = Path()
    clock: Mapping[str, str] = field(default_factory=dict)
    _life: ExitStack = field(default_factory=ExitStack, repr=False)
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    @property
    def pid(self) -> int:
        return self._children[-1].pid

    def start(self) -> None:
        # the clock after the change of users: what its library shares between processes is the first user's alone
        clock = ["env", *(f"{name}={value}" for name, value in self.clock.items())] if self.clock else []
        command = as_server_user([*clock, str(self.bin / "postgres"), "-D", str(self.data)])
        child = self._life.enter_context(running(command, self.log, program_environment(self.bin)))
        self._children.append(child)
        where = f"host=127.0.0.1 port={self.port}".encode()
        wait_until(lambda: pq.PGconn.ping(where) == pq.Ping.OK, child, self.log)

    def stop(self, mode: str = "fast") -> None:
        child = self._children[-1]
        if child.poll() is None:
            child.send_signal(_STOPS[mode])
            child.wait(60)
        self._life.close()

    def crash(self) -> None:
        """All its processes are killed at once, as by a loss of power; what the kernel had taken is still there."""
        family = [process for process in living() if self.pid in (process.pid, process.parent)]
        kill(family)
        self._life.close()
        await_true(lambda: not any(find_process(process.pid) for process in family), told=lambda: family)


@contextmanager
def postgres_server(
    folder: Path,
    major: int | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    tls: Certificates | None = None,
    clock: Mapping[str, str] | None = None,
) -> Iterator[PostgresServer]:
    """A new server, with its log in `folder`; `major` None is this machine's own PostgreSQL.

    It listens on 127.0.0.1 and on a socket, and wants a password (SCRAM) on both. `clock` is the environment of one
    that a test sets, in a file that everybody may read.
    """
    # pytest's folders are closed to the server's user, and too deep for a socket's path
    with TemporaryDirectory(prefix="drkit-postgres-") as home:
        Path(home).chmod(0o711)
        programs, data, socket = (
            reachable_programs(find_programs(major), Path(home)),
            Path(home, "data"),
            Path(home, "socket"),
        )
        for path in (data, socket):
            path.mkdir(0o700)
            give_to_server(path)
        port, password = free_port(), secrets.token_urlsafe(12)
        make_cluster(programs, data, Path(home, "password"), password)
        chosen = _SETTINGS | {"port": str(port), "unix_socket_directories": str(socket)}
        if tls:
            chosen |= install_certificate(tls, data)
        with (data / "postgresql.conf").open("a") as config:
            config.writelines(f"{name} = '{value}'\n" for name, value in (chosen | dict(settings or {})).items())
        log = folder / f"postgres-{port}.log"
        server = PostgresServer(
            "127.0.0.1",
            port,
            password,
            programs,
            major_of(programs),
            data=data,
            socket=socket,
            log=log,
            clock=clock or {},
        )
        try:
            server.start()
            yield server
        finally:
            server.stop("immediate")


@contextmanager
def any_server(folder: Path, environment: Mapping[str, str] = os.environ) -> Iterator[NamedServer]:
    """DRKIT_TEST_POSTGRES_DSN's server (its user must be a superuser), this machine's own, or one in a container."""
    if named := environment.get("DRKIT_TEST_POSTGRES_DSN"):
        yield _described(named)
    elif local_programs():
        with postgres_server(folder) as server:
            yield server
    else:
        # imported here: it costs half a second, and is needed where nothing else is
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer("postgres:17", driver=None) as container:
            yield _described(container.get_connection_url())


def _described(dsn: str) -> NamedServer:
    known = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    with psycopg.connect(dsn) as connection:
        major, user = connection.info.server_version // 10_000, connection.info.user
        host, port, password = (known.pop(name, "") for name in ("host", "port", "password"))
    for name in ("user", "dbname"):
        known.pop(name, None)
    return NamedServer(host or "127.0.0.1", int(port or 5432), password, client_programs(major), major, user, known)
