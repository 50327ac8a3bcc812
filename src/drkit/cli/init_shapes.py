"""`drkit init` where the shape of a system is known: which one, and what is written and said for it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from drkit.cli.asking import ask, can_ask
from drkit.cli.call import Call
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.shapes import Shape
    from drkit.starter import Answers

_PLAIN = "plain"
_UPLOADS, _DSN = "uploads", "secrets/dsn"


def choose_shape(said: str | None, kind: str | None, dsn: str | None, path: str | None) -> "Shape | None":
    """None is a schedule for no shape. Nobody is asked who has said what is to be protected."""
    from drkit.shapes import SHAPES, tell_shape
    from drkit.starter import VARIABLE, is_postgres

    if said is None:
        if kind or dsn or path:
            return None
        meant = os.environ.get(VARIABLE, "")
        told = tell_shape(meant, os.environ) if is_postgres(meant) else None
        default = told.name if told else _PLAIN
        question = f"Where does it live ({', '.join(SHAPES)}, or {_PLAIN})"
        said = ask(question, default) if can_ask() else default
    if said == _PLAIN:
        return None
    if said not in SHAPES:
        raise UsageError(f"there is no shape {said!r}", f"the shapes are {', '.join(SHAPES)}, and {_PLAIN}")
    shape = SHAPES[said]
    if kind not in (None, shape.kind) or (path and shape.kind == "postgres") or (dsn and shape.kind == "sqlite"):
        other = "sqlite, with --path" if shape.kind == "sqlite" else "postgres, with --dsn"
        raise UsageError(f"the shape {said} is of kind {other}", "leave out what does not belong to it")
    return shape


def origin_of(shape: "Shape | None", folder: Path) -> str | None:
    """Where a DSN is, if nobody says: on Kubernetes a secret is a file."""
    return f"file:{folder / _DSN}" if shape and shape.name == "kubernetes" else None


def write_shaped(call: Call, folder: Path, shape: "Shape", answers: "Answers", unset: str) -> None:
    from drkit import __version__, shapes, starter
    from drkit.shapes import Facts

    starter.refuse_unusable(folder / "schedules", answers)
    fresh = not (folder / "keys" / "recipient").exists()
    recipient, signers = _write_keys(folder, shape)
    facts = Facts(
        shape, answers.name, _origin(answers, folder), answers.store, recipient, signers, _uploads(shape, answers)
    )
    schedule = starter.write_schedule(folder / "schedules", answers, shapes.write_text(facts))
    remarks = list(shapes.find_remarks(facts, _known_dsn(answers)))
    steps = shapes.say_next(facts, folder, __version__)
    keys = folder / "keys"
    lines = [
        f"wrote {schedule}: {shape.kind} on {shape.place}, to {facts.store}",
        f"{'made' if fresh else 'kept'} {keys}: `identity` opens the backups. Copy it to a safe place off this machine,"
        " now.",
        *([unset] if unset else []),
        *(f"mind: {remark}" for remark in remarks),
        *(f"{'next:' if number == 0 else '     '}  {step}" for number, step in enumerate(steps)),
    ]
    document = {
        "schedule": str(schedule),
        "keys": str(keys),
        "name": answers.name,
        "unset": unset or None,
        "shape": shape.name,
        "remarks": remarks,
        "next": steps,
    }
    call.console.answer(document, "\n".join(lines))


def _write_keys(folder: Path, shape: "Shape") -> tuple[str, tuple[str, ...]]:
    """The public halves. Drills on a cluster sign with a key of their own, as their namespace has no other."""
    places = ("keys", "drills") if shape.name == "kubernetes" else ("keys",)
    found = [_read_or_write(folder / place) for place in places]
    return found[0][0], tuple(signer for _, signer in found)


def _read_or_write(keys: Path) -> tuple[str, str]:
    from drkit import keyfiles

    if not (keys / keyfiles.RECIPIENT).exists():
        written = keyfiles.write_keys(keys)
        return written[keyfiles.RECIPIENT], written[keyfiles.SIGNER]
    try:
        return (keys / keyfiles.RECIPIENT).read_text().strip(), (keys / keyfiles.SIGNER).read_text().strip()
    except OSError as error:
        raise UsageError(f"{keys} lacks its public halves: {error.strerror}", "name another folder") from error


def _origin(answers: "Answers", folder: Path) -> str:
    """As the schedule says it: a secret of the cluster lies beside it, wherever the folder is carried to."""
    own = f"file:{(folder / _DSN).absolute()}"
    return "file:../secrets/dsn" if answers.origin == own else answers.origin


def _uploads(shape: "Shape", answers: "Answers") -> str | None:
    """Files beside a database belong to it. An empty folder may be one whose disk is not mounted."""
    beside = Path(answers.origin).parent / _UPLOADS
    there = shape.kind == "sqlite" and beside.is_dir() and any(beside.iterdir())
    return str(beside) if there else None


def _known_dsn(answers: "Answers") -> str:
    if answers.origin.startswith("env:"):
        return os.environ.get(answers.origin.removeprefix("env:"), "")
    return "" if answers.origin.startswith("file:") else answers.origin
