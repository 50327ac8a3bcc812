"""The answer, before anything else: is all well, and if not, how many need somebody."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from drkit.daemon.model import State
from drkit.daemon.readiness import Alarm, names_of
from drkit.daemon.troubles import CONFIGURATION, DAEMON
from drkit.drawing.words import count, listed

Word = Literal["yes", "no", "unknown"]
_ICONS: dict[Word, tuple[str, str]] = {  # not by colour alone: round, square, and a ring
    "yes": ("#1a6b47", '<circle cx="8" cy="8" r="8" fill="{0}"/><path d="M4 8l3 3 5-6" stroke="#fff" fill="none"/>'),
    "no": ("#b3261e", '<path d="M0 0h16v16H0z" fill="{0}"/><path d="M8 3v6M8 11v2" stroke="#fff"/>'),
    "unknown": ("#7d5500", '<circle cx="8" cy="8" r="6" fill="none" stroke="{0}"/>'),
}


@dataclass(frozen=True, slots=True)
class Headline:
    """`title` is what a tab has room for."""

    word: Word
    sentence: str
    title: str

    @property
    def icon(self) -> str:
        colour, shape = _ICONS[self.word]
        drawn = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" stroke-width="2">{shape}</svg>'
        return f"data:image/svg+xml,{quote(drawn.format(colour))}"


def find_headline(state: State, alarms: Sequence[Alarm]) -> Headline:
    names = names_of(state)
    subjects = dict.fromkeys(alarm.subject for alarm in alarms)
    unwell = [name for name in names if name in subjects]
    others = [_call(subject) for subject in subjects if subject not in names]
    if state.looked_at is None:
        if state.config_error:
            return Headline("no", "No: the schedules cannot be loaded.", "✗ schedules")
        if state.look_error:
            return Headline("unknown", "Nobody knows: the stores cannot be looked at.", "? not looked at")
        known = f": {count(len(names), 'source')} to look at" if names else ""
        return Headline("unknown", f"Nobody knows yet{known}.", "? starting")
    if DAEMON in subjects:
        return Headline("unknown", "Nobody knows: the stores were not looked at lately.", "? not looked at")
    if unwell:
        return Headline("no", f"No: {_many(unwell, names)}.", f"✗ {len(unwell)} of {len(names)}")
    if others:
        but = f"{listed(others)} {'needs' if len(others) == 1 else 'need'} you"
        well = f"{_all(names)}, but " if names else ""
        return Headline("no", f"Not quite: {well}{but}.", f"✗ {listed(others, 1)}")
    if not names:
        return Headline("unknown", "There is nothing to back up yet.", "nothing yet")
    return Headline("yes", f"Yes: {_all(names)}.", f"✓ {len(names)} well")


def _all(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} is well"
    return "both sources are well" if len(names) == 2 else f"all {len(names)} sources are well"


def _many(unwell: Collection[str], names: Sequence[str]) -> str:
    if len(unwell) == 1:
        return f"{next(iter(unwell))} needs you" if len(names) == 1 else f"1 of {len(names)} sources needs you"
    every = len(unwell) == len(names)
    return f"{'all' if every else f'{len(unwell)} of'} {len(names)} sources need you"


def _call(subject: str) -> str:
    return f"the {subject}" if subject in (CONFIGURATION, DAEMON) else subject
