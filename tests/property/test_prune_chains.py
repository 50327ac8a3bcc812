"""Which points stay for the sake of those that rest on them, against walking up from each."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from drkit.model import Point
from drkit.prune import keep_chains
from drkit.retention import Verdict

NOW = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = "abcdefg"


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Verdict], dict[str, set[str]]]:
    """Each point rests on some of those before it, and on some that are gone."""
    verdicts = [Verdict(Point("shop/code", name, NOW, 1), ("a rule",) * draw(st.integers(0, 1))) for name in NAMES]
    origins = {
        name: draw(st.sets(st.sampled_from([*NAMES[:number], "gone"]), max_size=3)) for number, name in enumerate(NAMES)
    }
    return draw(st.permutations(verdicts)), origins


@given(cases())
def test_a_point_stays_exactly_if_a_rule_keeps_it_or_one_that_stays_rests_on_it(
    case: tuple[list[Verdict], dict[str, set[str]]],
) -> None:
    verdicts, origins = case
    kept = {verdict.point.id for verdict in verdicts if verdict.reasons}
    while more := {origin for name in kept for origin in origins.get(name, ())} - kept:
        kept |= more
    made = keep_chains(verdicts, origins)
    assert {verdict.point.id for verdict in made if verdict.reasons} == kept - {"gone"}
    assert [verdict.point for verdict in made] == [verdict.point for verdict in verdicts]
    for before, after in zip(verdicts, made, strict=True):
        assert after.reasons[: len(before.reasons)] == before.reasons
        assert len(after.reasons) <= len(before.reasons) + 1
