"""The daemon's own figures. It must not know the daemon: whatever has these fields is one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from drkit.metrics import names
from drkit.metrics.names import Sample
from drkit.metrics.sources import tell
from drkit.troubles import Trouble

Name = tuple[str, str]  # a job's kind, and whom it is about


class RunningJob(Protocol):
    @property
    def name(self) -> Name: ...
    @property
    def began_at(self) -> datetime: ...


class EndedJob(RunningJob, Protocol):
    @property
    def ended_at(self) -> datetime: ...
    @property
    def exit_code(self) -> int: ...
    @property
    def taken(self) -> bool: ...


class DaemonState(Protocol):
    @property
    def started_at(self) -> datetime: ...
    @property
    def config_error(self) -> str: ...
    @property
    def looked_at(self) -> datetime | None: ...
    @property
    def running(self) -> Sequence[RunningJob]: ...
    @property
    def last(self) -> Mapping[Name, EndedJob]: ...
    @property
    def troubles(self) -> Mapping[str, tuple[Trouble, ...]]: ...


def tell_daemon(state: DaemonState, now: datetime) -> Iterator[Sample]:
    yield from tell(names.STARTED, (), state.started_at)
    yield from tell(names.JOBS_RUNNING, (), len(state.running))
    for name, began_at in {each.name: each.began_at for each in state.running}.items():
        yield from tell(names.RUNNING, _labels(name), now - began_at)
    for ended in state.last.values():
        if not ended.taken:  # it was somebody else's run
            yield from tell(names.EXIT_CODE, _labels(ended.name), ended.exit_code)
            yield from tell(names.ENDED, _labels(ended.name), ended.ended_at)
            yield from tell(names.TOOK, _labels(ended.name), ended.ended_at - ended.began_at)


def _labels(name: Name) -> tuple[str, str, str]:
    kind, about = name
    system, _, source = about.partition("/")
    return system, source, kind
