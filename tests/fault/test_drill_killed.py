"""kill -9 in every phase of a drill: once the next one has run no folder and no process is left, the chain is whole."""

from pathlib import Path

import pytest

from drilling import make_drilled_system, scratch_of
from drkit.catalog import marks, survey
from drkit.keyring import open_signers
from drkit.verify.chain import check_chain, check_marks
from drkit.verify.evidence import parse_evidence
from drkit.verify.ledger import read_store
from drkit.verify.model import Drill
from fault_gate import Gate
from fault_system import BOOKS, DOCS, FaultSystem, wait_for
from patience import PATIENCE, await_true
from processes import living
from servers.proxy import proxy_before
from servers.s3_server import S3Server


def next_drill_is_clean(system: FaultSystem, name: str) -> list[Drill]:
    """What was drilled, the killed ones that came to leave evidence included."""
    done = system.run("verify", "now", name, "--json")
    assert done.code == 0, done
    assert done.document["drills"][0]["passed"]
    assert list(scratch_of(system).iterdir()) == []
    store, signers = system.store(), open_signers(system.source(name).system)
    stored = read_store(store, name)
    found = {each.link.id: parse_evidence(each.key, each.content, signers) for each in stored}
    beside = list(marks(name, survey(store, name).entries))
    assert [each for each in [*check_chain(stored, signers), *check_marks(beside, found)] if not each.passed] == []
    assert [mark.proof for mark in beside][-1] == "verified"
    return [each.drill for each in found.values()]


GATES = {
    "plan: the listing": ("GET .*list-type", 0, 0),
    "plan: the manifest": ("GET .*manifest", 0, 0),
    "restore: the first look": ("GET .*age", 0, 0),
    "restore: the data": ("GET .*age", 1, 0),
    "commit: before the evidence": ("PUT .*drills", 0, 0),
    "commit: the mark": ("PUT .*verified", 0, 1),
}


@pytest.mark.parametrize("phase", GATES)
def test_a_drill_killed_at_any_of_its_requests_stands_in_no_ones_way(
    tmp_path: Path, moto_url: S3Server, use_server, phase: str
) -> None:
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    pattern, passed, evidence = GATES[phase]
    with proxy_before(moto_url) as (proxy, near):
        system = make_drilled_system(tmp_path / "shop", url=near.url(bucket, "prod"))
        system.back_up(BOOKS)
        gate = Gate()
        if passed:
            proxy.breaks(pattern, Gate.open().before, times=passed)
        proxy.breaks(pattern, gate.before)
        with system.running("verify", "now", BOOKS) as child:
            assert gate.reached.wait(PATIENCE)
            child.kill()
            child.wait()
            gate.drop()
        assert len(next_drill_is_clean(system, BOOKS)) == 1 + evidence


def test_an_evidence_that_arrived_as_its_drill_was_killed_is_a_link_of_the_chain(
    tmp_path: Path, moto_url: S3Server, use_server
) -> None:
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    with proxy_before(moto_url) as (proxy, near):
        system = make_drilled_system(tmp_path / "shop", url=near.url(bucket, "prod"))
        system.back_up(BOOKS)
        gate = Gate()
        proxy.breaks("PUT .*drills", gate.after)
        with system.running("verify", "now", BOOKS) as child:
            assert gate.reached.wait(PATIENCE)
            child.kill()
            child.wait()
            gate.drop()
        assert [drill.result for drill in next_drill_is_clean(system, BOOKS)] == ["passed", "passed"]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_what_a_drill_killed_in_its_restore_leaves_is_removed_by_the_next(tmp_path: Path, share: float) -> None:
    size = 12_000_000
    system = make_drilled_system(tmp_path / "shop", size=size)
    system.back_up(DOCS)

    def so_far() -> int:
        grown = list(scratch_of(system).glob("*/restored.drkit-partial/big.bin"))
        return grown[0].stat().st_size if grown else -1

    with system.running("verify", "now", DOCS) as child:
        assert wait_for(lambda: so_far() >= share * size, child)
    assert len(next_drill_is_clean(system, DOCS)) == 1


@pytest.mark.parametrize("name", [BOOKS, DOCS])
def test_a_drill_killed_while_a_check_of_ones_own_runs_leaves_nothing_that_the_next_does_not_end(
    tmp_path: Path, name: str
) -> None:
    system = make_drilled_system(tmp_path / "shop")
    system.back_up(name)
    calm, pids = system.folder / "calm", system.folder / "pids"
    with system.schedule.open("a") as schedule:
        waits = f"test -e {calm} || (trap '' TERM QUIT; echo $$ > {pids}.new; mv {pids}.new {pids}; sleep 600; true)"
        schedule.write(f'[[sources.{name.split("/")[1]}.checks]]\nname = "waits"\ncommand = "{waits}"\n')
    with system.running("verify", "now", name) as child:
        assert wait_for(pids.exists, child)
        [left] = scratch_of(system).iterdir()
    group = int(pids.read_text())
    assert living_in(group) and left.exists()
    calm.touch()
    assert len(next_drill_is_clean(system, name)) == 1
    await_true(lambda: not living_in(group))


def living_in(group: int) -> bool:
    return any(process.group == group for process in living())


def test_a_drill_killed_while_it_removes_its_copy_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    system = make_drilled_system(tmp_path / "shop")
    for number in range(3000):
        (system.folder / "docs" / f"{number:04}").touch()
    system.back_up(DOCS)

    def is_going() -> bool:
        trees = list(scratch_of(system).glob("*/restored"))
        return bool(trees) and not all((trees[0] / f"{number:04}").exists() for number in range(0, 3000, 100))

    with system.running("verify", "now", DOCS) as child:
        wait_for(is_going, child)
    found = next_drill_is_clean(system, DOCS)
    assert {drill.result for drill in found} == {"passed"}


def test_a_drill_leaves_the_copy_of_one_that_runs_at_the_same_time_alone(tmp_path: Path) -> None:
    system = make_drilled_system(tmp_path / "shop")
    system.back_up(BOOKS)
    calm, here = system.folder / "calm", system.folder / "here"
    with system.schedule.open("a") as schedule:
        waits = (
            f"test -e {here} && exit; touch {here}; until test -e {calm}; do sleep 0.05; done; test -e $DRKIT_TARGET"
        )
        schedule.write(f'[[sources.books.checks]]\nname = "waits"\ncommand = "{waits}"\n')
    with system.running("verify", "now", BOOKS) as child:
        assert wait_for(here.exists, child)
        assert system.run("verify", "now", BOOKS).code == 0
        assert len(list(scratch_of(system).iterdir())) == 1
        calm.touch()
        assert child.wait(PATIENCE) == 0, child.communicate()
    assert len(next_drill_is_clean(system, BOOKS)) == 3
