"""Drills that were due and never ran: which those are, and the evidence that says so.

It must not know when anybody looks: whoever does, and however often, the same evidence is written once.
"""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from drkit import __version__, catalog
from drkit.errors import AlreadyExists
from drkit.ports import Store
from drkit.signing import Signer, SigningKey
from drkit.timetable import Cron
from drkit.verify.ledger import commit_evidence
from drkit.verify.model import Drill, Target
from drkit.verify.slots import Slot, for_drills, slots_between
from drkit.when import format_moment, from_the_future

MOST = 50  # told of at a time: a schedule that was forgotten for a year fills no store
_TOKEN = "0" * 8  # the same for all who notice
_UNKNOWN = Target(None, None, None)


def find_missed(cron: Cron, zone: ZoneInfo, since: datetime, now: datetime) -> list[Slot]:
    """The newest of the planned drills since then for which the time is over, if none began since then."""
    over = [slot for slot in for_drills(slots_between(cron, zone, since, now)) if slot.end <= now]
    return over[-MOST:]


def record_missed(
    store: Store,
    source: str,
    cron: Cron,
    zone: ZoneInfo,
    signing_key: SigningKey,
    signers: Collection[Signer],
    now: datetime,
    correlation_id: str,
) -> list[str]:
    """The keys of the evidence that is new. Call it before a drill, as it looks no further back than the last one.

    Before the first evidence nothing is missed: today's schedule may be younger than the source."""
    since = _last_evidence(store, source, now)
    slots = find_missed(cron, zone, since, now) if since else []
    written = []
    for slot in slots:
        try:
            written.append(commit_evidence(store, _missed(source, slot, now, correlation_id), signing_key, signers))
        except AlreadyExists:
            continue  # somebody else noticed at the same time
    return written


def _last_evidence(store: Store, source: str, now: datetime) -> datetime | None:
    found = (catalog.parse_drill_key(entry.key) for entry in store.list(catalog.drills_of(source)))
    moments = (catalog.parse_id(each[1]) for each in found if each)
    return max((moment for moment in moments if moment and not from_the_future(moment, now)), default=None)


def _missed(source: str, slot: Slot, now: datetime, correlation_id: str) -> Drill:
    return Drill(
        id=catalog.make_id(slot.start, _TOKEN),
        source=source,
        scenario="database-failure",
        started_at=slot.start,
        ended_at=now,
        backup=None,
        wanted=None,
        reached=None,
        seed=None,
        result="missed",
        error=f"no drill began between {format_moment(slot.start)} and {format_moment(slot.end)}",
        rto=_UNKNOWN,
        rpo=_UNKNOWN,
        phases=(),
        checks=(),
        stored_bytes=0,
        restored_bytes=0,
        objects=(),
        tools={},
        clock_offset=None,
        settings_that_differ={},
        disposed=True,
        correlation_id=correlation_id,
        drkit_version=__version__,
    )
