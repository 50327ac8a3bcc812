"""A bulletin from its document. It must not know who wrote that."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drkit.bulletin.model import Bulletin, Job, LogBulletin, Moment, ReplicaBulletin, SourceBulletin, SystemBulletin
from drkit.runs import Claim
from drkit.troubles import Trouble
from drkit.verify.model import Target
from drkit.when import parse_moment


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


def _read_replica(told: Mapping[str, Any]) -> ReplicaBulletin:
    return ReplicaBulletin(
        told["url"],
        _read_moment(told["captured_at"]),
        _read_length(told["lag"]),
        told.get("met"),
        told.get("error") or "",
    )


def _read_log(told: Mapping[str, Any]) -> LogBulletin:
    return LogBulletin(_read_moment(told["covered_until"]), _read_length(told["lag"]), told["slot_safe_bytes"])


def _read_system(told: Mapping[str, Any]) -> SystemBulletin:
    return SystemBulletin(
        told["system"],
        told["report"],
        tuple(map(_read_job, told["jobs"])),
        tuple(map(_read_trouble, told["troubles"])),
    )


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


def _read_trouble(told: Mapping[str, Any]) -> Trouble:
    return Trouble(told["kind"], told["what"], _read_moment(told["since"]), told["next_step"])


def _read_target(told: Mapping[str, Any]) -> Target:
    return Target(_read_length(told["target"]), _read_length(told["measured"]), told["met"])


def _read_span(told: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return parse_moment(told["from"]), parse_moment(told["to"])


def _read_moment(told: str | None) -> datetime | None:
    return parse_moment(told) if told else None


def _read_length(told: float | None) -> timedelta | None:
    return None if told is None else timedelta(seconds=told)
