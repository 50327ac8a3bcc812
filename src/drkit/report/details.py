"""One source in the report: why it kept its promises or not, its drawings, its figures, its drills."""

from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from drkit.drawing import tables
from drkit.drawing.markup import Content, Markup, element
from drkit.drawing.words import count, dated, length, moment, short_day, short_name, size
from drkit.report.drawings import draw_month, draw_rpo, draw_rto
from drkit.report.model import Month, SourceReport
from drkit.report.opening import answer_mark
from drkit.report.statements import LABELS
from drkit.verify.forecast import Forecast
from drkit.verify.model import Drill

# Drills shown of each source, of those that did not pass and then of the newest; the JSON form has all. A page on
# hundreds of sources must still open on a phone.
_KEY = 16  # characters of a recipient that are shown
_ROWS, _ROWS_OF_MANY, _MANY = 8, 2, 20


def draw_source(source: SourceReport, month: Month, zone: ZoneInfo, anchor: str, of: int) -> Markup:
    """`of` is how many sources the page tells of."""
    return element(
        "section",
        element("h3", short_name(source.source), " ", answer_mark(source.answer), id=anchor),
        element("p", f"{source.kind}. ", _reasons(source), class_="soft"),
        draw_month(source, month, zone),
        element("div", draw_rto(source, month), draw_rpo(source, month, zone), class_="plots"),
        _draw_figures(source, zone),
        _draw_drills(source, zone, _ROWS if of <= _MANY else _ROWS_OF_MANY),
        class_="source",
    )


def _reasons(source: SourceReport) -> str:
    return " ".join(f"{LABELS[promise.topic]}: {promise.reason}." for promise in source.promises)


def _draw_figures(source: SourceReport, zone: ZoneInfo) -> Markup:
    backups, sizes, keeping = source.backups, source.sizes, source.keeping
    extra = {"missed": backups.missed, "not known any more": backups.not_known, "still due": backups.due}
    more = "".join(f", {number:,} {name}" for name, number in extra.items() if number)
    kept = ", ".join(f"{rule} ({number:,})" for rule, number in keeping.kept_by) or "no rule is set"
    pinned = f", {keeping.pinned:,} pinned" if keeping.pinned else ""
    figures: dict[str, Content] = {
        "Backups": f"{backups.captured:,} of {backups.planned:,} planned{more}",
        "Newest point": moment(source.captured_at, zone) if source.captured_at else "none",
        "Newest verified point": dated(source.verified_point_at, zone) if source.verified_point_at else "none",
        "Size of a backup": _growth(sizes.newest, sizes.before),
        "In the store": f"{size(sizes.stored)} in {count(sizes.points, 'point')}{pinned}",
        "Removed this month": f"{count(keeping.removed, 'point')}, {size(keeping.removed_bytes)}",
        "Kept by": kept,
        "RTO ahead": _ahead(source.forecast, zone),
    }
    if worst := _at_worst(source.drilled, zone):
        figures["RTO at worst"] = worst
    if openers := _openers(source.drilled):
        figures["Opened by"] = openers
    return element("dl", [element("div", element("dt", name), element("dd", said)) for name, said in figures.items()])


def _openers(drills: Sequence[Drill]) -> str:
    """Whose identities were tried and opened a backup: an escrow that is not among them was never tried."""
    counts = Counter(recipient for drill in drills for recipient in drill.opened_with)
    return ", ".join(f"{who[:_KEY]}… ({count(n, 'drill')})" for who, n in sorted(counts.items()))


def _at_worst(drills: Sequence[Drill], zone: ZoneInfo) -> str:
    """By the drill of the month that replayed most of a log."""
    drill = max((each for each in drills if each.worst), key=lambda each: each.log_bytes or 0, default=None)
    if drill is None or drill.worst is None:
        return ""
    far = f"for {moment(drill.worst.at, zone)}, after {size(drill.worst.log_bytes)} of log"
    return f"{length(drill.worst.expected)} by the pace of drills, {far}" if drill.worst.expected else f"unknown, {far}"


def _growth(newest: int | None, before: int | None) -> str:
    if newest is None:
        return "none"
    return f"{size(newest)}, {newest / before - 1:+.1%} in a month" if before else size(newest)


def _ahead(forecast: Forecast, zone: ZoneInfo) -> str:
    if forecast.outlook == "unknown" or forecast.at is None:
        return f"unknown: {forecast.reason}"
    day = forecast.at.astimezone(zone).date()
    at = f"{short_day(day)} {day.year}"
    words = {
        "missed now": "missed already",
        "missed later": f"missed from {at} on",
        "kept": f"kept until {at} at least",
    }
    return f"{words[forecast.outlook]}: {forecast.reason}"


def _draw_drills(source: SourceReport, zone: ZoneInfo, most: int) -> Content:
    if not source.drilled:
        return Markup()
    chosen = sorted(source.drilled, key=lambda drill: (not drill.passed, drill.started_at))[-most:]
    header = tables.head("Drill", "Result", "Scenario", "Restored", "RTO", "Checks", "Evidence", numbers=(4,))
    rest = len(source.drilled) - len(chosen)
    return tables.make_table(
        "Drills of the month",
        header,
        [_drill_row(drill, zone) for drill in sorted(chosen, key=lambda drill: drill.started_at)],
        f"; {rest:,} more are in the JSON form" if rest else "",
    )


def _drill_row(drill: Drill, zone: ZoneInfo) -> Markup:
    outcomes = [check.outcome for check in drill.checks]
    names = ("passed", "failed", "not testable")
    told = ", ".join(f"{outcomes.count(name)} {name}" for name in names if name in outcomes)
    return tables.row(
        moment(drill.started_at, zone),
        tables.cell(element("span", drill.result, class_="yes" if drill.passed else "word no")),
        tables.cell(drill.scenario),
        tables.moment_cell(moment(drill.reached, zone) if drill.reached else "nothing"),
        tables.number(length(drill.rto.measured) if drill.rto.measured is not None else "–"),
        tables.cell(told or "none"),
        tables.cell(element("code", drill.id)),
    )
