"""The tutorials, followed word by word: each page's `sh` blocks are typed into one shell on a terminal, in their order,
and what it prints is compared with the `text` blocks after them. Only what differs from run to run may differ.

As a program it does so on a clean machine's terms: a clone, a home and a virtual environment of its own.
"""

import argparse
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cli_runner import converse, settled
from servers.postgres import postgres_server

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/tutorial"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md"))
INSTALL, SERVER = "install", "your server"
_STEP = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]+) -->\n)?^```sh\n(?P<lines>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.M | re.S
)
_END = "=== end of step ==="
_HOME = "/home/you"
_VARYING = "|".join(
    (
        r"(?<=\.before-)\d{8}T\d{6}(?:\.\d+)?Z",
        r"LENGTH|\b\d+m(?= of | ago| before|, promised)",  # a length of whole minutes, on a slow day
        r"(?<=LENGTH )(?:ahead of|behind)(?= ours)",
        r"(?<=PostgreSQL )\d+\.\d+(?: \([^)]*\))?, asked as \w+",
        r"(?<=and psql )\d+\.\d+.*: /\S+",
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """`shown` is None where the page does not show what is printed."""

    mark: str | None
    lines: str
    shown: str | None


def read_steps(page: str) -> list[Step]:
    return [Step(**found.groupdict()) for found in _STEP.finditer((FOLDER / f"{page}.md").read_text())]


def follow(steps: list[Step], folder: Path, environment: Mapping[str, str], patience: float) -> list[str]:
    """What each step prints, as a terminal shows it in the end. `folder` is where the shell starts."""
    script = folder / ".steps"
    script.write_text("set -euo pipefail\n" + "".join(f"{step.lines}\necho '{_END}'\n" for step in steps))
    done = converse(["/bin/bash", str(script)], folder, environment, (), patience)
    assert done.code == 0, done.err
    printed = [_as_seen(part, environment) for part in done.err.split(f"{_END}\n")]
    return printed[: len(steps)]


def _as_seen(text: str, environment: Mapping[str, str]) -> str:
    """Without what was drawn over, and with folders like the pages'."""
    plain = (
        re.sub(r"\x1b\[[0-9;]*[mK]", "", text)
        .replace(environment["HOME"], _HOME)
        .replace(environment["TMPDIR"], "/tmp")
    )
    plain = re.sub(r"127\.0\.0\.1:\d+", "localhost:5432", plain)
    lines = [line.rpartition("\r")[2].rstrip() for line in plain.rstrip("\n").split("\n")]
    return "".join(f"{line}\n" for line in lines)


def same_shape(shown: str, printed: str) -> bool:
    """But for what differs from run to run, and from server to server."""
    one, other = (re.sub(_VARYING, "…", settled(text)) for text in (shown, printed))
    return one == other


def rewrite(page: str, steps: list[Step], printed: list[str]) -> None:
    """What was printed goes into the page, where it shows anything."""
    path = FOLDER / f"{page}.md"
    text = path.read_text()
    for step, now in zip(steps, printed, strict=True):
        if step.shown is not None:
            now = now.replace("asked as postgres", "asked as me")
            text = text.replace(f"{step.lines}```\n\n```text\n{step.shown}```", f"{step.lines}```\n\n```text\n{now}```")
    path.write_text(text)


@contextmanager
def server_for(page: str, folder: Path) -> Iterator[dict[str, str]]:
    """The PostgreSQL server that a reader has, where the page asks for one: its URL, and its programs."""
    if page != "postgres":
        yield {}
        return
    with postgres_server(folder) as server:
        server.create("shop")
        yield {"DATABASE_URL": server.dsn("shop"), "PATH": f"{server.bin}:{_plain_path()}"}


def _plain_path() -> str:
    return "/usr/local/bin:/usr/bin:/bin"


def _follow_from_nothing(page: str, rewriting: bool) -> None:
    with TemporaryDirectory(prefix="drkit-tutorial-") as place, server_for(page, Path(place)) as given:
        Path(place).chmod(0o711)
        home, scratch = Path(place, "home"), Path(place, "tmp")
        home.mkdir()
        scratch.mkdir(mode=0o711)
        subprocess.run(["git", "clone", "--quiet", ROOT, home / "drkit"], check=True)
        index = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_CERT"))}
        plain = {"HOME": str(home), "TMPDIR": str(scratch), "LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"}
        steps = [step for step in read_steps(page) if step.mark != SERVER]
        printed = follow(steps, home / "drkit", {"PATH": _plain_path(), **plain, **index, **given}, 1200)
        if rewriting:
            rewrite(page, steps, printed)
        for step, now in zip(steps, printed, strict=True):
            if step.shown is not None and not same_shape(step.shown, now) and not rewriting:
                raise SystemExit(f"{page}: {step.lines}prints\n{now}and not\n{step.shown}")
    print(f"{page}: {len(steps)} steps went as the page says")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Follow the tutorials word by word, from a clone on.")
    parser.add_argument("page", nargs="*", default=PAGES, help=f"of {', '.join(PAGES)}")
    parser.add_argument("--rewrite", action="store_true", help="put what is printed into the pages")
    arguments = parser.parse_args()
    for each in arguments.page:
        _follow_from_nothing(each, arguments.rewrite)
