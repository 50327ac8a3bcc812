"""Each system: its sources in a table, those in trouble first, and what is worth a look before a promise breaks."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.bulletin import SourceBulletin
from drkit.daemon.model import State
from drkit.daemon.page.alarms import shorten, with_commands
from drkit.daemon.page.clock import Clock
from drkit.daemon.page.style import METER
from drkit.drawing import tables
from drkit.drawing.markup import Content, Markup, element
from drkit.drawing.words import count, length, month_name, short_name, size
from drkit.verify.model import Target

_MARKS = {
    True: element("b", "✓", class_="yes"),
    False: element("b", "✗", class_="no"),
}
_NOTES = 12  # shown at most, of a system
_MANY = 40  # sources


@dataclass(frozen=True, slots=True)
class View:
    """What all rows have in common. `unwell` are the names of those that need somebody; `strips` are by name, and
    `since` says where their axis begins. Where there are `many`, systems that are well are folded up."""

    clock: Clock
    unwell: Collection[str]
    strips: Mapping[str, Markup]
    since: str
    many: bool


def is_many(state: State) -> bool:
    return len(state.bulletin.sources) + len(state.bulletin.failed) > _MANY


def draw_systems(state: State, view: View) -> list[Markup]:
    bulletin = state.bulletin
    seen: dict[str, list[SourceBulletin]] = {each.system: [] for each in bulletin.systems}
    for source in bulletin.sources:
        seen.setdefault(source.system, []).append(source)
    unseen: dict[str, list[str]] = {}
    for name in sorted(set(bulletin.failed) - {each.source for each in bulletin.sources}):
        unseen.setdefault(name.partition("/")[0], []).append(name)
    reports = {each.system: each.report for each in bulletin.systems}
    unwell = Counter(name.partition("/")[0] for name in view.unwell)
    names = sorted({*seen, *unseen}, key=lambda name: (-unwell[name], name))
    return [_system(name, seen.get(name, []), unseen.get(name, []), reports.get(name), view) for name in names]


def _system(
    name: str, sources: Sequence[SourceBulletin], unseen: Sequence[str], report: str | None, view: View
) -> Markup:
    ordered = sorted(sources, key=lambda each: (each.source not in view.unwell, each.source))
    unwell = sum(each.source in view.unwell for each in sources) + len(unseen)
    heading = [
        element("h2", name, id=f"h-{name}"),
        " ",
        _summary(len(sources) + len(unseen), unwell, sources, report, view),
    ]
    rows = [*(_unseen_row(each) for each in unseen), *(_row(each, view) for each in ordered)]
    body = [_table(name, rows, view), _notes(ordered)]
    folded = {"open": "", "class": "bad"} if unwell else {}
    inner: Content = (
        element("details", element("summary", heading), body, **folded)
        if view.many
        else [element("header", heading), body]
    )
    return element("section", inner, id=f"y-{name}", aria_labelledby=f"h-{name}", class_="system")


def _summary(many: int, unwell: int, sources: Sequence[SourceBulletin], report: str | None, view: View) -> Markup:
    said = (
        element("span", f"✗ {unwell} of {many} {'needs' if unwell == 1 else 'need'} you", class_="word no")
        if unwell
        else element("span", f"✓ {count(many, 'source')} well", class_="word yes")
    )
    coming = min((each.next_backup for each in sources), default=None)
    soon: Content = [", next backup ", view.clock.distance(coming)] if coming else ""
    if not sources:
        return element("span", said, class_="sum")
    stored = size(sum(each.stored_bytes for each in sources))
    return element("span", said, f" {stored}", soon, f", {_say_report(report)}", class_="sum")


def _say_report(report: str | None) -> str:
    if report is None:
        return "no report yet"
    return f"last report {month_name(datetime.strptime(report, '%Y-%m').date())}"  # noqa: DTZ007 - a month has no zone


def _table(name: str, rows: Sequence[Markup], view: View) -> Markup:
    axis = element(
        "span",
        element("span", view.since),
        element("span", "now"),
        class_="axis",
        aria_label="What can be restored",
    )
    header = tables.head(
        "Source", axis, "Newest point, RPO", "Restore, RTO", "Verified", "Next backup", "Next drill", "Points"
    )
    caption = element("caption", f"Sources of {name}", class_="unseen")
    return element("table", caption, element("thead", header), element("tbody", rows), class_="sources")


def _row(source: SourceBulletin, view: View) -> Markup:
    well = source.source not in view.unwell
    clock = view.clock
    mark = _MARKS[well]
    return element(
        "tr",
        element("th", mark, " ", short_name(source.source), " ", element("small", source.kind), scope="row"),
        element("td", view.strips[source.source]),
        element("td", _newest(source, clock)),
        element("td", _pace(source.rto)),
        element("td", clock.distance(source.verified_at)),
        element("td", clock.distance(source.next_backup)),
        element("td", clock.distance(source.next_verify, "none planned")),
        element("td", f"{source.points:,}", " ", element("small", size(source.stored_bytes))),
        id=f"s-{source.source}",
    )


def _unseen_row(name: str) -> Markup:
    mark = element("b", "?", class_="unknown")
    return element(
        "tr",
        element("th", mark, " ", short_name(name), scope="row"),
        element("td", "It cannot be looked at.", class_="soft", colspan=7),
        id=f"s-{name}",
    )


def _newest(source: SourceBulletin, clock: Clock) -> Content:
    """How long ago the newest point was captured is what would be lost now."""
    told = clock.distance(source.captured_at)
    if source.captured_at is None:
        return [told, _of(source.rpo.target)]
    return [told, _of(source.rpo.target), _meter(clock.now - source.captured_at, source.rpo.target)]


def _pace(rto: Target) -> Content:
    if rto.measured is None:
        return [element("span", "?" if rto.target else "–", class_="soft"), _of(rto.target)]
    return [length(max(rto.measured, timedelta(seconds=0.1))), _of(rto.target), _meter(rto.measured, rto.target)]


def _of(target: timedelta | None) -> Content:
    return element("small", f" of {length(target)}") if target else ""


def _meter(measured: timedelta, target: timedelta | None) -> Markup:
    if not target:
        return Markup()
    part = max(measured / target, 0.0)
    steps = METER if part > 1 else min(max(int(part * METER), 1), METER - 1)  # full only if it is missed
    return element("i", class_=f"b{steps}{' no' if part > 1 else ''}")


def _notes(sources: Iterable[SourceBulletin]) -> Content:
    found: list[Content] = []
    for source in sources:
        warned = {warning.what for warning in source.warnings}
        for warning in source.warnings:
            said = f"{shorten(warning.what)}; {shorten(warning.next_step)}"
            found.append([element("b", short_name(source.source)), ": ", list(with_commands(said))])
        found += [
            [element("b", short_name(source.source)), ": ", list(with_commands(shorten(note)))]
            for note in source.notes
            if note not in warned
        ]
    if not found:
        return Markup()
    left = len(found) - _NOTES
    items = [element("li", each) for each in found[:_NOTES]]
    more = [element("li", f"and {left} more, in ", element("code", "drkit status"))] if left > 0 else []
    return element(
        "details",
        element("summary", f"{count(len(found), 'note')}: no promise is broken yet"),
        element("ul", items, more),
        class_="notes",
    )
