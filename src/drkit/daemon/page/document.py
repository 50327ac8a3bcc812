"""What the page shows, as JSON. Names are those of `drkit status --json` where it has them."""

from datetime import datetime, timedelta
from typing import Any

from drkit.bulletin import SourceBulletin
from drkit.daemon.model import Ended, Running, State
from drkit.daemon.readiness import Alarm, find_alarms
from drkit.verify.model import Target
from drkit.when import format_moment


def describe_state(state: State, now: datetime) -> dict[str, Any]:
    alarms = find_alarms(state, now)
    return {
        "at": format_moment(now),
        "ready": not alarms,
        "troubles": [describe_alarm(alarm) for alarm in alarms],
        "started_at": format_moment(state.started_at),
        "looked_at": _moment(state.looked_at),
        "sources": [_describe_source(each, now) for each in state.bulletin.sources],
        "systems": [{"system": each.system, "report": each.report} for each in state.bulletin.systems],
        "running": [_describe_running(each) for each in state.running],
        "ended": [_describe_ended(each) for each in state.last.values()],
        "next": [
            {"job": each.name[0], "subject": each.name[1], "at": format_moment(each.at)} for each in state.planned
        ],
    }


def describe_alarm(alarm: Alarm) -> dict[str, Any]:
    trouble = alarm.trouble
    return {
        "subject": alarm.subject,
        "kind": trouble.kind,
        "what": trouble.what,
        "since": _moment(trouble.since),
        "next_step": trouble.next_step,
    }


def _describe_source(source: SourceBulletin, now: datetime) -> dict[str, Any]:
    lost = now - source.captured_at if source.captured_at else None
    met = None if lost is None or source.rpo.target is None else lost <= source.rpo.target
    return {
        "source": source.source,
        "kind": source.kind,
        "healthy": source.is_healthy(now),
        "captured_at": _moment(source.captured_at),
        "verified_at": _moment(source.verified_at),
        "rpo": _describe_target(Target(source.rpo.target, lost, met)),
        "rto": _describe_target(source.rto),
        "window": _span(source.window) if source.window else None,
        "gaps": [_span(gap) for gap in source.gaps],
        "next": {"backup": format_moment(source.next_backup), "verify": _moment(source.next_verify)},
        "points": source.points,
        "stored_bytes": source.stored_bytes,
        "notes": list(source.notes),
    }


def _describe_running(run: Running) -> dict[str, Any]:
    return {
        "job": run.name[0],
        "subject": run.name[1],
        "slot": format_moment(run.slot),
        "attempt": run.attempt,
        "began_at": format_moment(run.began_at),
        "correlation_id": run.correlation_id,
        "message": run.message,
        "done_bytes": run.done_bytes,
        "total_bytes": run.total_bytes,
        "bytes_per_second": run.bytes_per_second,
    }


def _describe_ended(ended: Ended) -> dict[str, Any]:
    return {
        "job": ended.name[0],
        "subject": ended.name[1],
        "slot": format_moment(ended.slot),
        "attempt": ended.attempt,
        "began_at": format_moment(ended.began_at),
        "ended_at": format_moment(ended.ended_at),
        "exit_code": ended.exit_code,
        "failed": ended.failed,
        "taken": ended.taken,
        "timed_out": ended.timed_out,
        "error": ended.error,
        "hint": ended.hint,
    }


def _describe_target(target: Target) -> dict[str, Any]:
    return {"target": _seconds(target.target), "measured": _seconds(target.measured), "met": target.met}


def _span(span: tuple[datetime, datetime]) -> dict[str, str]:
    return {"from": format_moment(span[0]), "to": format_moment(span[1])}


def _moment(at: datetime | None) -> str | None:
    return format_moment(at) if at else None


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)
