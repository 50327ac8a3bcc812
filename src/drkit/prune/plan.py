"""What retention lets go leaves the store: manifests first, so that no backup is ever left without its data.

Objects are judged by what the manifests that stay refer to, and by the store's own stamps; this clock only keeps more.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drkit import catalog
from drkit.catalog import Listing, Reading
from drkit.errors import IntegrityError, NotFound
from drkit.model import Entry, Point
from drkit.ports import Store, Versioned, find_versioned
from drkit.prune.holdings import NEVER, READ, Holdings
from drkit.prune.removing import Removed, Remover
from drkit.prune.spans import LogShare
from drkit.retention import Verdict
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

READERS = 8
_NAMED = 5
NO_LOG = LogShare()


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """`log` no base needs any more, and is written down; `waiting` are as many objects of it that are locked; `merged`
    is log that another object holds, too. `kept_log` are the keys of the rest of it. Marks of
    restores from before `marks_before` count no more; `reading` are the backups of those that do."""

    keep: tuple[Verdict, ...]
    let_go: tuple[Verdict, ...]
    manifests: tuple[str, ...]
    objects: tuple[str, ...]
    bytes: int
    sweep_before: datetime
    log: tuple[Entry, ...] = ()
    merged: tuple[Entry, ...] = ()
    kept_log: tuple[str, ...] = ()
    marks_before: datetime = NEVER
    reading: frozenset[str] = frozenset()
    waiting: int = 0
    source: str = ""
    holdings: Holdings | None = None


def plan_prune(
    listing: Listing,
    verdicts: Sequence[Verdict],
    referenced: Collection[str],
    grace: timedelta,
    now: datetime,
    log: LogShare = NO_LOG,
) -> PrunePlan:
    """`referenced` holds every key that a manifest which stays lists.

    An object without a manifest may belong to a backup that is being written: it goes only when the store has stamped
    something at least `grace` later. `now` can only keep more: it is a bound for a stamp that lies in the future.
    """
    let_go = [verdict for verdict in verdicts if not verdict.reasons]
    gone = {catalog.folder_of(verdict.point.source, verdict.point.id) for verdict in let_go}
    standing = {catalog.folder_of(point.source, point.id) for point in listing.points} - gone
    manifests = {f"{folder}/{catalog.MANIFEST}" for folder in gone}
    newest = catalog.newest_stamp(listing.entries, now)

    def goes(entry: Entry) -> bool:
        folder = _folder(entry.key)
        if entry.key in referenced or entry.key in manifests or folder in standing:
            return False
        return folder in gone or newest - entry.modified_at >= grace

    objects = [entry for entry in listing.entries if goes(entry)]
    size = sum(entry.size for entry in listing.entries if entry.key in manifests) + sum(e.size for e in objects)
    size += sum(entry.size for entry in (*log.going, *log.merged))
    return PrunePlan(
        keep=tuple(verdict for verdict in verdicts if verdict.reasons),
        let_go=tuple(let_go),
        manifests=tuple(sorted(manifests)),
        objects=tuple(entry.key for entry in objects),
        bytes=size,
        sweep_before=newest - grace,
        log=log.going,
        merged=log.merged,
        kept_log=log.kept,
        waiting=log.waiting,
        source=listing.source,
        marks_before=newest - catalog.COUNTS,
    )


def read_references(store: Store, points: Iterable[Point], signers: Collection[Signer]) -> dict[str, tuple[str, ...]]:
    """By each point's ID the keys that its manifest lists. Manifests that cannot be believed raise one IntegrityError
    that names them: what they list, if one of them was genuine once, nobody knows. One that another prune has removed
    since the listing refers to nothing."""

    def read(point: Point) -> tuple[str, ...] | IntegrityError:
        try:
            manifest = catalog.read_manifest(store, point.source, point.id, signers)
            return tuple(piece.key for piece in manifest.pieces)
        except NotFound:
            return ()
        except IntegrityError as error:
            return error

    asked = list(points)
    found = list(map_ahead(read, asked, READERS))
    if bad := [point for point, each in zip(asked, found, strict=True) if isinstance(each, IntegrityError)]:
        raise _refusal(bad, next(each for each in found if isinstance(each, IntegrityError)))
    return {point.id: keys for point, keys in zip(asked, found, strict=True) if not isinstance(keys, IntegrityError)}


def _refusal(points: Sequence[Point], first: IntegrityError) -> IntegrityError:
    source, named = points[0].source, ", ".join(point.id for point in points[:_NAMED])
    more = f" and {len(points) - _NAMED} more" if len(points) > _NAMED else ""
    many = "a manifest that stays" if len(points) == 1 else f"{len(points)} manifests that stay"
    return IntegrityError(
        f"nothing of {source} is removed while {many} cannot be believed, of {named}{more}: {first}",
        f"in a bucket with versions `drkit undelete {source}` brings back what was replaced. Look who can put objects"
        " there, and take out the folders of forged points by hand; where they are locked, a plain delete hides them,"
        " which is enough",
    )


def with_holdings(plan: PrunePlan, holdings: Holdings) -> PrunePlan:
    """For a store that keeps versions: all of them go, and all of their bytes are counted."""
    keys = (*plan.manifests, *plan.objects, *(entry.key for entry in (*plan.log, *plan.merged)))
    return replace(plan, holdings=holdings, bytes=holdings.weigh(keys))


def prune(
    store: Store, plan: PrunePlan, write_down: Callable[[Sequence[Point], Sequence[Entry]], None]
) -> tuple[Removed, PrunePlan]:
    """With the plan as it was carried out. What goes is written down before the first of it is gone."""
    reading = catalog.find_reading(store, plan.source, plan.marks_before)
    plan = _hold_back(store, plan, reading)
    going = [each.point for each in plan.let_go]
    if going or plan.log:
        write_down(going, plan.log)
    versioned = find_versioned(store) if plan.holdings else None
    remover = Remover(store, versioned, plan.holdings) if versioned and plan.holdings else None
    take = remover.remove if remover else lambda keys: _delete(store, keys)
    removed = take(plan.manifests)
    # somebody may have read a manifest just before it went
    late = catalog.find_reading(store, plan.source, plan.marks_before).backups - reading.backups
    # a point whose manifest is locked after all stays whole
    spared = {_folder(key) for key, _ in removed.retained} | _folders(plan.source, (*reading.backups, *late))
    removed += take([key for key in plan.objects if _folder(key) not in spared])
    removed += take([entry.key for entry in (*(() if late else plan.log), *plan.merged)])
    _remove_marks(store, versioned, plan, reading.over)
    if remover and not late:
        removed += remover.remove_leftovers()
    store.sweep(plan.sweep_before)
    return (removed if remover else Removed(plan.bytes)), plan


def _hold_back(store: Store, plan: PrunePlan, reading: Reading) -> PrunePlan:
    """If a restore has begun since the plan was made, no log goes. If a point that was to go is pinned by now, or is
    being restored, no point goes either: the others may be what that one rests on. The next prune plans anew."""
    if reading.backups - plan.reading:
        plan = replace(plan, log=())
    points = catalog.survey(store, plan.source).points if plan.let_go else ()
    pinned = {point.id for point in points if point.pinned}
    if not (pinned | reading.backups) & {verdict.point.id for verdict in plan.let_go}:
        return plan

    def why(point: Point) -> str:
        return "pinned" if point.id in pinned else READ if point.id in reading.backups else "left for the next prune"

    staying = tuple(Verdict(each.point, (why(each.point),)) for each in plan.let_go)
    return replace(plan, keep=(*plan.keep, *staying), let_go=(), manifests=(), objects=(), bytes=0, log=(), merged=())


def _remove_marks(store: Store, versioned: Versioned | None, plan: PrunePlan, over: Sequence[str]) -> None:
    """Of restores that are over; where versions are kept those that the restores have hidden themselves, too."""
    if versioned is None:
        store.delete(over)
        return
    marks = versioned.versions(catalog.readings_of(plan.source))
    list(versioned.delete_versions([each for each in marks if each.modified_at < plan.marks_before]))


def _folders(source: str, backups: Iterable[str]) -> set[str]:
    return {catalog.folder_of(source, each) for each in backups}


def _delete(store: Store, keys: Sequence[str]) -> Removed:
    store.delete(keys)
    return Removed()


def _folder(key: str) -> str:
    return key.rsplit("/", 1)[0]
