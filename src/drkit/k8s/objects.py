"""The objects around the pods: namespaces, accounts, schedules, what pods may reach, and when each runs.

It must not know how a configuration is read.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from drkit.config.sources import GitTable, RedisTable, RemoteTable
from drkit.config.values import is_reference
from drkit.errors import ConfigError, IntegrityError, NotRestorable, ObjectiveMissed, UsageError
from drkit.k8s.cluster import Cluster
from drkit.k8s.jobs import BACKUP, METRICS, NOTIFY, Job
from drkit.k8s.lines import patience, spell_for_kubernetes, spell_zone
from drkit.k8s.names import account_of, config_of, name_job
from drkit.k8s.pod import Object, labels_of, pod_of
from drkit.timetable import Cron

_OURS = {"app.kubernetes.io/name": "drkit"}
_HTTPS, _POSTGRES, _REDIS, _DNS = 443, 5432, 6379, 53
_USUAL = {"http": 80, "ssh": 22}
_RESTORE = "restore"
_KEPT = timedelta(days=7)
_TRIES_MORE = 2
_FOLLOWERS = 2
# To try again would end the same way.
_HOPELESS = [each.exit_code for each in (UsageError, ConfigError, NotRestorable, IntegrityError, ObjectiveMissed)]


def namespace(name: str) -> Object:
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return _object("v1", "Namespace", {"name": name, "labels": {**_OURS, **levels}})


def account(name: str, place: str) -> Object:
    metadata = {"name": account_of(name), "namespace": place, "labels": {**_OURS, "app.kubernetes.io/component": name}}
    return _object("v1", "ServiceAccount", metadata, automountServiceAccountToken=False)


def schedule(system: str, text: str, place: str) -> Object:
    metadata = {"name": config_of(system), "namespace": place, "labels": dict(_OURS)}
    return _object("v1", "ConfigMap", metadata, data={f"{system}.toml": text})


def way_out(place: str, ports: Iterable[int]) -> Object:
    """For every pod of drkit, and for no other that may be in the namespace: nobody comes in."""
    dns = [{"protocol": protocol, "port": _DNS} for protocol in ("UDP", "TCP")]
    others = [{"protocol": "TCP", "port": port} for port in sorted({_HTTPS, *ports})]
    spec = {
        "podSelector": {"matchLabels": dict(_OURS)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [{"ports": dns}, {"ports": others}],
    }
    return _object(
        "networking.k8s.io/v1", "NetworkPolicy", {"name": "drkit", "namespace": place, "labels": dict(_OURS)}, spec=spec
    )


def way_to_databases(job: str, place: str, ports: Iterable[int]) -> Object:
    labels = {**_OURS, "app.kubernetes.io/component": job}
    spec = {
        "podSelector": {"matchLabels": labels},
        "policyTypes": ["Egress"],
        "egress": [{"ports": [{"protocol": "TCP", "port": port} for port in sorted(set(ports))]}],
    }
    return _object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"name": f"drkit-{job}-databases", "namespace": place, "labels": labels},
        spec=spec,
    )


def cron_job(job: Job, cron: Cron, cluster: Cluster, now: datetime) -> Object:
    zone = job.system.table.timezone
    place = cluster.verify_namespace if job.proves else cluster.namespace
    labels = labels_of(job)
    work = {
        "activeDeadlineSeconds": max(1, int(job.limit.total_seconds())),
        "backoffLimit": 0 if job.name in (NOTIFY, METRICS) else _TRIES_MORE,
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": _HOPELESS}},
            ]
        },
        "ttlSecondsAfterFinished": int(_KEPT.total_seconds()),
        "template": {"metadata": {"labels": labels}, "spec": pod_of(job, cluster)},
    }
    spec = {
        "schedule": spell_for_kubernetes(cron),
        "timeZone": spell_zone(zone),
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": int(patience(cron, zone, now).total_seconds()),
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"metadata": {"labels": labels}, "spec": work},
    }
    name = name_job(job.system.name, job.key, job.name)
    return _object("batch/v1", "CronJob", {"name": name, "namespace": place, "labels": labels}, spec=spec)


def follower(job: Job, cluster: Cluster) -> Object:
    """Two pods: the one that has the server's slot works, and the other takes over when it is gone."""
    labels = labels_of(job)
    mine = {**labels, "source": str(job.key)}
    spec = {
        "replicas": _FOLLOWERS,
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": mine},
        "template": {"metadata": {"labels": mine}, "spec": pod_of(job, cluster)},
    }
    metadata = {"name": name_job(job.system.name, job.key, job.name), "namespace": cluster.namespace, "labels": labels}
    return _object("apps/v1", "Deployment", metadata, spec=spec)


def reaches_databases(job: Job) -> list[str]:
    """Which components: a backup its source, a drill a server that is lent. Where the identity is, somebody may restore
    one day, by a Job that is made then."""
    servers = [source for source in job.sources if isinstance(source, RemoteTable)]
    if not servers:
        return []
    if not job.proves:
        return [job.name]
    lent = any(source.scratch is not None and is_reference(source.scratch) for source in servers)
    return [job.name, _RESTORE] if lent else [_RESTORE]


def database_ports(job: Job) -> set[int]:
    servers = [source for source in job.sources if isinstance(source, RemoteTable)]
    return {_REDIS if isinstance(source, RedisTable) else _POSTGRES for source in servers}


def shown_ports(jobs: Sequence[Job], cluster: Cluster) -> set[int]:
    """Those that stand in URLs; one behind a reference may have another, and so may a repository's short form."""
    urls = [url for job in jobs for url in _urls(job) if not is_reference(url)]
    ends = [end for url in urls for end in parse_qs(urlsplit(url).query).get("endpoint_url", [])]
    repositories = [job.source.url for job in jobs if job.name == BACKUP and isinstance(job.source, GitTable)]
    ends += [url for url in repositories if url and "://" in url and not is_reference(url)]
    if cluster.gateway and not is_reference(cluster.gateway):
        ends += [cluster.gateway for job in jobs if job.name == METRICS]
    return {urlsplit(end).port or _USUAL.get(urlsplit(end).scheme, _HTTPS) for end in ends}


def _urls(job: Job) -> list[str]:
    store = job.system.table.store
    found = [store.url, *(each.url for each in store.replica)]
    for url in found:
        if url.startswith("file://"):
            raise ConfigError(
                f"{job.system.file}: {url} is a folder, and pods have none in common",
                "let store.url name a bucket: s3://bucket/prefix?region=…",
            )
    return found


def _object(version: str, kind: str, metadata: Object, **rest: object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
