"""Log on its way into replicas, from a real server: soon, whole, and never in the way of the store's own."""

import shutil
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from drkit import catalog
from drkit.when import parse_moment
from recovering import await_covered
from servers.physical import SOURCE, PhysicalSystem, physical_system

OBJECTIVES = 'objectives = { rpo = "6s" }'


@pytest.fixture
def system(tmp_path: Path) -> Iterator[PhysicalSystem]:
    place = f'replica = "file://{tmp_path}/replica"'
    with physical_system(tmp_path, more=OBJECTIVES, interval="0.2s", place=place) as made:
        yield made


def spans_there(system: PhysicalSystem) -> tuple[catalog.Span, ...]:
    [seen] = system.source.replicas()
    return catalog.survey_log(seen.store(), SOURCE).spans


def await_copied(system: PhysicalSystem) -> None:
    """Until the replica covers this moment, by the server's clock."""
    now = await_covered(system)
    system.wait_for(
        lambda: any(span.covered_until >= now for span in spans_there(system)), lambda: spans_there(system)[-3:]
    )


def standing(system: PhysicalSystem) -> dict[str, Any]:
    [source] = system.drkit("status", "--json").document["sources"]
    return dict(source)


def covered_there(system: PhysicalSystem) -> datetime:
    """Long ago where nothing at all could be had back from there."""
    [replica] = standing(system)["replica"]
    return parse_moment(replica["captured_at"]) if replica["captured_at"] else catalog.NOTHING_KNOWN


def kinds(source: dict[str, Any]) -> set[str]:
    return {each["kind"] for each in source["troubles"]}


def test_log_reaches_the_replica_as_it_comes_and_restores_from_there_to_the_same_moment(
    system: PhysicalSystem, tmp_path: Path
) -> None:
    with system.following() as follower:
        system.await_stored()
        system.drkit.ok("backup", "now")
        system.server.execute("CREATE TABLE late (n int)")
        written = await_covered(system)
        await_copied(system)
        assert covered_there(system) >= written
        follower.end()
    asked = ("restore", SOURCE, "--from", "replica", "--to", str(tmp_path / "new"), "--dry-run", "--yes", "--json")
    assert parse_moment(system.drkit.ok(*asked).document["reached"]) >= written
    # what counts is how far the log goes without a gap, and not that something new lies at its end
    last = max((span for span in spans_there(system) if span.size), key=lambda span: span.end)
    for span in spans_there(system):
        if span.size and span.end == last.end:
            (tmp_path / "replica" / catalog.span_key(SOURCE, span)).unlink()
    assert covered_there(system) < written
    system.drkit.ok("replicate")
    assert covered_there(system) >= written


def test_a_replica_that_is_down_holds_up_nothing_is_red_and_catches_up_without_a_new_follower(
    system: PhysicalSystem, tmp_path: Path
) -> None:
    place = tmp_path / "replica"
    with system.following() as follower:
        system.await_stored()
        system.drkit.ok("backup", "now")
        await_copied(system)
        place.rename(tmp_path / "away")
        place.symlink_to(place)  # a disk that answers every question with an error
        before = system.position()
        system.fill(1)
        system.await_stored()
        system.wait_for(lambda: (system.slot()[0] or 0) >= before)  # the server forgets what only the store has
        told = follower.await_words("takes no log")
        assert (told["level"], str(place) in told["message"]) == ("warning", True)
        assert "replica" in kinds(standing(system))
        place.unlink()
        (tmp_path / "away").rename(place)
        await_copied(system)
        follower.await_words("takes log again")
        assert not catalog.gaps(spans_there(system))
        assert standing(system)["replica"][0]["error"] in (None, "")
        assert follower.end() == 130


def test_a_replica_that_never_answers_holds_up_nothing_and_the_follower_stops_when_it_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        place = f'replica = "s3://silent/prod?region=us-east-1&endpoint_url=http%3A%2F%2F127.0.0.1%3A{port}"'
        with physical_system(tmp_path, more=OBJECTIVES, interval="0.2s", place=place) as system:
            keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
            with system.following(**keys) as follower:
                system.fill(1)
                system.await_stored()
                assert follower.end() == 130


def test_what_a_follower_was_killed_before_copying_the_next_one_copies(system: PhysicalSystem, tmp_path: Path) -> None:
    with system.following() as first:
        system.await_stored()
        first.kill()
    shutil.rmtree(tmp_path / "replica", ignore_errors=True)
    with system.following() as second:
        await_copied(system)
        second.end()
    here, there = (
        {catalog.span_key(SOURCE, span) for span in each} for each in (system.log().spans, spans_there(system))
    )
    merged = {catalog.span_key(SOURCE, span) for span, _ in catalog.superseded(system.log().spans)}
    assert here - there <= merged
