import signal
from pathlib import Path

from cli.conftest import Shop
from cli_runner import Done, await_bytes_in, drkit_in
from patience import PATIENCE
from processes import session_of
from servers.s3_server import S3Server

PASSPHRASE = "correct-horse-battery-staple"
AWS_SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYSENTINEL"


def _secrets(shop: Shop) -> dict[str, str]:
    """What must never be seen outside keys/, by what it is."""
    found = {"passphrase": PASSPHRASE, "AWS secret": AWS_SECRET}
    for name in ("identity", "signing"):
        found[name] = (shop.folder / "keys" / name).read_text().splitlines()[-1]
    return found


def _assert_none(shop: Shop, text: str) -> None:
    for what, secret in _secrets(shop).items():
        assert secret not in text, f"the {what} was shown"
        assert secret.lower() not in text, f"the {what} was shown in lower case"


def _written(shop: Shop) -> str:
    """Every byte below the shop and its home, but for keys/."""
    places = [shop.folder, shop.folder.parent / f"{shop.folder.name}-home"]
    files = [path for place in places for path in place.rglob("*") if path.is_file() and path.parent.name != "keys"]
    return "\n".join([*map(str, files), *(path.read_bytes().decode("latin-1") for path in files)])


def test_no_secret_is_ever_shown_or_written_outside_keys(shop: Shop) -> None:
    secret = {"AWS_SECRET_ACCESS_KEY": AWS_SECRET, "AWS_ACCESS_KEY_ID": "AKIAX", "DRKIT_PASSPHRASE": PASSPHRASE}
    runs: list[Done] = [
        shop.drkit(*line.split(), **secret)
        for line in (
            "check -v",
            "backup now -v --json",
            "keys show --json",
            "restore shop --to restored.db -v",
            "restore shop --to by-hand.db --by-hand",
            "restore shop --to keys/identity -v",
        )
    ]
    # a secret where none belongs: the mistake is told without it
    shop.edit('"file:../keys/recipient"', '"file:../keys/identity"')
    runs += [shop.drkit("backup", "now", "-v", **secret), shop.drkit("check", **secret)]
    shop.edit('"file:../keys/signing"', '"file:../keys/identity"')
    runs += [shop.drkit("backup", "now", "-v", **secret)]
    assert [run.code for run in runs] == [0, 0, 0, 0, 0, 2, 3, 3, 3]
    for run in runs:
        _assert_none(shop, run.out + run.err)
    _assert_none(shop, _written(shop))


def test_no_secret_is_in_any_process_list_while_a_backup_runs(shop: Shop) -> None:
    with shop.with_tree(megabytes=256), shop.drkit.running("backup", "now", "shop/tree", "-v") as child:
        await_bytes_in(shop.folder / "backups" / ".incoming", child)
        processes = session_of(child.pid)
        assert child.pid in [process.pid for process in processes]
        for process in processes:
            _assert_none(shop, " ".join(process.words))
        child.send_signal(signal.SIGTERM)
        child.wait(PATIENCE)


def test_the_secret_of_a_bucket_is_not_shown_by_any_failure(shop: Shop, moto_url: S3Server) -> None:
    secret = {"AWS_SECRET_ACCESS_KEY": AWS_SECRET, "AWS_ACCESS_KEY_ID": "AKIAX", "AWS_EC2_METADATA_DISABLED": "true"}
    missing = shop.drkit("backup", "now", "-v", SHOP_STORE=moto_url.url("no-such-bucket"), **secret)
    assert missing.code == 5, missing
    _assert_none(shop, missing.out + missing.err)
    written_out = shop.drkit("backup", "now", "-v", SHOP_STORE=f"s3://AKIAX:{AWS_SECRET}@bucket/prefix", **secret)
    assert written_out.code == 3, written_out
    _assert_none(shop, written_out.out + written_out.err)


def test_new_keys_are_for_their_owner_alone_and_never_overwrite(tmp_path: Path) -> None:
    drkit = drkit_in(tmp_path / "host")
    drkit.ok("keys", "new", "--out", "keys")
    keys = {path.name: path for path in (drkit.folder / "keys").iterdir()}
    assert set(keys) == {"identity", "recipient", "signing", "signer"}
    assert keys["identity"].stat().st_mode & 0o777 == keys["signing"].stat().st_mode & 0o777 == 0o600
    assert (drkit.folder / "keys").stat().st_mode & 0o777 == 0o700
    before = {name: path.read_bytes() for name, path in keys.items()}
    again = drkit("keys", "new", "--out", "keys")
    assert again.code == 2
    assert "never overwritten" in again.errors[0]["message"]
    for name in ("identity", "recipient", "signing"):
        keys[name].unlink()
    assert drkit("keys", "new", "--out", "keys").code == 2
    assert [path.name for path in (drkit.folder / "keys").iterdir()] == ["signer"]
    assert keys["signer"].read_bytes() == before["signer"]


