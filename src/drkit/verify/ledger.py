"""Where evidence lies: read from a store or from files, and put there as the next link of its source's chain.

It must not know what a chain shows; chain.py judges that.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from drkit import catalog
from drkit.errors import IntegrityError
from drkit.ports import Store
from drkit.signing import Signer, SigningKey
from drkit.streams.ahead import map_ahead
from drkit.verify.evidence import format_evidence, parse_links
from drkit.verify.model import Drill, Evidence, Link
from drkit.verify.verdicts import judge_backup

READERS = 8
LOOK_BACK = 8  # a drill whose put was slow may appear behind others that knew nothing of it


@dataclass(frozen=True, slots=True, order=True)
class Stored:
    """The bytes of one evidence, and the key that it is stored at."""

    key: str
    content: bytes

    @property
    def link(self) -> Link:
        return Link(_id(self.key), sha256(self.content).hexdigest())


def read_store(store: Store, source: str) -> list[Stored]:
    return list(map_ahead(lambda key: _read(store, key), _keys(store, source), READERS))


def read_files(files: Iterable[Path]) -> dict[str, list[Stored]]:
    """By source. A file's key is the end of its path, as in a copy of the store, or else what its content says."""
    found: dict[str, list[Stored]] = {}
    for file in files:
        content = file.read_bytes()
        where = catalog.parse_drill_key("/".join(file.absolute().parts[-4:])) or stated_drill(content)
        if where is None:
            raise IntegrityError(f"{file} is not evidence of a drill", "it was damaged, or is another kind of file")
        found.setdefault(where[0], []).append(Stored(catalog.drill_key(*where), content))
    return found


def stated_drill(content: bytes) -> tuple[str, str] | None:
    """Source and ID, if a file says of itself that it is evidence; its signature is checked against that afterwards."""
    try:
        document = json.loads(content)
        key = catalog.drill_key(document["source"], document["id"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    # a manifest has a source and an ID too
    return catalog.parse_drill_key(key) if "previous" in document else None


def latest(store: Store, source: str, signers: Collection[Signer]) -> tuple[Link, ...]:
    """What the next evidence names as the ones before it: the newest, and any other that nothing names yet.

    One listing, and a few objects; more only where a wrong clock has mixed up the order. What cannot be believed is
    passed over, so that nobody can keep evidence from being written by spoiling another.
    """
    seen: dict[str, Link] = {}
    named: set[str] = set()
    for looked_at, key in enumerate(reversed(_keys(store, source))):
        here = _id(key)
        if looked_at >= LOOK_BACK and {each for each in named - seen.keys() if each <= here} == {here}:
            break  # all that is older comes before this one
        stored = _read(store, key)
        try:
            previous = parse_links(key, stored.content, signers)
        except IntegrityError:
            continue
        seen[here] = stored.link
        named.update(link.id for link in previous)
    return tuple(seen[each] for each in sorted(seen.keys() - named))


def commit_evidence(
    store: Store, drill: Drill, signing_key: SigningKey, signers: Collection[Signer], *, marking: bool = True
) -> str:
    """The key at which the evidence lies now. The mark beside the backup comes after it: `marking` only where the
    drill has read this very store, as the copy in another says nothing of the one here."""
    return store_evidence(store, drill, signing_key, signers, marking=marking).key


def store_evidence(
    store: Store, drill: Drill, signing_key: SigningKey, signers: Collection[Signer], *, marking: bool = True
) -> Stored:
    """The same, and what lies there."""
    evidence = Evidence(drill, latest(store, drill.source, signers))
    stored = Stored(catalog.drill_key(drill.source, drill.id), format_evidence(evidence, signing_key))
    store.put(stored.key, iter([stored.content]))
    proof = judge_backup(drill)
    if marking and drill.backup and proof:
        catalog.mark(store, drill.source, drill.backup, drill.id, proof)
    return stored


def _keys(store: Store, source: str) -> list[str]:
    return [entry.key for entry in store.list(catalog.drills_of(source)) if catalog.parse_drill_key(entry.key)]


def _read(store: Store, key: str) -> Stored:
    return Stored(key, catalog.fetch(store, key))


def _id(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")
