"""Bulletins for tests of what is told of them: a source that is well, and one that is in every trouble."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from drkit.bulletin import Bulletin, Job, LogBulletin, ReplicaBulletin, SourceBulletin, SystemBulletin
from drkit.daemon.model import Ended, Running, State
from drkit.troubles import Trouble
from drkit.verify.model import Target

NOW = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WRONG = ("nothing", "rto", "drill failed", "damaged", "evidence doubted", "overdue", "hangs")


def source(name: str = "shop/main", now: datetime = NOW, **changes: Any) -> SourceBulletin:
    """It was captured ten minutes before, is captured every half hour, and keeps what it promises."""
    well = SourceBulletin(
        source=name,
        kind="postgres",
        captured_at=now - 10 * MINUTE,
        made_at=now - 10 * MINUTE,
        drilled_at=now - DAY,
        verified_at=now - DAY,
        rpo=Target(HOUR, 10 * MINUTE, True),
        rto=Target(15 * MINUTE, 10 * MINUTE, True),
        window=(now - 30 * DAY, now - 10 * MINUTE),
        gaps=(),
        next_backup=now + 20 * MINUTE,
        next_verify=now + 9 * DAY,
        healthy=True,
        red_at=now + 25 * MINUTE,
        takes=timedelta(seconds=90),
        points=720,
        stored_bytes=1_000_000_000,
        troubles=(),
        warnings=(),
        notes=(),
        jobs=(),
        backup_late_at=now + 25 * MINUTE,
        verify_late_at=now + 10 * DAY,
        rto_expected=11 * MINUTE,
    )
    return replace(well, **changes)


def ruined(now: datetime) -> tuple[Bulletin, State]:
    """All that can be wrong at once, and a daemon that knows it."""
    troubles = tuple(Trouble(kind, kind, None, "look") for kind in WRONG)
    replica = ReplicaBulletin("s3://far/prod?region=us-east-1", now - 2 * DAY, 2 * DAY, False)
    bad = source(
        "shop/ruin",
        now,
        captured_at=now - DAY,
        made_at=now - DAY,
        verified_at=now - 90 * DAY,
        healthy=False,
        red_at=now - HOUR,
        backup_late_at=now - HOUR,
        verify_late_at=now - DAY,
        troubles=troubles,
        warnings=(Trouble("rto forecast", "it grows", None, "look"),),
        jobs=(Job("backup", None, now - HOUR, 3, True),),
        replicas=(replica,),
        log=LogBulletin(now - HOUR, HOUR, 100_000_000),
    )
    grows = source("shop/grows", now, rto_missed_at=now + 20 * DAY)
    system = SystemBulletin(
        "shop",
        "2026-10",
        (Job("prune", now - 3 * DAY, now - DAY, 2, True),),
        (
            Trouble("prune failed", "the last prune failed", now - DAY, "look"),
            Trouble("report overdue", "", now, "look"),
        ),
    )
    bulletin = Bulletin((bad, grows), (system,), {"other/main": "the store does not answer"})
    name, other = ("backup", "shop/ruin"), ("prune", "shop")
    state = State(
        started_at=now - 9 * DAY,
        config_error="schedules/shop.toml: sources.main.backup is missing",
        looked_at=now - 2 * HOUR,
        bulletin=bulletin,
        running=(Running(name, now, 1, now - MINUTE, "run"),),
        last={
            name: Ended(name, now - HOUR, 1, now - HOUR, now - 50 * MINUTE, 4),
            other: Ended(other, now - DAY, 1, now - DAY, now - DAY + MINUTE, 5),
        },
        troubles={"shop": (Trouble("hangs", "a job hangs", now, "look"),), "drkit": (Trouble("look", "", None, ""),)},
    )
    return bulletin, state
