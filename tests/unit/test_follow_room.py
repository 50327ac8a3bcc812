import pytest

from drkit.follow.room import find_shortage
from drkit.ports import Regard

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("room", "short", "found"),
    [(50, False, False), (49, False, True), (50, True, True), (74, True, True), (75, True, False), (-1, False, True)],
)
def test_with_a_limit_half_of_it_is_short_until_three_quarters_are_there_again(
    room: int, short: bool, found: bool
) -> None:
    assert (find_shortage(Regard(room * MIB, 100 * MIB, waits=False), 0, short=short) is not None) is found


@pytest.mark.parametrize(
    ("kept", "short", "found"),
    [(GIB, False, False), (GIB + 1, False, True), (GIB // 2 + 1, True, True), (GIB // 2, True, False)],
)
def test_without_a_limit_what_waits_at_the_server_tells(kept: int, short: bool, found: bool) -> None:
    assert (find_shortage(Regard(None, None, waits=False), kept, short=short) is not None) is found
