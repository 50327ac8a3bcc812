"""The short form of `make soak`: a part of a minute, with servers of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEED = "20261127"


@pytest.mark.timeout(900)
def test_all_that_is_listed_after_kills_and_faults_at_random_restores_to_what_was_committed() -> None:
    command = [
        sys.executable,
        ROOT / "soak/run.py",
        "--minutes",
        "0.5",
        "--seed",
        SEED,
        "--keep",
        "2",
        "--moments",
        "2",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seed {SEED}," in done.stdout
    assert "losses: 0, other findings: 0" in done.stdout
    figures = dict(re.findall(r"^([a-z ]+): (\d+) ", done.stdout, re.MULTILINE))
    assert all(int(figures[name]) > 0 for name in ("kills", "faults", "runs that ended well")), done.stdout
    assert int(figures["restored and compared"]) >= 24, done.stdout  # two points of each source, in both places
