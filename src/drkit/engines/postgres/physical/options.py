"""What an operator may say about a PostgreSQL source that is captured as a whole server."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

_LONGEST = 63


@dataclass(frozen=True, slots=True)
class PhysicalOptions:
    """`slot` is also the name that the server knows a follower by; `rate_limit` is in bytes a second; `programs` is a
    folder of PostgreSQL's; `log_interval` is how long log may lie here before it is stored."""

    slot: str
    rate_limit: int | None = None
    programs: Path | None = None
    incremental: bool = False
    log_interval: timedelta = timedelta(seconds=5)
    synchronous: bool = False
    piece_bytes: int = 256 << 20


def name_slot(source: str) -> str:
    """Lower-case letters, digits and underscores, 63 at most, is what a slot's name may have."""
    plain = f"drkit_{source}".replace("/", "_").replace("-", "_")
    if len(plain) <= _LONGEST:
        return plain
    return f"{plain[: _LONGEST - 9]}_{sha256(source.encode()).hexdigest()[:8]}"
