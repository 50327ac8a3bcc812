import signal

import pytest

from cli.conftest import Shop
from cli_runner import await_bytes_in
from patience import PATIENCE, await_true
from processes import session_of


def _message(shop: Shop, code: int, *arguments: str, **environment: str) -> str:
    """What was said by a run that must end with `code` and print no result."""
    done = shop.drkit(*arguments, **environment)
    assert (done.code, done.out) == (code, ""), done
    (error,) = done.errors
    return f"{error['message']} {error.get('hint', '')}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("backup now nobody", "no system or source is called 'nobody'"),
        ("backup now --nonsense", "--nonsense"),
        ("restore shop", "--to TARGET"),
        ("pin 2", "--why"),
    ],
)
def test_what_the_command_line_gets_wrong_ends_with_2_and_says_what(shop: Shop, arguments: str, said: str) -> None:
    assert said in _message(shop, 2, *arguments.split())


def test_a_target_that_exists_ends_with_2_and_is_left_as_it_is(shop: Shop) -> None:
    target = shop.folder / "precious.db"
    target.write_bytes(b"not to be touched")
    assert "precious.db" in _message(shop, 2, "restore", "shop", "--to", "precious.db")
    assert target.read_bytes() == b"not to be touched"


def test_a_slip_in_the_schedule_ends_with_3_and_names_file_and_key(shop: Shop) -> None:
    shop.edit("backup =", "backupp =")
    said = _message(shop, 3, "status")
    assert "schedules/shop.toml: sources.main.backupp: unknown key" in said


def test_a_source_that_is_not_there_ends_with_4_and_the_other_one_is_captured(shop: Shop) -> None:
    with shop.schedule.open("a") as file:
        file.write('[sources.gone]\nkind = "sqlite"\npath = "../gone.db"\nbackup = "0 * * * *"\n')
    done = shop.drkit("backup", "now", "--json")
    assert done.code == 4
    assert [each["source"] for each in done.document["backups"]] == ["shop/main"]
    (failed,) = done.document["failed"]
    assert failed["source"] == "shop/gone"
    assert "gone.db" in failed["error"]
    assert not [path for path in shop.objects() if "shop/gone" in str(path)]


def test_a_store_that_cannot_be_written_to_ends_with_5(shop: Shop) -> None:
    done = shop.drkit("backup", "now", SHOP_STORE=f"file://{shop.folder}/shop.db/below-a-file")
    assert done.code == 5, done
    assert done.out == "shop/main: FAILED, nothing was captured\n"


def test_one_flipped_bit_ends_with_7_names_the_object_and_leaves_no_target(shop: Shop) -> None:
    (piece,) = shop.objects(".age")
    body = bytearray(piece.read_bytes())
    body[-40] ^= 1
    piece.write_bytes(body)
    said = _message(shop, 7, "restore", "shop", "--to", "restored.db")
    assert str(piece.relative_to(shop.folder / "backups")) in said
    assert not list(shop.folder.glob("restored.db*"))


def test_somebody_elses_identity_ends_with_7_and_none_with_3_before_the_target_is_touched(shop: Shop) -> None:
    shop.drkit.ok("keys", "new", "--out", "other")
    shop.edit("keys/identity", "other/identity")
    assert "database.zst.age" in _message(shop, 7, "restore", "shop", "--to", "restored.db")
    shop.edit('identity = "file:../other/identity"', "")
    assert "encryption.identity is missing" in _message(shop, 3, "restore", "shop", "--to", "restored.db")
    assert not list(shop.folder.glob("restored.db*"))


def test_a_promise_that_is_not_kept_ends_with_8(shop: Shop) -> None:
    shop.edit("[sources.main]", "[sources.never]")
    done = shop.drkit("status")
    assert done.code == 8
    assert "nothing was ever captured" in done.out


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_a_backup_that_is_stopped_ends_with_130_and_leaves_nothing(shop: Shop, signal_: signal.Signals) -> None:
    before = shop.objects()
    incoming = shop.folder / "backups" / ".incoming"
    with shop.with_tree(megabytes=256), shop.drkit.running("backup", "now", "shop/tree") as child:
        await_bytes_in(incoming, child)
        child.send_signal(signal_)
        out, err = child.communicate(timeout=PATIENCE)
        assert (child.returncode, out) == (130, ""), err
        await_true(lambda: not session_of(child.pid))
    assert "interrupted" in err
    assert shop.objects() == before
    assert list(incoming.iterdir()) == []
    assert list((shop.folder.parent / "shop-home").iterdir()) == []
