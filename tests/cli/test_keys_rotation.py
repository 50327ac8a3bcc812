"""New keys in the place of old ones, and what that does to points, old and new."""

import os
import shutil
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Shop, stands
from drkit.age import format_identity, new_identity
from patience import PATIENCE

OLD_PASSPHRASE = "correct-horse-battery-staple"


def table(shop: Shop) -> dict[str, Any]:
    return dict(tomllib.loads(shop.schedule.read_text())["encryption"])


def public(shop: Shop, folder: str) -> str:
    return (shop.folder / folder / "recipient").read_text().strip()


def troubles(told: dict[str, Any]) -> list[str]:
    return [each["kind"] for each in told["troubles"]]


def warnings(told: dict[str, Any]) -> list[str]:
    return [each["kind"] for each in told["warnings"]]


def rows(file: Path) -> list[Any]:
    with closing(sqlite3.connect(file)) as database:
        return list(database.execute("select * from orders order by id"))


def restored(shop: Shop, name: str, *more: str, **environment: str) -> list[Any]:
    shop.drkit.ok("restore", "shop", "--to", name, *more, **environment)
    return rows(shop.folder / name)


def test_after_a_rotation_old_points_open_with_the_old_identity_and_new_ones_with_the_new(shop: Shop) -> None:
    [first] = shop.ids()
    told = shop.drkit.json("keys", "rotate", "--signing", "--out", "keys-2")
    shop.drkit.ok("backup", "now")
    newest = shop.ids()[-1]
    assert told["recipient"] == public(shop, "keys-2")
    for name in ("identity", "signing"):
        assert (shop.folder / "keys-2" / name).stat().st_mode & 0o777 == 0o600
    production = rows(shop.folder / "shop.db")
    before = first.partition("-")[0]
    when = f"{before[:4]}-{before[4:6]}-{before[6:11]}:{before[11:13]}:{before[13:]}"
    assert restored(shop, "both-old.db", "--at", when) == restored(shop, "both-new.db") == production
    # each by itself
    shop.edit('["file:../keys-2/identity", "file:../keys/identity"]', '"file:../keys-2/identity"')
    assert restored(shop, "new.db") == production
    refused = shop.drkit("restore", "shop", "--to", "old.db", "--at", when)
    assert (refused.code, first in refused.errors[0]["message"]) == (7, True)
    shop.edit('"file:../keys-2/identity"', '"file:../keys/identity"')
    assert restored(shop, "old.db", "--at", when) == production
    refused = shop.drkit("restore", "shop", "--to", "newest.db")
    assert (refused.code, newest in refused.errors[0]["message"]) == (7, True)


def test_a_rotation_changes_its_values_in_the_schedule_and_not_one_comment(shop: Shop) -> None:
    before, values = shop.schedule.read_text(), table(shop)
    told = shop.drkit.json("keys", "rotate", "shop", "--signing", "--out", "keys-2")
    after = shop.schedule.read_text()
    signer = (shop.folder / "keys-2" / "signer").read_text().strip()
    assert table(shop) == values | {
        "recipients": [public(shop, "keys-2")],
        "former_recipients": [public(shop, "keys")],
        "identity": ["file:../keys-2/identity", "file:../keys/identity"],
        "signing_key": "file:../keys-2/signing",
        "signers": ["file:../keys/signer", signer],
    }
    assert [line.partition("#")[2] for line in after.splitlines() if "former_recipients" not in line] == [
        line.partition("#")[2] for line in before.splitlines()
    ]
    [changed] = told["schedules"]
    assert (shop.folder / changed["kept"]).read_text() == before
    assert changed["changed"]
    shop.drkit.ok("check")
    shop.drkit.ok("keys", "rotate", "--out", "keys-3")
    assert table(shop)["former_recipients"] == [public(shop, "keys"), public(shop, "keys-2")]
    assert table(shop)["identity"][0] == "file:../keys-3/identity"


