"""What a drill asks of a restored database: does it answer, is it what was captured, is it sound.

It must not know where the database stands, nor what a drill makes of the outcome.
"""

from collections.abc import Iterator, Sequence

from drkit.engines.postgres.amcheck import check_structure
from drkit.engines.postgres.comparison import Compared, choose_for_target, compare
from drkit.engines.postgres.differences import Difference, counted
from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.globals import missing_roles
from drkit.engines.postgres.lacking import find_lacking
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.parts import Part, choose_part, fit_steps, fit_wishes
from drkit.engines.postgres.point import StoredPoint
from drkit.engines.postgres.role_comparison import compare_roles
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.standing import Standing
from drkit.engines.postgres.steps import Steps
from drkit.errors import NotRestorable
from drkit.model import Check, Manifest, Wishes
from drkit.ports import Clock, Load

_TABLES = """
select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
"""
_WISHES = Wishes(tolerant=True)


def prove(
    server: Server, options: DumpOptions, manifest: Manifest, load: Load, clock: Clock, *, lent: bool
) -> Iterator[Check]:
    """Beside what a tolerant restore leaves out at that server. A `lent` one has roles of its own, too."""
    try:
        with server.session() as connection:
            [(tables,)] = connection.execute(_TABLES)
            facts = look_at_server(connection, clock, NotRestorable)
    except NotRestorable as error:
        yield Check("first query", "failed", "an answer", str(error))
        return
    yield Check("first query", "passed", "an answer", counted(tables, "table"))
    point = StoredPoint(manifest, load)
    programs = choose_for_target(options, point, facts)
    wishes = fit_wishes(_WISHES, facts)
    part = _restored_part(server, facts, point, wishes)
    yield from _tell(compare(server, programs, point, part.expectation(wishes), options.workers))
    yield from _check_roles(server, facts, fit_steps(point.read_steps(), wishes, part), lent)
    yield check_structure(server, programs, options.workers)


def _restored_part(server: Server, facts: Facts, point: StoredPoint, wishes: Wishes) -> Part:
    outline, _ = point.read_outline()
    with server.session() as connection:
        lacking = find_lacking(connection, outline, point.contents)
    return choose_part(outline, wishes, facts, Standing(None), lacking)


def _tell(compared: Compared) -> Iterator[Check]:
    for group in compared.groups:
        yield from _tell_group(group.subject, group.expected, group.differences)
    for unseen in compared.unseen:
        yield Check(unseen.subject, "not testable", "as captured", unseen.reason)
    for other in compared.versions:
        yield Check(other.subject, "passed", other.expected, other.found)


def _check_roles(server: Server, facts: Facts, steps: Steps, lent: bool) -> Iterator[Check]:
    with server.session() as connection:
        if lent:
            missing = [Difference(f"role {name}", "present", "missing") for name in missing_roles(connection, steps)]
            yield from _tell_group("roles", "present", missing)
        else:
            yield from _tell_group("roles", "as captured", list(compare_roles(connection, facts, steps)))


def _tell_group(subject: str, expected: str, differences: Sequence[Difference]) -> Iterator[Check]:
    """One check if all is well, and else one for each difference."""
    if not differences:
        yield Check(subject, "passed", expected, expected)
    for each in differences:
        found = f"{each.found}: {each.rows}" if each.rows else each.found
        yield Check(each.subject, "failed", each.expected, found)
