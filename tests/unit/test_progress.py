import pytest

from drkit.cli.progress import Meter


def drawn(capsys: pytest.CaptureFixture[str], total: int | None, size: int) -> str:
    """The bar at that size; it is drawn a few times a second."""
    meter = Meter("restoring", total, None)
    meter.add(size)
    while not (seen := capsys.readouterr().err):
        meter.add(0)
    return seen.rpartition("\r\x1b[K")[2]


def test_a_bar_shows_how_much_of_the_total_is_done_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    bar = drawn(capsys, 4000, 1000)
    assert bar.startswith("restoring: 25 % 1.0 kB, ")
    assert bar.endswith(" s left")


def test_a_bar_of_more_than_its_total_claims_neither_a_share_nor_a_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar = drawn(capsys, 1000, 2000)
    assert bar.startswith("restoring: 2.0 kB, ")
    assert "left" not in bar


def test_a_bar_without_a_total_shows_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert drawn(capsys, None, 1000).startswith("restoring: 1.0 kB, ")