@pytest.mark.parametrize("kind", ["inline", "dotted", "a link", "read only copy"])
def test_a_schedule_that_cannot_surely_be_changed_is_left_alone_and_its_lines_are_shown(shop: Shop, kind: str) -> None:
    text, more = shop.schedule.read_text(), ()
    start, end = text.index("[encryption]"), text.index("[sources.main]")
    keys = '{ recipients = ["file:../keys/recipient"], signers = ["file:../keys/signer"], identity = "env:ID" }'
    if kind == "inline":
        shop.schedule.write_text(f"encryption = {keys}\n{text[:start]}{text[end:]}")
    elif kind == "dotted":
        lines = 'recipients = ["file:../keys/recipient"]\nencryption.signers = ["file:../keys/signer"]'
        shop.schedule.write_text(f"encryption.{lines}\n{text[:start]}{text[end:]}")
    elif kind == "a link":
        real = shop.folder / "real.toml"
        shop.schedule.rename(real)
        shop.schedule.symlink_to(real)
    else:
        (shop.folder / "copy").mkdir()
        shutil.copy(shop.schedule, shop.folder / "copy")
        more = ("--config", "copy", "--relative-to", "schedules")
    before = shop.schedule.read_bytes()
    done = shop.drkit(*more, "keys", "rotate", "--out", "keys-2", "--json")
    assert done.code == 3, done
    [changed] = done.document["schedules"]
    assert not changed["changed"]
    assert f'recipients = ["{public(shop, "keys-2")}"]' in changed["lines"]
    assert shop.schedule.read_bytes() == before
    assert list(shop.schedule.parent.glob("*.before-*")) == []
    shown = shop.drkit(*more, "keys", "rotate", "--out", "keys-3")
    assert f'    recipients = ["{public(shop, "keys-3")}"]' in shown.out.splitlines()


def test_of_several_recipients_the_one_to_replace_is_named_and_the_escrow_stays(shop: Shop) -> None:
    shop.drkit.ok("keys", "new", "--out", "escrow")
    escrow = public(shop, "escrow")
    shop.edit('["file:../keys/recipient"]', f'[\n  "file:../keys/recipient",  # ours\n  "{escrow}",  # theirs\n]')
    refused = shop.drkit("keys", "rotate", "--out", "keys-2")
    assert (refused.code, escrow in refused.errors[0]["hint"]) == (2, True)
    assert not (shop.folder / "keys-2").exists()
    shop.drkit.ok("keys", "rotate", "--replace", "file:../keys/recipient", "--out", "keys-2")
    assert table(shop)["recipients"] == [public(shop, "keys-2"), escrow]
    assert f'  "{public(shop, "keys-2")}",  # ours\n  "{escrow}",  # theirs\n' in shop.schedule.read_text()
    identity = table(shop)["identity"]
    shop.drkit.ok("keys", "rotate", "--replace", escrow, "--escrow", "--out", "escrow-2")
    assert table(shop)["identity"] == identity
    assert table(shop)["recipients"] == [public(shop, "keys-2"), public(shop, "escrow-2")]


def test_new_keys_never_overwrite_and_then_nothing_is_changed(shop: Shop) -> None:
    before = shop.schedule.read_bytes()
    assert shop.drkit("keys", "rotate", "--out", "keys").code == 2
    assert shop.drkit("keys", "rotate", "nobody", "--out", "keys-2").code == 2
    assert shop.schedule.read_bytes() == before
    assert not (shop.folder / "keys-2").exists()


def test_what_replaces_a_locked_identity_is_locked_too(shop: Shop) -> None:
    twice = [("new passphrase: ", OLD_PASSPHRASE), ("once more: ", OLD_PASSPHRASE)]
    assert shop.drkit.on_terminal("keys", "new", "--out", "locked", "--passphrase", answers=twice).code == 0
    shop.edit('"file:../keys/recipient"', '"file:../locked/recipient"')
    shop.edit('"file:../keys/identity"', '"file:../locked/identity"')
    shop.drkit.ok("backup", "now")
    first = len(shop.ids())
    assert shop.drkit.on_terminal("keys", "rotate", "--out", "keys-2", answers=twice).code == 0
    assert (shop.folder / "keys-2" / "identity").read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    shop.drkit.ok("backup", "now")
    assert len(shop.ids()) == first + 1
    production = rows(shop.folder / "shop.db")
    assert restored(shop, "new.db", DRKIT_PASSPHRASE=OLD_PASSPHRASE) == production


def test_one_identity_file_may_hold_several_identities(shop: Shop) -> None:
    shop.drkit.ok("keys", "rotate", "--out", "keys-2")
    shop.drkit.ok("backup", "now")
    both = shop.folder / "keys" / "both"
    both.write_bytes(b"".join((shop.folder / each / "identity").read_bytes() for each in ("keys", "keys-2")))
    shop.edit('["file:../keys-2/identity", "file:../keys/identity"]', '"file:../keys/both"')
    assert restored(shop, "new.db") == restored(shop, "old.db", "--at", "latest")
    shop.drkit.ok("verify", "now")


