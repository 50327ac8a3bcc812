"""Every page of docs/RUNBOOK.md: its lines are run after its disaster, and what they promise is there."""

import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from docs.runbook_world import LATER, ROWS, RUNBOOK, Block, Kind, World, make_world, read_pages
from servers.postgres import PostgresServer, postgres_server
from servers.s3_server import S3Server

KINDS: tuple[Kind, ...] = ("sqlite", "postgres")
PAGES = read_pages()
MARKS = ("**You notice:**", "**First five minutes.**", "**Then**", "**It worked**", "**Do not**")
DISASTERS = (
    "bad migration",
    "dropped table",
    "corrupted database",
    "lost volume",
    "lost region",
    "lost bucket",
    "lost key",
    "leaked key",
    "ransomware",
    "drkit itself is gone",
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("here")) as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("elsewhere")) as server:
        yield server


@pytest.fixture(params=KINDS)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, here: PostgresServer, elsewhere: PostgresServer
) -> Iterator[World]:
    with TemporaryDirectory(prefix="drkit-") as scratch:
        Path(scratch).chmod(0o711)  # a scratch server is another user's
        name = f"shop_{uuid.uuid4().hex[:8]}"
        yield make_world(request.param, tmp_path / "shop", Path(scratch), here, elsewhere, name)


def follow(world: World, page: str) -> None:
    for block in PAGES[page]:
        world.run(block)


def restore_elsewhere(world: World) -> str:
    """Where a page puts what it restores on another machine."""
    if world.kind == "sqlite":
        return world.new
    assert world.elsewhere is not None
    world.environment["NEW_URL"] = world.elsewhere.dsn(world.live)
    return world.environment["NEW_URL"]


def kept_beside(world: World) -> str:
    """What stood there before an exchange."""
    if world.kind == "sqlite":
        [kept] = world.folder.glob(f"{world.live}.before-*")
        return kept.name
    assert world.here is not None
    [(name,)] = world.here.query("select datname from pg_database where datname like %s", [f"{world.live}.before-%"])
    return str(name)


def recipient(world: World, folder: str) -> str:
    return (world.folder / folder / "recipient").read_text().strip()


