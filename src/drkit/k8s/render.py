"""A configuration as a list of documents, in the order in which they are made: `now` is an argument.

It must not know how they are written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drkit.config import System
from drkit.errors import ConfigError, UsageError
from drkit.k8s import objects
from drkit.k8s.cluster import Cluster
from drkit.k8s.jobs import BACKUP, VERIFY, Job, find_jobs, identities_of
from drkit.k8s.pod import Object
from drkit.k8s.schedules import with_identity, without_identity
from drkit.timetable import first_skipped
from drkit.when import format_length


@dataclass(frozen=True, slots=True)
class Chosen:
    """A system, its file's text, and which of its sources are wanted."""

    system: System
    text: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """`jobs` are those that the documents run, and `notes` what somebody should know who applies them."""

    documents: tuple[Object, ...]
    jobs: tuple[Job, ...]
    notes: tuple[str, ...]


def render(chosen: Sequence[Chosen], cluster: Cluster, now: datetime) -> Rendered:
    jobs = [job for each in chosen for job in find_jobs(each.system, each.keys, cluster.gateway)]
    known = {job.subject for job in jobs}
    for subject in cluster.claims:
        if subject not in known or "/" not in subject:
            raise UsageError(f"--pvc {subject}: no such source is chosen", "write SYSTEM/SOURCE=CLAIM,path=/folder")
    for each in chosen:
        _insist_on_signing(each.system)
    texts = {each.system.name: (each.text, each.system) for each in chosen}
    here = _side(
        cluster.namespace, cluster.owns_namespace, [job for job in jobs if not job.proves], texts, cluster, now
    )
    there = _side(cluster.verify_namespace, True, [job for job in jobs if job.proves], texts, cluster, now)
    _insist_on_names([*here, *there])
    return Rendered((*here, *there), tuple(jobs), tuple(note for job in jobs for note in _notes(job, now)))


def _side(
    place: str,
    owned: bool,
    jobs: Sequence[Job],
    texts: Mapping[str, tuple[str, System]],
    cluster: Cluster,
    now: datetime,
) -> list[Object]:
    if not jobs:
        return []
    systems = dict.fromkeys(job.system.name for job in jobs)
    names = dict.fromkeys(job.name for job in jobs)
    found = [objects.namespace(place)] if owned else []
    found += [objects.schedule(name, _text(*texts[name], proves=jobs[0].proves), place) for name in systems]
    found += [objects.account(name, place) for name in names]
    found.append(objects.way_out(place, {*objects.shown_ports(jobs, cluster), *cluster.ports}))
    databases: dict[str, list[int]] = {}
    for job in jobs:
        for name in objects.reaches_databases(job):
            databases.setdefault(name, []).append(objects.database_port(job))
    found += [objects.way_to_databases(name, place, ports) for name, ports in databases.items()]
    return found + [
        objects.cron_job(job, job.cron, cluster, now) if job.cron else objects.follower(job, cluster) for job in jobs
    ]


def _text(text: str, system: System, proves: bool) -> str:
    file = str(system.file)
    return with_identity(file, text, identities_of(system)) if proves else without_identity(file, text)


def _insist_on_signing(system: System) -> None:
    if system.table.encryption.signing_key is None:
        raise ConfigError(
            f"{system.file}: encryption.signing_key is missing, and backups and evidence are signed",
            'say where pods find one: signing_key = "file:/run/secrets/drkit/signing"',
        )


def _insist_on_names(documents: Sequence[Object]) -> None:
    seen = set()
    for each in documents:
        name = (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        if name in seen:
            raise UsageError(f"two objects would be called {name[2]}", "rename a system or a source")
        seen.add(name)


def _notes(job: Job, now: datetime) -> list[str]:
    zone = job.system.table.timezone
    notes = []
    if job.cron and (skipped := first_skipped(job.cron, zone, now)):
        notes.append(
            f"{job.subject}: Kubernetes leaves out the {job.name} of {skipped:%Y-%m-%d %H:%M}, as clocks skip that time"
            f" in {zone.key}: choose another hour, or run it several times a day"
        )
    if job.system.table.jobs.jitter and job.name in (BACKUP, VERIFY):
        notes.append(
            f"{job.subject}: Kubernetes knows no jitter: {job.name} starts on time, and"
            f" not up to {format_length(job.system.table.jobs.jitter)} later"
        )
    return notes