def test_the_key_that_no_drill_has_proven_is_told_until_one_has(shop: Shop) -> None:
    shop.drkit.ok("keys", "new", "--out", "escrow")
    escrow, store = public(shop, "escrow"), shop.folder / "backups"
    shop.edit('["file:../keys/recipient"]', f'["file:../keys/recipient", "{escrow}"]')
    shop.edit('url = "env:SHOP_STORE"', f'url = "env:SHOP_STORE"\nreplica = "file://{store}"')
    shop.edit('identity = "', 'escrow_identity = "file:../escrow/identity"\nidentity = "')
    told = stands(shop, 0)
    assert warnings(told) == ["closed to a key"]  # the point that is there was encrypted to one alone
    shop.drkit.ok("backup", "now")
    assert warnings(stands(shop, 0)) == []
    shop.drkit.ok("verify", "now")
    [note] = stands(shop, 0)["notes"]
    assert escrow in note
    assert public(shop, "keys") not in note
    shop.drkit.ok("verify", "now", "--scenario", "region-failure")
    assert stands(shop, 0)["notes"] == []
    opened = [path.read_text() for path in shop.objects(".json") if path.parent.name == "drills"]
    assert [escrow in text for text in opened] == [False, True]
    [month] = {path.name[:6] for path in shop.objects(".json") if path.parent.name == "drills"}
    report = ("report", "--month", f"{month[:4]}-{month[4:]}", "--format")
    assert escrow in shop.drkit.ok(*report, "json").out
    assert f"{escrow[:16]}… (1 drill)" in shop.drkit.ok(*report, "html").out


def test_an_escrow_identity_that_opens_nothing_turns_the_source_red(shop: Shop) -> None:
    shop.edit('url = "env:SHOP_STORE"', f'url = "env:SHOP_STORE"\nreplica = "file://{shop.folder}/backups"')
    shop.edit('identity = "', 'escrow_identity = "file:../escrow"\nidentity = "')
    (shop.folder / "escrow").write_text(f"{format_identity(new_identity())}\n")
    assert shop.drkit("verify", "now", "--scenario", "region-failure").code == 8
    assert troubles(stands(shop, 8)) == ["drill failed"]


def test_a_point_that_no_known_key_opens_is_red_before_anybody_needs_it(shop: Shop) -> None:
    right, [first] = shop.schedule.read_text(), shop.ids()
    shop.drkit.ok("keys", "new", "--out", "others")
    shop.edit('"file:../keys/recipient"', '"file:../others/recipient"')
    shop.drkit.ok("backup", "now")
    shop.schedule.write_text(right)  # as it is on the host that looks
    told = stands(shop, 8)
    assert troubles(told) == ["sealed to strangers"]
    [trouble] = told["troubles"]
    assert public(shop, "others") in trouble["what"]
    assert "encryption.recipients" in trouble["next_step"]
    assert told["points"] == 1  # the one before is what a restore can rely on
    shop.edit("signers = [", f'former_recipients = ["{public(shop, "others")}"]\nsigners = [')
    assert troubles(stands(shop, 0)) == []
    shop.schedule.write_text(right)
    shop.drkit.ok("backup", "now")
    assert troubles(stands(shop, 0)) == []
    assert shop.ids()[0] == first


def test_no_command_of_a_backup_host_touches_an_identity(shop: Shop) -> None:
    """A FIFO that nobody writes to: whoever opens it stands still, and whoever asks for its kind is told no file."""
    shop.drkit.ok("keys", "rotate", "--out", "keys-2")
    shop.edit('identity = ["', 'escrow_identity = "file:../keys-2/identity"\nidentity = ["')
    for folder in ("keys", "keys-2"):
        (shop.folder / folder / "identity").unlink()
        os.mkfifo(shop.folder / folder / "identity")
    shop.edit('url = "env:SHOP_STORE"', f'url = "env:SHOP_STORE"\nreplica = "file://{shop.folder}/replica"')
    lines = (
        "backup now",
        "replicate",
        "replicate --dry-run",
        "backup list",
        "status",
        "metrics",
        "prune",
        "prune --dry-run",
        "notify --dry-run",
        "report --format text",
        "evidence list",
        "evidence verify all",
        "keys show",
        "restore shop --dry-run",
        "restore shop --by-hand",
    )
    for line in lines:
        shop.drkit.ok(*line.split())
    [point, *_] = shop.ids()
    shop.drkit.ok("pin", point, "--why", "a test")
    shop.drkit.ok("unpin", point)
    with shop.drkit.running("verify", "now") as child:  # and this one does
        fifo = os.open(shop.folder / "keys-2" / "identity", os.O_WRONLY)
        os.write(fifo, b"no identity\n")
        os.close(fifo)
        assert child.wait(PATIENCE) == 3


def test_looking_at_a_log_from_a_backup_host_touches_no_identity(shop: Shop) -> None:
    with shop.schedule.open("a") as schedule:
        schedule.write('[sources.log]\nkind = "postgres"\nmethod = "physical"\ndsn = "env:DSN"\nbackup = "0 0 * * *"\n')
    identity = shop.folder / "keys" / "identity"
    identity.unlink()
    os.mkfifo(identity)
    done = shop.drkit("status", "shop/log", "--json")
    assert done.code == 8, done
    assert "failed" not in done.document
    shop.drkit.ok("report", "--format", "text")
