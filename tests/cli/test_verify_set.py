"""`drkit verify now SYSTEM --set`: all sources stand restored at once, and the application is asked."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Shop
from cli.set_shop import add_uploads, forget_newest_point
from drkit.catalog import set_of
from drkit.config import load_system
from drkit.keyring import open_signers
from drkit.stores.local import LocalStore
from drkit.verify.chain import check_chain
from drkit.verify.evidence import parse_evidence
from drkit.verify.ledger import read_store
from drkit.verify.model import Drill
from patience import PATIENCE, await_true
from processes import session_of

NOON, HALF_PAST = "2026-11-20T12:00:00Z", "2026-11-20T12:30:00Z"
SMOKE = '[set]\nrto = "10m"\nskew = "1h"\nchecks = [{ name = "the shop answers", command = """%s""" }]\n'
BOTH = 'test -e \\"$DRKIT_TARGET_UPLOADS\\"/menu.txt && sqlite3 \\"$DRKIT_TARGET_MAIN\\" \\"select 1 from orders\\"'


@pytest.fixture
def pair(shop: Shop) -> Shop:
    shop.capture_at(NOON)
    forget_newest_point(shop)
    add_uploads(shop, HALF_PAST)
    shop.edit('objectives = { rpo = "1h", rto = "15m" }', 'objectives = { rto = "15m" }')
    return shop


def ask(shop: Shop, command: str = BOTH) -> None:
    text = shop.schedule.read_text()
    shop.schedule.write_text(text.replace("[sources.main]", SMOKE % command + "[sources.main]"))


def run(shop: Shop, code: int, *arguments: str) -> Any:
    done = shop.drkit("verify", "now", "shop", "--set", "--json", *arguments)
    assert done.code == code, done
    assert list((shop.folder.parent / f"{shop.folder.name}-home").iterdir()) == []
    return done.document


def evidence(shop: Shop) -> list[Drill]:
    """Of the set, believed, in a chain of its own without a flaw, and each member's as it is named."""
    store, signers = LocalStore(shop.folder / "backups"), open_signers(load_system(shop.schedule))
    stored = read_store(store, set_of("shop"))
    assert all(each.passed for each in check_chain(stored, signers))
    drills = [parse_evidence(each.key, each.content, signers).drill for each in stored]
    members = {
        each.link.id: each.link.sha256 for name in ("main", "uploads") for each in read_store(store, f"shop/{name}")
    }
    assert all(members[each.drill] == each.sha256 for drill in drills for each in drill.members)
    return drills


def test_all_sources_stand_at_once_when_the_application_is_asked_and_the_evidence_says_so(pair: Shop) -> None:
    ask(pair)
    document = run(pair, 0)
    [whole] = document["sets"]
    assert (whole["system"], whole["passed"], whole["result"]) == ("shop", True, "passed")
    assert (whole["skew"]["target"], whole["skew"]["measured"], whole["skew"]["met"]) == (3600.0, 1800.0, True)
    assert (whole["rto"]["target"], whole["rto"]["met"]) == (600.0, True)
    assert whole["reached"] == NOON
    assert [check["name"] for check in whole["checks"]] == ["shop/main", "shop/uploads", "the shop answers"]
    assert [drill["source"] for drill in document["drills"]] == ["shop/main", "shop/uploads"]
    longest = sum(drill["rto"]["measured"] for drill in document["drills"])
    assert whole["rto"]["measured"] >= longest - 0.01, "the time of the set is that of all of it"
    [drill] = evidence(pair)
    assert (drill.source, drill.id) == ("shop/_", whole["evidence"].rpartition("/")[2].removesuffix(".json"))
    assert [each.source for each in drill.members] == ["shop/main", "shop/uploads"]
    points = pair.drkit.json("backup", "list")["points"]
    assert all(point["verified_at"] for point in points), "each source's backup is verified by it, too"


def test_to_people_it_tells_of_each_source_and_of_all_of_it(pair: Shop) -> None:
    ask(pair)
    said = pair.drkit.ok("verify", "now", "shop", "--set").out
    assert "shop/main: database-failure passed" in said
    assert "shop, all of it together: database-failure passed\n" in said
    assert "  skew 30m, promised 1h\n" in said
    assert "3 of 3 checks passed" in said


def test_an_application_that_does_not_answer_fails_the_set_and_refutes_no_backup(pair: Shop) -> None:
    ask(pair, "echo no tables; exit 3")
    document = run(pair, 8)
    assert [drill["passed"] for drill in document["drills"]] == [True, True]
    [whole] = document["sets"]
    assert (whole["passed"], whole["rto"]["measured"]) == (False, None)
    assert whole["checks"][-1]["actual"] == "ended with status 3: no tables"
    assert all(point["verified_at"] for point in pair.drkit.json("backup", "list")["points"])


def test_states_that_lie_too_far_apart_fail_the_set(pair: Shop) -> None:
    ask(pair)
    pair.edit('skew = "1h"', 'skew = "10m"')
    [whole] = run(pair, 8)["sets"]
    assert (whole["result"], whole["skew"]["met"]) == ("failed", False)


