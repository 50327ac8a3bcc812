"""Every figure that drkit tells Prometheus of: its name, type, labels and meaning. docs/METRICS.md says the same.

No label is called `job` or `instance`: Prometheus gives those to whatever it scrapes. It must not know any figure.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "info"]

SOURCE = ("system", "source")
KIND = (*SOURCE, "kind")  # `source` is empty for what belongs to the whole system
REPLICA = (*SOURCE, "replica")


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Sample:
    """`labels` are the values, in the order of the metric's."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


def _gauge(name: str, labels: tuple[str, ...], meaning: str) -> Metric:
    return Metric(f"drkit_{name}", "gauge", labels, meaning)


INFO = Metric("drkit_info", "info", ("version",), "The version of drkit.")
CONFIG_VALID = _gauge("config_valid", (), "Whether all schedules could be loaded: 1, or 0.")
LAST_LOOK = _gauge("last_look_timestamp_seconds", (), "When the stores were looked at last.")
LOOK_FAILED = _gauge("look_failed", SOURCE, "1 if its store could not be looked at, and 0 if it could.")

SOURCE_INFO = Metric("drkit_source_info", "info", KIND, "What the source is: postgres, sqlite, files or redis.")
HEALTHY = _gauge("healthy", SOURCE, "1 if every promise is kept and nothing is wrong, and 0 otherwise.")
HEALTHY_UNTIL = _gauge(
    "healthy_until_timestamp_seconds", SOURCE, "When a healthy source is so no more, if nothing new comes by then."
)
TROUBLE = _gauge("trouble", KIND, "How many troubles of this kind there are now; absent if none.")
WARNING = _gauge("warning", KIND, "How many warnings of this kind there are now; absent if none.")
CAPTURED = _gauge("last_captured_timestamp_seconds", SOURCE, "The moment of the newest point that can be relied on.")
VERIFIED = _gauge("last_verified_timestamp_seconds", SOURCE, "When a drill last showed that a point can be restored.")
RPO = _gauge("rpo_seconds", SOURCE, "How much would be lost now: the age of the newest point.")
RPO_OBJECTIVE = _gauge("rpo_objective_seconds", SOURCE, "The RPO that was promised.")
RTO = _gauge("rto_seconds", SOURCE, "How long the restore of the last drill that tells took.")
RTO_EXPECTED = _gauge("rto_expected_seconds", SOURCE, "How long the newest point would take, by that drill.")
RTO_OBJECTIVE = _gauge("rto_objective_seconds", SOURCE, "The RTO that was promised.")
RTO_MISSED = _gauge(
    "rto_forecast_missed_timestamp_seconds", SOURCE, "From when on the RTO is missed by the forecast; absent if kept."
)
DURATION = _gauge("backup_duration_seconds", SOURCE, "How long the newest backup took.")
FAILURES = Metric("drkit_backup_failures_total", "counter", SOURCE, "Backups that failed, from the first one on.")
NEXT_BACKUP = _gauge("next_backup_timestamp_seconds", SOURCE, "When the next backup is planned.")
NEXT_DRILL = _gauge("next_drill_timestamp_seconds", SOURCE, "When the next drill is planned.")
BACKUP_LATE = _gauge(
    "backup_overdue_timestamp_seconds", SOURCE, "When a backup is overdue, if no new one has ended well by then."
)
DRILL_LATE = _gauge(
    "drill_overdue_timestamp_seconds", SOURCE, "When a drill is overdue, if no new one has come to its end by then."
)
POINTS = _gauge("points", SOURCE, "Points in time that there are.")
STORED = _gauge("stored_bytes", SOURCE, "What these points take in the store.")
GAPS = _gauge("gaps", SOURCE, "Past gaps between points that were wider than the RPO.")
REPLICA_HEALTHY = _gauge("replica_healthy", REPLICA, "1 if the replica can be relied on, and 0 otherwise.")
REPLICA_CAPTURED = _gauge(
    "replica_last_captured_timestamp_seconds", REPLICA, "The moment of the newest whole point in the replica."
)
REPLICA_LAG = _gauge("replica_lag_seconds", REPLICA, "The age of that point: what a lost region would cost now.")
LOG_LAG = _gauge("log_lag_seconds", SOURCE, "How far the continuous log in the store was behind the server.")
SLOT_SAFE = _gauge(
    "slot_safe_bytes",
    SOURCE,
    "What the server may still write before its replication slot is lost; absent if no limit.",
)

JOB_FAILURES = Metric(
    "drkit_job_failures_total", "counter", KIND, "Runs of the job that failed, from the first one on."
)
JOB_FAILING = _gauge("job_failing", KIND, "1 if the job's newest run did not end well, and 0 otherwise.")
JOB_DONE = _gauge("job_last_success_timestamp_seconds", KIND, "When the job's last good run began.")
JOB_FAILED = _gauge("job_last_failure_timestamp_seconds", KIND, "When the job's last failed run began.")

STARTED = _gauge("daemon_start_timestamp_seconds", (), "When the daemon was started.")
JOBS_RUNNING = _gauge("jobs_running", (), "Jobs that the daemon runs now.")
RUNNING = _gauge("job_running_seconds", KIND, "How long the job has been running; absent if it is not.")
EXIT_CODE = _gauge("job_last_exit_code", KIND, "How the daemon's last run of the job ended; negative for a signal.")
ENDED = _gauge("job_last_end_timestamp_seconds", KIND, "When the daemon's last run of the job ended.")
TOOK = _gauge("job_last_duration_seconds", KIND, "How long the daemon's last run of the job took.")

METRICS = tuple(each for each in dict(globals()).values() if isinstance(each, Metric))
