import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.conftest import Shop, stands
from cli_drills import ago
from cli_runner import Done
from drkit.when import format_moment
from fault_system import contents

HOME = "shop/main/backups"


def add_replica(shop: Shop, *names: str) -> None:
    urls = ", ".join(f'"file://{shop.folder}/{name}"' for name in names)
    shop.edit('url = "env:SHOP_STORE"', f'url = "env:SHOP_STORE"\nreplica = {urls if len(names) == 1 else f"[{urls}]"}')


@pytest.fixture
def copied(shop: Shop) -> Shop:
    """A shop with one point, and with a replica that lacks nothing."""
    add_replica(shop, "replica")
    shop.drkit.ok("replicate")
    return shop


def stored(shop: Shop, name: str = "replica") -> Mapping[str, bytes]:
    return {key: content for key, content in contents(shop.folder / name).items() if "/runs/" not in key}


def points(shop: Shop, name: str = "replica") -> list[str]:
    return sorted(path.parent.name for path in (shop.folder / name / HOME).glob("*/manifest.json"))


def warnings(done: Done) -> str:
    return "\n".join(f"{line['message']} {line.get('hint')}" for line in done.lines if line["level"] == "warning")


def break_place(shop: Shop, name: str = "replica") -> None:
    """A disk that answers every question with an error: a link that leads to itself."""
    (shop.folder / name).rename(shop.folder / f"{name}-away")
    (shop.folder / name).symlink_to(shop.folder / name)


def mend_place(shop: Shop, name: str = "replica") -> None:
    (shop.folder / name).unlink()
    (shop.folder / f"{name}-away").rename(shop.folder / name)


def test_a_backup_is_copied_to_each_replica_as_it_is_stored(shop: Shop) -> None:
    add_replica(shop, "replica", "another")
    shop.drkit.ok("replicate")
    [made] = shop.drkit.json("backup", "now")["backups"]
    assert made["replicated"] is True
    assert stored(shop) == stored(shop, "another") == stored(shop, "backups")


def test_the_first_backup_with_a_new_replica_copies_itself_and_leaves_what_is_older_to_replicate(shop: Shop) -> None:
    add_replica(shop, "replica")
    [made] = shop.drkit.json("backup", "now")["backups"]
    assert (made["replicated"], points(shop)) == (True, [made["id"]])
    assert "1 point waits to be copied" in "".join(stands(shop, 0)["notes"])
    shop.drkit.ok("replicate")
    assert points(shop) == shop.ids()
    assert stands(shop, 0)["notes"] == []


def test_a_replica_that_is_down_fails_no_backup_is_red_in_status_and_catches_up_by_itself(copied: Shop) -> None:
    break_place(copied)
    for _ in range(2):
        done = copied.drkit.ok("backup", "now", "--json")
        assert done.document["backups"][0]["replicated"] is False
        assert done.document["failed"] == []
        assert "was captured, and not copied to the replica" in warnings(done)
        assert "`drkit replicate shop/main` catches up" in warnings(done)
    found = stands(copied, 8)
    assert "cannot be relied on" in found["troubles"][0]["what"]
    [replica] = found["replica"]
    assert (replica["captured_at"], replica["lag"], replica["behind_points"]) == (None, None, None)
    mend_place(copied)
    [made] = copied.drkit.json("backup", "now")["backups"]
    assert made["replicated"] is True
    assert points(copied) == copied.ids()
    assert len(points(copied)) == 4
    stands(copied, 0)


def test_a_replica_that_is_not_even_named_fails_no_backup(shop: Shop) -> None:
    shop.edit('url = "env:SHOP_STORE"', 'url = "env:SHOP_STORE"\nreplica = "env:NOT_SET"')
    done = shop.drkit.ok("backup", "now", "--json")
    assert done.document["backups"][0]["replicated"] is False
    assert "NOT_SET" in warnings(done)
    assert "NOT_SET" in stands(shop, 8)["replica"][0]["error"]