def test_a_source_that_does_not_come_back_keeps_the_others_from_nothing_but_being_asked(pair: Shop) -> None:
    ask(pair)
    (piece,) = (path for path in pair.objects(".age") if "main" in path.parts)
    piece.write_bytes(piece.read_bytes()[:-1])
    document = run(pair, 8)
    assert [drill["result"] for drill in document["drills"]] == ["failed", "passed"]
    [whole] = document["sets"]
    assert whole["checks"][-1]["passed"] is None
    assert whole["checks"][-1]["actual"] == "main did not come back"
    assert whole["skew"]["measured"] is None
    assert [each.result for each in evidence(pair)[0].members] == ["failed", "passed"]


def test_the_variables_that_lead_to_a_source_lead_to_its_copy_and_a_moment_is_meant_for_all(pair: Shop) -> None:
    ask(pair, 'echo \\"$DRKIT_SYSTEM\\" > ../asked; test \\"$DRKIT_TARGET_MAIN\\" != ../shop.db')
    [whole] = run(pair, 0, "--at", "2026-11-20T13:00:00Z", "--scenario", "corruption")["sets"]
    assert (whole["scenario"], whole["wanted"]) == ("corruption", "2026-11-20T13:00:00Z")
    assert (pair.folder.parent / "asked").read_text() == "shop\n"
    done = pair.drkit("verify", "now", "shop", "--set", "--at", "2026-11-20T12:15:00Z")
    assert done.code == 6, "the uploads reach not that far back"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shop/main", "--set"), "is a part of shop"),
        (("shop", "--set", "--at", "random"), "no random moment"),
        (("shop", "--set", "--scenario", "corruption"), "no random moment"),
    ],
)
def test_what_is_no_set_is_refused(pair: Shop, arguments: tuple[str, ...], said: str) -> None:
    done = pair.drkit("verify", "now", *arguments)
    assert done.code == 2
    assert said in done.errors[0]["message"]


def test_one_that_was_planned_and_fails_is_told_by_status_until_one_passes(pair: Shop) -> None:
    ask(pair, "test -e mended")

    def troubles() -> list[str]:
        found = pair.drkit("status", "--json").document["systems"]
        return [trouble["kind"] for system in found for trouble in system["troubles"]]

    assert "rehearsal failed" not in troubles()
    pair.edit("[set]", '[set]\nverify = "0 5 1 * *"')
    run(pair, 8)  # as a CronJob does it
    assert "rehearsal failed" in troubles()
    (pair.folder / "mended").touch()
    run(pair, 0, "--slot", "2026-11-20T15:00:00Z.1")
    assert "rehearsal failed" not in troubles()


def test_an_interrupt_removes_every_copy_and_leaves_evidence_of_what_ran(pair: Shop) -> None:
    ask(pair, "touch waiting; sleep 600")
    with pair.drkit.running("verify", "now", "shop", "--set") as child:
        await_true((pair.folder / "waiting").exists, child)
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(PATIENCE) == 130
        await_true(lambda: not session_of(child.pid))
    assert list((pair.folder.parent / f"{pair.folder.name}-home").iterdir()) == []
    [drill] = evidence(pair)
    assert (drill.result, [each.result for each in drill.members]) == ("aborted", ["aborted", "aborted"])


def test_evidence_of_sets_is_checked_in_the_store_and_offline_and_its_loss_is_seen(pair: Shop) -> None:
    ask(pair)
    run(pair, 0)
    run(pair, 0)
    listed = [each["source"] for each in pair.drkit.json("evidence", "list")["drills"]]
    assert listed == ["shop/main"] * 2 + ["shop/uploads"] * 2 + ["shop/_"] * 2
    found = pair.drkit.json("evidence", "verify", "all")["findings"]
    assert [each["detail"].split(",")[0] for each in found if each["source"] == "shop/_"] == ["2 drills"]
    assert not any("no schedule names" in each["detail"] for each in found)
    folder = pair.folder / "backups" / "shop" / "_" / "drills"
    pair.drkit.ok("evidence", "verify", *(str(path) for path in sorted(folder.iterdir())))
    first = min(folder.iterdir())
    format_text = (Path(__file__).parents[2] / "docs/FORMAT.md").read_text()
    assert [key for key in json.loads(first.read_text()) if f"`{key}`" not in format_text] == []
    document = json.loads(first.read_text())
    first.write_text(json.dumps(document | {"result": "passed", "members": []}))
    assert pair.drkit("evidence", "verify", "all").code == 7
    assert Path(first).exists()


def test_the_report_of_the_month_shows_drills_of_all_sources(pair: Shop) -> None:
    ask(pair)
    run(pair, 0)
    document = json.loads(pair.drkit.ok("report", "--format", "json", "--no-store").out)
    assert [each["result"] for each in document["together"]] == ["passed"]
    assert any("all sources stood restored at once" in sentence for sentence in document["proven"])
    assert not any("shop/_" in sentence for sentence in document["not_proven"])