def opens(world: World, identity: str, point: Path) -> bool:
    piece = min(point.glob("*.zst.age"), key=lambda path: path.stat().st_size)
    command = ["age", "-d", "-i", str(world.folder / identity), "-o", "/dev/null", str(piece)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_each_disaster_has_a_page_that_says_five_things() -> None:
    text = RUNBOOK.read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    titles = [section.partition("\n")[0].lower() for section in sections]
    assert [title.removeprefix("a ") for title in titles] == list(DISASTERS)
    for title, section in zip(titles, sections, strict=True):
        assert [mark for mark in MARKS if mark not in section and (mark, title) != ("**Then**", "lost bucket")] == []
        anchor = title.replace(" ", "-")
        assert f"(#{anchor})" in text


def test_a_bad_migration(world: World) -> None:
    world.write("update orders set customer = 'nobody'")
    follow(world, "A bad migration")
    assert world.rows(world.live) == ROWS
    assert set(world.rows(kept_beside(world))) == {(number, "nobody") for number, _ in ROWS}
    assert world.rows(kept_beside(world), "notes") == [LATER]
    assert len(list(world.store.rglob("manifest.json"))) == 2


def test_a_dropped_table(world: World) -> None:
    world.write("drop table orders")
    follow(world, "A dropped table")
    assert world.rows(world.live) == ROWS
    assert world.rows(world.live, "notes") == [LATER]


def test_a_corrupted_database(world: World) -> None:
    corrupt(world)
    with pytest.raises(Exception, match=r"malformed|invalid page"):
        world.rows(world.live)
    place = world.live if world.kind == "sqlite" else restore_elsewhere(world)
    follow(world, "A corrupted database")
    assert world.rows(place) == ROWS


def corrupt(world: World) -> None:
    if world.kind == "sqlite":
        file = world.folder / world.live
    else:
        assert world.here is not None
        world.write("create table x (n integer)", "analyze orders")
        [(path,)] = world.here.query("select pg_relation_filepath('orders')", database=world.live)
        world.here.stop()
        file = world.here.data / path
    content = bytearray(file.read_bytes())
    content[-4096:] = b"\xff" * 4096
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    content[:24] = content[:24] if world.kind == "sqlite" else b"\xff" * 24
    file.write_bytes(content)
    if world.kind == "postgres":
        assert world.here is not None
        world.here.start()


def test_a_lost_volume(world: World) -> None:
    if world.kind == "sqlite":
        place = world.live
        (world.folder / world.live).unlink()
    else:
        place = restore_elsewhere(world)
        # nothing listens there any more
        world.environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/gone"
    follow_as_one(world, "A lost volume")
    assert world.rows(place) == ROWS
    assert len(list(world.store.rglob("manifest.json"))) == 2


def follow_as_one(world: World, page: str) -> None:
    """In one shell, as what one block exports the next one needs."""
    lines = [block for block in PAGES[page] if block.kind in (None, world.kind)]
    world.run(Block(None, "\n".join(block.lines for block in lines)))


def lose_region(world: World) -> None:
    shutil.rmtree(world.store)
    (world.folder / "keys" / "identity").unlink()
    if world.kind == "sqlite":
        (world.folder / world.live).unlink()


def test_a_lost_region(world: World) -> None:
    lose_region(world)
    place = restore_elsewhere(world)
    follow(world, "A lost region")
    assert world.rows(place) == ROWS


def test_a_lost_bucket(world: World) -> None:
    shutil.rmtree(world.store)
    follow(world, "A lost bucket")
    new = world.folder / "new-store"
    assert [path.name for path in new.rglob("verified-*.json")] != []
    # the history, by a tool that copies objects
    shutil.copytree(world.folder / "replica", new, dirs_exist_ok=True)
    old = len(list((world.folder / "replica").rglob("manifest.json")))
    assert len(world.drkit.json("backup", "list", **world.environment)["points"]) == old + 1


def test_a_lost_key(world: World) -> None:
    (world.folder / "keys" / "identity").unlink()
    world.environment["LOST"] = recipient(world, "keys")
    follow(world, "A lost key")
    assert world.rows(world.new) == ROWS
    newest = max(world.store.rglob("manifest.json")).parent
    assert opens(world, "keys-new/identity", newest)
    status = world.drkit("status", "--json", **world.environment)
    [source] = status.document["sources"]
    assert [each["kind"] for each in (*source["troubles"], *source["warnings"])] == []


def test_a_leaked_key(world: World) -> None:
    world.environment["LEAKED"] = recipient(world, "keys")
    follow(world, "A leaked key")
    newest = max(world.store.rglob("manifest.json")).parent
    assert not opens(world, "keys/identity", newest)
    assert opens(world, "keys-new/identity", newest)
    assert opens(world, "keys/identity", world.point)  # what was captured before stays exposed, and readable
    signer = (world.folder / "keys-new" / "signer").read_text().strip()
    assert signer in (newest / "manifest.json").read_text()


def move_to_bucket(world: World, server: S3Server) -> str:
    """The same store in a bucket that keeps versions, moved there by a tool that copies objects."""
    bucket = server.new_bucket()
    client = server.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for path in world.store.rglob("*"):
        if path.is_file():
            key = f"prod/{path.relative_to(world.store)}"
            client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    shutil.rmtree(world.store)
    client.close()
    schedule = world.folder / "schedules" / "shop.toml"
    schedule.write_text(schedule.read_text().replace(f"file://{world.store}", server.url(bucket, "prod")))
    world.environment |= server.environment()
    return bucket


def ruin(server: S3Server, bucket: str) -> None:
    """Each object is deleted or replaced, as whoever has the backup host's credentials can do it."""
    client = server.client()
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]]
    for number, key in enumerate(keys):
        if number % 2:
            client.put_object(Bucket=bucket, Key=key, Body=b"pay us" * 100)
        else:
            client.delete_object(Bucket=bucket, Key=key)
    client.close()


def test_ransomware(world: World, moto_url: S3Server) -> None:
    ruin(moto_url, move_to_bucket(world, moto_url))
    if world.kind == "sqlite":
        (world.folder / world.live).write_bytes(b"pay us" * 10_000)
    place = restore_elsewhere(world)
    follow(world, "Ransomware")
    assert world.rows(place) == ROWS
    # the store itself is whole again, too
    audited = world.drkit.ok("audit", "shop", "--json", **world.environment)
    assert [each["outcome"] for each in audited.document["points"]] == ["ok"]


def test_drkit_itself_is_gone(world: World) -> None:
    world.environment |= {"POINT": str(world.point), "IDENTITY": str(world.folder / "keys" / "identity")}
    if world.kind == "postgres":
        server = world.elsewhere
        assert server is not None
        world.environment |= {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.superuser,
            "PGPASSWORD": server.password,
        }
    (world.folder / "bin" / "drkit").unlink()
    assert shutil.which("drkit", path=world.environment["PATH"]) is None
    follow_as_one(world, "drkit itself is gone")
    place = world.new if world.kind == "sqlite" else world.elsewhere.dsn(world.new)
    assert world.rows(place) == ROWS
