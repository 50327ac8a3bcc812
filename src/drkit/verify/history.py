"""What drills have shown of a source: its evidence in a store, as far as it can be believed.

It must not know what is made of it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from drkit import catalog
from drkit.catalog import Mark
from drkit.errors import IntegrityError
from drkit.model import Finding
from drkit.ports import Store
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead
from drkit.verify.chain import check_chain, check_marks
from drkit.verify.evidence import parse_evidence
from drkit.verify.ledger import READERS, Stored
from drkit.verify.model import Evidence
from drkit.when import from_the_future

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


def check_links(
    stored: Collection[Stored], history: History, marks: Iterable[Mark], signers: Collection[Signer], whole: bool = True
) -> list[Finding]:
    """What the chain and the marks show, besides what `history` doubts already."""
    evidences = {each.drill.id: each for each in history.evidences}
    unbelieved = {each.link.id for each in stored} - evidences.keys()
    telling = [mark for mark in marks if mark.drill not in unbelieved]
    linked = [each for each in check_chain(stored, signers, whole) if each.check != "signature"]
    return [*linked, *check_marks(telling, evidences, whole)]


def read_newest(
    store: Store, source: str, signers: Collection[Signer], count: int, now: datetime, marks: Iterable[Mark] = ()
) -> History:
    """One listing, and the newest `count` objects, besides those that a fast clock has dated later than now. Doubts are
    also about those that are missing among them, as the others follow them, or as one of the `marks` tells: list those
    first, as a drill puts its mark last."""
    found = [(entry.key, catalog.parse_drill_key(entry.key)) for entry in store.list(catalog.drills_of(source))]
    keys = [key for key, where in found if where]
    begun = [catalog.parse_id(where[1]) for _, where in found if where]
    ahead = sum(moment is not None and from_the_future(moment, now) for moment in begun)
    newest = keys[-(count + ahead) :]
    stored = list(map_ahead(lambda key: Stored(key, catalog.fetch(store, key)), newest, READERS))
    history = believe(stored, signers)
    oldest = min((each.link.id for each in stored), default="") if len(newest) < len(keys) else ""
    recent = [mark for mark in marks if mark.drill >= oldest]
    linked = check_links(stored, history, recent, signers)
    # a beginning is always missing where only the newest are read
    missing = [each for each in linked if not each.passed and each.check != "beginning"]
    return History(history.evidences, (*history.doubts, *missing))
