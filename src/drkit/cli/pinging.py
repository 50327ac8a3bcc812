"""Pings around the runs of a command: each source's dead man's switch hears of its start and of its end.

A ping that fails is a note. It must not know what a run does.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from drkit.cli.call import Call, Failed
from drkit.errors import DrkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drkit.notify.ping import Switch
    from drkit.wiring import Source

T = TypeVar("T")


@dataclass(slots=True)
class Pinging:
    call: Call
    _switches: "dict[str, Switch | None]" = field(default_factory=dict)

    def around(self, work: "Callable[[Source], T]") -> "Callable[[Source], T]":
        def run(source: "Source") -> T:
            switch = self._switch(source)
            if switch is None:
                return work(source)
            switch.tell("start")
            try:
                result = work(source)
            except DrkitError as error:
                switch.tell("failure", self.call.console.redact(str(error)))
                raise
            except Exception as error:
                switch.tell("failure", self.call.console.redact(f"this is a bug: {type(error).__name__}: {error}"))
                raise
            switch.tell("success")
            return result

        return run

    def close(self, sources: "Sequence[Source]", failed: Failed) -> None:
        """What failed before it began is told too. An interrupted run tells nothing more: the silence is heard."""
        errors = {each["source"]: each["error"] for each in failed.document}
        for source in sources:
            if source.name in errors and source.name not in self._switches and (switch := self._switch(source)):
                switch.tell("failure", self.call.console.redact(errors[source.name]))
        for name, each in self._switches.items():
            if each:
                each.close()
                for problem in each.problems:
                    self.call.console.note(f"{name}: {problem}")

    def _switch(self, source: "Source") -> "Switch | None":
        notify = source.system.table.notify
        wanted = source.table.ping_url or notify.ping_url
        self._switches[source.name] = None
        if wanted is None:
            return None
        from drkit.notify.ping import Switch, spell  # what a backup without pings need not wait for

        try:
            urls = spell(wanted, source.system.resolve, source.system.name, source.key)
        except DrkitError as error:
            self.call.console.note(f"{source.name}: nobody is pinged: {error}")
            return None
        switch = self._switches[source.name] = Switch(urls, notify.allow_private)
        return switch
