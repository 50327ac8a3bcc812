"""Small drawings in SVG, without colours of their own: a strip of a month, and lines against a target.

Each has a title and a description that say in words what it shows. Colours come by class from the page's style.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.drawing.markup import Markup, element

_COLUMNS = 372  # two hours each in a month of 31 days: points closer than that are one span, so a strip stays small
_WIDTH, _HEIGHT, _SIDE, _TOP, _BOTTOM = 320, 92, 5, 7, 16
_DOT = "M{} {}h.1"  # no line at all is no dot in a PDF
_STEP = 10  # of what lies closer together, only the longest is drawn


@dataclass(frozen=True, slots=True)
class Frame:
    """What a drawing shows in words, and the time that it spans."""

    title: str
    description: str
    start: datetime
    end: datetime

    def across(self, at: datetime) -> float:
        return min(max((at - self.start) / (self.end - self.start), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Value:
    at: datetime
    length: timedelta | None
    good: bool = True


def draw_strip(
    frame: Frame,
    points: Iterable[datetime],
    gaps: Iterable[tuple[datetime, datetime]],
    dots: Iterable[tuple[str, datetime]],
    columns: int = _COLUMNS,
    reach: int = 1,
    bare: bool = False,
) -> Markup:
    """`dots` are a class and a moment. The drawing may be stretched to any width: its lines keep their own. Points
    that are no more than `reach` columns apart are one span, unless there is a gap between them. A `bare` strip has
    no line below it, and gaps cut through its spans, however short they are."""

    start, length = frame.start.timestamp(), (frame.end - frame.start).total_seconds()

    def column(at: datetime) -> int:  # there may be very many points
        return int(min(max((at.timestamp() - start) * columns / length, 0), columns))

    holes = merge((column(start), column(end)) for start, end in gaps)
    spans = merge(((column(at), column(at)) for at in points), reach, [first for first, _ in holes])
    by_class: dict[str, dict[str, None]] = {}
    for name, at in dots:
        by_class.setdefault(name, {})[_DOT.format(column(at), 5)] = None
    paths = {name: "".join(drawn) for name, drawn in by_class.items()}
    return element(
        "svg",
        *_words(frame),
        Markup() if bare else _path("base", f"M0 24H{columns}"),
        _path("points", _bars(spans)),
        _path("void", _bars(map(_between, holes))) if bare else Markup(),
        _path("hole", _bars(holes)),
        [_path(f"dot {name}", path) for name, path in paths.items()],
        _path("dot eye", paths.get("missed", "")),  # a ring is a dot with a smaller one upon it
        viewBox=f"0 0 {columns} 25",
        preserveAspectRatio="none",
        class_="strip",
        role="img",
    )


def merge(spans: Iterable[tuple[int, int]], reach: int = 1, breaks: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Those that touch, or are no more than `reach` apart, as one; where a break lies between them they only touch.
    Spans come in order of their first columns, and breaks in order."""
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1] + (1 if _any_in(breaks, merged[-1][1], first) else reach):
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _between(hole: tuple[int, int]) -> tuple[int, int]:
    """Without the points at its ends, if it has room for that."""
    first, last = hole
    return (first + 1, last - 1) if last - first > 1 else hole


def _any_in(breaks: Sequence[int], first: int, last: int) -> bool:
    at = bisect_left(breaks, first)
    return at < len(breaks) and breaks[at] < last


def draw_lengths(
    frame: Frame, values: Sequence[Value], target: timedelta | None, labels: tuple[str, str], dots: bool
) -> Markup:
    """A line through lengths of time, which a None breaks. `labels` name the start and the end. Good values get
    `dots` if so wanted; bad ones are always marked."""
    longest = max([*(value.length for value in values if value.length is not None), target or timedelta(seconds=1)])
    floor = _HEIGHT - _BOTTOM

    def place(at: datetime, length: timedelta) -> tuple[int, int]:
        return (
            round(_SIDE + frame.across(at) * (_WIDTH - 2 * _SIDE)),
            round(floor - length / longest * (floor - _TOP)),
        )

    shown = _thin(values, frame)
    return element(
        "svg",
        *_words(frame),
        _path("base", f"M0 {floor}H{_WIDTH}"),
        _path("target", f"M0 {place(frame.start, target)[1]}H{_WIDTH}") if target else Markup(),
        _path("line", _trace(shown, place)),
        _draw_marks(shown, place, dots),
        element("text", labels[0], y=_HEIGHT - 3),
        element("text", labels[1], x=_WIDTH, y=_HEIGHT - 3, class_="end"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        class_="plot",
        role="img",
    )


_Place = Callable[[datetime, timedelta], tuple[int, int]]


def _thin(values: Iterable[Value], frame: Frame) -> list[Value]:
    kept: dict[int, Value] = {}
    for value in values:
        column = int(frame.across(value.at) * _WIDTH / _STEP)
        other = kept.get(column)
        if other is None or (other.good, -_seconds(other)) > (value.good, -_seconds(value)):
            kept[column] = value
    return list(kept.values())


def _seconds(value: Value) -> float:
    return value.length.total_seconds() if value.length is not None else 0


def _trace(values: Iterable[Value], place: _Place) -> str:
    path, pen = "", "M"
    for value in values:
        if value.length is None:
            pen = "M"
            continue
        x, y = place(value.at, value.length)
        path += f"{pen}{x} {y}"
        pen = "L"
    return path


def _draw_marks(values: Iterable[Value], place: _Place, dots: bool) -> Markup:
    """Round if good and square if not, as in the strip: nobody needs to see colours."""
    marks = {True: "", False: ""}
    for value in values:
        if value.length is not None and (dots or not value.good):
            marks[value.good] += _DOT.format(*place(value.at, value.length))
    return Markup(_path("mark", marks[True]) + _path("mark bad", marks[False]))


def _words(frame: Frame) -> tuple[Markup, Markup]:
    return element("title", frame.title), element("desc", frame.description) if frame.description else Markup()


def _path(name: str, d: str) -> Markup:
    return element("path", class_=name, d=d) if d else Markup()


def _bars(spans: Iterable[tuple[int, int]]) -> str:
    return "".join(f"M{first} 17h{last - first + 1}" for first, last in spans)
