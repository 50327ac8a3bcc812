"""The first screen: are the promises kept, for each source; and what there is at all."""

from zoneinfo import ZoneInfo

from drkit.drawing import tables
from drkit.drawing.markup import Content, Markup, element
from drkit.drawing.words import count, dated, length, moment, month_name, short_name
from drkit.report.model import Answer, Promise, Report, SourceReport
from drkit.report.statements import say_answer

WORDS: dict[Answer, str] = {"yes": "✓ Yes", "no": "✗ No", "unknown": "? Unknown"}


def answer_mark(answer: Answer) -> Markup:
    return element("span", WORDS[answer], class_=f"word {answer}")


def draw_opening(report: Report) -> Content:
    zone = ZoneInfo(report.zone)
    name = month_name(report.month.first_day)
    ongoing = report.month.until < report.month.end
    cut = f" It covers the month up to {moment(report.month.until, zone)}, for it is not over." if ongoing else ""
    return [
        element(
            "header",
            element("h1", f"Were the promises for {report.system} kept in {name}?"),
            element("p", say_answer(report), class_="lead"),
            element(
                "p",
                f"Restore-test report of {report.system}, made {dated(report.made_at, zone)} by drkit"
                f" {report.written_by}. Times are in {report.zone}.{cut}",
                class_="soft",
            ),
        ),
        _draw_answers(report),
    ]


def _draw_answers(report: Report) -> Markup:
    header = tables.head("Source", "Kept", "RTO", "RPO", "Why")
    rows = [_answer_row(source, place) for place, source in enumerate(report.sources, 1)]
    caption = element("caption", "Each source, with the longest measured and what was promised")
    return element("table", caption, element("thead", header), element("tbody", rows), class_="answers")


def _answer_row(source: SourceReport, place: int) -> Markup:
    promises = {promise.topic: promise for promise in source.promises}
    doubts = [promise for promise in source.promises if promise.answer == source.answer]
    why = "; ".join(promise.reason for promise in (doubts if source.answer != "yes" else doubts[:1]))
    return tables.row(
        element("a", short_name(source.source), href=f"#s{place}"),
        tables.cell(answer_mark(source.answer)),
        _measured(promises.get("rto")),
        _measured(promises.get("rpo")),
        element("td", why, class_="why"),
    )


def _measured(promise: Promise | None) -> Markup:
    if promise is None or promise.promised is None:
        return element("td", "–", class_="m")
    found = length(promise.measured) if promise.measured is not None else "?"
    return element("td", element("b", found, class_=promise.answer), f" of {length(promise.promised)}", class_="m")


def draw_inventory(report: Report) -> Content:
    zone = ZoneInfo(report.zone)
    never = [source for source in report.sources if source.proven_at is None]
    lead = (
        f"{count(len(never), 'source')} of {len(report.sources)} never passed a drill."
        if never
        else "Each source has passed a drill at some time."
    )
    header = tables.head(
        *("Source", "Kind", "Planned", "Made", "Missed", "Planned", "Run", "Passed", "Failed", "Missed"),
        *("Newest point", "Last passed drill"),
        numbers=range(2, 10),
        groups=(("", 2), ("Backups", 3), ("Drills", 5), ("", 2)),
    )
    rows = [_inventory_row(source, zone) for source in report.sources]
    return [
        element("h2", "What there is, and what was tried"),
        element("p", lead),
        tables.make_table("Backups and drills of the month", header, rows),
    ]


def _inventory_row(source: SourceReport, zone: ZoneInfo) -> Markup:
    backups, drills = source.backups, source.drills
    failed = drills.failed + drills.aborted
    made = (backups.planned, backups.captured, backups.missed)
    numbers = (*made, drills.planned, drills.run, drills.passed, failed, drills.missed)
    never = element("span", "never", class_="word unknown")
    return tables.row(
        short_name(source.source),
        tables.cell(source.kind),
        *(tables.number(f"{number:,}") for number in numbers),
        tables.moment_cell(moment(source.captured_at, zone) if source.captured_at else "none"),
        tables.moment_cell(dated(source.proven_at, zone) if source.proven_at else never),
    )
