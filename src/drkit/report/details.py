"""One source in the report: its month as a strip, its RTO and RPO as lines, its figures, its drills."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from drkit.report import tables
from drkit.report.markup import Content, Markup, element
from drkit.report.model import Month, SourceReport, Topic
from drkit.report.opening import LABELS, answer_mark
from drkit.report.plots import Frame, Value, draw_lengths, draw_strip
from drkit.report.stock import HISTORY, month_before
from drkit.report.words import count, dated, length, moment, month_name, short_day, short_month, size
from drkit.verify.forecast import Forecast
from drkit.verify.model import Drill

_ROWS = 8  # drills shown of each source: those that did not pass first; the JSON form has all


def draw_source(source: SourceReport, month: Month, zone: ZoneInfo, anchor: str) -> Markup:
    return element(
        "section",
        element("h3", source.source, " ", answer_mark(source.answer), id=anchor),
        element("p", f"{source.kind}. ", _reasons(source), class_="soft"),
        _draw_month(source, month, zone),
        element("div", _draw_rto(source, month), _draw_rpo(source, month, zone), class_="plots"),
        _draw_figures(source, zone),
        _draw_drills(source, zone),
        class_="source",
    )


def _reasons(source: SourceReport) -> str:
    return " ".join(f"{LABELS[promise.topic]}: {promise.reason}." for promise in source.promises)


def _draw_month(source: SourceReport, month: Month, zone: ZoneInfo) -> Markup:
    gaps = [(gap.start, gap.end) for gap in source.gaps]
    widest = max((gap.end - gap.start for gap in source.gaps), default=None)
    told = f"{count(len(gaps), 'gap')}{f', the widest of {length(widest)}' if widest else ''}"
    drills = [(drill.result, drill.started_at) for drill in source.drilled if drill.result != "missed"]
    frame = Frame(
        f"{source.source} in {month_name(month.first_day)}",
        f"{count(len(source.points), 'point')} and {told}; {_count_drills(source)}.",
        month.start,
        month.end,
    )
    days = (month.end.astimezone(zone).date() - month.first_day).days
    marks = [element("span", short_day(month.first_day.replace(day=day))) for day in (1, 8, 15, 22, 29) if day <= days]
    return element(
        "figure",
        draw_strip(frame, source.points, gaps, [*drills, *(("missed", at) for at in source.undrilled_at)]),
        element("div", marks, class_=f"scale d{days}", aria_hidden="true"),
    )


def _count_drills(source: SourceReport) -> str:
    drills = source.drills
    parts = {"passed": drills.passed, "failed": drills.failed, "aborted": drills.aborted, "missed": drills.missed}
    said = ", ".join(f"{number} {name}" for name, number in parts.items() if number)
    return f"drills: {said}" if said else "no drills"


def _draw_rto(source: SourceReport, month: Month) -> Markup:
    promised = _promised(source, "rto")
    values = [Value(each.at, each.took, each.passed) for each in source.rto_history]
    first = month_before(month.first_day, HISTORY - 1)
    if not values:
        return _figure("RTO over twelve months", element("p", "No drill has measured it.", class_="soft"), "")
    frame = Frame(
        f"RTO of {source.source} over twelve months",
        f"{count(len(values), 'measurement')}, the last {length(values[-1].length or timedelta(0))}"
        + (f", promised {length(promised)}." if promised else "."),
        datetime.combine(first, time(), month.start.tzinfo),
        month.end,
    )
    labels = (
        f"promised {length(promised)}" if promised else "",
        f"{short_month(first)} {first.year}",
        f"{short_month(month.first_day)} {month.first_day.year}",
    )
    plot = draw_lengths(frame, values, promised, labels, marks=True)
    return _figure("RTO over twelve months", plot, f"Last {length(source.rto_history[-1].took)}.")


def _draw_rpo(source: SourceReport, month: Month, zone: ZoneInfo) -> Markup:
    promised = _promised(source, "rpo")
    values = [
        Value(datetime.combine(day, time(12), zone), worst, promised is None or worst is None or worst <= promised)
        for day, worst in source.rpo_by_day
    ]
    known = [value.length for value in values if value.length is not None]
    if not known:
        return _figure("Worst loss of each day", element("p", "Nothing could be restored.", class_="soft"), "")
    frame = Frame(
        f"Worst loss of each day for {source.source}",
        f"At most {length(max(known))}" + (f", promised {length(promised)}." if promised else "."),
        month.start,
        month.end,
    )
    last = (month.end.astimezone(zone) - timedelta(hours=12)).date()
    labels = (f"promised {length(promised)}" if promised else "", short_day(month.first_day), short_day(last))
    plot = draw_lengths(frame, values, promised, labels, marks=False)
    return _figure("Worst loss of each day (RPO)", plot, f"At most {length(max(known))}.")


def _figure(title: str, drawing: Markup, caption: str) -> Markup:
    return element("figure", element("h4", title), drawing, element("figcaption", caption) if caption else Markup())


def _promised(source: SourceReport, topic: Topic) -> timedelta | None:
    return next((promise.promised for promise in source.promises if promise.topic == topic), None)


def _draw_figures(source: SourceReport, zone: ZoneInfo) -> Markup:
    backups, sizes, keeping = source.backups, source.sizes, source.keeping
    extra = {"missed": backups.missed, "not known any more": backups.not_known, "still due": backups.due}
    more = "".join(f", {number:,} {name}" for name, number in extra.items() if number)
    kept = ", ".join(f"{rule}: {number:,}" for rule, number in keeping.kept_by) or "no rule is set"
    figures: dict[str, Content] = {
        "Backups": f"{backups.captured:,} of {backups.planned:,} planned{more}",
        "Newest point": moment(source.captured_at, zone) if source.captured_at else "none",
        "Newest verified point": dated(source.verified_point_at, zone) if source.verified_point_at else "none",
        "Size of a backup": _growth(sizes.newest, sizes.before),
        "In the store": f"{size(sizes.stored)} in {count(sizes.points, 'point')}, {keeping.pinned:,} pinned",
        "Removed this month": f"{count(keeping.removed, 'point')}, {size(keeping.removed_bytes)}",
        "Kept by": kept,
        "RTO ahead": _ahead(source.forecast, zone),
    }
    return element("dl", [element("div", element("dt", name), element("dd", said)) for name, said in figures.items()])


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


def _draw_drills(source: SourceReport, zone: ZoneInfo) -> Content:
    if not source.drilled:
        return Markup()
    chosen = sorted(source.drilled, key=lambda drill: (not drill.passed, drill.started_at))[-_ROWS:]
    header = tables.head("Drill", "Result", "Scenario", "Restored", "RTO", "Checks", "Evidence", numbers=(4,))
    rest = len(source.drilled) - len(chosen)
    return tables.make_table(
        f"Drills of {source.source}{f', {rest:,} more are in the JSON form' if rest else ''}",
        header,
        [_drill_row(drill, zone) for drill in sorted(chosen, key=lambda drill: drill.started_at)],
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
