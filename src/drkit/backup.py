"""One backup: the engine pushes its pieces into the store, and last of all the manifest says that they are there."""

from datetime import datetime, timedelta

from drkit import __version__, catalog
from drkit.errors import CaptureError, StoreError
from drkit.model import Manifest
from drkit.ports import Clock, Engine, Save, Store
from drkit.sealing import Progress, Seal, no_progress, saving

# Prune leaves objects that no manifest names alone for this long, so a capture must commit well within it.
GRACE = timedelta(days=7)


def back_up(
    source: str,
    engine: Engine,
    store: Store,
    seal: Seal,
    clock: Clock,
    token: str,
    correlation_id: str,
    progress: Progress = no_progress,
) -> tuple[Manifest, tuple[str, ...]]:
    """The committed manifest, and the engine's notes. After any error no manifest exists."""
    started_at = clock()
    begun: list[datetime] = []

    def begin(consistent_at: datetime) -> Save:
        begun.append(consistent_at)
        folder = catalog.folder_of(source, catalog.make_id(consistent_at, token))
        return saving(store, folder, seal, progress, engine.effort, engine.reads_back)

    captured = engine.capture(begin)
    (consistent_at,) = begun
    finished_at = clock()
    if finished_at - started_at > GRACE / 2:
        raise CaptureError(
            f"the capture of {source} took {finished_at - started_at}, longer than its pieces are safe from prune",
            "back up smaller sources, or find out what made it so slow",
        )
    manifest = Manifest(
        id=catalog.make_id(consistent_at, token),
        source=source,
        kind=engine.kind,
        started_at=started_at,
        consistent_at=consistent_at,
        finished_at=finished_at,
        pieces=captured.pieces,
        correlation_id=correlation_id,
        written_by=f"drkit {__version__}",
        recipients=tuple(map(str, seal.recipients)),
        base=captured.base,
    )
    _insist_on(store, manifest)
    catalog.commit(store, manifest, seal.signing_key)
    return manifest, captured.notes


def _insist_on(store: Store, manifest: Manifest) -> None:
    """A disk that was unmounted or emptied in the meantime must not get a manifest of what it does not hold; nor may
    what it shares with backups before it have been removed."""
    folders = {manifest.id, *catalog.folders_in(manifest)}
    listed = (store.list(f"{catalog.folder_of(manifest.source, each)}/") for each in sorted(folders))
    found = {entry.key: entry.size for entries in listed for entry in entries}
    for piece in manifest.pieces:
        if found.get(piece.key) != piece.sealed.size:
            raise StoreError(
                f"{piece.key} was stored, and the store does not list it with its {piece.sealed.size} bytes any more",
                "see that the store is the same one all the time, and that nothing else cleans up in it",
            )