def test_a_second_init_keeps_keys_and_schedules_as_they_are(shop: Shop) -> None:
    before = {path: path.read_bytes() for path in (shop.folder / "keys").iterdir()}
    assert shop.drkit("init", "--name", "shop", "--path", "shop.db").code == 2
    shop.drkit.ok("init", "--name", "other", "--path", "shop.db")
    assert {path: path.read_bytes() for path in (shop.folder / "keys").iterdir()} == before
    assert shop.drkit("init", "--name", "No Good", "--path", "shop.db").code == 2
    assert shop.drkit("init", "--name", "bad", "--path", "shop.db", "--store", "s3://me:pw@bucket").code == 3
    assert sorted(path.name for path in (shop.folder / "schedules").iterdir()) == ["other.toml", "shop.toml"]


def test_init_asks_on_a_terminal_and_takes_the_defaults_for_empty_answers(empty: Shop) -> None:
    seen = empty.drkit.on_terminal(
        "init",
        answers=[("[plain]? ", ""), ("shop.db]? ", ""), ("called [shop]? ", "store-2"), ("backups]? ", "")],
    )
    assert seen.code == 0, seen
    assert "wrote schedules/store-2.toml" in seen.err
    assert (empty.folder / "keys" / "identity").exists()


def test_an_identity_behind_a_passphrase_opens_by_the_environment_or_by_hand(shop: Shop) -> None:
    shop.edit('"file:../keys/recipient"', '"file:../locked/recipient"')
    shop.edit('"file:../keys/identity"', '"file:../locked/identity"')
    twice = [("new passphrase: ", PASSPHRASE), ("once more: ", PASSPHRASE)]
    made = shop.drkit.on_terminal("keys", "new", "--out", "locked", "--passphrase", answers=twice)
    assert made.code == 0, made
    assert PASSPHRASE not in made.err
    assert (shop.folder / "locked" / "identity").read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    shop.drkit.ok("backup", "now")
    restore = ("restore", "shop", "--to", "restored.db")
    nobody = shop.drkit(*restore)
    assert nobody.code == 3
    assert "DRKIT_PASSPHRASE" in nobody.errors[0]["hint"]
    wrong = shop.drkit(*restore, DRKIT_PASSPHRASE="guess")
    assert wrong.code == 7
    assert "guess" not in wrong.err
    opened = shop.drkit.ok(*restore, "-v", DRKIT_PASSPHRASE=PASSPHRASE)
    assert PASSPHRASE not in opened.out + opened.err
    (shop.folder / "restored.db").unlink()
    typed = shop.drkit.on_terminal(*restore, answers=[("passphrase of the identity: ", PASSPHRASE)])
    assert typed.code == 0, typed
    assert PASSPHRASE not in typed.err


def test_two_passphrases_that_differ_make_no_keys(tmp_path: Path) -> None:
    drkit = drkit_in(tmp_path / "host")
    answers = [("new passphrase: ", "one"), ("once more: ", "other")]
    assert drkit.on_terminal("keys", "new", "--out", "keys", "--passphrase", answers=answers).code == 2
    assert list(drkit.folder.iterdir()) == []


def test_a_backup_host_needs_no_identity_and_never_looks_for_it(shop: Shop) -> None:
    identity = shop.folder / "keys" / "identity"
    identity.unlink()
    identity.mkdir()  # whoever opens it fails
    for command in ("backup now", "backup list", "status", "prune", "keys show", "restore shop --by-hand"):
        shop.drkit.ok(*command.split())
    done = shop.drkit("restore", "shop", "--to", "restored.db")
    assert done.code == 3
    assert "keys/identity cannot be read" in done.errors[0]["message"]
    identity.rmdir()
    shop.edit('identity = "file:../keys/identity"', "")
    shop.drkit.ok("backup", "now")
    shop.drkit.ok("check")


def test_a_restoring_host_needs_no_signing_key(shop: Shop) -> None:
    (shop.folder / "keys" / "signing").unlink()
    shop.edit('signing_key = "file:../keys/signing"', "")
    shop.drkit.ok("check")
    shop.drkit.ok("restore", "shop", "--to", "restored.db")
    done = shop.drkit("backup", "now")
    assert done.code == 3
    assert "encryption.signing_key is missing" in done.errors[0]["message"]


def test_check_finds_keys_that_do_not_belong_together(shop: Shop) -> None:
    shop.drkit.ok("keys", "new", "--out", "other")
    shop.edit("keys/recipient", "other/recipient")
    shop.edit("keys/signer", "other/signer")
    done = shop.drkit("check", "--json")
    assert done.code == 3
    failed = {each["check"]: each for each in done.document["findings"] if not each["passed"]}
    assert set(failed) == {"signing key", "identity"}
    assert all(each["hint"] for each in failed.values())
