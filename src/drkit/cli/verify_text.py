"""What `drkit verify now` says of a drill: to programs the contract's keys, to people what was shown and what was not.

It must not know how a drill is carried out.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from drkit.cli.console import GREEN, RED
from drkit.cli.text import format_size
from drkit.when import format_length, format_moment

if TYPE_CHECKING:
    from drkit.cli.console import Console
    from drkit.verify.model import Drill, Target, Worst

_PHASES = ("provision", "fetch_and_load", "replay", "index", "check")


def describe_drill(drill: "Drill", evidence: str | None) -> dict[str, Any]:
    return {
        "source": drill.source,
        "scenario": drill.scenario,
        "backup": drill.backup,
        "wanted": format_moment(drill.wanted) if drill.wanted else None,
        "reached": format_moment(drill.reached) if drill.reached else None,
        "seed": drill.seed,
        "passed": drill.passed,
        "result": drill.result,
        "error": drill.error,
        "rto": _target(drill.rto),
        "rpo": _target(drill.rpo),
        "phases": dict.fromkeys(_PHASES, 0.0) | dict(drill.phases),
        "checks": _checks(drill),
        **({"rto_at_worst": _worst(drill.worst)} if drill.worst else {}),
        "disposed": drill.disposed,
        "evidence": evidence,
    }


def describe_set(drill: "Drill", evidence: str | None) -> dict[str, Any]:
    """The drill of a whole system; its members are told as drills of their own."""
    return {
        "system": drill.source.partition("/")[0],
        "scenario": drill.scenario,
        "wanted": format_moment(drill.wanted) if drill.wanted else None,
        "reached": format_moment(drill.reached) if drill.reached else None,
        "passed": drill.passed,
        "result": drill.result,
        "error": drill.error,
        "rto": _target(drill.rto),
        "skew": _target(drill.skew),
        "phases": dict(drill.phases),
        "checks": _checks(drill),
        "members": [
            {"source": each.source, "drill": each.drill, "backup": each.backup, "result": each.result}
            for each in drill.members
        ],
        "disposed": drill.disposed,
        "evidence": evidence,
    }


def _checks(drill: "Drill") -> list[dict[str, Any]]:
    return [
        {
            "name": check.name,
            "passed": {"passed": True, "failed": False, "not testable": None}[check.outcome],
            "expected": check.expected,
            "actual": check.actual,
        }
        for check in drill.checks
    ]


def summarize(console: "Console", drill: "Drill", evidence: str | None) -> list[str]:
    verdict = console.paint("passed", GREEN) if drill.passed else console.paint(drill.result.upper(), RED)
    reached = f" as of {format_moment(drill.reached)}" if drill.reached else ""
    lines = [f"{drill.source}: {drill.scenario} {verdict}{reached}"]
    lines += [f"  RTO {_told(drill.rto)}", f"  RPO {_told(drill.rpo)}"]
    if drill.worst:
        lines.insert(2, f"  RTO at worst {_told_worst(drill.worst, drill.rto.target)}")
    return [*lines, *_found(drill, evidence)]


def summarize_set(console: "Console", drill: "Drill", evidence: str | None) -> list[str]:
    verdict = console.paint("passed", GREEN) if drill.passed else console.paint(drill.result.upper(), RED)
    lines = [f"{drill.source.partition('/')[0]}, all of it together: {drill.scenario} {verdict}"]
    lines += [f"  RTO {_told(drill.rto)}", f"  skew {_told(drill.skew)}"]
    return [*lines, *_found(drill, evidence)]


def _found(drill: "Drill", evidence: str | None) -> list[str]:
    good = [check for check in drill.checks if check.outcome == "passed"]
    lines = [f"  {len(good)} of {len(drill.checks)} checks passed"]
    lines += [
        f"  {check.outcome}: {check.name}: expected {check.expected}, found {check.actual}"
        for check in drill.checks
        if check.outcome != "passed"
    ]
    lines += [f"  error: {drill.error}"] if drill.error else []
    lines += [] if drill.disposed else ["  NOT REMOVED: the scratch copy is still there"]
    lines += [f"  evidence: {evidence}"] if evidence else []
    return lines


def _target(target: "Target") -> dict[str, Any]:
    return {
        "target": target.target.total_seconds() if target.target is not None else None,
        "measured": round(target.measured.total_seconds(), 3) if target.measured is not None else None,
        "met": target.met,
    }


def _worst(worst: "Worst") -> dict[str, Any]:
    return {
        "at": format_moment(worst.at),
        "expected": round(worst.expected.total_seconds(), 3) if worst.expected is not None else None,
        "backup": worst.backup,
        "log_bytes": worst.log_bytes,
    }


def _told_worst(worst: "Worst", promised: timedelta | None) -> str:
    from drkit.verify.worst import misses

    """To the second, which is a moment that can be asked for."""
    far = f"for {format_moment(worst.at.replace(microsecond=0))}, {format_size(worst.log_bytes)} of log from its base"
    if worst.expected is None:
        return f"not known: no drill has replayed enough log, {far}"
    return f"{format_length(worst.expected)} by this pace, {far}{': MISSED' if misses(worst, promised) else ''}"


def _told(target: "Target") -> str:
    measured = "not measured" if target.measured is None else format_length(target.measured)
    promised = f", promised {format_length(target.target)}" if target.target is not None else ", nothing promised"
    return f"{measured}{promised}{': MISSED' if target.met is False else ''}"
