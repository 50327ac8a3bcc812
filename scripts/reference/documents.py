"""What `--json` prints, as commands really print it: a small system lives through a day, and each document is taken
apart. The keys, and what kind of value each had."""

import json
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reference.markdown import code, draw_table, head_of

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SCHEDULE = """
checks = [{ name = "there are orders", sql = "select count(*) > 0 from orders" }]
hooks = { after = "true" }
"""
# In the order in which they are told; `POINT` is the newest point's ID.
COMMANDS = {
    "drkit init": "init --name shop --kind sqlite --path shop.db --store file://{here}/store",
    "drkit keys new": "keys new --out others",
    "drkit keys show": "keys show",
    "drkit check": "check",
    "drkit backup now": "backup now",
    "drkit backup list": "backup list",
    "drkit pin": "pin POINT --why 'before the migration'",
    "drkit restore --dry-run": "restore shop --to restored.db --dry-run",
    "drkit restore": "restore shop --to restored.db",
    "drkit verify now": "verify now",
    "drkit status": "status --moments",
    "drkit evidence list": "evidence list",
    "drkit evidence verify": "evidence verify all",
    "drkit audit": "audit",
    "drkit replicate": "replicate",
    "drkit prune": "prune --dry-run",
    "drkit unpin": "unpin POINT",
    "drkit metrics": "metrics",
    "drkit notify": "notify --dry-run",
}


def draw_documents() -> str:
    pages = [head_of("json.md").rstrip("\n") + "\n"]
    with TemporaryDirectory(prefix="drkit-reference-") as folder:
        for title, document in _live(Path(folder)):
            rows = [(code(key), kind) for key, kind in _shape(document)]
            pages.append(f"## {title}\n\n" + draw_table(("key", "value"), rows))
    return "\n".join(pages)


def _live(folder: Path) -> Iterator[tuple[str, Any]]:
    with closing(sqlite3.connect(folder / "shop.db")) as shop:
        shop.execute("create table orders (id integer primary key)")
        shop.execute("insert into orders values (1)")
        shop.commit()
    point = ""
    for title, line in COMMANDS.items():
        document = _run(folder, shlex.split(line.format(here=folder).replace("POINT", point)))
        if title == "drkit init":
            _edit(folder)
        if title == "drkit backup now":
            point = document["backups"][0]["id"]
        yield title, document


def _edit(folder: Path) -> None:
    schedule = folder / "schedules/shop.toml"
    text = schedule.read_text().replace("[encryption]", f'replica = "file://{folder}/replica"\n\n[encryption]', 1)
    schedule.write_text(text + _SCHEDULE)


def _run(folder: Path, arguments: list[str]) -> Any:
    command = [sys.executable, "-m", "drkit", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def _shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each key once, with the kinds of all its values."""
    seen: dict[str, dict[str, None]] = {}
    for key, kind in _walk(value, path):
        seen.setdefault(key, {})[kind] = None
    for key, kinds in seen.items():
        told = [each for each in kinds if each != "null"] or ["null"]
        yield key, " or ".join([*told, *(["null"] if "null" in kinds and told != ["null"] else [])])


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict() if path and value and all(not re.fullmatch(r"[a-z_0-9]+", key) for key in value):
            yield path, "object"  # its keys are names of somebody's
        case dict():
            if path and not value:
                yield path, "object"
            for key, inner in value.items():
                yield from _walk(inner, f"{path}.{key}" if path else key)
        case list() if not any(isinstance(each, dict) for each in value):
            yield path, f"list of {_kind(value[0])}" if value else "list"
        case list():
            for inner in value:
                yield from _walk(inner, f"{path}[]")
        case _:
            yield path, _kind(value)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case list():
            return f"({', '.join(map(_kind, value))})"
        case str() if _MOMENT.fullmatch(value):
            return "moment"
    return "text"
