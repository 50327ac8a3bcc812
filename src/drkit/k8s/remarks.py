"""What is said in the text for those who read it: at its head, how to begin, and where each thing stands first, why."""

from collections.abc import Sequence

from drkit.config import System
from drkit.k8s.cluster import Cluster
from drkit.k8s.jobs import Job, all_references
from drkit.k8s.mounts import secret_keys
from drkit.k8s.names import aws_secret_of, name_job, secret_of
from drkit.k8s.volumes import DATABASE_CA

_KIND = "CronJob"
_JOB = f"{_KIND}.spec.jobTemplate.spec"
_POD = f"{_JOB}.template.spec"
_CONTAINER = f"{_POD}.containers"

REMARKS = {
    "Namespace.metadata.labels.pod-security.kubernetes.io/enforce": "Every pod here passes the strictest of the Pod"
    " Security Standards.",
    "ConfigMap.data": "The schedule: what is kept, how long, and what is promised. Secrets are in it by name alone.",
    "ServiceAccount.automountServiceAccountToken": "Nothing here talks to the API server, so nothing has a right there,"
    " or a token.\nOne account a job, so that each can have a cloud role of its own (docs/KUBERNETES.md).",
    "NetworkPolicy.spec.ingress": "Nobody connects to these pods. They reach names (53), the store and who is notified"
    " (443), and databases below.\nPorts, not addresses: those of a bucket change.",
    f"{_KIND}.spec.schedule": "As the schedule has it, in its time zone.",
    f"{_KIND}.spec.concurrencyPolicy": "A run that is still going is not overtaken.",
    f"{_KIND}.spec.startingDeadlineSeconds": "Missed, as the cluster was away? Made up for until the next one is due,"
    " a day at most.",
    f"{_JOB}.activeDeadlineSeconds": "jobs.time_limit of the schedule, for all tries together.",
    f"{_JOB}.podFailurePolicy": "A node that goes is not the job's fault. Where a configuration is wrong or a"
    " promise is broken,\ntrying again does not help.",
    f"{_POD}.topologySpreadConstraints": "Not all on one node.",
    f"{_POD}.securityContext.fsGroup": "The user of the image; Secrets and volumes are made readable for it.",
    f"{_CONTAINER}.image": "Yours, wherever this line stands.",
    f"{_CONTAINER}.env": "What this job reads, and nothing else: each name is also the key in the Secret.",
    f"{_CONTAINER}.resources": "No limit of CPU: it would only stretch the backup.",
    f"{_POD}.volumes.projected.defaultMode": "0440: read by the pod's user, written by nobody.",
    f"{_POD}.volumes.secret.items": "Only the keys that this job reads.",
    f"{_POD}.volumes.secret.optional": "Credentials of the store as AWS' own files, `credentials` and `config`;"
    " not there where a cloud role gives them.",
    f"{_POD}.volumes.emptyDir": "The only place that can be written.",
}


def head(jobs: Sequence[Job], cluster: Cluster) -> str:
    here, there = cluster.namespace, cluster.verify_namespace
    lines = [
        "drkit on Kubernetes 1.29 or newer, written by `drkit k8s`. docs/KUBERNETES.md says more.",
        "",
        f"1. Put your image in place of {cluster.image}, everywhere below.",
        "2. Look at the schedule in the ConfigMaps: its times, what is kept, what is promised.",
        "3. Make the Secrets. Each key is a file: one of `drkit keys new`, or one that holds that value.",
    ]
    for place, proves in ((here, False), (there, True)):
        mine = [job for job in jobs if job.proves == proves]
        if mine and (proves or cluster.owns_namespace):
            lines.append(f"     kubectl create namespace {place}")
        for system in dict.fromkeys(job.system for job in mine):
            lines.append(f"     kubectl create secret generic {secret_of(system.name)} --namespace {place} \\")
            lines += _columns([f"--from-file={key}" for key in _wanted(system, mine, cluster)])
    lines += [
        "   The identity goes into the second namespace alone, so whoever breaks into the first can read no backup;",
        "   and drills sign with a key of their own: `signing` is another file there.",
        "4. Unless a cloud role lets the ServiceAccounts reach the store, give its credentials as AWS' own file:",
    ]
    for system, place in dict.fromkeys((job.system, there if job.proves else here) for job in jobs):
        secret = aws_secret_of(system.name)
        lines.append(f"     kubectl create secret generic {secret} --namespace {place} --from-file=credentials")
    lines += [
        f"   A private authority that vouches for the database goes into the first Secret, as `{DATABASE_CA}`.",
        "5. kubectl apply -f this file. The first backup, at once:",
    ]
    for job in jobs[:1]:
        name = name_job(job.system.name, job.key, job.name)
        lines.append(f"     kubectl create job first-backup --namespace {here} --from=cronjob/{name}")
    return "\n".join(lines)


def _wanted(system: System, jobs: Sequence[Job], cluster: Cluster) -> list[str]:
    keys = secret_keys(str(system.file), all_references(system, cluster.gateway))
    references = dict.fromkeys(each for job in jobs if job.system is system for each in job.references)
    return [keys[each] for each in references]


def _columns(words: Sequence[str]) -> list[str]:
    rows = [words[at : at + 4] for at in range(0, len(words), 4)]
    return [f"       {' '.join(row)}{'' if row is rows[-1] else ' ' + chr(92)}" for row in rows]
