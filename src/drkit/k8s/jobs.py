"""Which jobs a system has on a cluster, and which references each one reads: so a pod gets what its job needs, and
nothing else. The identity is read by drills alone; the way to a database by its backup alone.

It must not know how a pod gets what is behind a reference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from drkit.chores import COMMANDS, plans_of
from drkit.config import System
from drkit.config.sources import AnySource, PhysicalTable
from drkit.config.values import is_reference
from drkit.k8s.schedules import IDENTITY
from drkit.timetable import Cron, parse_cron

BACKUP, FOLLOW, VERIFY, NOTIFY, METRICS = "backup", "follow", "verify", "notify", "metrics"
REHEARSAL = "rehearsal"  # a drill of all sources together
_OFTEN = parse_cron("*/5 * * * *")  # what stops without a word is told within its interval plus five minutes
_OFTEN_LIMIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Job:
    """`key` is its source's, or None where it is of the whole system. Without a `cron` line it runs on and on.
    `references` are in the order of the schedule."""

    system: System
    key: str | None
    name: str
    arguments: tuple[str, ...]
    cron: Cron | None
    limit: timedelta
    references: tuple[str, ...]

    @property
    def proves(self) -> bool:
        """Whether it runs where the identity is."""
        return self.name in (VERIFY, REHEARSAL)

    @property
    def source(self) -> AnySource | None:
        return None if self.key is None else self.system.table.sources[self.key]

    @property
    def sources(self) -> tuple[AnySource, ...]:
        """Those that it restores, or captures: all of them, where they are drilled together."""
        if self.name == REHEARSAL:
            return tuple(self.system.table.sources.values())
        return () if self.source is None else (self.source,)

    @property
    def subject(self) -> str:
        return self.system.name if self.key is None else f"{self.system.name}/{self.key}"


def find_jobs(system: System, keys: tuple[str, ...], gateway: str | None) -> list[Job]:
    """Those of the sources that are named, and those of the system where all of its sources are. `gateway` is where
    metrics are pushed to, a URL or a reference to one."""
    table = system.table
    limit, quick = table.jobs.time_limit, min(table.jobs.time_limit, _OFTEN_LIMIT)
    found = []
    for key in keys:
        source, name = table.sources[key], f"{system.name}/{key}"
        found.append(_job(system, key, BACKUP, ("backup", "now", name), source.backup, limit))
        if isinstance(source, PhysicalTable):
            found.append(_job(system, key, FOLLOW, ("follow", name), None, limit))
        if source.verify:
            found.append(_job(system, key, VERIFY, ("verify", "now", name), source.verify, limit))
    if set(keys) == set(table.sources):
        for chore, cron in plans_of(system).items():
            found.append(_job(system, None, chore, (*COMMANDS[chore], system.name), cron, limit))
        if table.notify.urls:
            found.append(_job(system, None, NOTIFY, ("notify", system.name), _OFTEN, quick))
        if gateway:
            words = ("metrics", system.name, "--push", gateway)
            found.append(_job(system, None, METRICS, words, _OFTEN, quick, gateway))
    return found


def all_references(system: System, gateway: str | None) -> list[str]:
    """Each once, whichever sources are chosen."""
    jobs = find_jobs(system, tuple(system.table.sources), gateway)
    return list(dict.fromkeys(reference for job in jobs for reference in job.references))


def identities_of(system: System) -> tuple[str, ...]:
    return system.table.encryption.identity or (IDENTITY,)


def _job(
    system: System,
    key: str | None,
    name: str,
    arguments: tuple[str, ...],
    cron: Cron | None,
    limit: timedelta,
    gateway: str | None = None,
) -> Job:
    source = None if key is None else system.table.sources[key]
    read = tuple(dict.fromkeys(_references((_reads(system, source, name), gateway))))
    return Job(system, key, name, arguments, cron, limit, read)


def _reads(system: System, source: AnySource | None, job: str) -> object:
    """A drill signs evidence, a prune what it removes, a report itself. A backup is copied to the replicas at once, and
    a prune thins them out too. Who tells how sources stand must know whose keys open points, by their public halves."""
    table = system.table
    store, keys, ping = table.store, table.encryption, table.notify.ping_url
    place = (store.url, keys.signers)
    way = tuple(getattr(source, name, None) for name in ("dsn", "url", "ssh_key", "ssh_hosts"))
    mine = (way, (source.ping_url or ping) if source else None)
    look = (*place, store.replica, keys.recipients, keys.former_recipients)
    capture = (*place, store.replica, keys.recipients, keys.signing_key, *mine)
    reads: Mapping[str, object] = {
        BACKUP: capture,
        FOLLOW: capture,  # a log that began anew is answered with a base backup
        VERIFY: (*place, keys.signing_key, identities_of(system), source.scratch if source else None),
        REHEARSAL: (*place, keys.signing_key, identities_of(system), [each.scratch for each in table.sources.values()]),
        "prune": (*place, store.replica, keys.signing_key),
        "replicate": (*place, store.replica),
        "report": (*place, keys.signing_key),
        "evidence": place,
        "audit": place,
        NOTIFY: (*look, table.notify.urls),
        METRICS: look,
    }
    return reads[job]


def _references(value: object) -> Iterator[str]:
    """In texts, lists and tables."""
    if isinstance(value, str):
        if is_reference(value):
            yield value
    elif isinstance(value, dict):
        yield from _references(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _references(each)
    elif hasattr(type(value), "model_fields"):
        yield from _references(tuple(inner for _, inner in value))  # type: ignore[attr-defined]  # pydantic's way
