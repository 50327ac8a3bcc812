"""What a store holds of a physical source, read for a plan: the manifests of its bases, its log, its histories.

A base whose manifest cannot be believed is none, and is told. It opens no piece.
"""

from collections.abc import Collection
from dataclasses import dataclass

from drkit.catalog.log import gaps
from drkit.catalog.manifest import read_manifest
from drkit.catalog.points import Listing
from drkit.errors import IntegrityError, NotFound
from drkit.model import Finding, Manifest, Point
from drkit.ports import Store
from drkit.restore.logbook import LogBook
from drkit.restore.reach import HeldBase, Holdings
from drkit.sealing import Keyring
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

READERS = 8


@dataclass(frozen=True, slots=True)
class Outlook:
    """`doubts` are of bases that are none."""

    holdings: Holdings
    book: LogBook
    doubts: tuple[Finding, ...]


def read_bases(
    store: Store, points: Collection[Point], signers: Collection[Signer]
) -> tuple[tuple[HeldBase, ...], tuple[Finding, ...]]:
    def read(point: Point) -> HeldBase | Finding | None:
        try:
            manifest: Manifest = read_manifest(store, point.source, point.id, signers)
        except NotFound:  # pruned since the listing
            return None
        except IntegrityError as error:
            return Finding("backup", False, str(error), error.hint)
        if manifest.base is None:
            return Finding(
                "backup", False, f"{point.id} is a backup of kind {manifest.kind}, and no base of a log", "Prune it."
            )
        return HeldBase(point, manifest.base)

    found = list(map_ahead(read, points, READERS))
    held = tuple(each for each in found if isinstance(each, HeldBase))
    return held, tuple(each for each in found if isinstance(each, Finding))


def look(store: Store, listing: Listing, keyring: Keyring) -> Outlook:
    """What looks like a gap may be one of the listing, which is read page by page while spans are merged: then it is
    read a second time."""
    bases, doubts = read_bases(store, listing.points, keyring.signers)
    book = LogBook(store, listing.source, keyring)
    histories = book.histories()
    holdings = Holdings(listing.source, bases, book.log.spans, histories)
    if gaps(book.log.spans):
        earlier = book.log.spans
        book.relist()
        holdings = Holdings(listing.source, bases, (*{*earlier, *book.log.spans},), histories)
    return Outlook(holdings, book, doubts)
