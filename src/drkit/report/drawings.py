"""One source in drawings: its month as a strip, its RTO over a year and its RPO over the month as lines."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from drkit.drawing.markup import Markup, element
from drkit.drawing.plots import Frame, Value, draw_lengths, draw_strip
from drkit.drawing.words import count, length, month_name, short_day, short_month, short_name
from drkit.report.model import Month, SourceReport, Topic
from drkit.report.stock import HISTORY, month_before


def draw_month(source: SourceReport, month: Month, zone: ZoneInfo) -> Markup:
    gaps = [(gap.start, gap.end) for gap in source.gaps]
    widest = max((gap.end - gap.start for gap in source.gaps), default=None)
    told = f"{count(len(gaps), 'gap')}{f', the widest of {length(widest)}' if widest else ''}"
    drills = [(drill.result, drill.started_at) for drill in source.drilled if drill.result != "missed"]
    frame = Frame(
        f"{short_name(source.source)} in {month_name(month.first_day)}",
        f"{count(len(source.points), 'point')} and {told}; {_count_drills(source)}.",
        month.start,
        month.end,
    )
    days = (month.end.astimezone(zone).date() - month.first_day).days
    weeks = [element("span", str(day)) for day in (8, 15, 22, 29) if day <= days]
    return element(
        "figure",
        draw_strip(frame, source.points, gaps, [*drills, *(("missed", at) for at in source.undrilled_at)]),
        element("div", element("span", short_day(month.first_day)), weeks, class_=f"scale d{days}", aria_hidden="true"),
    )


def _count_drills(source: SourceReport) -> str:
    drills = source.drills
    parts = {"passed": drills.passed, "failed": drills.failed, "aborted": drills.aborted, "missed": drills.missed}
    said = ", ".join(f"{number} {name}" for name, number in parts.items() if number)
    return f"drills: {said}" if said else "no drills"


def draw_rto(source: SourceReport, month: Month) -> Markup:
    promised = _promised(source, "rto")
    values = [Value(each.at, each.took, each.passed) for each in source.rto_history]
    first = month_before(month.first_day, HISTORY - 1)
    if not values:
        return _figure("RTO over twelve months", element("p", "No drill has measured it.", class_="soft"), "")
    frame = Frame(
        "RTO over twelve months",
        f"{count(len(values), 'measurement')}, the last {length(values[-1].length or timedelta(0))}"
        f"{_against(promised)}",
        datetime.combine(first, time(), month.start.tzinfo),
        month.end,
    )
    labels = (f"{short_month(first)} {first.year}", f"{short_month(month.first_day)} {month.first_day.year}")
    plot = draw_lengths(frame, values, promised, labels, dots=True)
    return _figure("RTO over twelve months", plot, f"Last {length(source.rto_history[-1].took)}{_against(promised)}")


def draw_rpo(source: SourceReport, month: Month, zone: ZoneInfo) -> Markup:
    promised = _promised(source, "rpo")
    values = [
        Value(datetime.combine(day, time(12), zone), worst, promised is None or worst is None or worst <= promised)
        for day, worst in source.rpo_by_day
    ]
    known = [value.length for value in values if value.length is not None]
    if not known:
        return _figure("Worst loss of each day", element("p", "Nothing could be restored.", class_="soft"), "")
    frame = Frame(
        "Worst loss of each day",
        f"At most {length(max(known))}{_against(promised)}",
        month.start,
        month.end,
    )
    last = (month.end.astimezone(zone) - timedelta(hours=12)).date()
    labels = (short_day(month.first_day), short_day(last))
    plot = draw_lengths(frame, values, promised, labels, dots=False)
    return _figure("Worst loss of each day (RPO)", plot, f"At most {length(max(known))}{_against(promised)}")


def _figure(title: str, drawing: Markup, caption: str) -> Markup:
    return element("figure", element("h4", title), drawing, element("figcaption", caption) if caption else Markup())


def _against(promised: timedelta | None) -> str:
    return f"; promised: {length(promised)}, the dashed line." if promised else "."


def _promised(source: SourceReport, topic: Topic) -> timedelta | None:
    return next((promise.promised for promise in source.promises if promise.topic == topic), None)
