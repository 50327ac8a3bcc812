"""What a drill asks of a restored server: does it answer, is it the one that was captured, are its databases sound, and
did it stop where it was to. It must not know what a drill makes of the outcome.
"""

from collections.abc import Iterator
from dataclasses import replace

from drkit.engines.postgres.amcheck import check_structure
from drkit.engines.postgres.differences import counted
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.options import default_jobs
from drkit.engines.postgres.recovery.scratch import ScratchCluster
from drkit.errors import NotRestorable
from drkit.model import Check
from drkit.restore.travel import Travel
from drkit.when import format_moment

_DATABASES = "SELECT datname::text FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname"


def prove_server(place: ScratchCluster, travel: Travel) -> Iterator[Check]:
    server = parse_dsn(place.dsn("postgres"), NotRestorable)
    try:
        with server.session() as connection:
            found = [name for (name,) in connection.execute(_DATABASES)]
    except NotRestorable as error:
        yield Check("first query", "failed", "an answer", str(error))
        return
    yield Check("first query", "passed", "an answer", counted(len(found), "database"))
    yield _check_place(place, travel)
    for name in found:
        check = check_structure(parse_dsn(place.dsn(name), NotRestorable), place.cluster.programs, default_jobs())
        yield replace(check, name=f"amcheck {name}")


def _check_place(place: ScratchCluster, travel: Travel) -> Check:
    """Of the server itself, and not of what was planned: what it has replayed, and whose it is."""
    journey = travel.journey
    system, moment, reached = journey.way.stretch.system, journey.moment, place.reached
    expected = f"server {system}" + (f", no transaction after {format_moment(moment)}" if moment else "")
    if reached is None:
        return Check("recovery", "failed", expected, "nothing was reached")
    last = format_moment(reached.last) if reached.last else "none"
    actual = f"server {reached.system}, the last transaction is of {last}, position {reached.lsn}"
    late = moment is not None and reached.last is not None and reached.last > moment
    return Check("recovery", "failed" if late or reached.system != system else "passed", expected, actual)
