"""Where a pod finds what is behind its references: variables, and files below folders, all from one Secret a system.

It must not know which job the pod is for.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from posixpath import normpath

from drkit.errors import ConfigError
from drkit.k8s.cluster import SCHEDULES

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_KEY = re.compile(r"[-._A-Za-z0-9]{1,253}", re.ASCII)
_HIDDEN = re.compile(r"/|/(?:bin|dev|lib|lib64|opt|proc|sbin|sys|usr|etc/ssl)(?:/.*)?|/(?:etc|home|root|run|tmp|var)")
_HINT = 'keep such files in a folder of their own, such as "file:/run/secrets/drkit/signing"'


@dataclass(frozen=True, slots=True)
class Folder:
    """`items` are keys of the Secret, and where each lies below the folder."""

    path: PurePosixPath
    items: tuple[tuple[str, str], ...]


def secret_keys(file: str, references: Sequence[str]) -> dict[str, str]:
    """By reference: a variable's name, or a file's; and its whole path where two would have the same."""
    short = {each: _short(each) for each in references}
    taken = Counter(short.values())
    keys = {each: name if taken[name] == 1 else _whole(each) for each, name in short.items()}
    for each, key in keys.items():
        variable = each.removeprefix("env:") if each.startswith("env:") else None
        if (
            not _KEY.fullmatch(key)
            or key in (".", "..")
            or (variable is not None and not _VARIABLE.fullmatch(variable))
        ):
            raise ConfigError(
                f"{file}: {each} cannot be a key of a Secret", "use letters, digits, - . and _ in such a name"
            )
    if len(set(keys.values())) < len(keys):
        raise ConfigError(f"{file}: two references would be one key of a Secret", "call one of them otherwise")
    return keys


def variables(references: Iterable[str]) -> list[str]:
    return [each.removeprefix("env:") for each in references if each.startswith("env:")]


def folders(file: str, references: Iterable[str], keys: dict[str, str]) -> list[Folder]:
    """None lies below another: Kubernetes cannot mount into what it has mounted for reading. The schedule's own folder
    is the first, and holds nothing but the schedule as a rule."""
    paths = {each: file_path(each) for each in references if each.startswith("file:")}
    roots = {SCHEDULES, *(path.parent for path in paths.values())}
    tops = sorted(root for root in roots if not any(root != other and root.is_relative_to(other) for other in roots))
    for top in tops:
        if hides(top):
            raise ConfigError(f"{file}: a Secret cannot be mounted as {top}: it would hide what is there", _HINT)
    return [
        Folder(
            top,
            tuple((keys[each], str(path.relative_to(top))) for each, path in paths.items() if path.is_relative_to(top)),
        )
        for top in sorted(tops, key=lambda top: top != SCHEDULES)
    ]


def hides(path: PurePosixPath) -> bool:
    """Whether a volume there would take the place of what the image has, or of the schedules."""
    return _HIDDEN.fullmatch(str(path)) is not None or (path != SCHEDULES and SCHEDULES.is_relative_to(path))


def file_path(reference: str) -> PurePosixPath:
    return pod_path(reference.removeprefix("file:"))


def pod_path(path: str) -> PurePosixPath:
    """A schedule's path as a pod sees it, whose schedules are in a folder of their own."""
    return PurePosixPath(normpath(SCHEDULES / path))


def _short(reference: str) -> str:
    return reference.removeprefix("env:") if reference.startswith("env:") else file_path(reference).name


def _whole(reference: str) -> str:
    return _short(reference) if reference.startswith("env:") else ".".join(file_path(reference).parts[1:])
