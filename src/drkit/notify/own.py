"""The daemon's own troubles, of which no store knows: a list in JSON that `drkit notify --troubles` is given.

Each has `system`, `kind`, `what`, `since` and `next_step`, and `subject` if it is about a source of that system. With
`over` true it is one that the daemon told while no store could remember it, and that is gone.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from drkit.errors import DrkitError, UsageError
from drkit.notify.changes import Seen, Wrong
from drkit.troubles import Trouble
from drkit.when import parse_moment


@dataclass(frozen=True, slots=True)
class Own:
    """`given` is false if nothing is known of the daemon; then nothing that it said before is over."""

    wrong: tuple[Wrong, ...] = ()
    over: tuple[Wrong, ...] = ()
    given: bool = False

    def concerns(self, system: str) -> bool:
        return any(_system(each) == system for each in (*self.wrong, *self.over))

    def add_to(self, seen: Seen) -> Seen:
        mine, gone = (tuple(each for each in them if _system(each) == seen.system) for them in (self.wrong, self.over))
        return replace(seen, wrong=(*seen.wrong, *mine), own=self.given, over=gone)


def read_own(text: str) -> Own:
    try:
        told = [(_read(each), each.get("over", False)) for each in json.loads(text)]
    except (ValueError, KeyError, TypeError, AttributeError, DrkitError) as error:
        raise UsageError(
            "--troubles is no list of troubles", "each is an object with system, kind, what, since and next_step"
        ) from error
    return Own(tuple(each for each, over in told if not over), tuple(each for each, over in told if over), True)


def _read(each: Any) -> Wrong:
    since = parse_moment(each["since"]) if each["since"] else None
    return Wrong(
        each.get("subject", each["system"]), Trouble(each["kind"], each["what"], since, each["next_step"]), own=True
    )


def _system(each: Wrong) -> str:
    return each.subject.partition("/")[0]
