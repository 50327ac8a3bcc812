"""What Prometheus is told: pure functions of what was seen in the stores, of the daemon's state, and of `now`."""

from collections.abc import Iterator
from datetime import datetime

from drkit import __version__
from drkit.bulletin import Bulletin
from drkit.metrics import names
from drkit.metrics.daemon import DaemonState, tell_daemon
from drkit.metrics.names import METRICS, Metric, Sample
from drkit.metrics.sources import count_kinds, tell, tell_looks, tell_source, tell_systems
from drkit.metrics.text import OPENMETRICS, PROMETHEUS, write

__all__ = ["METRICS", "OPENMETRICS", "PROMETHEUS", "DaemonState", "Metric", "Sample", "render", "tell_all"]


def render(bulletin: Bulletin, now: datetime, daemon: DaemonState | None = None, openmetrics: bool = False) -> str:
    """As text, of the type PROMETHEUS or OPENMETRICS. Without a daemon the look was made just now."""
    return write(tell_all(bulletin, now, daemon), openmetrics)


def tell_all(bulletin: Bulletin, now: datetime, daemon: DaemonState | None = None) -> Iterator[Sample]:
    yield Sample(names.INFO, (__version__,), 1)
    yield from tell(names.CONFIG_VALID, (), not (daemon and daemon.config_error))
    yield from tell(names.LAST_LOOK, (), daemon.looked_at if daemon else now)
    yield from tell_looks(bulletin)
    for source in bulletin.sources:
        yield from tell_source(source, now)
    yield from tell_systems(bulletin)
    yield from count_kinds(names.TROUBLE, _troubles(bulletin, daemon))
    yield from count_kinds(names.WARNING, _warnings(bulletin))
    if daemon:
        yield from tell_daemon(daemon, now)


def _troubles(bulletin: Bulletin, daemon: DaemonState | None) -> Iterator[tuple[str, str]]:
    for source in bulletin.sources:
        yield from ((source.source, each.kind) for each in source.troubles)
    for system in bulletin.systems:
        yield from ((system.system, each.kind) for each in system.troubles)
    for about, troubles in daemon.troubles.items() if daemon else ():
        yield from ((about, each.kind) for each in troubles)


def _warnings(bulletin: Bulletin) -> Iterator[tuple[str, str]]:
    return ((source.source, each.kind) for source in bulletin.sources for each in source.warnings)
