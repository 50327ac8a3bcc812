"""`drkit init` for systems of known shapes: what it writes is right as it stands, and what it says next works."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import make_database
from cli_runner import Drkit, drkit_in
from drkit.config import load_system
from drkit.shapes import tell_shape
from servers.postgres import NamedServer

SECRET = "hunter2hunter2"


@pytest.fixture(scope="module")
def dsn(postgres: NamedServer) -> Iterator[str]:
    name = f"shop_{uuid.uuid4().hex[:8]}"
    yield postgres.create(name)
    postgres.execute(f'drop database "{name}"')


@pytest.fixture
def drkit(tmp_path: Path) -> Drkit:
    return drkit_in(tmp_path / "here")


@pytest.mark.parametrize("shape", ["railway", "render", "neon", "kubernetes"])
def test_what_is_written_for_a_postgres_shape_passes_check_and_backs_up(drkit: Drkit, dsn: str, shape: str) -> None:
    document = drkit.json("init", "--shape", shape, "--name", "shop", DATABASE_URL=dsn)
    assert (document["shape"], document["name"]) == (shape, "shop")
    said = {"DATABASE_URL": dsn}
    if shape == "kubernetes":
        (drkit.folder / "secrets").mkdir(mode=0o700)
        (drkit.folder / "secrets" / "dsn").write_text(dsn)
        said = {}
    if shape in ("railway", "render"):
        said["SHOP_SIGNING_KEY"] = (drkit.folder / "keys" / "signing").read_text()
    drkit.ok("check", **said)
    drkit.ok("backup", "now", **said)
    assert [line for line in document["next"] if line.startswith("drkit check")]
    password = dsn.partition("@")[0].rpartition(":")[2]
    assert password not in "".join(path.read_text() for path in (drkit.folder / "schedules").iterdir())


def test_a_sqlite_volume_is_captured_with_its_uploads_and_restored_as_one_set(drkit: Drkit) -> None:
    make_database(drkit.folder / "shop.db")
    (drkit.folder / "uploads").mkdir()
    (drkit.folder / "uploads" / "menu.txt").touch()
    document = drkit.json("init", "--shape", "volume", "--path", "shop.db")
    drkit.ok("check")
    drkit.ok("backup", "now")
    restore = next(line for line in document["next"] if line.startswith("drkit restore"))
    drkit.ok(*restore.partition(" #")[0].split()[1:])
    assert {path.name for path in (drkit.folder / "restored").iterdir()} == {"main.db", "uploads"}


def test_without_files_beside_it_a_volume_has_one_source_and_the_other_is_a_remark(drkit: Drkit) -> None:
    make_database(drkit.folder / "shop.db")
    (drkit.folder / "uploads").mkdir()  # empty: its disk may not be mounted
    drkit.ok("init", "--shape", "volume", "--path", "shop.db")
    file = drkit.folder / "schedules" / "shop.toml"
    assert list(load_system(file).table.sources) == ["main"]
    head, uploads = file.read_text().split("# [sources.uploads]")
    file.write_text(head + "[sources.uploads]" + uploads.replace("\n# ", "\n"))
    assert list(load_system(file).table.sources) == ["main", "uploads"]


def test_the_secrets_that_are_named_for_a_cluster_are_those_that_its_pods_read(drkit: Drkit) -> None:
    document = drkit.json("init", "--shape", "kubernetes", "--name", "shop", "--store", "s3://acme/shop")
    made = [line for line in document["next"] if line.startswith("kubectl create secret")]
    named = {re.findall(r"--namespace (\S+)", line)[0]: set(re.findall(r"--from-file=(\w+)=", line)) for line in made}
    text = drkit.ok("k8s", "--image", "drkit:test").out
    read: dict[str, set[str]] = {}
    for document in text.split("\n---\n"):
        if secret := re.search(r"secretName: drkit-shop\n", document):
            namespace = re.findall(r"namespace: (\S+)", document)[0]
            read.setdefault(namespace, set()).update(
                re.findall(r"- key: (\w+)\n\s+path: \1", document[secret.start() :])
            )
    assert {name: keys - {"shop"} for name, keys in read.items()} == named
    for path in ("keys/signing", "drills/signing", "keys/identity"):
        assert (drkit.folder / path).exists()


def test_a_terminal_is_asked_four_questions_at_most_and_the_host_tells_the_shape(drkit: Drkit) -> None:
    url = f"postgresql://me:{SECRET}@ep-cool-pooler.eu-central-1.aws.neon.tech/shop"
    answers = [("live (railway", ""), ("system called", "mundo"), ("backups go", "")]
    done = drkit.on_terminal("init", answers=answers, DATABASE_URL=url)
    assert done.code == 0, done
    assert "Where does it live (railway, render, kubernetes, neon, volume, or plain) [neon]?" in done.err
    assert "mind: that is the pooled endpoint" in done.err
    assert "add ?sslmode=require" in done.err
    assert SECRET not in done.err
    assert load_system(drkit.folder / "schedules" / "mundo.toml").table.sources["main"].jobs == 1


def test_a_terminal_is_asked_what_to_protect_where_a_volume_is_meant(drkit: Drkit) -> None:
    make_database(drkit.folder / "data.db")
    answers = [("live (railway", "volume"), ("Which SQLite file", ""), ("system called", "shop"), ("backups go", "")]
    assert drkit.on_terminal("init", answers=answers).code == 0
    assert (drkit.folder / "schedules" / "shop.toml").exists()


def test_plain_and_whatever_says_what_to_protect_is_written_as_ever(drkit: Drkit) -> None:
    make_database(drkit.folder / "shop.db")
    url = "postgresql://me@ep-cool.eu-central-1.aws.neon.tech/shop?sslmode=require"
    assert "shape" not in drkit.json("init", "--shape", "plain", "--name", "one", DATABASE_URL=url)
    assert "shape" not in drkit.json("init", "--kind", "postgres", "--name", "two", DATABASE_URL=url)
    assert "shape" not in drkit.json("init", "--path", "shop.db", "--name", "three", DATABASE_URL=url)
    assert drkit.json("init", "--name", "four", DATABASE_URL=url)["shape"] == "neon"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--shape", "heroku"), "there is no shape 'heroku'"),
        (("--shape", "volume", "--kind", "postgres"), "is of kind sqlite"),
        (("--shape", "neon", "--path", "x"), "is of kind postgres"),
    ],
)
def test_a_shape_that_is_none_or_cannot_be_is_refused(drkit: Drkit, arguments: tuple[str, ...], said: str) -> None:
    done = drkit("init", *arguments)
    assert done.code == 2
    assert said in done.errors[0]["message"]
    assert list(drkit.folder.iterdir()) == []


def test_a_schedule_that_exists_keeps_a_shape_from_being_written_and_from_making_keys(drkit: Drkit) -> None:
    (drkit.folder / "schedules").mkdir()
    (drkit.folder / "schedules" / "shop.toml").write_text("mine")
    assert drkit("init", "--shape", "neon", "--name", "shop").code == 2
    assert not (drkit.folder / "keys").exists()


@pytest.mark.parametrize(
    ("dsn", "environment", "shape"),
    [
        ("postgresql://u:p%40x@ep-x.eu.aws.neon.tech/d?sslmode=require", {}, "neon"),
        ("host=ep-x.eu.aws.neon.tech dbname=d", {}, "neon"),
        ("postgresql://u:p@postgres.railway.internal:5432/railway", {}, "railway"),
        ("postgresql://u:p@viaduct.proxy.rlwy.net:1234/railway", {}, "railway"),
        ("postgresql://u:p@dpg-abc123-a/shop", {}, "render"),
        ("postgresql://u:p@dpg-abc123-a.frankfurt-postgres.render.com/shop", {}, "render"),
        ("postgresql://u:p@db/shop", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ("postgresql://u:p@neon.tech.example/shop", {}, None),
        ("postgresql:///shop", {}, None),
        ("", {}, None),
    ],
)
def test_a_connection_string_tells_the_shape(dsn: str, environment: dict[str, str], shape: str | None) -> None:
    found = tell_shape(dsn, environment)
    assert (found.name if found else None) == shape
