"""The recoverable window of a source as a strip: its points, gaps, and what drills have shown. All have one axis."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.bulletin import SourceBulletin
from drkit.drawing.markup import Markup, element
from drkit.drawing.plots import Frame, draw_strip
from drkit.drawing.words import count

_LONGEST, _SHORTEST = timedelta(days=30), timedelta(hours=1)
_FINE = 180, 1
# Eight hours a column. What lies no more than four of them apart is one span: a daily backup is, one missed is not.
_COARSE = 90, 4
_DOTS = {"verified": "passed", "refuted": "failed"}


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    end: datetime

    @property
    def label(self) -> str:
        length = self.end - self.start
        if length >= timedelta(days=2):
            return f"{round(length / timedelta(days=1))} days"
        return f"{max(round(length / timedelta(hours=1)), 1)} h"


def find_span(sources: Iterable[SourceBulletin], until: datetime) -> Span:
    """Thirty days, or as long as the longest window if that is shorter."""
    first = min((each.window[0] for each in sources if each.window), default=until - _LONGEST)
    return Span(min(max(first, until - _LONGEST), until - _SHORTEST), until)


def draw_windows(sources: Iterable[SourceBulletin], span: Span, coarse: bool) -> dict[str, Markup]:
    return {each.source: draw_window(each, span, coarse) for each in sources}


def draw_window(source: SourceBulletin, span: Span, coarse: bool) -> Markup:
    if source.window is None:
        return element("span", "Nothing can be restored.", class_="no")
    columns, reach = _COARSE if coarse else _FINE
    shown = [each for each in source.moments if span.start <= each.at <= span.end]
    gaps = [gap for gap in source.gaps if gap[1] > span.start]
    states = {state: sum(each.state == state for each in shown) for state in _DOTS}
    parts = [f"{number} {state}" for state, number in states.items() if number]
    told = ", ".join([count(len(shown), "point"), *parts, *([count(len(gaps), "gap")] if gaps else [])])
    frame = Frame(told, "", span.start, span.end)  # the row says whose it is
    good = [each.at for each in shown if each.state != "refuted"]
    dots = [(_DOTS[each.state], each.at) for each in shown if each.state in _DOTS]
    return draw_strip(frame, good, gaps, dots, columns, reach, bare=True)
