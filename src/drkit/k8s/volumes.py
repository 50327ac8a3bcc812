"""The volumes of one pod, and where each is: the schedule, keys, credentials, room to work, an application's data.

It must not know what else is in a pod.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from drkit.config.sources import AnySource, FilesTable, GitTable, RemoteTable, SqliteTable
from drkit.config.values import is_reference
from drkit.errors import UsageError
from drkit.k8s.cluster import SCHEDULES, TEMPORARY, Claim, Cluster
from drkit.k8s.jobs import BACKUP, FOLLOW, Job
from drkit.k8s.mounts import Folder, folders, hides, pod_path
from drkit.k8s.names import aws_secret_of, config_of, secret_of

AWS = PurePosixPath("/etc/drkit/aws")
AUTHORITY = PurePosixPath("/etc/drkit/database-ca")
DATABASE_CA = "database-ca"
_LITTLE = "1Gi"
# Without a group of its own the pod's user is a stranger to the files of a Secret.
_FOR_GROUP, _FOR_ALL = 0o440, 0o444


@dataclass(frozen=True, slots=True)
class Volume:
    name: str
    what: dict[str, Any]
    path: PurePosixPath
    read_only: bool = True

    @property
    def mount(self) -> dict[str, Any]:
        return {"name": self.name, "mountPath": str(self.path), **({"readOnly": True} if self.read_only else {})}


def volumes_of(job: Job, cluster: Cluster, keys: dict[str, str], claim: Claim | None) -> list[Volume]:
    """`keys` are those of the Secret, by reference."""
    mode = _FOR_ALL if claim else _FOR_GROUP
    found = list(_keys(job, folders(str(job.system.file), job.references, keys), mode))
    aws = {"secretName": aws_secret_of(job.system.name), "defaultMode": mode, "optional": True}
    found.append(Volume("aws", {"secret": aws}, AWS))
    if reads_database(job):
        items = [{"key": DATABASE_CA, "path": "ca.pem"}]
        said = {"secretName": secret_of(job.system.name), "defaultMode": mode, "optional": True, "items": items}
        found.append(Volume(DATABASE_CA, {"secret": said}, AUTHORITY))
    found += _room(job, cluster)
    if claim:
        read_only = not isinstance(job.source, SqliteTable)  # whose readers write into its -shm file
        said = {"claimName": claim.name, **({"readOnly": True} if read_only else {})}
        found.append(Volume("application", {"persistentVolumeClaim": said}, claim.path, read_only))
    _insist_on_places(job, [each.path for each in found])
    return found


def reads_database(job: Job) -> bool:
    return job.name in (BACKUP, FOLLOW) and isinstance(job.source, RemoteTable)


def claim_of(job: Job, cluster: Cluster) -> Claim | None:
    """The volume of the source that a backup reads, where that is one of files."""
    source = job.source
    path = source.path if isinstance(source, SqliteTable | FilesTable | GitTable) else None
    if job.name != BACKUP or path is None:
        return None
    claim = cluster.claims.get(job.subject)
    if claim is None:
        raise UsageError(
            f"{job.subject} is on the volume of an application, and its pod needs the claim of that volume",
            f"say --pvc {job.subject}=CLAIM,path=/where/it/is/mounted and --namespace the application's",
        )
    if not pod_path(path).is_relative_to(claim.path):
        raise UsageError(
            f"{job.subject}: {path} is not below {claim.path}, where its claim is mounted",
            "mount it where the schedule's path begins, or write the path as a pod sees it",
        )
    return claim


def _keys(job: Job, mounted: list[Folder], mode: int) -> Iterator[Volume]:
    """The schedule's own folder comes first. What lies beside a schedule is mounted with it."""
    system, secret = job.system.name, secret_of(job.system.name)
    for number, folder in enumerate(mounted):
        items = [{"key": key, "path": path} for key, path in folder.items]
        if folder.path == SCHEDULES:
            file = f"{system}.toml"
            own = {"configMap": {"name": config_of(system), "items": [{"key": file, "path": file}]}}
            sources = [own, *([{"secret": {"name": secret, "items": items}}] if items else [])]
            yield Volume("schedules", {"projected": {"defaultMode": mode, "sources": sources}}, folder.path)
        else:
            what = {"secret": {"secretName": secret, "defaultMode": mode, "items": items}}
            yield Volume("keys" if number == 1 else f"keys-{number}", what, folder.path)


def _room(job: Job, cluster: Cluster) -> Iterator[Volume]:
    """What can be written: /tmp, or folders that the schedule names for big copies, with a little /tmp beside them."""
    places = list(dict.fromkeys(_work_folder(job, source) for source in job.sources)) or [None]
    cloned = isinstance(job.source, GitTable) and job.source.url is not None
    roomy = job.proves or isinstance(job.source, SqliteTable) or cloned
    yield Volume("tmp", _empty(cluster, roomy and None in places), TEMPORARY, read_only=False)
    for number, work in enumerate(filter(None, places), 1):
        yield Volume("work" if number == 1 else f"work-{number}", _empty(cluster, roomy), work, read_only=False)


def _work_folder(job: Job, source: AnySource) -> PurePosixPath | None:
    """None where it works in /tmp."""
    if job.proves:
        named = source.scratch if source.scratch and not is_reference(source.scratch) else None
    else:
        named = source.spool if isinstance(source, SqliteTable | GitTable) else None
    place = pod_path(named) if named else TEMPORARY
    if place.is_relative_to(TEMPORARY):
        return None
    if place.is_relative_to(SCHEDULES):
        raise UsageError(f"{job.subject}: {named} is a folder that pods only read", "name one by its whole path")
    return place


def _empty(cluster: Cluster, roomy: bool) -> dict[str, Any]:
    if roomy and cluster.room.storage_class:
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": cluster.room.storage_class,
            "resources": {"requests": {"storage": cluster.room.size}},
        }
        return {"ephemeral": {"volumeClaimTemplate": {"spec": spec}}}
    return {"emptyDir": {"sizeLimit": cluster.room.size if roomy else _LITTLE}}


def _insist_on_places(job: Job, paths: list[PurePosixPath]) -> None:
    """Nothing is mounted into what is only read, or over the image."""
    for path in paths:
        inside = [other for other in paths if path.is_relative_to(other) and other not in (path, TEMPORARY)]
        if inside or paths.count(path) > 1 or (path != TEMPORARY and hides(path)):
            raise UsageError(
                f"{job.subject}: a pod cannot have {path}, as {inside[0] if inside else 'something else'} is there",
                "let the schedule, or --pvc, name another folder",
            )
