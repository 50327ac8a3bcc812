"""What a restored cluster is told before it starts: where to recover to, and nothing that reaches out to the world that
it comes from. It decides and spells; it starts nothing.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

AUTO = "postgresql.auto.conf"
SIGNAL = "recovery.signal"
_LINE = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]*)\s*(?:=|\s)")
_TARGETS = ("", "_lsn", "_name", "_time", "_xid")
# What must not happen in a copy: its log in the archive of the original, commits that wait for its standbys.
_STRIPPED = {
    "archive_cleanup_command": "",
    "archive_command": "",
    "archive_mode": "off",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "recovery_end_command": "",
    "recovery_min_apply_delay": "0",
    "restore_command": "",
    "synchronous_standby_names": "",
}


def stripped(major: int) -> dict[str, str]:
    return _STRIPPED | ({"archive_library": ""} if major >= 15 else {})


def recovery_settings(command: str, timeline: int, stop: Mapping[str, str], *, pausing: bool) -> dict[str, str]:
    """Every target is named, as the original may have been restored itself once, and two targets are an error; even
    one that is emptied after another one was set, so that one comes last."""
    names = [f"recovery_target{suffix}" for suffix in _TARGETS]
    targets = {name: "" for name in names if name not in stop}
    return {
        **targets,
        "recovery_target_action": "pause" if pausing else "promote",
        "recovery_target_inclusive": "on",
        "recovery_target_timeline": str(timeline),
        "restore_command": command,
        **stop,
    }


def rewrite(text: str, settings: Mapping[str, str], remark: str) -> str:
    """The file of settings with these instead of its own. It is the one that beats the others."""
    kept = [
        line for line in text.splitlines() if not ((match := _LINE.match(line)) and match["name"].lower() in settings)
    ]
    return "\n".join([*kept, f"# {remark}", *(f"{name} = {quote(value)}" for name, value in settings.items()), ""])


def quote(value: str) -> str:
    doubled = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def words(settings: Mapping[str, str]) -> list[str]:
    """As arguments of the server, which beat every file."""
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def missing_libraries(value: str, folders: Iterable[Path]) -> tuple[str, list[str]]:
    """Of a list of libraries to load: those that are here, spelled again, and those that are not."""
    names = [name.strip().strip('"') for name in value.split(",") if name.strip()]
    places = list(folders)

    def is_here(name: str) -> bool:
        plain = name.removeprefix("$libdir/").removesuffix(".so")
        return any((place / f"{plain}.so").exists() for place in ([Path("/")] if "/" in plain else places))

    return ",".join(name for name in names if is_here(name)), [name for name in names if not is_here(name)]
