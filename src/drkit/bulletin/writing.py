"""The document of a bulletin, from what was judged: the keys that other programs read.

It must not know how anything in it is judged.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drkit.bulletin.model import LogBulletin
from drkit.model import Point
from drkit.replicate.lag import ReplicaStanding
from drkit.runs import Record
from drkit.standing import Standing
from drkit.troubles import Trouble, find_notes, find_troubles, find_warnings
from drkit.verify.model import Target, Worst
from drkit.when import format_moment


def describe_source(
    kind: str,
    standing: Standing,
    points: tuple[Point, ...],
    jobs: Mapping[str, Record],
    log: LogBulletin | None = None,
) -> dict[str, Any]:
    verified, window, drill, forecast = standing.verified, standing.window, standing.last_drill, standing.forecast
    return {
        "source": standing.source,
        "kind": kind,
        "captured_at": _moment(standing.captured_at),
        "made_at": _moment(standing.made_at),
        "verified_at": _moment(verified.verified_at) if verified else None,
        "verified_point": {"id": verified.id, "consistent_at": _moment(verified.consistent_at)} if verified else None,
        "rpo": _describe_target(standing.rpo),
        "rto": _describe_target(standing.rto),
        "rto_expected": _seconds(standing.expected),
        **({"rto_at_worst": _describe_worst(standing.log.worst)} if standing.log else {}),
        "rto_forecast": {"outlook": forecast.outlook, "reason": forecast.reason, "at": _moment(forecast.at)},
        "window": _describe_span(window.start, window.end) if window else None,
        **(
            {"windows": [_describe_span(each.start, each.end) for each in standing.log.windows]} if standing.log else {}
        ),
        "gaps": [_describe_span(gap.start, gap.end) for gap in (standing.log.gaps if standing.log else standing.gaps)],
        "overdue_since": _moment(standing.overdue_since),
        "last_drill": {
            "id": drill.id,
            "scenario": drill.scenario,
            "started_at": _moment(drill.started_at),
            "result": drill.result,
        }
        if drill
        else None,
        "damaged": [{"id": each.id, "consistent_at": _moment(each.consistent_at)} for each in standing.damaged],
        "drill_overdue_since": _moment(standing.drill_overdue_since),
        "replica": [_describe_replica(each) for each in standing.replicas],
        "next": {"backup": _moment(standing.next_backup), "verify": _moment(standing.next_drill)},
        "late_at": {"backup": _moment(standing.backup_late_at), "verify": _moment(standing.drill_late_at)},
        "backup_seconds": _seconds(standing.takes),
        "points": len(points),
        "stored_bytes": sum(point.stored_bytes for point in points),
        "jobs": [_describe_job(name, record) for name, record in jobs.items()],
        "troubles": [_describe_trouble(each) for each in find_troubles(standing)],
        "warnings": [_describe_trouble(each) for each in find_warnings(standing)],
        "notes": list(find_notes(standing)),
        "healthy": standing.healthy,
        "red_at": _moment(standing.red_at),
        **({"log": _describe_log(log)} if log else {}),
    }


def describe_moments(points: tuple[Point, ...]) -> list[list[str]]:
    """For drawings: there may be thousands."""
    return [[format_moment(point.consistent_at), _state(point)] for point in points]


def describe_system(
    system: str, report: str | None, jobs: Mapping[str, Record], troubles: tuple[Trouble, ...]
) -> dict[str, Any]:
    return {
        "system": system,
        "report": report,
        "jobs": [_describe_job(name, record) for name, record in jobs.items()],
        "troubles": [_describe_trouble(each) for each in troubles],
    }


def _describe_replica(each: ReplicaStanding) -> dict[str, Any]:
    return {
        "url": each.url,
        "captured_at": _moment(each.captured_at),
        "lag": _seconds(each.lag),
        "behind_points": each.behind,
        "met": each.met,
        "error": each.error or None,
    }


def _describe_log(log: LogBulletin) -> dict[str, Any]:
    return {
        "covered_until": _moment(log.covered_until),
        "lag": _seconds(log.lag),
        "slot_safe_bytes": log.slot_safe_bytes,
    }


def _describe_span(start: datetime, end: datetime) -> dict[str, Any]:
    return {"from": _moment(start), "to": _moment(end)}


def _state(point: Point) -> str:
    if not point.credible:
        return "refuted"
    return "verified" if point.verified_at else "captured"


def _describe_job(name: str, record: Record) -> dict[str, Any]:
    return {
        "job": name,
        "done_at": _moment(record.done_at),
        "failed_at": _moment(record.failed_at),
        "failures": record.failures,
        "failing": record.failing,
        "claims": [
            {
                "slot": format_moment(each.slot),
                "attempt": each.attempt,
                "at": format_moment(each.at),
                "by": each.by,
            }
            for each in record.claims
        ],
    }


def _describe_trouble(each: Trouble) -> dict[str, Any]:
    return {"kind": each.kind, "what": each.what, "since": _moment(each.since), "next_step": each.next_step}


def _describe_target(target: Target) -> dict[str, Any]:
    return {"target": _seconds(target.target), "measured": _seconds(target.measured), "met": target.met}


def _describe_worst(worst: Worst | None) -> dict[str, Any] | None:
    if worst is None:
        return None
    return {
        "at": _moment(worst.at),
        "expected": _seconds(worst.expected),
        "backup": worst.backup,
        "log_bytes": worst.log_bytes,
    }


def _moment(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment else None


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)
