import re
import shlex
from pathlib import Path

from cli.conftest import make_database
from cli.golden_text import compare
from cli_runner import Done, drkit_in, settled

NEWCOMER = (
    "init",
    "check",
    "backup now",
    "backup list",
    "status",
    "restore shop --dry-run",
    "restore shop --to restored.db",
    "restore shop --to by-hand.db --by-hand",
    "pin ID --why 'before the migration'",
    "unpin ID",
    "prune --dry-run",
    "keys show",
)

# Every command's help in one process: it is only text, and a process a command would take seconds.
HELP = """
import typer.main
from drkit.cli import app

def names(command, path):
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from names(inner, [*path, name])

for path in names(typer.main.get_command(app.app), []):
    print("$ drkit", *path, "--help", flush=True)
    assert app.run([*path, "--help"]) == 0
    print(flush=True)
"""


def _told(line: str, done: Done) -> str:
    logged = "".join(f"! {entry['level']}: {entry['message']}\n" for entry in done.lines)
    return f"$ drkit {line}\n{logged}{done.out}{'' if done.code == 0 else f'[{done.code}]'}\n"


def test_a_newcomers_first_steps_read_as_they_are_written_down(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    drkit = drkit_in(folder)
    make_database(folder / "shop.db")
    story = ""
    for line in NEWCOMER:
        manifests = list(folder.glob("backups/shop/main/backups/*/manifest.json"))
        point = manifests[0].parent.name if manifests else ""
        done = drkit.python("-m", "drkit", *shlex.split(line.replace("ID", point)))
        assert done.code == 0, done
        story += _told(line, done)
    compare("newcomer", settled(story, (tmp_path / "shop-home", "/TMP"), (folder, "/SHOP")))


def test_the_help_of_every_command_reads_as_it_is_written_down(tmp_path: Path) -> None:
    drkit = drkit_in(tmp_path / "anywhere")
    done = drkit.python("-c", HELP, COLUMNS="100")
    assert (done.code, done.err) == (0, "")
    compare("help", done.out)
    examples = re.findall(r"^\$ drkit (.*)--help(?:\n(?!\$).*)*Examples:", done.out, re.MULTILINE)
    groups = {"", "backup ", "evidence ", "keys ", "verify "}
    assert set(examples) == set(re.findall(r"^\$ drkit (.*)--help", done.out, re.MULTILINE)) - groups
