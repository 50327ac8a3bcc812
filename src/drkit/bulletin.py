"""What is told of sources and systems as they stand: the document of `drkit status --json`, written and read.

Metrics, the status page and notifications are made from it alone, so that whoever reads a store reads it once.
It must not know how anything in it is judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drkit.model import Point
from drkit.replicate.lag import ReplicaStanding
from drkit.runs import Claim, Record
from drkit.standing import Standing
from drkit.troubles import Trouble, find_notes, find_troubles, find_warnings
from drkit.verify.model import Target
from drkit.when import format_moment, parse_moment


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a job: `failing` if its newest run did not end well. `claims` are those of newer slots."""

    name: str
    done_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    failing: bool = False
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, and what drills have shown of it: captured, verified or refuted."""

    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class ReplicaBulletin:
    """How one replica stands. `lag` is how old its newest whole point is; `met` is whether that keeps the RPO."""

    url: str
    captured_at: datetime | None
    lag: timedelta | None
    met: bool | None = None
    error: str = ""

    @property
    def healthy(self) -> bool:
        return not self.error and self.met is not False


@dataclass(frozen=True, slots=True)
class LogBulletin:
    """How a continuous log stands. `slot_safe_bytes` is how much more the server may write before its slot is lost,
    or its disk full; None where nobody has limited that."""

    covered_until: datetime | None
    lag: timedelta | None
    slot_safe_bytes: int | None


@dataclass(frozen=True, slots=True)
class SourceBulletin:
    """`made_at` is the moment of the newest point, also if it is not to be relied on, and `drilled_at` when the last
    drill began that came to its end. `backup_late_at` and `verify_late_at` are when a run is overdue if none has ended
    well by then; `red_at` is when a healthy source is so no more if nothing new comes. From `rto_missed_at` on a
    forecast sees the RTO missed."""

    source: str
    kind: str
    captured_at: datetime | None
    made_at: datetime | None
    drilled_at: datetime | None
    verified_at: datetime | None
    rpo: Target
    rto: Target
    window: tuple[datetime, datetime] | None
    gaps: tuple[tuple[datetime, datetime], ...]
    next_backup: datetime
    next_verify: datetime | None
    healthy: bool
    red_at: datetime | None
    takes: timedelta | None
    points: int
    stored_bytes: int
    troubles: tuple[Trouble, ...]
    warnings: tuple[Trouble, ...]
    notes: tuple[str, ...]
    jobs: tuple[Job, ...]
    moments: tuple[Moment, ...] = field(default=(), repr=False)
    backup_late_at: datetime | None = None
    verify_late_at: datetime | None = None
    rto_expected: timedelta | None = None
    rto_missed_at: datetime | None = None
    replicas: tuple[ReplicaBulletin, ...] = ()
    log: LogBulletin | None = None

    @property
    def system(self) -> str:
        return self.source.partition("/")[0]

    def is_healthy(self, now: datetime) -> bool:
        """Also some time after it was looked at."""
        return self.healthy and (self.red_at is None or now <= self.red_at)


@dataclass(frozen=True, slots=True)
class SystemBulletin:
    system: str
    report: str | None
    jobs: tuple[Job, ...]
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class Bulletin:
    """`failed` maps what could not be looked at to why not."""

    sources: tuple[SourceBulletin, ...] = ()
    systems: tuple[SystemBulletin, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    def source(self, name: str) -> SourceBulletin | None:
        return next((each for each in self.sources if each.source == name), None)

    def system(self, name: str) -> SystemBulletin | None:
        return next((each for each in self.systems if each.system == name), None)


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


def read_bulletin(document: Mapping[str, Any]) -> Bulletin:
    return Bulletin(
        tuple(map(_read_source, document["sources"])),
        tuple(map(_read_system, document.get("systems", ()))),
        {each["source"]: each["error"] for each in document.get("failed", ())},
    )


def _read_source(told: Mapping[str, Any]) -> SourceBulletin:
    return SourceBulletin(
        source=told["source"],
        kind=told["kind"],
        captured_at=_read_moment(told["captured_at"]),
        made_at=_read_moment(told["made_at"]),
        drilled_at=_read_moment(told["last_drill"]["started_at"]) if told["last_drill"] else None,
        verified_at=_read_moment(told["verified_at"]),
        rpo=_read_target(told["rpo"]),
        rto=_read_target(told["rto"]),
        window=_read_span(told["window"]) if told["window"] else None,
        gaps=tuple(map(_read_span, told["gaps"])),
        next_backup=parse_moment(told["next"]["backup"]),
        next_verify=_read_moment(told["next"]["verify"]),
        healthy=told["healthy"],
        red_at=_read_moment(told["red_at"]),
        takes=_read_length(told["backup_seconds"]),
        points=told["points"],
        stored_bytes=told["stored_bytes"],
        troubles=tuple(map(_read_trouble, told["troubles"])),
        warnings=tuple(map(_read_trouble, told["warnings"])),
        notes=tuple(told["notes"]),
        jobs=tuple(map(_read_job, told["jobs"])),
        moments=tuple(Moment(parse_moment(at), state) for at, state in told.get("moments", ())),
        backup_late_at=_read_moment(told["late_at"]["backup"]),
        verify_late_at=_read_moment(told["late_at"]["verify"]),
        rto_expected=_read_length(told["rto_expected"]),
        rto_missed_at=_read_missed(told["rto_forecast"]),
        replicas=tuple(map(_read_replica, told.get("replica") or ())),
        log=_read_log(told["log"]) if told.get("log") else None,
    )


def _read_missed(told: Mapping[str, Any]) -> datetime | None:
    """What is kept has a day too, until which that is certain."""
    return _read_moment(told["at"]) if told["outlook"] in ("missed now", "missed later") else None


def _describe_replica(each: ReplicaStanding) -> dict[str, Any]:
    return {
        "url": each.url,
        "captured_at": _moment(each.captured_at),
        "lag": _seconds(each.lag),
        "behind_points": each.behind,
        "met": each.met,
        "error": each.error or None,
    }


def _read_replica(told: Mapping[str, Any]) -> ReplicaBulletin:
    return ReplicaBulletin(
        told["url"],
        _read_moment(told["captured_at"]),
        _read_length(told["lag"]),
        told.get("met"),
        told.get("error") or "",
    )


def _describe_log(log: LogBulletin) -> dict[str, Any]:
    return {
        "covered_until": _moment(log.covered_until),
        "lag": _seconds(log.lag),
        "slot_safe_bytes": log.slot_safe_bytes,
    }


def _describe_span(start: datetime, end: datetime) -> dict[str, Any]:
    return {"from": _moment(start), "to": _moment(end)}


def _read_log(told: Mapping[str, Any]) -> LogBulletin:
    return LogBulletin(_read_moment(told["covered_until"]), _read_length(told["lag"]), told["slot_safe_bytes"])


def _read_system(told: Mapping[str, Any]) -> SystemBulletin:
    return SystemBulletin(
        told["system"],
        told["report"],
        tuple(map(_read_job, told["jobs"])),
        tuple(map(_read_trouble, told["troubles"])),
    )


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


def _read_job(told: Mapping[str, Any]) -> Job:
    return Job(
        told["job"],
        _read_moment(told["done_at"]),
        _read_moment(told["failed_at"]),
        told["failures"],
        told["failing"],
        tuple(
            Claim(parse_moment(each["slot"]), each["attempt"], parse_moment(each["at"]), each["by"])
            for each in told["claims"]
        ),
    )


def _describe_trouble(each: Trouble) -> dict[str, Any]:
    return {"kind": each.kind, "what": each.what, "since": _moment(each.since), "next_step": each.next_step}


def _read_trouble(told: Mapping[str, Any]) -> Trouble:
    return Trouble(told["kind"], told["what"], _read_moment(told["since"]), told["next_step"])


def _describe_target(target: Target) -> dict[str, Any]:
    return {"target": _seconds(target.target), "measured": _seconds(target.measured), "met": target.met}


def _read_target(told: Mapping[str, Any]) -> Target:
    return Target(_read_length(told["target"]), _read_length(told["measured"]), told["met"])


def _read_span(told: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return parse_moment(told["from"]), parse_moment(told["to"])


def _moment(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment else None


def _read_moment(told: str | None) -> datetime | None:
    return parse_moment(told) if told else None


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)


def _read_length(told: float | None) -> timedelta | None:
    return None if told is None else timedelta(seconds=told)
