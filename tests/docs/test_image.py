"""What the Dockerfile, the compose file and their document say of each other, of drkit and of what is in the image.

scripts/check-image builds and runs the image itself.
"""

import json
import re
import shlex
import subprocess
import sysconfig
import tomllib
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import typer
import yaml

import drkit
from cli_runner import drkit_in
from drkit.cli.app import app

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXTENDED = (ROOT / "docs/extended.Dockerfile").read_text()
DOCUMENT = (ROOT / "docs/DOCKER.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docs/compose.yaml").read_text())
SERVICE: dict[str, Any] = COMPOSE["services"]["drkit"]


def _run(program: str, *words: str) -> str:
    path = Path(sysconfig.get_path("scripts")) / program
    done = subprocess.run([path, *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def _arguments(dockerfile: str) -> dict[str, str]:
    return dict(re.findall(r'^ARG (\w+)=?"?([^"\n]*)', dockerfile, re.MULTILINE))


def _copied() -> set[str]:
    """From the checkout, not from another stage."""
    lines = re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


@pytest.mark.parametrize("file", ["Dockerfile", "docs/extended.Dockerfile"])
def test_hadolint_finds_nothing(file: str) -> None:
    assert _run("hadolint", file) == ""


def test_the_compose_file_is_one_by_the_schema() -> None:
    assert _run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docs/compose.yaml") == ""


def test_a_build_sees_what_the_dockerfile_copies_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == _copied()


def test_what_the_dockerfile_copies_is_there() -> None:
    assert [source for source in _copied() if not (ROOT / source).exists()] == []


def test_the_image_is_labelled_with_the_version_that_it_has() -> None:
    assert _arguments(DOCKERFILE)["VERSION"] == drkit.__version__


def test_what_the_image_installs_is_pinned_by_hash() -> None:
    installs = re.findall(r"pip --python .*?requirements\.txt", DOCKERFILE, re.DOTALL)
    assert [line for line in installs if "--require-hashes" not in line or "--only-binary :all:" not in line] == []
    assert len(installs) == len(re.findall(r"pip\S* .*install", DOCKERFILE))


def test_every_build_argument_is_in_the_document() -> None:
    [table] = re.findall(r"^\| build argument .*?\n\n", DOCUMENT, re.MULTILINE | re.DOTALL)
    told = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.strip().splitlines()))
    assert set(told) == set(_arguments(DOCKERFILE))
    for name, default in _arguments(DOCKERFILE).items():
        assert name == "VERSION" or f"`{default}`" in table


def test_the_extended_image_is_built_as_its_own_lines_and_the_document_say() -> None:
    line = "docker build -f docs/extended.Dockerfile "
    for text in (EXTENDED, DOCUMENT):
        [shown] = re.findall(rf"^(?:#\s+)?{line}.*$", text, re.MULTILINE)
        given = {word.partition("=")[0] for word in shlex.split(shown.lstrip("# ")) if "=" in word}
        assert given < set(_arguments(EXTENDED))


def test_the_psql_on_its_path_is_that_of_the_newest_version_that_is_fetched() -> None:
    fetched = re.findall(r"^fetch (\d+)\.", (ROOT / "scripts/fetch-postgres").read_text(), re.MULTILINE)
    assert re.search(r"PATH=\S*:/usr/pgsql-(\d+)/bin ", DOCKERFILE)[1] == max(fetched, key=int)
    assert f"PostgreSQL {min(fetched, key=int)} to {max(fetched, key=int)}" in DOCUMENT


def test_the_user_is_the_same_in_every_stage_and_in_the_document() -> None:
    users = {user for text in (DOCKERFILE, EXTENDED) for user in re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1:]}
    assert users == {"65532:65532"}
    assert "As user 65532, group 65532" in DOCUMENT
    assert "sudo chown -R 65532:65532 drkit" in DOCUMENT


def test_the_service_can_write_to_nothing_but_its_volumes_and_gain_no_privileges() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    writable = {volume.split(":")[1] for volume in SERVICE["volumes"] if not volume.endswith(":ro")}
    assert writable == {"/tmp", "/var/lib/drkit"}
    assert {port.split(":")[0] for port in SERVICE["ports"]} == {"127.0.0.1"}


def test_no_password_stands_in_the_compose_file() -> None:
    values = [value for service in COMPOSE["services"].values() for value in service["environment"].items()]
    assert [
        name
        for name, value in values
        if re.search("PASSWORD|TOKEN|KEY|DSN", name) and not value.startswith("/run/secrets/")
    ] == []


def test_every_secret_is_one_that_the_document_makes() -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert f"> {secret['file'].removeprefix('./')}\n" in DOCUMENT
        assert any(name in service["secrets"] for service in COMPOSE["services"].values())


def test_a_secret_that_a_container_looks_for_is_given_to_it() -> None:
    for service in COMPOSE["services"].values():
        wanted = {PurePosixPath(value).name for value in service["environment"].values() if "/run/secrets/" in value}
        assert wanted <= set(service["secrets"])


def test_the_schedule_that_the_document_makes_suits_the_compose_file(tmp_path: Path) -> None:
    [shown] = re.findall(r"drkit \\\n\s+(init /etc/drkit .*)$", DOCUMENT, re.MULTILINE)
    drkit_in(tmp_path).ok(*(word.replace("/etc/drkit", str(tmp_path)) for word in shlex.split(shown)))
    schedule = tomllib.loads((tmp_path / "schedules/shop.toml").read_text())
    assert schedule["sources"]["main"]["dsn"].removeprefix("file:/run/secrets/") in SERVICE["secrets"]
    assert schedule["store"]["url"].startswith("file:///var/lib/drkit/")
    assert "./drkit:/etc/drkit:ro" in SERVICE["volumes"]
    assert "DRKIT_CONFIG=/etc/drkit/schedules" in DOCKERFILE
    for name in ("recipient", "signer", "signing", "identity"):
        assert (tmp_path / "keys" / name).exists()


def _words(instruction: str) -> list[str]:
    """Of the instruction's list. The last one is the stage's that is kept."""
    *_, found = re.findall(rf"^{instruction} .*?(\[.*\])$", DOCKERFILE, re.MULTILINE)
    words: list[str] = json.loads(found)
    return words


def test_what_the_image_starts_is_a_command_of_drkit() -> None:
    [*before, program] = _words("ENTRYPOINT")
    assert before == ["tini", "--"]
    assert program == "drkit"
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert _words("CMD")[0] in group.commands


def test_what_asks_for_its_health_is_a_module_of_drkit() -> None:
    *before, module = _words("HEALTHCHECK")
    assert before == ["python", "-m"]
    assert find_spec(module)


def test_every_variable_that_is_set_for_drkit_is_one_that_it_reads() -> None:
    code = "".join(path.read_text() for path in (ROOT / "src/drkit").rglob("*.py"))
    shown = re.findall(r"\bDRKIT_[A-Z_]+", DOCKERFILE + DOCUMENT + (ROOT / "docs/compose.yaml").read_text())
    assert {"DRKIT_CONFIG", "DRKIT_LISTEN", "DRKIT_TOKEN_FILE"} <= set(shown)
    assert {name for name in shown if not re.search(rf"\b{name}\b", code)} == set()


def test_the_port_that_is_published_is_the_one_that_is_listened_on() -> None:
    [exposed] = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    listened = SERVICE["environment"]["DRKIT_LISTEN"].rpartition(":")[2]
    assert {exposed, listened} == set(SERVICE["ports"][0].split(":")[1:]) == {"8321"}
