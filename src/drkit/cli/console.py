"""What a person or a program sees: results on stdout, everything else on stderr.

On a terminal that is text; without one every line on stderr is a JSON object. It must not know any use case.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from drkit.cli.progress import LINE_EVERY, Meter
from drkit.errors import DrkitError, UsageError
from drkit.secrecy import black_out, redact, secrets_in
from drkit.when import format_moment

RED, GREEN, BOLD = "31", "32", "1"
_MARKS = {"info": "", "warning": "warning: ", "error": "drkit: "}


@dataclass(slots=True)
class Console:
    json: bool = False
    verbose: bool = False
    quiet: bool = False
    color: bool = True
    correlation_id: str = field(default_factory=lambda: uuid4().hex)
    _environs: frozenset[str] = field(default_factory=lambda: frozenset(secrets_in(os.environ)), repr=False)

    @property
    def terminal(self) -> bool:
        return sys.stderr.isatty()

    def paint(self, text: str, *codes: str) -> str:
        plain = not self.color or not sys.stdout.isatty() or "NO_COLOR" in os.environ
        return text if plain else f"\x1b[{';'.join(codes)}m{text}\x1b[0m"

    def answer(self, document: Mapping[str, Any], text: str) -> None:
        """The one result of a command: `document` for programs, `text` for people."""
        sys.stdout.write(self.redact(json.dumps(document, indent=2) if self.json else text).rstrip("\n") + "\n")

    def redact(self, text: str) -> str:
        """Whatever is shown or kept passes here: also an error of a database that repeats what it was given."""
        return redact(black_out(text, self._environs))

    def tell(self, message: str, **fields: object) -> None:
        """What must be said even to somebody who asked for quiet."""
        self._log("info", message, fields)

    def note(self, message: str, **fields: object) -> None:
        if not self.quiet:
            self._log("info", message, fields)

    def warn(self, message: str, **fields: object) -> None:
        self._log("warning", message, fields)

    def fail(self, error: DrkitError) -> None:
        self._log("error", str(error), {"hint": error.hint} if error.hint else {})

    def confirm(self, question: str, yes: bool) -> None:
        """Returns when the answer is yes; anything else, or nobody to ask, is a UsageError."""
        if yes:
            return
        if not (sys.stdin.isatty() and self.terminal):
            raise UsageError(f"{question} needs a yes, and nobody can be asked here", "say it with --yes")
        sys.stderr.write(f"{question}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError(f"{question}: not confirmed", "nothing was changed")

    @contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal, a line now and then without one, nothing when quiet."""
        every = float(os.environ.get("DRKIT_PROGRESS", LINE_EVERY))
        meter = Meter(label, total, None if self.terminal else self.note, every)
        try:
            yield (lambda _: None) if self.quiet else meter.add
        finally:
            meter.clear()

    def log(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        """`fields` may name another run's correlation_id. Notes are left out when quiet."""
        if level != "info" or not self.quiet:
            self._log(level if level in _MARKS else "info", message, fields)

    def _log(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        if self.terminal:
            mark = _MARKS[level]
            hint = f"\n  hint: {fields['hint']}" if fields.get("hint") else ""
            line = f"{mark}{message}{hint}"
        else:
            head = {"timestamp": format_moment(datetime.now(UTC)), "level": level, "message": message}
            line = json.dumps(head | {"correlation_id": self.correlation_id} | dict(fields), default=str)
        with suppress(OSError):  # a log that cannot be written, on a full disk perhaps, must not stop a backup
            sys.stderr.write(self.redact(line) + "\n")
            sys.stderr.flush()
