import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Shop

OLD = "2024-05-01T10:00:00Z"


def _rows(shop: Shop, file: str) -> str:
    done = subprocess.run(
        ["sqlite3", shop.folder / file, "select count(*) from orders"], capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("when", "wanted", "reached"),
    [
        ("2024-06-01 14:00", "2024-06-01T12:00:00Z", "2024-06-01T12:00:00Z"),
        ("2024-06-01T11:59:59.999999Z", "2024-06-01T11:59:59.999999Z", OLD),
    ],
)
def test_a_moment_means_the_newest_point_at_or_before_it(shop: Shop, when: str, wanted: str, reached: str) -> None:
    shop.edit('timezone = "UTC"', 'timezone = "Europe/Madrid"')
    shop.capture_at(OLD, "2024-06-01T12:00:00Z")
    done = shop.drkit.ok("restore", "shop", "--at", when, "--dry-run", "--json")
    assert done.lines[0]["message"] == f"shop/main: wanted is {wanted}"
    assert (done.document["wanted"], done.document["reached"]) == (wanted, reached)


def test_latest_and_a_length_ago_are_moments_too(shop: Shop) -> None:
    shop.capture_at(OLD)
    (old, new) = shop.ids()
    latest = shop.drkit.json("restore", "shop", "--at", "latest", "--dry-run")
    assert (latest["backup"], latest["wanted"]) == (new, None)
    ago = shop.drkit.json("restore", "shop", "--at", "90m", "--dry-run")
    assert (ago["backup"], ago["reached"]) == (old, OLD)


@pytest.mark.parametrize(
    ("when", "code", "said"),
    [
        ("2024-10-27 02:30", 2, "comes twice in Europe/Madrid"),
        ("2024-03-31 02:30", 2, "does not exist in Europe/Madrid"),
        ("2099-01-01T00:00:00Z", 6, "is in the future"),
        ("2001-01-01T00:00:00Z", 6, "nothing of shop/main reaches back to 2001-01-01T00:00:00Z"),
    ],
)
def test_a_moment_that_cannot_be_reached_or_read_is_refused(shop: Shop, when: str, code: int, said: str) -> None:
    shop.edit('timezone = "UTC"', 'timezone = "Europe/Madrid"')
    done = shop.drkit("restore", "shop", "--at", when, "--to", "restored.db")
    assert (done.code, done.out) == (code, "")
    (error,) = done.errors
    assert said in error["message"]
    assert error["hint"]
    assert not (shop.folder / "restored.db").exists()


def test_the_moment_that_was_understood_is_said_first_even_to_the_quiet(shop: Shop) -> None:
    shop.drkit.ok("keys", "new", "--out", "other")
    shop.edit('"file:../keys/signer"', '"file:../other/signer"')
    done = shop.drkit("restore", "shop", "--at", "latest", "--to", "restored.db", "-q")
    assert done.code == 7
    assert [line["message"].split(" is ")[0] for line in done.lines[:2]] == ["shop/main: wanted", "shop/main: reached"]


def test_who_restores_a_point_that_a_drill_found_damaged_is_told_before_anything_happens(shop: Shop) -> None:
    shop.edit("[sources.main]", '[sources.main]\nchecks = [{ name = "no", sql = "select false" }]')
    assert shop.drkit("verify", "now", "shop/main").code == 8
    told = shop.drkit.ok("restore", "shop", "--dry-run").err
    assert f"{shop.ids()[-1]}: the drill of " in told
    assert "failed on it" in told


def test_more_loss_than_was_promised_needs_a_yes(shop: Shop) -> None:
    shop.capture_at(OLD)
    far = ("restore", "shop", "--at", "2024-05-01T12:00:00Z", "--to", "restored.db")
    alone = shop.drkit(*far)
    assert alone.code == 2
    assert "2h before the one that was wanted" in alone.errors[0]["message"]
    assert "--yes" in alone.errors[0]["hint"]
    refused = shop.drkit.on_terminal(*far, answers=[("[y/N] ", "n")])
    assert refused.code == 2
    assert "nothing was changed" in refused.err
    assert not (shop.folder / "restored.db").exists()
    assert shop.drkit.on_terminal(*far, answers=[("[y/N] ", "y")]).code == 0
    assert _rows(shop, "restored.db") == "500"
    taken = shop.drkit(*far)  # nobody is asked about what cannot be done anyway
    assert (taken.code, "--yes" in taken.err) == (2, False)
    (shop.folder / "restored.db").unlink()
    shop.drkit.ok(*far, "--yes")
    near = ("restore", "shop", "--at", "2024-05-01T10:59:00Z", "--to", "near.db")
    shop.drkit.ok(*near)


