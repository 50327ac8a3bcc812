"""The commands that a person wants run around a restore: traffic stopped before, migrations and the like after.

What they say is passed on as it comes. It must not know what is restored, nor where to.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from drkit.errors import NotRestorable
from drkit.secrecy import black_out
from drkit.streams.shell import ShellRun, run_shell

When = Literal["before", "after"]
Tell = Callable[[When, str], None]


@dataclass(frozen=True, slots=True)
class HookRun:
    when: When
    command: str
    ran: ShellRun


@dataclass(slots=True)
class Hooks:
    """The commands around one restore, and how they went. `secrets` are cut out of what they say."""

    before: str | None
    after: str | None
    environment: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    tell: Tell
    runs: list[HookRun] = field(default_factory=list)

    @contextmanager
    def around(self) -> Iterator[None]:
        """If `before` fails, the block is not entered. `after` runs once the block has ended well; whether it ended
        well itself is told by `failed_after`, as what was restored stays where it is."""
        if self.before:
            run = self._run("before", self.before)
            if run.ran.status:
                raise NotRestorable(
                    f"the hook before the restore {run.ran}, so nothing was touched",
                    "mend the command, or restore without it: --hook-before true",
                )
        try:
            yield
        except BaseException:
            if self.before and self.after:
                self.tell("after", "the hook after the restore is not run; what the hook before it did still holds")
            raise
        if self.after:
            self._run("after", self.after)

    def failed_after(self) -> NotRestorable | None:
        for run in self.runs:
            if run.when == "after" and run.ran.status:
                return NotRestorable(
                    f"the data are restored and stay where they are, but the hook after it {run.ran}",
                    "see what it said, and run the command again by hand",
                )
        return None

    def _run(self, when: When, command: str) -> HookRun:
        def hear(line: str) -> str:
            shown = self._redact(line)
            self.tell(when, shown)
            return shown

        self.tell(when, f"running the hook {when} the restore: {self._redact(command)}")
        self.runs.append(HookRun(when, self._redact(command), run_shell(command, self.environment, hear)))
        return self.runs[-1]

    def _redact(self, line: str) -> str:
        return black_out(line, self.secrets)
