"""`--to` where a system is restored as one set: SOURCE=TARGET for each, or one new folder for those that go to paths.

It must not know what is restored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drkit.cli.target import Target, read_target
from drkit.errors import NotRestorable, UsageError

if TYPE_CHECKING:
    from drkit.wiring import Source


@dataclass(frozen=True, slots=True)
class Targets:
    """By the sources' names. `written` is each as it may be typed again; `folder` is to be made first, if it is not
    there."""

    of: Mapping[str, Target]
    written: Mapping[str, str]
    folder: Path | None


def read_targets(texts: Sequence[str], sources: "Sequence[Source]") -> Targets:
    """UsageError, naming the sources, if one of them has no place or two have the same."""
    from drkit.config.parts import NAME

    by_key = {source.key: source for source in sources}
    named: dict[str, str] = {}
    folders = []
    for text in texts:
        key, separator, target = text.partition("=")
        if not separator or not NAME.fullmatch(key):
            folders.append(text)
        elif key not in by_key or not target:
            raise UsageError(
                f"--to {key}=…: {'no place is named' if key in by_key else 'there is no such source'}",
                _example(sources),
            )
        elif key in named:
            raise UsageError(f"--to names {key} twice", "one source is restored to one place")
        else:
            named[key] = target
    if len(folders) > 1:
        raise UsageError(f"--to {' and --to '.join(folders)} name no source", _example(sources))
    written = dict(named)
    for source in sources:
        if folders and source.key not in named and (place := _place_in(folders[0], source)):
            written[source.key] = place
    if missing := [key for key in by_key if key not in written]:
        raise UsageError(f"--to does not say where {' and '.join(missing)} shall go", _example(sources))
    found = {by_key[key].name: read_target(text, by_key[key]) for key, text in written.items()}
    _refuse_shared(found)
    used = folders and written.keys() - named.keys()
    names = {by_key[key].name: _again(found[by_key[key].name], text) for key, text in written.items()}
    return Targets(found, names, Path(folders[0]) if used else None)


def make_folder(targets: Targets) -> bool:
    """The new folder, so that each place in it can be looked at; whether it was not there. Its parent must be, as for
    any target."""
    if targets.folder is None or targets.folder.is_dir():
        return False
    try:
        targets.folder.mkdir(mode=0o700)
    except OSError as error:
        raise NotRestorable(
            f"the folder {targets.folder} cannot be made: {error.strerror}", "name a new folder in one that is there"
        ) from error
    return True


def drop_folder(targets: Targets) -> None:
    """If nothing came to stand in it."""
    if targets.folder is not None:
        try:
            targets.folder.rmdir()
        except OSError:
            return


def _place_in(folder: str, source: "Source") -> str | None:
    """None where a place has to be named."""
    form = source.table.restored_as
    if form == "server":
        return None
    suffix = Path(getattr(source.table, "path", "")).suffix or ".db"
    return str(Path(folder) / (source.key + (suffix if form == "file" else "")))


def _again(target: Target, text: str) -> str:
    """A password is not told: by a variable it need not be."""
    return "env:NEW_URL" if target.in_the_open else text


def _refuse_shared(found: Mapping[str, Target]) -> None:
    seen: dict[str, str] = {}
    for name, target in found.items():
        if other := seen.get(target.value):
            raise UsageError(f"--to gives {other} and {name} the same place", "each source needs one of its own")
        seen[target.value] = name


def _example(sources: "Sequence[Source]") -> str:
    forms = {"server": "env:NEW_URL", "file": "/srv/{}.db", "folder": "/srv/{}"}
    told = " ".join(f"--to {each.key}={forms[each.table.restored_as].format(each.key)}" for each in sources)
    paths = [each.key for each in sources if each.table.restored_as != "server"]
    return f"say {told}" + (f"; one new folder, --to /srv/restored, does for {' and '.join(paths)}" if paths else "")
