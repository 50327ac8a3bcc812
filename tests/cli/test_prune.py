from cli.conftest import Shop
from cli_runner import Drkit
from drkit.config import load_system
from drkit.keyring import open_signers
from drkit.prune.removals import parse_record

DAYS = [f"2024-05-{day:02}T10:00:00Z" for day in range(1, 9)]


def _keep_two(shop: Shop) -> Drkit:
    shop.capture_at(*DAYS)
    shop.edit('keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { last = 2, min_points = 2 }")
    return shop.drkit


def test_more_than_half_goes_only_after_a_yes(shop: Shop) -> None:
    drkit = _keep_two(shop)
    before = {path: path.stat().st_size for path in shop.objects()}
    planned = drkit.json("prune", "--dry-run")
    assert (len(planned["keep"]), len(planned["remove"])) == (2, 7)
    alone = drkit("prune")
    assert (alone.code, alone.out) == (2, "")
    assert "remove 7 of the points of shop/main, more than half" in alone.errors[0]["message"]
    assert drkit.on_terminal("prune", answers=[("[y/N] ", "n")]).code == 2
    assert shop.objects() == list(before)
    done = drkit.json("prune", "--yes")
    assert done == planned
    assert sum(size for path, size in before.items() if not path.exists()) == planned["bytes"]
    assert sorted(each["id"] for each in done["keep"]) == shop.ids()
    drkit.ok("restore", "shop", "--to", "restored.db")


def test_a_mark_that_no_evidence_bears_out_keeps_nothing_and_gives_nothing_away(shop: Shop) -> None:
    shop.edit('keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { last = 1, min_points = 1 }")
    shop.drkit.ok("verify", "now")
    good = shop.ids()[-1]
    shop.drkit.ok("backup", "now", "shop/main")
    newest = shop.ids()[-1]
    piece = shop.folder / f"backups/shop/main/backups/{newest}/database.zst.age"
    piece.write_bytes(piece.read_bytes() + b"!")
    assert shop.drkit("verify", "now").code == 8
    (piece.parent / "verified-29990101T000000.000000Z-aaaaaaaa.json").write_text("{}")
    (piece.parent.parent / good / "refuted-29990101T000000.000000Z-aaaaaaaa.json").write_text("{}")
    shop.drkit("prune", "--yes")
    assert good in shop.ids()


def test_a_pinned_point_outlives_its_rules(shop: Shop) -> None:
    drkit = _keep_two(shop)
    oldest = shop.ids()[0]
    drkit.ok("pin", oldest, "--why", "the audit")
    drkit.ok("prune", "--yes")
    assert oldest in shop.ids()
    assert len(shop.ids()) == 3
    listed = drkit.json("backup", "list")["points"]
    assert [each["kept_by"] for each in listed if each["pinned"]] == [["pinned"]]


def test_a_manifest_that_cannot_be_read_stops_a_prune_before_anything_goes(shop: Shop) -> None:
    drkit = _keep_two(shop)
    newest = shop.objects("manifest.json")[-1]
    newest.write_text(newest.read_text().replace("shop/main", "shop/mine"))
    before = shop.objects()
    done = drkit("prune", "--yes")
    assert done.code == 7
    assert newest.parent.name in done.errors[0]["message"]
    assert shop.objects() == before
    # the others are still listed and can be restored
    assert len(drkit.json("backup", "list")["points"]) == 9
    drkit.ok("restore", "shop", "--at", "2024-05-03T10:30:00Z", "--to", "restored.db")


def test_a_flood_of_forged_manifests_stops_prune_and_is_loud_until_they_are_gone(shop: Shop) -> None:
    """Nothing is removed that one of them might list if it was genuine once; and nobody stops a prune unnoticed."""
    drkit = _keep_two(shop)
    drkit.ok("verify", "now", "--at", "latest")
    home = shop.folder / "backups/shop/main/backups"
    forged = [home / f"2999{day:04}T100000.000000Z-{day:08x}" for day in (101, 102, 103)]
    forged += [home / f"20240601T{hour:02}0000.000000Z-{hour:08x}" for hour in range(20)]
    before = shop.objects()
    for folder in forged:
        folder.mkdir()
        (folder / "manifest.json").write_text('{"drkit": 1}')
    done = drkit("prune", "--yes")
    assert done.code == 7
    assert "manifests that stay cannot be believed, of " in done.errors[0]["message"]
    assert "20240601T190000.000000Z-00000013" in done.errors[0]["message"]
    assert set(before) <= set(shop.objects())
    stands = drkit("status", "--json")
    assert stands.code == 8
    [system] = stands.document["systems"]
    [trouble] = [each for each in system["troubles"] if each["kind"] == "prune failed"]
    assert "cannot be believed" in trouble["what"]
    assert 'drkit_trouble{system="shop",source="",kind="prune failed"} 1' in drkit.ok("metrics").out
    for folder in forged:
        (folder / "manifest.json").unlink()
        folder.rmdir()
    drkit.ok("prune", "--yes")
    assert len(shop.ids()) == 2
    assert drkit("status", "--json").document["systems"][0]["troubles"] == []


def test_without_a_policy_nothing_is_ever_pruned(shop: Shop) -> None:
    drkit = _keep_two(shop)
    shop.edit("keep = { last = 2, min_points = 2 }", "")
    assert drkit.json("prune")["remove"] == []
    assert len(shop.ids()) == 9


def test_what_is_removed_is_written_down_and_signed(shop: Shop) -> None:
    drkit = _keep_two(shop)
    gone = {each["id"] for each in drkit.json("prune", "--dry-run")["remove"]}
    assert not (shop.folder / "backups/shop/main/removals").exists()
    drkit.ok("prune", "--yes")
    [file] = (shop.folder / "backups/shop/main/removals").iterdir()
    key = f"shop/main/removals/{file.name}"
    record = parse_record(key, file.read_bytes(), open_signers(load_system(shop.schedule)))
    assert {point.id for point in record.points} == gone
    assert record.why == "no rule of keep names them: last 2, min_points 2"
    drkit.ok("prune", "--yes")
    assert [file] == list(file.parent.iterdir())


def test_without_a_signing_key_nothing_is_removed_but_a_plan_is_made(shop: Shop) -> None:
    drkit = _keep_two(shop)
    shop.edit('signing_key = "file:../keys/signing"', "")
    assert len(drkit.json("prune", "--dry-run")["remove"]) == 7
    before = shop.objects()
    done = drkit("prune", "--yes")
    assert done.code == 3
    assert "encryption.signing_key is missing" in done.errors[0]["message"]
    assert shop.objects() == before
    shop.edit("last = 2, min_points = 2", "last = 9")
    drkit.ok("prune")
