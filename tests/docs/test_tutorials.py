"""Both tutorials are followed word by word, and print what they show. scripts/follow-tutorial installs from a clone
first; here drkit is the one under test."""

import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from documents import blocks_of
from tutorials import INSTALL, PAGES, SERVER, follow, read_steps, rewrite, same_shape, server_for

[FIRST_STEPS] = [block.lines for block in blocks_of("README.md") if "drkit init" in block.lines]


@pytest.mark.parametrize("page", PAGES)
def test_who_follows_a_tutorial_word_by_word_sees_what_it_shows(page: str, tmp_path: Path) -> None:
    steps = [step for step in read_steps(page) if step.mark not in (INSTALL, SERVER)]
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "drkit").write_text(f'#!/bin/sh\nexec {sys.executable} -m drkit "$@"\n')
    (programs / "drkit").chmod(0o755)
    with TemporaryDirectory(prefix="drkit-") as place, server_for(page, tmp_path) as given:
        Path(place).chmod(0o711)  # a scratch server is another user's
        home, scratch = tmp_path / "home", Path(place, "tmp")
        home.mkdir()
        scratch.mkdir(mode=0o711)
        plain = {"HOME": str(home), "TMPDIR": str(scratch), "LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"}
        path = f"{programs}:{given.pop('PATH', os.environ['PATH'])}"
        printed = follow(steps, home, {**plain, **given, "PATH": path}, 280)
    if os.environ.get("DRKIT_REWRITE_GOLDEN"):
        rewrite(page, steps, printed)
        steps = [step for step in read_steps(page) if step.mark not in (INSTALL, SERVER)]
    for step, now in zip(steps, printed, strict=True):
        assert step.shown is None or same_shape(step.shown, now), f"{step.lines}{now}"


@pytest.mark.parametrize("page", PAGES)
def test_a_tutorial_installs_as_the_readme_does(page: str) -> None:
    [install] = [step.lines for step in read_steps(page) if step.mark == INSTALL]
    assert FIRST_STEPS.startswith(install.replace("--quiet ", ""))


def test_the_first_steps_of_the_readme_are_steps_of_the_tutorial() -> None:
    typed = "".join(step.lines for step in read_steps("postgres"))
    shown = re.findall(r"^(drkit \w+(?: now)?)", FIRST_STEPS, re.MULTILINE)
    assert len(shown) > 5
    assert [command for command in shown if not re.search(rf"^{command}\b", typed, re.MULTILINE)] == []
