"""What the how-tos give to copy can be used as it stands."""

import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath

import pytest
import yaml

from documents import ROOT, blocks_of
from drkit.config import load_system

HOWTOS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs/howto").glob("*.md"))
SCHEDULES = [
    (page, block.lines)
    for page in HOWTOS
    for block in blocks_of(page)
    if block.language == "toml" and "sources" in tomllib.loads(block.lines)
]
COMPOSE = ROOT / "docs/howto/compose-sqlite.yaml"
UNIT = ROOT / "deploy/systemd/drkit.service"


@pytest.mark.parametrize("page", HOWTOS)
def test_a_how_to_says_what_can_be_promised_and_which_traps_there_are(page: str) -> None:
    text = (ROOT / page).read_text()
    assert "can be promised |" in text or "| what you promise | what keeps it |" in text
    assert "\n## Traps\n" in text


@pytest.mark.parametrize(("page", "schedule"), SCHEDULES, ids=[page for page, _ in SCHEDULES])
def test_a_schedule_that_is_shown_loads_and_can_keep_what_it_promises(page: str, schedule: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(schedule)
    for source in load_system(file).table.sources.values():
        assert source.objectives.rpo is not None
        assert source.verify is not None


def test_the_compose_file_is_one_by_the_schema_and_mounts_what_its_schedule_reads() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    drkit = yaml.safe_load(COMPOSE.read_text())["services"]["drkit"]
    mounts = {PurePosixPath(each.split(":")[1]) for each in drkit["volumes"]}
    [schedule] = [text for page, text in SCHEDULES if page.endswith("compose.md")]
    path = PurePosixPath(tomllib.loads(schedule)["sources"]["orders"]["path"])
    assert mounts >= {path.parent, PurePosixPath("/tmp"), PurePosixPath("/etc/drkit")}


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text()
    assert "ExecStart=/opt/drkit/.venv/bin/drkit daemon\n" in text
    unit.write_text(text.replace("/opt/drkit/.venv/bin/drkit", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
