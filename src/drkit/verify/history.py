"""What drills have shown of a source: its evidence in a store, as far as it can be believed.

It must not know what is made of it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from drkit import catalog
from drkit.errors import IntegrityError
from drkit.model import Finding
from drkit.ports import Store
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead
from drkit.verify.evidence import parse_evidence
from drkit.verify.ledger import READERS, Stored
from drkit.verify.model import Evidence

_LOOK = "`drkit evidence verify all` looks at all of it."


@dataclass(frozen=True, slots=True)
class History:
    """`evidences` in the order of their drills; `doubts` are about those that cannot be believed."""

    evidences: tuple[Evidence, ...] = ()
    doubts: tuple[Finding, ...] = ()


def believe(stored: Iterable[Stored], signers: Collection[Signer]) -> History:
    evidences: list[Evidence] = []
    doubts: list[Finding] = []
    for each in sorted(stored):
        try:
            evidences.append(parse_evidence(each.key, each.content, signers))
        except IntegrityError as error:
            doubts.append(Finding("evidence", False, str(error), error.hint or _LOOK))
    return History(tuple(evidences), tuple(doubts))


def read_newest(store: Store, source: str, signers: Collection[Signer], count: int) -> History:
    """One listing, and the newest `count` objects."""
    keys = [entry.key for entry in store.list(catalog.drills_of(source)) if catalog.parse_drill_key(entry.key)]
    return believe(
        map_ahead(lambda key: Stored(key, b"".join(store.get(key))), keys[-count:], READERS),
        signers,
    )
