"""The report as one HTML file that needs nothing else: no scripts, no fonts, no network, and its CSP says so.

It must not know where the facts come from, nor decide any.
"""

from base64 import b64encode
from hashlib import sha256
from itertools import chain
from zoneinfo import ZoneInfo

from drkit.drawing import tables
from drkit.drawing.markup import Content, Markup, element
from drkit.drawing.words import count, moment, month_name, short_name, size
from drkit.report.details import draw_source
from drkit.report.model import Incident, Report
from drkit.report.opening import draw_inventory, draw_opening
from drkit.report.statements import REPLICA, say_how_to_check, say_proven, say_unproven
from drkit.report.style import STYLE
from drkit.report.together import draw_together

_INCIDENTS = 100  # shown at most, those that are not over first; the JSON form has all
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; img-src data:;"
    " base-uri 'none'; form-action 'none'"
)
_KEY = (
    ('<path class="points" d="M0 7h24"/>', "points that can be restored"),
    ('<path class="hole" d="M0 7h24"/>', "a gap wider than allowed"),
    ('<path class="dot passed" d="M12 7h.1"/>', "drill passed"),
    ('<path class="dot failed" d="M12 7h.1"/>', "drill failed or aborted"),
    ('<path class="dot missed" d="M12 7h.1"/><path class="dot eye" d="M12 7h.1"/>', "planned drill missed"),
)


def draw_page(report: Report) -> str:
    zone = ZoneInfo(report.zone)
    title = f"{report.system}: restore-test report, {month_name(report.month.first_day)}"
    sources = [
        draw_source(each, report.month, zone, f"s{place}", len(report.sources))
        for place, each in enumerate(report.sources, 1)
    ]
    main = element(
        "main",
        draw_opening(report),
        draw_inventory(report),
        _draw_incidents(report, zone),
        element("h2", "Each source"),
        _draw_key() if sources else element("p", "There are none."),
        sources,
        draw_together(report.together, zone),
        _draw_keeping(report),
        _draw_list("What was proven", say_proven(report)),
        _draw_list("What was not proven", say_unproven(report)),
        _draw_list("How to check this report", say_how_to_check(report)),
        element("div", element("span", "Read by"), element("span", "Date"), class_="sign"),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,">{element("title", title)}<style>{STYLE}</style></head>'
        f"<body>{main}</body></html>\n"
    )


def _draw_incidents(report: Report, zone: ZoneInfo) -> Content:
    found = sorted(chain.from_iterable(each.incidents for each in report.sources), key=lambda each: each.start)
    heading = element("h2", "What went wrong")
    if not found:
        return [heading, element("p", "Nothing: all that was planned was done, and no drill failed.")]
    shown = sorted(found, key=lambda each: (each.settled, each.start))[:_INCIDENTS]
    open_ = sum(not each.settled for each in found)
    lead = f"{count(len(found), 'exception')}, {f'{open_:,} of them not over' if open_ else 'all of them over'}."
    more = f" {len(found) - len(shown):,} more are in the JSON form." if len(found) > len(shown) else ""
    header = tables.head("Since", "Source", "What", "Cause", "What was done")
    rows = [_incident_row(each, zone) for each in sorted(shown, key=lambda each: each.start)]
    return [heading, element("p", lead + more), tables.make_table("Exceptions of the month", header, rows)]


def _incident_row(incident: Incident, zone: ZoneInfo) -> Markup:
    return element(
        "tr",
        tables.moment_cell(moment(incident.start, zone)),
        element("th", short_name(incident.source), scope="row"),
        tables.sentence(incident.what),
        tables.sentence(_shorten(incident.cause)),
        tables.sentence(incident.done if incident.settled else element("span", incident.done, class_="word unknown")),
    )


def _shorten(cause: str, most: int = 600) -> str:
    return cause if len(cause) <= most else f"{cause[:most]}… (the evidence has all of it)"


def _draw_key() -> Markup:
    drawings = [Markup(f'<svg viewBox="0 0 24 14" aria-hidden="true">{path}</svg>') for path, _ in _KEY]
    texts = [text for _, text in _KEY]
    return element("ul", [element("li", *pair) for pair in zip(drawings, texts, strict=True)], class_="key")


def _draw_keeping(report: Report) -> Content:
    removed = sum(each.keeping.removed for each in report.sources)
    freed = sum(each.keeping.removed_bytes for each in report.sources)
    stored = sum(each.sizes.stored for each in report.sources)
    points = sum(each.sizes.points for each in report.sources)
    return [
        element("h2", "What is kept, and where"),
        element(
            "p",
            f"{count(points, 'point')} stand in the store and take {size(stored)}. {count(removed, 'point')} of"
            f" {size(freed)} are known to have been removed in the month.",
        ),
        element("h3", "Replica"),
        element("p", REPLICA),
    ]


def _draw_list(heading: str, said: list[str]) -> Content:
    return [element("h2", heading), element("ul", [element("li", _with_code(sentence)) for sentence in said])]


def _with_code(sentence: str) -> Content:
    """What stands between backticks is to be typed."""
    return [element("code", part) if place % 2 else part for place, part in enumerate(sentence.split("`"))]
