import os
import re
import subprocess

import pytest

from cli.conftest import Shop

HEAVY = ("boto3", "botocore", "pydantic", "cryptography", "apsw", "croniter", "backports.zstd")


def test_json_is_one_document_with_the_promised_keys_and_nothing_else(shop: Shop) -> None:
    """`document` fails on anything before or after the one document."""
    drkit = shop.drkit
    (point,) = shop.ids()
    (backup,) = drkit.json("backup", "now")["backups"]
    assert set(backup) >= {
        *("source", "id", "kind", "consistent_at", "started_at", "finished_at"),
        *("plain_bytes", "stored_bytes", "pieces", "seconds", "replicated"),
    }
    listed = drkit.json("backup", "list")
    assert [each["id"] for each in listed["points"]] == [backup["id"], point]
    for each in listed["points"]:
        assert set(each) >= {"source", "id", "consistent_at", "stored_bytes", "verified_at", "kept_by", "pinned"}
    (window,) = listed["windows"]
    assert window == {
        "source": "shop/main",
        "from": listed["points"][1]["consistent_at"],
        "to": listed["points"][0]["consistent_at"],
    }
    (stands,) = drkit.json("status")["sources"]
    assert set(stands) >= {*("source", "captured_at", "verified_at", "rpo", "rto", "window", "gaps", "next", "healthy")}
    assert stands["captured_at"] == backup["consistent_at"]
    assert set(stands["rpo"]) == {"target", "measured", "met"}
    planned = drkit.json("restore", "shop", "--dry-run")
    assert set(planned) >= {"source", "backup", "wanted", "reached", "target", "plan"}
    restored = drkit.json("restore", "shop", "--at", backup["consistent_at"], "--to", "restored.db")
    assert set(restored) >= {*("source", "backup", "wanted", "reached", "target", "seconds", "phases", "verified")}
    assert (restored["target"], restored["hooks"]) == ("restored.db", [])
    assert (restored["backup"], restored["wanted"]) == (backup["id"], backup["consistent_at"])
    assert drkit.json("pin", point, "--why", "a test") == {"source": "shop/main", "id": point, "pinned": True}
    pruned = drkit.json("prune", "--dry-run")
    assert set(pruned) == {"keep", "remove", "bytes"}
    assert {each["id"]: "pinned" in each["rules"] for each in pruned["keep"]} == {backup["id"]: False, point: True}
    assert drkit.json("unpin", point) == {"source": "shop/main", "id": point, "pinned": False}
    assert drkit.json("prune")["remove"] == []
    assert all(each["passed"] for each in drkit.json("check")["findings"])
    (keys,) = drkit.json("keys", "show")["keys"]
    assert set(keys) == {"system", "recipients", "former_recipients", "signers", "identity", "signing_key"}
    assert set(drkit.json("keys", "new", "--out", "more")) == {"folder", "recipient", "signer"}
    assert set(drkit.json("init", "--name", "other", "--path", "shop.db")) == {"schedule", "keys", "name", "unset"}


def test_without_a_terminal_every_line_on_stderr_is_a_json_object_of_one_run(shop: Shop) -> None:
    done = shop.drkit("restore", "shop", "--at", "2001-01-01T00:00:00Z", "--to", "restored.db")
    assert done.code == 6
    assert len(done.lines) == 2
    for line in done.lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["timestamp"])
        assert line["level"] in ("info", "warning", "error")
        assert line["message"]
    assert len({line["correlation_id"] for line in done.lines}) == 1


def test_the_correlation_id_of_a_run_is_in_its_manifest(shop: Shop) -> None:
    with shop.with_tree(megabytes=4):
        os.mkfifo(shop.folder / "tree" / "pipe")
        (line,) = shop.drkit.ok("backup", "now", "shop/tree").lines
    assert (line["level"], line["message"]) == ("warning", "shop/tree: 1 socket, pipe or device left out: pipe")
    (manifest,) = [path for path in shop.objects("manifest.json") if "shop/tree" in str(path)]
    assert f'"correlation_id": "{line["correlation_id"]}"' in manifest.read_text()


def test_on_a_terminal_there_is_a_bar_that_leaves_no_trace_and_words_in_place_of_json(shop: Shop) -> None:
    with shop.with_tree(megabytes=96):
        seen = shop.drkit.on_terminal("backup", "now", "shop/tree")
    assert seen.code == 0, seen
    assert re.search(r"\r\x1b\[Kshop/tree: [\d.]+ MB, [\d.]+ [kMG]B/s", seen.err)
    assert "\r\x1b[Kshop/tree: captured" in seen.err
    assert "correlation_id" not in seen.err
    failed = shop.drkit.on_terminal("restore", "shop/main", "--at", "2001-01-01T00:00:00Z", "--to", "x.db")
    assert failed.code == 6
    assert "drkit: nothing of shop/main reaches back to 2001-01-01T00:00:00Z" in failed.err
    assert "\n  hint: choose a time at or after " in failed.err


def test_a_terminal_shows_colours_unless_they_are_not_wanted(shop: Shop) -> None:
    shop.drkit.ok("backup", "now")  # others may have taken so long that one is overdue
    assert "\x1b[32mok\x1b[0m" in shop.drkit.on_terminal("status").err
    assert "\x1b[" not in shop.drkit.on_terminal("status", "--no-color").err
    assert "\x1b[" not in shop.drkit.on_terminal("status", NO_COLOR="1").err


def test_options_for_every_command_may_stand_before_or_after_it(shop: Shop) -> None:
    shop.schedule.parent.rename(shop.folder / "elsewhere")
    before = shop.drkit.ok("--config", "elsewhere", "--json", "keys", "show").document
    assert shop.drkit.ok("keys", "show", "--json", "--config=elsewhere").document == before
    assert shop.drkit.ok("keys", "--json", "show", "--config", "elsewhere").document == before
    assert shop.drkit.ok("keys", "show", "--json", DRKIT_CONFIG="elsewhere").document == before


def test_what_stands_after_two_dashes_is_a_name_and_no_option(shop: Shop) -> None:
    done = shop.drkit("backup", "now", "--", "--json")
    assert done.code == 2
    assert "no system or source is called '--json'" in done.err


def test_quiet_says_nothing_but_what_must_be_known(shop: Shop) -> None:
    said = [line["message"] for line in shop.drkit.ok("restore", "shop", "--to", "restored.db", "-q").lines]
    assert [re.sub(r" is .*", "", line) for line in said] == ["shop/main: wanted", "shop/main: reached"]


def test_help_is_given_before_anything_heavy_is_imported(shop: Shop) -> None:
    done = shop.drkit.python("-X", "importtime", "-m", "drkit", "--help")
    assert done.code == 0
    imported = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert {"typer", "drkit.cli.app"} <= imported
    assert not [name for name in imported if name.startswith(HEAVY)]


@pytest.mark.parametrize(
    ("shell", "line"), [("bash", "complete "), ("zsh", "#compdef drkit"), ("fish", "complete --command drkit")]
)
def test_a_completion_script_is_printed_for_each_shell(shop: Shop, shell: str, line: str) -> None:
    document = shop.drkit.json("completion", shell)
    assert document["shell"] == shell
    assert line in document["script"]


def test_bash_accepts_its_completion_script_and_gets_answers_from_it(shop: Shop) -> None:
    script = shop.drkit.ok("completion", "bash").out
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    asked = {"_DRKIT_COMPLETE": "complete_bash", "COMP_WORDS": "drkit backup ", "COMP_CWORD": "2"}
    assert shop.drkit.ok(**asked).out.split() == ["now", "list"]
