"""Drills for tests of what is decided over them: as they would have ended, without anything having been restored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from drkit import catalog
from drkit.model import Check
from drkit.verify.model import Drill
from drkit.verify.verdicts import judge_rpo, judge_rto

AT = datetime(2020, 11, 20, 14, 30, 0, 123456, tzinfo=UTC)
GOOD = Check("tables", "passed", "the same", "the same")
BAD = Check("orders", "failed", "17 rows", "16 rows")
UNKNOWN = Check("extension postgis", "not testable", "3.4", "not installed")


def drill_at(started_at: datetime = AT, token: str = "7f3a9c01", **changes: Any) -> Drill:
    """A drill that passed in ten minutes, eight of which grow with the backup; `changes` are to its fields."""
    captured_at = started_at - timedelta(minutes=10)
    drill = Drill(
        id=catalog.make_id(started_at, token),
        source="shop/main",
        scenario="database-failure",
        started_at=started_at,
        ended_at=started_at + timedelta(minutes=11),
        backup=catalog.make_id(captured_at, "0" * 8),
        wanted=started_at,
        reached=captured_at,
        seed=None,
        result="passed",
        error="",
        rto=judge_rto(timedelta(minutes=15), timedelta(minutes=10)),
        rpo=judge_rpo(timedelta(hours=1), timedelta(minutes=10)),
        phases=(("provision", 60.0), ("fetch_and_load", 300.0), ("replay", 60.0), ("index", 120.0), ("check", 60.0)),
        checks=(GOOD,),
        stored_bytes=1_000_000,
        restored_bytes=3_000_000,
        objects=(("shop/main/backups/a/database.zst.age", "ab" * 32),),
        tools={"pg_restore": "15.18"},
        clock_offset=-0.25,
        settings_that_differ={"fsync": ("on", "off")},
        disposed=True,
        correlation_id="0123456789abcdef",
        drkit_version="0.0.0",
    )
    return replace(drill, **changes)
