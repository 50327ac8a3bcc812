"""One pod that runs one job: as nobody, without rights, with a root that is read only, and with what its job reads.

It must not know when it runs.
"""

from typing import Any

from drkit.config.sources import ServerTable
from drkit.config.values import is_reference
from drkit.k8s.cluster import SCHEDULES, TEMPORARY, USER, Cluster
from drkit.k8s.jobs import Job, all_references
from drkit.k8s.mounts import secret_keys, variables
from drkit.k8s.names import account_of, name_system, secret_of
from drkit.k8s.volumes import AUTHORITY, AWS, claim_of, reads_database, volumes_of

Object = dict[str, Any]

_SMALL = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
_LARGE = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
_GRACE_SECONDS = 60  # what runs is ended and removed within it


def labels_of(job: Job) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "drkit",
        "app.kubernetes.io/instance": name_system(job.system.name),
        "app.kubernetes.io/component": job.name,
    }


def pod_of(job: Job, cluster: Cluster) -> Object:
    """The spec."""
    claim = claim_of(job, cluster)
    keys = secret_keys(str(job.system.file), all_references(job.system, cluster.gateway))
    volumes = volumes_of(job, cluster, keys, claim)
    user = claim.user if claim else USER
    group = {} if claim else {"fsGroup": USER}  # the kubelet would give the application's files to that group
    return {
        "serviceAccountName": account_of(job.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never" if job.cron else "Always",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            **group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [_spread()],
        **({"affinity": _beside(*claim.beside)} if claim and claim.beside else {}),
        "containers": [
            {
                "name": "drkit",
                "image": cluster.image,
                "imagePullPolicy": "IfNotPresent",
                "args": list(job.arguments),
                "env": _environment(job, keys),
                "resources": _LARGE if job.proves else _SMALL,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [each.mount for each in volumes],
            }
        ],
        "volumes": [{"name": each.name, **each.what} for each in volumes],
    }


def _environment(job: Job, keys: dict[str, str]) -> list[Object]:
    """What a schedule says of a variable goes before what is said here."""
    said = {
        "DRKIT_CONFIG": str(SCHEDULES),
        "TMPDIR": str(TEMPORARY),
        "AWS_CONFIG_FILE": str(AWS / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(AWS / "credentials"),
    }
    if reads_database(job) and isinstance(job.source, ServerTable):
        said["PGSSLROOTCERT"] = str(AUTHORITY / "ca.pem")
    secret = secret_of(job.system.name)
    known = variables(job.references)
    plain: list[Object] = [{"name": name, "value": value} for name, value in said.items() if name not in known]
    if reads_database(job) and isinstance(job.source, ServerTable) and not is_reference(job.source.dsn):
        plain.append(_from_secret("PGPASSWORD", secret, "PGPASSWORD", optional=True))
    return plain + [_from_secret(name, secret, keys[f"env:{name}"]) for name in known]


def _from_secret(name: str, secret: str, key: str, optional: bool = False) -> Object:
    may_lack = {"optional": True} if optional else {}
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, **may_lack}}}


def _spread() -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "drkit"}},
    }


def _beside(key: str, value: str) -> Object:
    term = {"labelSelector": {"matchLabels": {key: value}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
