"""The document of threats: each control is shown by a test that is there; and what is said of packages holds."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from docs.named_tests import ROOT, Named, is_there, named_in, rows_of

THREATS = (ROOT / "docs/THREATS.md").read_text()


@pytest.mark.parametrize("test", named_in(THREATS), ids="::".join)
def test_a_test_that_is_named_is_there(test: Named) -> None:
    assert is_there(test)


def test_every_threat_names_its_control_and_its_test() -> None:
    rows = rows_of(THREATS)
    assert len(rows) > 40
    for threat, control, tests in rows:
        assert threat and control
        assert named_in(tests), threat


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "requirements-supply.txt"])
def test_what_is_installed_is_pinned_by_hash(lock: str) -> None:
    pins = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert len(pins) > 10
    assert [
        pin
        for pin in pins
        if not re.match(r"[\w.-]+==\S+( ;[^\\]*)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\\n)?)+$", pin)
    ] == []


ANSWERS = {
    "none has a hole": ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', 0, "0 known holes"),
    "one has": (
        '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}]}',
        1,
        "a 1: X-1, mended by 2",
    ),
    "one is not known": (
        '{"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}',
        75,
        "b: could not be asked about",
    ),
    "one has, one is not known": (
        '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": []}]},'
        ' {"name": "b", "skip_reason": "not found"}]}',
        1,
        "mended by no version yet",
    ),
    "no answer": ("", 75, "nobody could be asked"),
    "nothing to ask about": ('{"dependencies": []}', 75, "0 packages"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_package_that_nobody_could_be_asked_about_is_no_pass(case: str, tmp_path: Path) -> None:
    """With a program that answers as pip-audit does."""
    answer, code, told = ANSWERS[case]
    (tmp_path / "answer").write_text(answer)
    program = tmp_path / "pip-audit"
    program.write_text(f'#!/bin/sh\nexec cat "{tmp_path}/answer"\n')
    program.chmod(0o755)
    command = [ROOT / "scripts/audit-dependencies", program]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    assert told in done.stdout + done.stderr
