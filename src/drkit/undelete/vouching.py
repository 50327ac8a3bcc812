"""Whether a version is what drkit put under that key: by its signature, by the hash that a signed document lists, or,
where nothing vouches for it, because it was the first one there.

It must not know what becomes of the answer.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from drkit import catalog
from drkit.errors import IntegrityError
from drkit.model import Manifest, Piece, Version
from drkit.ports import Versioned
from drkit.prune.holdings import first_of
from drkit.prune.removals import believe_records
from drkit.sealing import is_signed
from drkit.signing import Signer, check_document
from drkit.streams.ahead import map_ahead
from drkit.undelete.plan import Good, Versions, choose

# A signed document is some kilobytes; who puts more there did not write one.
LARGEST = 64 << 20
READERS = 8


class Vouching:
    def __init__(self, store: Versioned, versions: Versions, signers: Collection[Signer]) -> None:
        self._store = store
        self._versions = versions
        self._signers = signers

    def good(self, key: str) -> Good:
        if key.endswith(".json") and not catalog.is_mark_key(key):
            return lambda version: self._document(version) is not None
        if key.endswith(".html") and (report := self._report_of(key)):
            return lambda version: self._digest(version) == report.get("page_sha256")
        first = first_of(self._versions[key])
        return lambda version: version == first

    def signed(self, version: Version) -> bool:
        """By its beginning, of what no document lists."""
        return is_signed(self._store.get_version(version), version.key, self._signers)

    def is_piece(self, piece: Piece) -> Good:
        return lambda version: self._digest(version) == piece.sealed.sha256

    def manifests(self, source: str) -> Mapping[str, tuple[Manifest, Version]]:
        """The believed manifest of each point, and which version it is."""
        keys = [key for key in self._versions if catalog.parse_manifest_key(source, key)]
        found = map_ahead(lambda key: self._manifest(source, key), keys, READERS)
        return {each[0].id: each for each in found if each}

    def _manifest(self, source: str, key: str) -> tuple[Manifest, Version] | None:
        versions, good = self._versions[key], self.good(key)
        point = catalog.parse_manifest_key(source, key) or ""
        version = next((each for each in versions if not each.marker), None) if _alone(versions) else None
        version = version or choose(versions, good)
        if version is None or version.size > LARGEST:
            return None
        try:
            return catalog.parse_manifest(source, point, self._read(version), self._signers), version
        except IntegrityError:
            return None

    def removed(self, source: str) -> frozenset[str]:
        """The points that records say were removed, also records that somebody has hidden."""
        folders = (catalog.removals_of(source), catalog.replica_removals_of(source))
        stored = [
            (key, self._read(version))
            for key, versions in self._versions.items()
            if key.startswith(folders) and catalog.parse_removal_key(key)
            if (version := choose(versions, self.good(key)))
        ]
        records = believe_records(stored, self._signers).records
        return frozenset(point.id for record in records for point in record.points)

    def _document(self, version: Version) -> dict[str, object] | None:
        if version.size > LARGEST:
            return None
        try:
            return check_document(self._signers, version.key, self._read(version))
        except IntegrityError:
            return None

    def _report_of(self, page: str) -> dict[str, object] | None:
        versions = self._versions.get(f"{page.removesuffix('html')}json", ())
        found = (self._document(each) for each in versions if not each.marker)
        return next((document for document in found if document), None)

    def _read(self, version: Version) -> bytes:
        return b"".join(self._store.get_version(version))

    def _digest(self, version: Version) -> str:
        digest = sha256()
        for chunk in self._store.get_version(version):
            digest.update(chunk)
        return digest.hexdigest()


def _alone(versions: Sequence[Version]) -> bool:
    """Then there is nothing to choose, and it need not be read twice."""
    return sum(not each.marker for each in versions) == 1
