"""Commands around a restore, with a SQLite shop: they work for every kind alike."""

import os
import signal
from pathlib import Path

import pytest

from cli.conftest import Shop
from drkit.restore.hooks import Hooks
from patience import PATIENCE, await_true
from processes import session_of


def test_hooks_run_around_a_restore_and_know_what_was_restored(shop: Shop) -> None:
    done = shop.drkit.ok(
        "restore", "shop", "--to", "restored.db", "--json",
        "--hook-before", "test ! -e restored.db && echo stopping $DRKIT_SOURCE",
        "--hook", "test -e $DRKIT_TARGET && echo $DRKIT_POINT; echo $DRKIT_REACHED >&2",
    )  # fmt: skip
    before, after = done.document["hooks"]
    assert (before["when"], before["status"], before["output"]) == ("before", 0, "stopping shop/main\n")
    assert (after["when"], after["status"]) == ("after", 0)
    assert after["output"] == f"{done.document['backup']}\n{done.document['reached']}\n"
    assert after["command"].startswith("test -e $DRKIT_TARGET")
    said = [(line["hook"], line["message"]) for line in done.lines if "hook" in line]
    assert ("before", "stopping shop/main") in said
    assert ("after", done.document["backup"]) in said


def test_the_schedule_names_hooks_and_an_option_overrides_each(shop: Shop) -> None:
    with shop.schedule.open("a") as schedule:
        schedule.write('[sources.main.hooks]\nbefore = "echo one"\nafter = "echo two"\n')
    document = shop.drkit.json("restore", "shop", "--to", "a.db")
    assert [run["output"] for run in document["hooks"]] == ["one\n", "two\n"]
    document = shop.drkit.json("restore", "shop", "--to", "b.db", "--hook", "echo three", "--hook-before", "")
    assert [run["output"] for run in document["hooks"]] == ["three\n"]
    plan = shop.drkit.ok("restore", "shop", "--to", "c.db", "--dry-run").out
    assert "run the hook before: echo one" in plan
    assert "run the hook after: echo two" in plan
    assert shop.drkit.json("restore", "shop", "--to", "d.db", "--hook", "", "--hook-before", "")["hooks"] == []


def test_a_hook_before_that_fails_stops_the_restore(shop: Shop) -> None:
    done = shop.drkit(
        "restore", "shop", "--to", "restored.db", "--hook-before", "echo no; exit 3", "--hook", "touch ran"
    )
    assert done.code == 6
    assert "ended with status 3, so nothing was touched" in done.errors[0]["message"]
    assert "no" in [line["message"] for line in done.lines]
    assert not (shop.folder / "restored.db").exists()
    assert not (shop.folder / "ran").exists()


def test_a_hook_after_that_fails_leaves_what_was_restored_and_says_so(shop: Shop) -> None:
    done = shop.drkit("restore", "shop", "--to", "restored.db", "--hook", "kill -9 $$", "--json")
    assert done.code == 6
    assert "stay where they are" in done.errors[0]["message"]
    assert "signal 9" in done.errors[0]["message"]
    assert done.document["hooks"][0]["status"] == -9
    assert (shop.folder / "restored.db").exists()


def test_no_hook_runs_before_every_object_has_shown_that_it_can_be_opened(shop: Shop) -> None:
    (piece,) = shop.objects(".age")
    piece.write_bytes(piece.read_bytes().replace(b"X25519", b"X25518"))
    done = shop.drkit("restore", "shop", "--to", "restored.db", "--hook-before", "touch stopped")
    assert done.code == 7
    assert not (shop.folder / "stopped").exists()


def test_a_restore_that_fails_runs_no_hook_after_and_says_that_traffic_is_still_stopped(shop: Shop) -> None:
    done = shop.drkit(
        "restore", "shop", "--to", "restored.db", "--hook-before", "touch restored.db", "--hook", "touch ran"
    )
    assert done.code == 2
    assert any("what the hook before it did still holds" in line["message"] for line in done.lines)
    assert not (shop.folder / "ran").exists()


def test_a_hook_has_the_callers_variables_and_no_key_of_drkits(shop: Shop) -> None:
    identity = (shop.folder / "keys" / "identity").read_text()
    signing = (shop.folder / "keys" / "signing").read_text()
    shop.edit('"file:../keys/identity"', '"env:SHOP_IDENTITY"')
    secrets = {"SHOP_IDENTITY": identity, "OTHER_SIGNING": signing, "DRKIT_PASSPHRASE": "hunter2"}
    done = shop.drkit("restore", "shop", "--to", "restored.db", "--hook", "env > seen", FLASK_APP="shop:app", **secrets)
    assert done.code == 0, done
    seen = (shop.folder / "seen").read_text()
    assert "FLASK_APP=shop:app\n" in seen
    assert "DRKIT_SOURCE=shop/main\n" in seen
    for hidden in ("AGE-SECRET-KEY-", "DRKIT-SIGNING-KEY-", "hunter2"):
        assert hidden not in seen


def test_what_a_hook_says_is_kept_up_to_a_bound_and_whatever_bytes_it_has(shop: Shop) -> None:
    noisy = "yes 0123456789 | head -c 299997; printf 'caf\\351\\rno line end'"
    (run,) = shop.drkit.json("restore", "shop", "--to", "restored.db", "--hook", noisy, "-q")["hooks"]
    assert len(run["output"]) <= 32_768
    assert run["output"].endswith("6789\n01234caf\N{REPLACEMENT CHARACTER}\nno line end\n")


def test_what_a_hook_starts_and_leaves_is_neither_waited_for_nor_ended(shop: Shop) -> None:
    with shop.drkit.running("restore", "shop", "--to", "restored.db", "--hook", "sleep 600 & echo $! > pid") as child:
        assert child.wait(PATIENCE) == 0
        left = int((shop.folder / "pid").read_text())
        assert left in [process.pid for process in session_of(child.pid)]


def test_an_interrupt_ends_a_hook_with_all_that_it_started(shop: Shop) -> None:
    command = "sleep 600 & echo $$ $! > pids.new; mv pids.new pids; wait"
    with shop.drkit.running("restore", "shop", "--to", "restored.db", "--hook-before", command) as child:
        await_true((shop.folder / "pids").exists, child)
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE) == 130
        await_true(lambda: not session_of(child.pid))
    assert not (shop.folder / "restored.db").exists()


@pytest.mark.parametrize("spelled", ["hunter2", "p=hunter2 q"])
def test_a_secret_is_cut_out_of_all_that_is_told_and_kept(tmp_path: Path, spelled: str) -> None:
    told: list[str] = []
    hooks = Hooks(f"echo '{spelled}'", None, dict(os.environ), ("hunter2",), lambda _, line: told.append(line))
    with hooks.around():
        assert "hunter2" not in "".join((*told, hooks.runs[0].ran.output, hooks.runs[0].command))
        assert "***" in hooks.runs[0].ran.output
