"""One database on one server, and how this process and its children reach it.

A password goes to libpq or into the environment of one child; it never stands in arguments, logs or errors.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.refusals import explain_connecting, explain_pooler, explain_statement, redact
from drkit.errors import CaptureError, DrkitError

# What a value looks like as text must not depend on who asks: fingerprints are taken of that text.
PINNED = {
    "array_nulls": "on",
    "bytea_output": "hex",
    "datestyle": "ISO, YMD",
    "extra_float_digits": "3",
    "intervalstyle": "postgres",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "search_path": "",
    "standard_conforming_strings": "on",
    "timezone": "UTC",
    "xmloption": "content",
    "synchronize_seqscans": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "row_security": "off",
}
_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")
_TIMEOUT = "15"
# A network that goes silent is found out within a minute or two; by the system's own values it takes two hours.
_LIVELY = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "6", "tcp_user_timeout": "90000"}
# A pooler keeps it from the server, or refuses it. The number of the backend tells less: Neon's proxy changes that too.
_MARK = "drkit.session"
_INHERITED = ("PATH", "HOME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
# These would lead a child to another machine than the DSN does.
_MISLEADING = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE")
# Two of these beat PGOPTIONS, and so what is pinned; the encoding is the caller's to choose.
_UNPINNING = {"PGTZ", "PGDATESTYLE", "PGCLIENTENCODING"}


@dataclass(frozen=True, slots=True)
class Server:
    """`dsn` may hold a password, so it is never shown. What goes wrong on the way raises `failure`."""

    dsn: str = field(repr=False)
    failure: type[DrkitError] = CaptureError
    pinned: Mapping[str, str] = field(default_factory=PINNED.copy, repr=False, hash=False)

    def __str__(self) -> str:
        known = self._known()
        hosts = (known.get("host") or known.get("hostaddr") or "the local socket").split(",")
        ports = known["port"].split(",")
        pairs = zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=False)
        return f"{','.join(f'{host}:{port}' for host, port in pairs)}/{self.name}"

    @property
    def name(self) -> str:
        """The database's, as libpq settles it."""
        known = self._known()
        return known.get("dbname") or known.get("user") or "postgres"

    @property
    def restoring(self) -> dict[str, str]:
        """Settings for the sessions of a restore. Its last commit is a synchronous one, and with it all before it are
        on the disk. Beside a server on our own machine its jobs are as many as there are processors."""
        nearby = all(host.startswith("/") or host in _LOOPBACK for host in self._hosts())
        return {"synchronous_commit": "off", **({"max_parallel_maintenance_workers": "0"} if nearby else {})}

    def database(self, name: str) -> "Server":
        return replace(self, dsn=make_conninfo(self.dsn, dbname=name))

    @contextmanager
    def session(self, *, client_encoding: str = "UTF8", **settings: str) -> Iterator[psycopg.Connection]:
        """An autocommit connection to the database itself, never to a pooler, with the pinned settings."""
        pinned = {**self.pinned, **settings}
        fixed = {
            **self._liveliness(),
            "application_name": "drkit",
            "client_encoding": client_encoding,
            "connect_timeout": self._known().get("connect_timeout") or _TIMEOUT,
            "options": self._options(pinned | {_MARK: "direct"}),
        }
        if any("-pooler." in host or host.endswith(".pooler.supabase.com") for host in self._hosts()):
            raise explain_pooler(str(self), self.failure)
        if self._names_its_host:
            fixed["hostaddr"] = ""  # or PGHOSTADDR would lead to another machine
        try:
            connection = psycopg.connect(make_conninfo(self.dsn, **fixed), autocommit=True)
        except psycopg.Error as error:
            raise explain_connecting(str(self), str(error), self.redact(str(error)), self.failure) from None
        try:
            with closing(connection):  # `with connection` would tell of its rollback on stderr if the line is cut
                self._settle(connection, pinned)
                yield connection
        except psycopg.Error as error:
            if not error.sqlstate and not isinstance(error, psycopg.OperationalError):
                raise  # psycopg was used wrongly, and no server said a word
            raise explain_statement(str(self), error, self.redact(str(error)), self.failure) from error

    def replicating(self, name: str) -> str:
        """A DSN for the replication protocol; `name` is what the server calls the one who asks. Nothing is pinned, as
        no value is ever seen."""
        fixed = {**self._liveliness(), "application_name": name, "replication": "true", "client_encoding": "UTF8"}
        if self._names_its_host:
            fixed["hostaddr"] = ""
        return make_conninfo(self.dsn, **fixed)

    def arguments(self) -> list[str]:
        """For a child's command line: the database, and what libpq reads from no variable."""
        told = {each.keyword.decode(): each.val.decode() for each in self._parsed() if each.val and not each.envvar}
        return ["--dbname", make_conninfo(**{**self._liveliness(), **told, "dbname": self.name})]

    def environment(self, programs: Programs, *, client_encoding: str | None = None, **settings: str) -> dict[str, str]:
        """All that one child gets: libpq's own variables say where and as whom, so that no argument has to.

        Without `client_encoding` the server takes the database's own, if no setting of the role says otherwise.
        """
        inherited = {name: value for name, value in os.environ.items() if _is_inherited(name)}
        given = {each.envvar.decode(): each.val.decode() for each in self._parsed() if each.envvar and each.val}
        given.pop("PGCLIENTENCODING", None)
        if self._names_its_host:
            for name in _MISLEADING:
                inherited.pop(name, None)
        fixed = {
            "LC_ALL": "C",  # the words of programs are looked at
            "PGAPPNAME": "drkit",
            "PGOPTIONS": self._options({**self.pinned, **settings}),
        }
        encoding = {"PGCLIENTENCODING": client_encoding} if client_encoding else {}
        return {"PGCONNECT_TIMEOUT": _TIMEOUT} | inherited | programs.environment | given | encoding | fixed

    def _liveliness(self) -> dict[str, str]:
        """Where the DSN says nothing else."""
        told = conninfo_to_dict(self.dsn)
        return {name: value for name, value in _LIVELY.items() if name not in told}

    @property
    def _names_its_host(self) -> bool:
        told = conninfo_to_dict(self.dsn)
        return bool(told.get("host")) and not told.get("hostaddr")

    def redact(self, words: str) -> str:
        return redact(words, self._known().get("password", ""))

    def _known(self) -> dict[str, str]:
        """What the DSN says, and below it what the environment and libpq say."""
        defaults = {each.keyword.decode(): each.val.decode() for each in pq.Conninfo.get_defaults() if each.val}
        return defaults | {name: str(value) for name, value in conninfo_to_dict(self.dsn).items()}

    def _parsed(self) -> list[pq.ConninfoOption]:
        return pq.Conninfo.parse(self.dsn.encode())

    def _hosts(self) -> list[str]:
        return self._known().get("host", "").lower().split(",")

    def _options(self, settings: Mapping[str, str]) -> str:
        spelled = (f"-c {name}={_escape(value)}" for name, value in settings.items())
        return " ".join([self._known().get("options", ""), *spelled]).strip()

    def _settle(self, connection: psycopg.Connection, pinned: Mapping[str, str]) -> None:
        """PGTZ and its like beat the options, and newer servers have one more time limit."""
        newer = {"transaction_timeout": "0"} if connection.info.server_version >= 170_000 else {}
        settings = {**pinned, **newer}
        # told as a boolean: with SQL_ASCII a text would come as bytes
        asked = connection.execute("SELECT current_setting(%s, true) IS NOT DISTINCT FROM 'direct'", [_MARK]).fetchone()
        if asked != (True,):
            raise explain_pooler(str(self), self.failure)
        connection.execute(
            "SELECT count(set_config(name, value, false)) FROM unnest(%s::text[], %s::text[]) AS given (name, value)",
            [list(settings), list(settings.values())],
        )


def _is_inherited(name: str) -> bool:
    return name in _INHERITED or (name.startswith(("PG", "KRB5")) and name not in _UNPINNING)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
