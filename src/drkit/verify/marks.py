"""The marks beside backups, believed as far as evidence bears them out: before anything is removed on their word.

It must not know what is removed.
"""

from collections.abc import Collection

from drkit import catalog
from drkit.catalog import Listing, Mark
from drkit.errors import IntegrityError, NotFound
from drkit.ports import Store
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead
from drkit.verify.evidence import parse_evidence
from drkit.verify.verdicts import judge_backup

READERS = 8


def without_false_marks(store: Store, listing: Listing, signers: Collection[Signer]) -> Listing:
    """The listing as it would be if nobody but drills had left marks. It reads the evidence that each one names."""
    source = listing.source
    found = list(catalog.marks(source, listing.entries))
    borne_out = map_ahead(lambda mark: _is_borne_out(store, source, mark, signers), found, READERS)
    false = {
        catalog.mark_key(source, mark.backup, mark.drill, mark.proof)
        for mark, good in zip(found, borne_out, strict=True)
        if not good
    }
    return catalog.read_listing(source, (entry for entry in listing.entries if entry.key not in false))


def _is_borne_out(store: Store, source: str, mark: Mark, signers: Collection[Signer]) -> bool:
    key = catalog.drill_key(source, mark.drill)
    try:
        drill = parse_evidence(key, catalog.fetch(store, key), signers).drill
    except (NotFound, IntegrityError):
        return False
    return (drill.backup, judge_backup(drill)) == (mark.backup, mark.proof)
