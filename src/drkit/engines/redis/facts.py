"""What a server says of itself, as far as its user may ask: and how its clock stands to ours.

It must not know what is done with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from drkit.engines.redis.line import Answer, Line, number, texts
from drkit.engines.redis.refusals import Refused
from drkit.ports import Clock


@dataclass(frozen=True, slots=True)
class Facts:
    """`said` is INFO; empty where that is not allowed. `offset` is what has to be added to the server's clock to get
    ours, or None where nobody may ask it for the time."""

    said: Mapping[str, str] = field(repr=False)
    offset: timedelta | None

    @property
    def valkey(self) -> bool:
        return "valkey_version" in self.said

    @property
    def version(self) -> str:
        return self.said.get("valkey_version") or self.said.get("redis_version", "")

    @property
    def name(self) -> str:
        return (
            f"{'Valkey' if self.valkey else 'Redis'} {self.version}"
            if self.version
            else "a server that does not tell its version"
        )

    @property
    def major(self) -> int:
        """0 where it is not known."""
        first = self.version.partition(".")[0]
        return int(first) if first.isascii() and first.isdigit() else 0

    @property
    def replica(self) -> bool:
        return self.said.get("role") == "slave"

    @property
    def linked(self) -> bool:
        return self.said.get("master_link_status") != "down"

    @property
    def cluster(self) -> bool:
        return self.said.get("cluster_enabled") == "1"

    @property
    def databases(self) -> dict[int, int]:
        """Those that are not empty: how many keys each has."""
        found = {}
        for name, value in self.said.items():
            if name.startswith("db") and name[2:].isdigit():
                fields = dict(each.partition("=")[::2] for each in value.split(","))
                found[int(name[2:])] = int(fields.get("keys", "0"))
        return found


def read_info(line: Line) -> Facts:
    """Refused where that is not allowed."""
    return Facts(_parse(line.call("INFO")), None)


def look_at(line: Line, clock: Clock) -> Facts:
    said = _parse(line.ask([("INFO",)])[0])
    before = clock()
    time = line.ask([("TIME",)])[0]
    after = clock()
    parts = [number(each) for each in texts(time)]
    offset = None
    if len(parts) == 2:
        offset = before + (after - before) / 2 - moment_of(parts[0] * 1_000_000 + parts[1])
    return Facts(said, offset)


def _parse(info: Answer) -> dict[str, str]:
    rows = info.decode(errors="replace").splitlines() if isinstance(info, bytes) else []
    return {name: value for name, colon, value in (row.partition(":") for row in rows) if colon}


def server_time(line: Line) -> int:
    """In milliseconds since 1970."""
    seconds, micros = (number(each) for each in texts(line.call("TIME")))
    return seconds * 1000 + micros // 1000


def moment_of(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def holds_mark(line: Line, mark: bytes) -> bool:
    """False where nobody may ask."""
    answer = line.ask([("EXISTS", mark)])[0]
    return not isinstance(answer, Refused) and answer == 1
