from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from drkit.notify.changes import Name, Seen, Told, Wrong, find_changes
from drkit.troubles import Trouble

START = datetime(2026, 11, 20, tzinfo=UTC)
SUBJECTS = ("shop", "shop/main", "shop/files")
KNOWN = frozenset(SUBJECTS)
NAMES: list[Name] = [(subject, kind) for subject in SUBJECTS for kind in ("overdue", "damaged")]
OWN: Name = ("shop", "job hung")


@dataclass(frozen=True, slots=True)
class Look:
    """What is really wrong at a moment, what of it is looked at, and whether anybody could be told."""

    wrong: frozenset[Name]
    looked_at: frozenset[str]
    own: bool
    delivered: bool

    def seen(self) -> Seen:
        found = [
            Wrong(*_split(name), own=name == OWN)
            for name in sorted(self.wrong)
            if (self.own if name == OWN else name[0] in self.looked_at)
        ]
        return Seen("shop", tuple(found), self.looked_at, KNOWN, own=self.own)

    def sees(self, name: Name) -> bool:
        return self.own if name == OWN else name[0] in self.looked_at


def _split(name: Name) -> tuple[str, Trouble]:
    return name[0], Trouble(name[1], "what", None, "")


LOOKS = st.builds(
    Look,
    st.frozensets(st.sampled_from([*NAMES, OWN])),
    st.frozensets(st.sampled_from(SUBJECTS)),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(LOOKS, max_size=12))
def test_each_change_is_told_once_and_what_is_believed_at_the_end_is_true(history: list[Look]) -> None:
    whole = Look(history[-1].wrong if history else frozenset(), KNOWN, own=True, delivered=True)
    history = [*history, whole]
    told, heard = Told(), {name: [] for name in [*NAMES, OWN]}
    for number, look in enumerate(history):
        changes = find_changes(told, look.seen(), START + number * timedelta(minutes=1))
        if changes and look.delivered:
            told = changes.told
            for each in changes.new:
                heard[each.name].append(True)
            for gone in changes.over:
                heard[gone.subject, gone.kind].append(False)
    for name, words in heard.items():
        states = [name in look.wrong for look in history if look.delivered and look.sees(name)]
        turns = [state for state, _ in groupby([False, *states])][1:]
        assert words == turns
    assert set(told.troubles) == whole.wrong
