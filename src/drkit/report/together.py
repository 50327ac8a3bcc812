"""Drills of all sources together, in the report: which of them a month has, what they come to, and their table. Pure.

A source's own promises are judged by its own drills; these tell what no single one can.
"""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from drkit.drawing import tables
from drkit.drawing.markup import Content, Markup, element
from drkit.drawing.words import count, length, moment
from drkit.report.model import Month, Report
from drkit.verify.history import History
from drkit.verify.model import Drill

APART = "Sources were restored one by one: nothing shows that two of them agree with each other at one moment."


def pick_sets(history: History, month: Month) -> tuple[Drill, ...]:
    """Those of the month that can be believed."""
    drills = (each.drill for each in history.evidences)
    return tuple(drill for drill in drills if month.start <= drill.started_at <= month.until)


def last_of(sets: Sequence[Drill]) -> Drill | None:
    return max(sets, key=lambda drill: drill.started_at, default=None)


def say_together(report: Report) -> list[str]:
    """What was proven of the set."""
    good = [drill for drill in report.together if drill.passed]
    if not good:
        return []
    skews = [drill.skew.measured for drill in good if drill.skew.measured is not None]
    own = {member.source for drill in good for member in drill.members}
    asked = sum(check.outcome == "passed" and check.name not in own for drill in good for check in drill.checks)
    apart = f", their states at most {length(max(skews))} apart" if skews else ""
    checks = f", and {count(asked, 'check')} of the application passed" if asked else ""
    return [f"{count(len(good), 'time')} all sources stood restored at once{apart}{checks}."]


def say_not_together(report: Report) -> list[str]:
    """What was not, worst first."""
    last = last_of(report.together)
    said = [f"{count(report.unbelieved, 'drill')} of all sources together cannot be believed."] * (
        report.unbelieved > 0
    )
    if last and not last.passed:
        said.append(f"All sources together did not pass: {explain(last)}.")
    return said if any(drill.passed for drill in report.together) else [*said, APART]


def explain(drill: Drill) -> str:
    wrong = [f"{check.name}: {check.actual}" for check in drill.checks if check.outcome != "passed"]
    targets = (("RTO", drill.rto), ("skew", drill.skew))
    missed = [
        f"{name} {length(each.measured)}, promised {length(each.target)}"
        for name, each in targets
        if each.met is False and each.measured is not None and each.target is not None
    ]
    return "; ".join([*filter(None, [drill.error]), *wrong, *missed]) or drill.result


def draw_together(sets: Iterable[Drill], zone: ZoneInfo) -> Content:
    """Nothing where none was drilled."""
    rows = [_row(drill, zone) for drill in sorted(sets, key=lambda drill: drill.started_at)]
    if not rows:
        return Markup()
    header = tables.head(
        "Drill", "Result", "Scenario", "Restored", "RTO", "Skew", "What was wrong", "Evidence", numbers=(4, 5)
    )
    return [
        element("h2", "All sources together"),
        element(
            "p", "Each was restored to a place of its own until all of them stood, and then the application was asked."
        ),
        tables.make_table("Drills of all sources together", header, rows),
    ]


def _row(drill: Drill, zone: ZoneInfo) -> Markup:
    rto, skew = drill.rto.measured, drill.skew.measured
    return tables.row(
        moment(drill.started_at, zone),
        tables.cell(element("span", drill.result, class_="yes" if drill.passed else "word no")),
        tables.cell(drill.scenario),
        tables.moment_cell(moment(drill.reached, zone) if drill.reached else "not all of it"),
        tables.number(length(rto) if rto is not None else "–"),
        tables.number(length(skew) if skew is not None else "–"),
        tables.sentence("nothing" if drill.passed else explain(drill)[:600]),
        tables.cell(element("code", drill.id)),
    )
