"""What a schedule may say about how a repository is captured."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GitOptions:
    """With `incremental` a capture holds what is new since the one before. `spool` is for what it makes for itself."""

    incremental: bool = True
    spool: Path | None = None
