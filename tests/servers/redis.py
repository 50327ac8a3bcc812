"""Redis and Valkey servers for tests: Debian's Redis 7, and those that scripts/fetch-redis brings."""

import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

from servers.certificates import Certificates
from servers.children import free_port, require, running, wait_until

_CACHE = Path(__file__).parents[2] / ".cache/redis"
KINDS = ("redis-6", "redis-7", "redis-8", "valkey-9")


def program(kind: str = "redis-7") -> Path:
    if kind == "redis-7":
        return Path(require("redis-server", "redis-server"))
    found = next((_CACHE / kind).glob("*-server"), None)
    assert found, f"there is no {kind}: scripts/fetch-redis brings it"
    return found


@dataclass
class Redis:
    """One that listens on 127.0.0.1 and wants a password. `call` speaks to it by a client of the tests' own."""

    kind: str
    port: int
    password: str = field(repr=False)
    folder: Path
    command: list[str]
    tls: Certificates | None = None
    _life: ExitStack = field(default_factory=ExitStack, repr=False)
    child: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return self.url_of("default", self.password)

    def url_of(self, user: str, password: str, port: int | None = None) -> str:
        scheme, query = ("rediss", f"?ssl_ca_certs={self.tls.ca}") if self.tls else ("redis", "")
        return f"{scheme}://{user}:{password}@127.0.0.1:{port or self.port}{query}"

    @property
    def socket(self) -> Path:
        return self.folder / "s"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        self.child = self._life.enter_context(running(self.command, self.log))
        wait_until(self._answers, self.child, self.log)

    def stop(self) -> None:
        self._life.close()

    def kill(self) -> None:
        assert self.child
        self.child.kill()
        self.child.wait()

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.calls(("PING",)) == [b"PONG"]  # and not that it still reads its file
        return False

    def call(self, *words: str | bytes | int) -> Any:
        """Through its socket. An error is raised as AssertionError."""
        [answer] = self.calls(words)
        assert not isinstance(answer, Exception), answer
        return answer

    def calls(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        """One after the other on one line, so that SELECT and MULTI mean something; an error is an answer too."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(60)
            line.connect(str(self.socket))
            with line.makefile("rwb") as file:
                answers = []
                for words in (("AUTH", self.password), *commands):
                    plain = [word if isinstance(word, bytes) else str(word).encode() for word in words]
                    spelled = [b"$%d\r\n%b\r\n" % (len(each), each) for each in plain]
                    file.write(b"*%d\r\n%b" % (len(plain), b"".join(spelled)))
                    file.flush()
                    answers.append(_read(file))
                return answers[1:]

    def contents(self) -> dict[tuple[int, bytes], tuple[Any, int]]:
        """By database and key: the value as clients see it, and the expiry in milliseconds since 1970, or -1."""
        found = {}
        for row in self.call("INFO", "keyspace").decode().splitlines():
            if row.startswith("db"):
                number = int(row[2:].partition(":")[0])
                for key in self.calls(("SELECT", number), ("KEYS", "*"))[1]:
                    found[number, key] = self._value(number, key)
        return found

    def _value(self, number: int, key: bytes) -> tuple[Any, int]:
        [_, kind, left, when] = self.calls(("SELECT", number), ("TYPE", key), ("PTTL", key), ("PEXPIRETIME", key))
        expires = when if isinstance(when, int) else left
        questions: Mapping[bytes, tuple[tuple[Any, ...], ...]] = {
            b"string": (("GET", key),),
            b"list": (("LRANGE", key, 0, -1),),
            b"set": (("SMEMBERS", key),),
            b"zset": (("ZRANGE", key, 0, -1, "WITHSCORES"),),
            b"hash": (("HGETALL", key),),
            b"stream": (("XRANGE", key, "-", "+"), ("XINFO", "GROUPS", key)),
        }
        asked = questions[kind]
        answers = self.calls(("SELECT", number), *asked)[1:]
        if kind == b"set":
            answers = [sorted(answers[0])]
        elif kind == b"zset":  # versions spell numbers differently
            answers = [answers[0][::2], list(map(float, answers[0][1::2]))]
        elif kind == b"hash":
            pairs = iter(answers[0])
            answers = [sorted(zip(pairs, pairs, strict=True))]
        elif kind == b"stream":
            answers = [answers[0], [_group(each) for each in answers[1]], self._pending(number, key, answers[1])]
        return answers, expires

    def _pending(self, number: int, key: bytes, groups: list[Any]) -> list[Any]:
        questions = [("XPENDING", key, _group(each)[0], "-", "+", 9) for each in groups]
        return [[row[:2] + row[3:] for row in rows] for rows in self.calls(("SELECT", number), *questions)[1:]]


def _group(said: list[Any]) -> list[Any]:
    facts = dict(zip(said[::2], said[1::2], strict=True))
    return [facts[b"name"], facts[b"consumers"], facts[b"pending"], facts[b"last-delivered-id"]]


@contextmanager
def redis_server(
    kind: str = "redis-7", tls: Certificates | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Redis]:
    with TemporaryDirectory(prefix="drkit-redis-") as home:  # pytest's folders are too deep for a socket's path
        folder, port, password = Path(home), free_port(), secrets.token_urlsafe(12)
        chosen = {
            "port": "0" if tls else str(port),
            "bind": "127.0.0.1",
            "unixsocket": str(folder / "s"),
            "dir": home,
            "save": "",
            "requirepass": password,
            "repl-diskless-sync": "yes",
            "repl-diskless-sync-delay": "0",
        }
        if tls:
            chosen |= {
                "tls-port": str(port),
                "tls-cert-file": str(tls.certificate),
                "tls-key-file": str(tls.key),
                "tls-ca-cert-file": str(tls.ca),
                "tls-auth-clients": "no",
            }
        chosen |= dict(settings or {})
        several = ("rename-command", "replicaof")  # these take two words
        words = [
            word
            for name, value in chosen.items()
            for word in (f"--{name}", *(value.split() if name in several else [value]))
        ]
        server = Redis(kind, port, password, folder, [str(program(kind)), *words], tls)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def redis_cli() -> str:
    found = which("redis-cli")
    assert found, "redis-cli is missing: apt-get install redis-tools"
    return found


def _read(file: Any) -> Any:
    line = file.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"$":
        return None if rest == b"-1" else file.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return None if rest == b"-1" else [_read(file) for _ in range(int(rest))]
    if kind == b":":
        return int(rest)
    return AssertionError(rest.decode()) if kind == b"-" else rest


FAR = 1_900_000_000_123


def fill(server: Redis) -> None:
    """Keys of every type in every encoding that there is, in three databases, with expiries and a function."""
    big = [word for each in range(700) for word in (f"f{each}", f"v{each}" * 9)]
    commands: list[tuple[Any, ...]] = [
        ("SET", "text", "plain"),
        ("SET", "number", "123456"),
        ("SET", "small", "-7"),
        ("SET", "empty", ""),
        ("SET", "squeezed", "abc" * 5000),
        ("SET", bytes(range(256)), bytes(range(255, -1, -1)) * 3),
        ("SET", "session:1", "user 1"),
        ("PEXPIREAT", "session:1", FAR),
        ("RPUSH", "list", "a", "2", "-300000", "c" * 70, "d" * 5000, "9223372036854775807", "70000", "-5", "8000000"),
        ("RPUSH", "long list", *(f"element {each}" for each in range(3000))),
        ("RPUSH", "queue", "x" * 20_000, "y"),
        ("SADD", "set", "a", "b", "3"),
        ("SADD", "numbers", *range(0, 90_000, 1000)),
        ("SADD", "large numbers", 2**40, -(2**50), 1),
        ("SADD", "long set", *(f"member {each}" for each in range(800))),
        ("ZADD", "scores", "1.5", "a", "-inf", "b", "3", "c", "1e300", "d"),
        ("ZADD", "long scores", *(word for each in range(500) for word in (each / 7, f"m{each}"))),
        ("HSET", "hash", "a", "1", "b", "two", "c", "-100"),
        ("HSET", "long hash", *big),
        ("EXPIREAT", "long hash", FAR // 1000),
        ("XADD", "stream", "1-1", "a", "1", "b", "2"),
        ("XADD", "stream", "2-1", "a", "3"),
        ("XADD", "stream", "3-1", "other", "x" * 300),
        ("XGROUP", "CREATE", "stream", "workers", "0"),
        ("XREADGROUP", "GROUP", "workers", "first", "COUNT", "2", "STREAMS", "stream", ">"),
        ("XACK", "stream", "workers", "1-1"),
        ("XGROUP", "CREATE", "stream", "others", "$"),
        ("XDEL", "stream", "3-1"),
        ("PFADD", "visitors", *range(50)),
        ("SELECT", 3),
        ("SET", "elsewhere", "in three"),
        ("SELECT", 15),
        ("SET", "last", "in fifteen", "PX", 9_000_000),
    ]
    if server.kind in ("redis-8", "valkey-9"):
        commands += [
            ("SELECT", 0),
            ("HSET", "fields", "stays", "1", "goes", "2"),
            ("HPEXPIREAT", "fields", FAR, "FIELDS", 1, "goes"),
            ("HSET", "many fields", *big),
            ("HPEXPIREAT", "many fields", FAR, "FIELDS", 2, "f1", "f2"),
            ("HSET", "all go", "x", "1"),
            ("HPEXPIREAT", "all go", FAR, "FIELDS", 1, "x"),
        ]
    if server.kind != "redis-6":
        code = "#!lua name=shop\nredis.register_function('one', function() return 1 end)"
        commands.append(("FUNCTION", "LOAD", code))
    for words, answer in zip(commands, server.calls(*commands), strict=True):
        assert not isinstance(answer, Exception), (words[:2], answer)