def test_a_swap_asks_first_and_keeps_what_stood_there(shop: Shop) -> None:
    subprocess.run(["sqlite3", shop.folder / "shop.db", "delete from orders"], check=True)
    swap = ("restore", "shop", "--to", "shop.db", "--swap", "--json")
    assert shop.drkit(*swap).code == 2
    assert _rows(shop, "shop.db") == "0"
    document = shop.drkit.ok(*swap, "--yes").document
    assert _rows(shop, "shop.db") == "500"
    assert _rows(shop, document["kept_old"]) == "0"


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def by_hand(shop: Shop, tmp_path: Path) -> Run:
    """Runs a script with the programs that it needs and nothing else: no drkit, no Python."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in ("bash", "mv", "rm", "age", "zstd", "cat", "sqlite3", "tar", "mkdir"):
        found = shutil.which(program)
        assert found, f"{program} is missing"
        (programs / program).symlink_to(found)

    def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(programs), **variables}
        return subprocess.run(["bash"], input=script, cwd=shop.folder, env=env, capture_output=True, text=True)

    return run


def test_the_script_by_hand_gives_the_same_database_without_drkit(shop: Shop, by_hand: Run) -> None:
    shop.drkit.ok("restore", "shop", "--to", "restored.db")
    script = shop.drkit.ok("restore", "shop", "--to", "by hand.db", "--by-hand").out
    done = by_hand(script, IDENTITY="keys/identity")
    assert done.returncode == 0, done
    assert (shop.folder / "by hand.db").read_bytes() == (shop.folder / "restored.db").read_bytes()


def test_the_script_by_hand_stops_at_whatever_is_wrong(shop: Shop, by_hand: Run) -> None:
    script = shop.drkit.ok("restore", "shop", "--to", "by-hand.db", "--by-hand").out
    assert "set IDENTITY" in by_hand(script).stderr
    (piece,) = shop.objects(".age")
    piece.write_bytes(piece.read_bytes()[:-1])
    assert by_hand(script, IDENTITY="keys/identity").returncode != 0
    assert not (shop.folder / "by-hand.db").exists()
    assert by_hand(script, IDENTITY="/dev/null").returncode != 0
    assert not (shop.folder / "by-hand.db").exists()
    (shop.folder / "by-hand.db").write_bytes(b"precious")
    assert by_hand(script, IDENTITY="keys/identity").returncode != 0
    assert (shop.folder / "by-hand.db").read_bytes() == b"precious"


def test_the_script_by_hand_publishes_no_tree_that_was_cut_between_two_files(shop: Shop, by_hand: Run) -> None:
    """tar alone takes an end at any file's border for the end."""
    with shop.with_tree(megabytes=0):
        for number in range(3000):
            (shop.folder / "tree" / f"{number}").touch()
        shop.drkit.ok("backup", "now", "shop/tree")
        script = shop.drkit.ok("restore", "shop/tree", "--to", "by-hand", "--by-hand").out
        [piece] = [path for path in shop.objects(".age") if path.name.startswith("files.")]
        content = bytearray(piece.read_bytes())
        content[-100] ^= 1
        piece.write_bytes(content)
        assert by_hand(script, IDENTITY="keys/identity").returncode != 0
        assert not (shop.folder / "by-hand").exists()


def _tree(folder: Path) -> dict[str, object]:
    """Every name below a folder, with what it is and holds."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns if path.is_file() and not path.is_symlink() else None,
            str(path.readlink()) if path.is_symlink() else None,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else None,
        )
        for path in folder.rglob("*")
    }


def test_the_script_by_hand_gives_the_same_files_without_drkit(shop: Shop, by_hand: Run) -> None:
    with shop.with_tree(megabytes=8):
        tree = shop.folder / "tree"
        (tree / "some folder" / "empty").mkdir(parents=True)
        (tree / "some folder" / "ünïcode 'quoted'").write_text("hello")
        (tree / "link").symlink_to("large")
        (tree / "script").write_text("#!/bin/sh\n")
        (tree / "script").chmod(0o750)
        shop.drkit.ok("backup", "now", "shop/tree")
        script = shop.drkit.ok("restore", "shop/tree", "--to", "by-hand", "--by-hand").out
        done = by_hand(script, IDENTITY="keys/identity")
        assert done.returncode == 0, done
        assert _tree(shop.folder / "by-hand") == _tree(tree)
        shop.drkit.ok("restore", "shop/tree", "--to", "restored")
        assert _tree(shop.folder / "restored") == _tree(tree)


def test_the_plan_names_every_object_and_changes_nothing(shop: Shop) -> None:
    before = sorted(shop.folder.rglob("*"))
    document = shop.drkit.json("restore", "shop", "--to", "restored.db", "--dry-run")
    (piece,) = document["plan"]
    assert (shop.folder / "backups" / piece["key"]).stat().st_size == piece["stored_bytes"]
    assert sorted(shop.folder.rglob("*")) == before
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}", document["backup"])


def test_a_point_is_restored_by_its_id_and_by_no_other_ones(shop: Shop) -> None:
    [point] = shop.ids()
    done = shop.drkit.json("restore", "--at", point, "--to", "restored.db")
    assert done["backup"] == point
    other = f"{point[:-8]}00000000"
    assert shop.drkit("restore", "--at", other, "--to", "other.db").code == 2