def test_one_replica_that_is_down_keeps_nothing_from_another(shop: Shop) -> None:
    add_replica(shop, "replica", "another")
    (shop.folder / "replica").symlink_to(shop.folder / "replica")
    done = shop.drkit.ok("backup", "now", "--json")
    assert done.document["backups"][0]["replicated"] is False
    assert points(shop, "another") == shop.ids()[-1:]
    done = shop.drkit("replicate", "--json")
    assert done.code == 5
    [failed] = done.document["failed"]
    assert failed["source"] == "shop/main"
    [document] = done.document["replicas"]
    assert document["url"] == f"file://{shop.folder}/another"
    assert points(shop, "another") == shop.ids()


def test_replicate_says_what_is_missing_and_copies_just_that(shop: Shop) -> None:
    add_replica(shop, "replica")
    url = f"file://{shop.folder}/replica"
    [planned] = shop.drkit.json("replicate", "--dry-run")["replicas"]
    assert not (shop.folder / "replica").exists()
    [done] = shop.drkit.json("replicate", "shop/main")["replicas"]
    assert {**planned, "seconds": 0} == {**done, "seconds": 0}
    assert (done["source"], done["url"], done["points"], done["damaged"]) == ("shop/main", url, shop.ids(), [])
    assert (done["objects"], done["bytes"]) == (2, sum(map(len, stored(shop).values())))
    text = shop.drkit.ok("replicate").out
    assert text == f"shop/main: nothing is missing in {url}\n"


def test_without_a_replica_there_is_nothing_to_replicate_or_to_read(shop: Shop) -> None:
    for command in (
        ["replicate"],
        ["restore", "--to", "x", "--from", "replica"],
        ["backup", "list", "--from", "replica"],
    ):
        done = shop.drkit(*command)
        assert done.code == 3
        assert "store.replica is missing" in done.errors[0]["message"]
    assert shop.drkit("restore", "--to", "x", "--from", "elsewhere").code == 2


def test_reports_are_copied_with_their_system_and_the_diary_of_runs_is_not(copied: Shop) -> None:
    keys = ("shop/reports/2026-10.html", "shop/reports/2026-10.json", "shop/runs/1.json", "shop/notices/1.json")
    for key in keys:
        (copied.folder / "backups" / key).parent.mkdir(exist_ok=True)
        (copied.folder / "backups" / key).write_text(key)
    copied.drkit.ok("replicate", "shop/main")
    assert set(keys) & set(stored(copied)) == {*keys[:2]}


