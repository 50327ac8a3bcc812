"""The report as JSON: what is printed, and what is signed and stored. docs/REPORT.md lists its keys.

Times are RFC 3339 in UTC, durations whole seconds that are rounded up, so that none flatters, and sizes bytes.
"""

from collections import Counter
from datetime import datetime, timedelta

from drkit.report.model import Incident, Promise, Report, SourceReport
from drkit.report.statements import say_how_to_check, say_proven, say_unproven
from drkit.verify.model import Drill, Target
from drkit.when import format_moment

_FORMAT = 1


def to_document(report: Report, page_sha256: str | None = None) -> dict[str, object]:
    """Of str, int, bool, None, list and dict alone, as signing.sign_document asks for. The hash is that of the page
    that goes with it, if one does."""
    kept = Counter(source.answer for source in report.sources)
    return {
        "drkit": _FORMAT,
        "system": report.system,
        "month": f"{report.month.first_day:%Y-%m}",
        "timezone": report.zone,
        "from": format_moment(report.month.start),
        "to": format_moment(report.month.until),
        "complete": report.month.until == report.month.end,
        "made_at": format_moment(report.made_at),
        "written_by": report.written_by,
        "signers": list(report.signers),
        "kept": {answer: kept[answer] for answer in ("yes", "no", "unknown")},
        "sources": [_from_source(source) for source in report.sources],
        "together": [_from_set(drill) for drill in report.together],
        "replica": {"state": "unknown"},
        "proven": say_proven(report),
        "not_proven": say_unproven(report),
        "how_to_check": say_how_to_check(report),
        "page_sha256": page_sha256,
    }


def _from_source(source: SourceReport) -> dict[str, object]:
    backups, drills, sizes, keeping = source.backups, source.drills, source.sizes, source.keeping
    return {
        "source": source.source,
        "kind": source.kind,
        "kept": source.answer,
        "promises": [_from_promise(promise) for promise in source.promises],
        "captured_at": _moment(source.captured_at),
        "verified_point_at": _moment(source.verified_point_at),
        "proven_at": _moment(source.proven_at),
        "backups": {
            "planned": backups.planned,
            "made": backups.captured,
            "missed": backups.missed,
            "not_known": backups.not_known,
            "due": backups.due,
            "points": backups.points,
        },
        "gaps": [{"from": _moment(gap.start), "to": _moment(gap.end)} for gap in source.gaps],
        "rpo_by_day": [{"day": str(day), "worst": _seconds(worst)} for day, worst in source.rpo_by_day],
        "drills": {
            "planned": drills.planned,
            "run": drills.run,
            "passed": drills.passed,
            "failed": drills.failed,
            "aborted": drills.aborted,
            "missed": drills.missed,
            "due": drills.due,
            "by_hand": drills.by_hand,
            "missed_at": [_moment(at) for at in source.undrilled_at],
            "evidence": [_from_drill(drill) for drill in source.drilled],
        },
        "rto_history": [
            {"at": _moment(each.at), "scenario": each.scenario, "measured": _seconds(each.took), "passed": each.passed}
            for each in source.rto_history
        ],
        "rto_forecast": {
            "outlook": source.forecast.outlook,
            "reason": source.forecast.reason,
            "expected": _seconds(source.forecast.expected),
            "at": _moment(source.forecast.at),
        },
        "sizes": {
            "newest": sizes.newest,
            "month_before": sizes.before,
            "by_month": [{"month": f"{month:%Y-%m}", "newest": size} for month, size in sizes.by_month],
            "stored": sizes.stored,
            "points": sizes.points,
        },
        "retention": {
            "removed": keeping.removed,
            "removed_bytes": keeping.removed_bytes,
            "pinned": keeping.pinned,
            "kept_by": dict(keeping.kept_by),
            "to_go": keeping.to_go,
        },
        "exceptions": [_from_incident(incident) for incident in source.incidents],
    }


def _from_promise(promise: Promise) -> dict[str, object]:
    return {
        "promise": promise.topic,
        "kept": promise.answer,
        "reason": promise.reason,
        "promised": _seconds(promise.promised),
        "measured": _seconds(promise.measured),
    }


def _from_drill(drill: Drill) -> dict[str, object]:
    outcomes = Counter(check.outcome for check in drill.checks)
    return {
        "id": drill.id,
        "scenario": drill.scenario,
        "started_at": _moment(drill.started_at),
        "result": drill.result,
        "backup": drill.backup,
        "reached": _moment(drill.reached),
        "rto": _from_target(drill.rto),
        "rpo": _from_target(drill.rpo),
        "checks": {
            "passed": outcomes["passed"],
            "failed": outcomes["failed"],
            "not_testable": outcomes["not testable"],
        },
        "opened_with": list(drill.opened_with),
    }


def _from_set(drill: Drill) -> dict[str, object]:
    """Of all sources at once."""
    own = {member.source for member in drill.members}
    return {
        "id": drill.id,
        "scenario": drill.scenario,
        "started_at": _moment(drill.started_at),
        "result": drill.result,
        "reached": _moment(drill.reached),
        "rto": _from_target(drill.rto),
        "skew": _from_target(drill.skew),
        "members": [
            {"source": each.source, "id": each.drill, "result": each.result, "reached": _moment(each.reached)}
            for each in drill.members
        ],
        "checks": [{"name": check.name, "outcome": check.outcome} for check in drill.checks if check.name not in own],
    }


def _from_target(target: Target) -> dict[str, object]:
    return {"target": _seconds(target.target), "measured": _seconds(target.measured), "met": target.met}


def _from_incident(incident: Incident) -> dict[str, object]:
    return {
        "trouble": incident.trouble,
        "from": _moment(incident.start),
        "to": _moment(incident.end),
        "what": incident.what,
        "cause": incident.cause,
        "done": incident.done,
        "settled": incident.settled,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else format_moment(at)


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else -(-length // timedelta(seconds=1))
