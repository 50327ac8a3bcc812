"""Redis, which keeps each commit in its own log, and may be killed."""

from contextlib import AbstractContextManager, suppress
from time import sleep

from ledger import SLOTS, Ledger, Wrong
from servers.redis import Redis, redis_server

_PAUSE = 0.1  # all of it is copied again and again
_FAR = 4_000_000_000_000  # in milliseconds since 1970
_UNFINISHED = b"drkit:unfinished-restore"


class Cache:
    """A list that grows, and keys that are replaced and expire. Restored to servers of its own."""

    name, spread, words = "cache", False, ()

    def __init__(self, ledger: Ledger, server: Redis) -> None:
        self.application, self.ledger, self._server = self, ledger, server
        self.lines = 'kind = "redis"\ndsn = "env:SOAK_CACHE"'
        self._targets: dict[str, tuple[Redis, AbstractContextManager[Redis]]] = {}

    def commit(self) -> None:
        """Done once the list is that long: of a commit that met with the server's death nobody has heard the end."""
        number, text = self.ledger.begin()
        slot = number % SLOTS
        while (held := self._count()) != number:
            if held is None:
                sleep(_PAUSE)
                continue
            with suppress(OSError):
                self._server.calls(
                    ("MULTI",),
                    ("RPUSH", "events", text),
                    ("HSET", "slots", slot, number),
                    ("SET", f"text:{slot}", text, "PXAT", _FAR + number),
                    ("EXEC",),
                )
        self.ledger.end()
        sleep(_PAUSE)

    def target(self, label: str) -> str:  # noqa: ARG002 - each has a port of its own
        life = redis_server()
        server = life.__enter__()
        self._targets[server.url] = server, life
        return server.url

    def stands(self, target: str) -> bool:
        server, _ = self._targets[target]
        held = server.calls(("DBSIZE",), ("EXISTS", _UNFINISHED))
        return held[0] > 0 and held[1] == 0

    def judge(self, target: str, since: float, until: float) -> int:
        server, _ = self._targets[target]
        events, pairs = server.calls(("LRANGE", "events", 0, -1), ("HGETALL", "slots"))
        slots = list(zip(map(int, pairs[::2]), map(int, pairs[1::2]), strict=True))
        count = self.ledger.judge_rows([(n, each.decode()) for n, each in enumerate(events, 1)], slots)
        self.ledger.judge(count, since, until)
        for slot, number in slots:
            found = server.calls(("GET", f"text:{slot}"), ("PEXPIRETIME", f"text:{slot}"))
            if found != [self.ledger.text(number).encode(), _FAR + number]:
                raise Wrong(f"text:{slot} is not that of commit {number}, or expires at another time")
        if (keys := server.call("DBSIZE")) != len(slots) + 2 * bool(count):
            raise Wrong(f"it has {keys} keys")
        return count

    def discard(self, target: str) -> None:
        _, life = self._targets.pop(target)
        life.__exit__(None, None, None)

    def _count(self) -> int | None:
        """None where the server is away, or still reads its log."""
        with suppress(OSError):
            [held] = self._server.calls(("LLEN", "events"))
            return held if isinstance(held, int) else None
        return None