def test_a_flipped_bit_in_the_store_never_becomes_a_point_of_the_replica(copied: Shop) -> None:
    add = copied.drkit.json("backup", "now")["backups"][0]
    good = points(copied)
    shutil.rmtree(copied.folder / "replica" / HOME / add["id"])
    piece = copied.folder / "backups" / HOME / add["id"] / "database.zst.age"
    body = bytearray(piece.read_bytes())
    body[len(body) // 2] ^= 1
    piece.write_bytes(body)
    done = copied.drkit("replicate", "--json")
    assert done.code == 7
    [damaged] = done.document["replicas"][0]["damaged"]
    assert f"{add['id']}/database.zst.age is not the object that its manifest lists" in damaged["error"]
    assert damaged["error"] in done.errors[0]["message"]
    assert points(copied) == good[:-1]
    assert not any(add["id"] in key for key in stored(copied))


def test_what_vanished_from_the_store_without_a_record_stays_in_the_replica(copied: Shop) -> None:
    before = stored(copied)
    shutil.rmtree(copied.folder / "backups")
    copied.drkit.ok("replicate")
    copied.drkit.ok("prune", "--yes")
    assert stored(copied) == before
    copied.drkit.ok("restore", "--from", "replica", "--to", "restored.db")
    assert (copied.folder / "restored.db").exists()


def test_a_restore_from_the_replica_reads_nothing_of_the_store(copied: Shop) -> None:
    break_place(copied, "backups")
    done = copied.drkit.ok("restore", "--from", "replica", "--to", "restored.db", "--json")
    assert (done.document["from"], done.document["backup"]) == ("replica", points(copied)[0])
    script = copied.drkit.ok("restore", "--from", "replica", "--by-hand").out
    assert f"{copied.folder}/replica/" in script
    assert f"{copied.folder}/backups/" not in script
    listed = copied.drkit.json("backup", "list", "--from", "replica")["points"]
    assert [point["id"] for point in listed] == points(copied)


def test_who_finds_the_store_empty_or_refusing_is_told_of_the_replica(copied: Shop) -> None:
    (copied.folder / "backups").rename(copied.folder / "away")
    done = copied.drkit("restore", "--to", "restored.db")
    assert (done.code, "--from replica" in done.errors[0]["hint"]) == (6, True)
    (copied.folder / "backups").symlink_to("backups")
    done = copied.drkit("restore", "--to", "restored.db")
    assert (done.code, "--from replica" in done.errors[0]["hint"]) == (5, True)
    assert "--from replica" not in copied.drkit("restore", "--from", "store", "--to", "x.db").errors[0]["hint"]


KEEP = 'keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }'


def test_what_prune_removes_leaves_the_replica_too_and_is_not_copied_back(shop: Shop) -> None:
    shop.capture_at(*(f"2024-05-{day:02}T10:00:00Z" for day in range(1, 9)))
    shop.edit(KEEP, "keep = { last = 2, min_points = 2 }")
    add_replica(shop, "replica")
    shop.drkit.ok("replicate")
    planned = shop.drkit.json("prune", "--dry-run")
    assert len(points(shop)) == 9
    assert [each["id"] for each in planned["remove"]] == planned["replica"][0]["remove"]
    shop.drkit.ok("prune", "--yes")
    assert points(shop) == shop.ids()
    assert len(points(shop)) == 2
    [record] = (shop.folder / "replica/shop/main/replica-removals").iterdir()
    assert '"no rule of keep names them: last 2, min_points 2"' in record.read_text()
    shop.drkit.ok("replicate")
    shop.drkit.ok("prune", "--yes")
    assert points(shop) == shop.ids()
    [replica] = shop.drkit("status", "--json").document["sources"][0]["replica"]
    assert (replica["behind_points"], replica["met"]) == (0, True)


def test_a_replica_may_keep_points_for_longer_or_for_shorter_than_the_store(shop: Shop) -> None:
    shop.capture_at(*(f"2024-05-{day:02}T10:00:00Z" for day in range(1, 9)))
    shop.edit(KEEP, "keep = { last = 3, min_points = 2 }\nreplica_keep = { last = 5, min_points = 2 }")
    add_replica(shop, "replica")
    shop.drkit.ok("replicate")
    shop.drkit.ok("prune", "--yes")
    assert (len(shop.ids()), len(points(shop))) == (3, 5)
    shop.edit("{ last = 5,", "{ last = 2,")
    shop.drkit.ok("prune", "--yes")
    assert points(shop) == shop.ids()[-2:]
    assert shop.drkit.json("replicate")["replicas"][0]["points"] == []
    assert points(shop) == shop.ids()[-2:]


def test_what_a_copy_left_long_ago_outlives_prunes_while_the_store_still_has_its_backup(copied: Shop) -> None:
    """The next copy finds the piece there, and puts the manifest beside it."""
    copied.drkit.ok("backup", "now")
    folder = copied.folder / "replica" / HOME / copied.ids()[0]
    (folder / "manifest.json").unlink()
    long_ago = ago(days=10).timestamp()
    os.utime(folder / "database.zst.age", (long_ago, long_ago))
    copied.drkit.ok("prune", "--yes")
    copied.drkit.ok("replicate")
    assert stored(copied) == stored(copied, "backups")


def test_a_prune_goes_on_where_a_replica_is_down_and_says_so(copied: Shop) -> None:
    copied.capture_at(*(f"2024-05-{day:02}T10:00:00Z" for day in range(1, 9)))
    copied.edit(KEEP, "keep = { last = 2, min_points = 2 }")
    break_place(copied)
    done = copied.drkit("prune", "--yes", "--json")
    assert (done.code, len(copied.ids()), len(done.document["failed"])) == (5, 2, 1)


def test_an_unpinned_point_is_unpinned_in_the_replica_too(copied: Shop) -> None:
    [point] = copied.ids()
    copied.drkit.ok("pin", point, "--why", "the audit")
    copied.drkit.ok("replicate")
    pin = copied.folder / "replica" / HOME / point / "pin.json"
    assert pin.exists()
    copied.drkit.ok("unpin", point)
    assert not pin.exists()
    break_place(copied)
    assert "stays pinned in the replica" in warnings(copied.drkit.ok("unpin", point))


def test_a_replica_that_is_further_behind_than_the_rpo_is_red(copied: Shop) -> None:
    for name in ("backups", "replica"):
        shutil.rmtree(copied.folder / name)
    copied.capture_at(format_moment(ago(minutes=80)))
    copied.drkit.ok("replicate")
    copied.capture_at(format_moment(ago(minutes=20)))
    found = stands(copied, 8)
    [replica] = found["replica"]
    assert (replica["url"], replica["behind_points"], replica["met"]) == (f"file://{copied.folder}/replica", 1, False)
    assert 80 * 60 <= replica["lag"] < 90 * 60
    [trouble] = found["troubles"]
    assert re.search(
        r"too far behind: what would be lost with the region is 1h20m.*, and 1h was promised", trouble["what"]
    )
    assert "drkit replicate shop/main" in trouble["next_step"]
    assert "!!  shop/main: the replica" in copied.drkit("status").out
    copied.drkit.ok("replicate")
    assert stands(copied, 0)["replica"][0]["behind_points"] == 0


def checks(shop: Shop, code: int) -> list[tuple[bool, str]]:
    done = shop.drkit("check", "--json")
    assert done.code == code, done
    return [(each["passed"], each["detail"]) for each in done.document["findings"] if "replica" in each["check"]]


def test_a_check_finds_a_replica_that_is_another_place_and_takes_objects(copied: Shop) -> None:
    before = stored(copied)
    assert checks(copied, 0) == [
        (True, "it can be listed"),
        (True, "it is another place than the store"),
        (True, "it takes objects, and lets them be deleted"),
    ]
    assert stored(copied) == before


def test_a_check_finds_out_that_two_names_lead_to_one_place(shop: Shop) -> None:
    add_replica(shop, "replica")
    (shop.folder / "replica").symlink_to(shop.folder / "backups")
    assert (False, "it is the very place that the store is") in checks(shop, 5)


def test_a_check_finds_a_replica_that_takes_nothing_only_where_backups_are_made(copied: Shop) -> None:
    break_place(copied)
    [(passed, detail)] = checks(copied, 5)
    assert not passed
    assert "The disk refused" in detail
    mend_place(copied)
    copied.edit('signing_key = "file:../keys/signing"', "")
    assert len(checks(copied, 0)) == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('url = "env:SHOP_STORE"', 'url = "env:X"\nreplica = ["env:X"]', "the same URL stands twice"),
        ('url = "env:SHOP_STORE"', 'url = "env:X"\nreplica = ["file:///y", "file:///y"]', "the same URL stands twice"),
        ('url = "env:SHOP_STORE"', 'url = "env:X"\nreplica = ["ftp://y"]', "begins with s3:// or file://"),
        (KEEP, "replica_keep = { last = 3 }", "store.replica names none"),
        (
            KEEP,
            '[sources.log]\nkind = "postgres"\nmethod = "physical"\ndsn = "env:X"\nbackup = "0 0 * * *"\n'
            "replica_keep = { last = 3 }",
            "a replica of a log keeps what the store keeps",
        ),
    ],
)
def test_a_schedule_whose_replicas_make_no_sense_is_refused(shop: Shop, old: str, new: str, said: str) -> None:
    shop.edit(old, new)
    done = shop.drkit("replicate")
    assert (done.code, said in done.errors[0]["message"]) == (3, True), done


def test_a_replica_inside_a_source_of_files_is_refused(shop: Shop) -> None:
    with shop.with_tree(4):
        add_replica(shop, "tree/replica")
        done = shop.drkit("backup", "now", "shop/tree")
    assert done.code == 3
    assert "lies inside" in done.errors[0]["message"]
    assert not Path(shop.folder / "tree/replica").exists()
