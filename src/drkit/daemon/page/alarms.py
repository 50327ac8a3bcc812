"""What needs somebody: what is wrong, since when, and the next step, subject by subject."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drkit.daemon.page.clock import Clock
from drkit.daemon.readiness import Alarm
from drkit.drawing.markup import Content, Markup, element
from drkit.drawing.words import count, listed
from drkit.troubles import Trouble

_NAMED = 8  # subjects of one card
_LONGEST = 300
# What a button copies must be a plain command of ours: words in records of runs are not signed.
_OURS = re.compile(r"drkit(?: [\w./:=+-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Room:
    """How much is shown at most: cards, troubles on each, and characters of a text."""

    cards: int
    each: int
    longest: int


AMPLE, SCANT = Room(20, 4, _LONGEST), Room(10, 2, 180)


def draw_alarms(alarms: Sequence[Alarm], clock: Clock, room: Room) -> Content:
    if not alarms:
        return Markup()
    groups = _group(alarms)
    cards = [_card(subjects, troubles, clock, room) for subjects, troubles in groups[: room.cards]]
    left = sum(len(subjects) for subjects, _ in groups[room.cards :])
    return element(
        "section",
        element("h2", "What needs you", id="needs"),
        cards,
        element("p", f"{count(left, 'other subject')} not shown here; /readyz names all.") if left > 0 else Markup(),
        aria_labelledby="needs",
        class_="needs",
    )


def _group(alarms: Sequence[Alarm]) -> list[tuple[list[str], list[Trouble]]]:
    """By subject; those to whom the very same happened, such as a store that is gone, stand together."""
    by_subject: dict[str, list[Trouble]] = {}
    for alarm in alarms:
        by_subject.setdefault(alarm.subject, []).append(alarm.trouble)
    groups: dict[object, tuple[list[str], list[Trouble]]] = {}
    for subject, troubles in by_subject.items():
        same = tuple((each.kind, each.what, each.since) for each in troubles)
        groups.setdefault(same, ([], troubles))[0].append(subject)
    return list(groups.values())


def _card(subjects: Sequence[str], troubles: Sequence[Trouble], clock: Clock, room: Room) -> Markup:
    left = len(troubles) - room.each
    return element(
        "article",
        element("h3", element("span", "✗", class_="no", aria_hidden="true"), " ", listed(list(subjects), _NAMED)),
        element("ul", [_line(trouble, clock, room.longest) for trouble in troubles[: room.each]]),
        element("p", f"and {left} more", class_="soft") if left > 0 else Markup(),
        id=f"a-{subjects[0]}",
    )


def _line(trouble: Trouble, clock: Clock, most: int) -> Markup:
    since: Content = ""
    if trouble.since:
        when = [" since ", clock.moment(trouble.since), ", ", clock.distance(trouble.since)]
        since = element("span", when, class_="soft")
    return element(
        "li",
        element("p", element("b", _sentence(shorten(trouble.what, most))), since),
        element("p", "Next: ", with_commands(shorten(trouble.next_step, most)), class_="step"),
    )


def with_commands(text: str) -> Iterator[Content]:
    """What stands between backticks is to be typed."""
    for place, part in enumerate(text.split("`")):
        if place % 2:
            yield element("code", part, class_="cmd" if _OURS.fullmatch(part) else None)
        else:
            yield part


def shorten(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
