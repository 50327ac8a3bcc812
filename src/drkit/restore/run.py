"""A plan carried out: the signed manifest is read, every piece is proven to be openable, then the engine restores."""

from collections.abc import Collection, Sequence
from contextlib import nullcontext

from drkit import catalog
from drkit.errors import ConfigError
from drkit.model import Manifest, Restored, Wishes
from drkit.ports import Engine, Store
from drkit.restore.hooks import Hooks
from drkit.restore.plan import RestorePlan
from drkit.restore.reading import reading
from drkit.sealing import Keyring, Progress, examine, loading, no_progress
from drkit.signing import Signer


def read_plan(store: Store, plan: RestorePlan, engine: Engine, signers: Collection[Signer]) -> Manifest:
    """The manifest of the plan's point, signed, of the engine's kind."""
    manifest = catalog.read_manifest(store, plan.point.source, plan.point.id, signers)
    if manifest.kind != engine.kind:
        raise ConfigError(
            f"{plan.point.id} holds a source of kind {manifest.kind}, and {plan.point.source} is of kind {engine.kind}",
            "set `kind` in the schedule to what was backed up, or restore from another source",
        )
    return manifest


def restore(
    store: Store,
    manifest: Manifest,
    engine: Engine,
    keyring: Keyring,
    target: str,
    wishes: Wishes,
    progress: Progress = no_progress,
    hooks: Hooks | None = None,
    before: Sequence[Manifest] = (),
) -> Restored:
    """Nothing at the target is touched before the target is free and every piece has shown that it can be opened, those
    of the backups `before` it that it needs, too. Only then does a hook stop anything."""
    with reading(store, (*before, manifest)) as said:
        make_ready(store, (*before, manifest), engine, keyring, target, wishes)
        with hooks.around() if hooks else nullcontext():
            restored = carry_out(store, manifest, engine, keyring, target, wishes, progress)
        return said.end_with(restored)


def make_ready(
    store: Store, manifests: Sequence[Manifest], engine: Engine, keyring: Keyring, target: str, wishes: Wishes
) -> None:
    """The target is free, and every piece can be opened; nothing is touched."""
    engine.check_target(target, wishes)
    for each in manifests:
        examine(store, each.pieces, keyring)


def carry_out(
    store: Store,
    manifest: Manifest,
    engine: Engine,
    keyring: Keyring,
    target: str,
    wishes: Wishes,
    progress: Progress = no_progress,
) -> Restored:
    """What was made ready."""
    return engine.restore(manifest, loading(store, keyring, progress), target, wishes)
