"""Evidence in the store of a shop, signed with the shop's own key, of drills that ended as a test says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drills import drill_at
from drkit.config import load_system
from drkit.keyring import open_signers, open_signing_key
from drkit.stores.local import LocalStore
from drkit.verify.ledger import commit_evidence
from drkit.verify.model import Drill


def put_evidence(schedule: Path, store: Path, started_at: datetime, token: str = "7f3a9c01", **changes: Any) -> Drill:
    system = load_system(schedule)
    drill = drill_at(started_at, token, **changes)
    commit_evidence(LocalStore(store), drill, open_signing_key(system), open_signers(system))
    return drill


def ago(**length: float) -> datetime:
    return datetime.now(UTC) - timedelta(**length)
