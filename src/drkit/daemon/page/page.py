"""The page as a whole: the answer, what needs somebody, what runs, each system, what ended and what comes next.

It works without scripts; status.js draws it anew in place. It shows, and changes nothing.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from importlib.resources import files

import drkit
from drkit.bulletin import Bulletin
from drkit.daemon.model import State
from drkit.daemon.page.alarms import AMPLE, SCANT, draw_alarms
from drkit.daemon.page.clock import Clock, say_seconds
from drkit.daemon.page.headline import Headline, find_headline
from drkit.daemon.page.jobs import draw_ended, draw_next, draw_running
from drkit.daemon.page.sources import View, draw_systems, is_many
from drkit.daemon.page.strips import Span, draw_windows, find_span
from drkit.daemon.page.style import STYLE
from drkit.daemon.readiness import Alarm, find_alarms, lately
from drkit.daemon.troubles import DAEMON
from drkit.drawing.markup import Content, Markup, element
from drkit.when import format_moment

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:;"
    f" style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
SCRIPT = files("drkit.daemon.page").joinpath("status.js").read_text()
_REFRESH = 30  # seconds, where no script runs
_KEY = (
    ('<path class="points" d="M0 7h24"/>', "can be restored"),
    ('<path class="hole" d="M0 7h24"/>', "a gap wider than promised"),
    ('<path class="dot passed" d="M12 7h.1"/>', "verified by a drill"),
    ('<path class="dot failed" d="M12 7h.1"/>', "refuted by a drill"),
)


class Easel:
    """Draws, and keeps the strips of the bulletin that it drew last: they are most of the work, and stay the same until
    the next look at the stores."""

    def __init__(self) -> None:
        self._kept: tuple[Bulletin, Span, Mapping[str, Markup]] | None = None  # one value: threads share it

    def draw(self, state: State, now: datetime) -> str:
        kept = self._kept
        if kept is None or kept[0] is not state.bulletin:
            sources = state.bulletin.sources
            span = find_span(sources, state.looked_at or now)
            self._kept = kept = state.bulletin, span, draw_windows(sources, span, is_many(state))
        return _draw(state, now, *kept[1:])


def draw(state: State, now: datetime) -> str:
    return Easel().draw(state, now)


def _draw(state: State, now: datetime, span: Span, strips: Mapping[str, Markup]) -> str:
    alarms = find_alarms(state, now)
    headline = find_headline(state, alarms)
    pressing = [alarm for alarm in alarms if not _is_starting(alarm, state, now)]
    many = is_many(state)
    clock = Clock(now, titles=not many)
    view = View(clock, {alarm.subject for alarm in alarms}, strips, span.label, many)
    main = element(
        "main",
        _draw_opening(state, headline, clock),
        draw_alarms(pressing, clock, SCANT if many else AMPLE),
        draw_running(state.running, clock),
        element("div", id="filter", data_own=""),
        draw_systems(state, view),
        _draw_key() if strips else _draw_nothing(state),
        element("div", draw_next(state.planned, clock), draw_ended(state.last, clock), class_="pair"),
        data_now=format_moment(now),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<noscript><meta http-equiv="refresh" content="{_REFRESH}"></noscript>'
        f'{element("title", f"{headline.title} · drkit")}<link rel="icon" href="{headline.icon}">'
        f'<style>{STYLE}</style><script src="status.js" defer></script></head>'
        f'<body><div id="stale" role="alert"></div>{main}{_draw_foot(state, clock)}</body></html>\n'
    )


def _is_starting(alarm: Alarm, state: State, now: datetime) -> bool:
    """Nobody needs to do anything about a first look that has just begun."""
    first = alarm.subject == DAEMON and alarm.trouble.kind == "not looked" and state.looked_at is None
    return first and not state.look_error and now - state.started_at < lately(state)


def _draw_opening(state: State, headline: Headline, clock: Clock) -> Markup:
    looked: Content = (
        ["Looked at ", clock.distance(state.looked_at), ". "]
        if state.looked_at
        else "The first look at the stores goes on. "
    )
    return element(
        "header",
        element("h1", "Are the backups well?"),
        element("p", headline.sentence, class_=f"lead {headline.word}"),
        element("p", looked, "Times are in ", element("span", "UTC", class_="zone"), ".", class_="soft"),
    )


def _draw_key() -> Markup:
    drawings = [Markup(f'<svg viewBox="0 0 24 14" aria-hidden="true">{path}</svg>') for path, _ in _KEY]
    texts = [text for _, text in _KEY]
    return element("ul", [element("li", *pair) for pair in zip(drawings, texts, strict=True)], class_="key")


def _draw_nothing(state: State) -> Content:
    if state.looked_at is None or state.bulletin.failed:
        return Markup()
    return element(
        "p",
        "No schedule names a source. ",
        element("code", "drkit init", class_="cmd"),
        " writes the first one.",
        class_="empty",
    )


def _draw_foot(state: State, clock: Clock) -> Markup:
    return element(
        "footer",
        element("p", f"drkit {drkit.__version__}, running for ", _age(state, clock), "."),
        element("p", [[element("a", name, href=name), " "] for name in ("readyz", "metrics", "status.json")]),
    )


def _age(state: State, clock: Clock) -> str:
    return say_seconds(max(round((clock.now - state.started_at).total_seconds()), 0))
