"""Which part of a point a restore brings back: what was wished for, and what the role at the target may make. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from drkit.engines.postgres.archive_head import Contents, Entry
from drkit.engines.postgres.comparison import Expectation
from drkit.engines.postgres.contents import Name
from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.lacking import Lacking, split
from drkit.engines.postgres.names import read_name
from drkit.engines.postgres.selection import select
from drkit.engines.postgres.standing import Standing
from drkit.engines.postgres.steps import Steps
from drkit.engines.postgres.taken import list_objects
from drkit.model import Check, Wishes

_WITH_ROWS = ("TABLE", "TABLE DATA")
_PRIVILEGES = ("ACL", "DEFAULT ACL")
# No other role may make these on a plain server, and no table needs them.
_FOR_SUPERUSERS = ("EVENT TRIGGER", "SUBSCRIPTION", "PUBLICATION TABLES IN SCHEMA")
_OWNERS = 'ALTER DATABASE :"target" OWNER TO '
_RIGHTS = ("GRANT ", "REVOKE ")
_NAMING_ROLES = ("POLICY", "USER MAPPING")
_CREATE_ROLE = re.compile(r'CREATE ROLE (?:U&)?"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class Part:
    """`entries` are those of the archive. `tables` get their rows; None is every one but those `without`. `untested` is
    what this server cannot have, and `losses` what goes with each extension that it lacks."""

    entries: tuple[Entry, ...]
    tables: frozenset[Name] | None
    notes: tuple[str, ...]
    without: frozenset[Name] = frozenset()
    untested: tuple[Check, ...] = ()
    losses: tuple[tuple[Lacking, Sequence[Entry]], ...] = ()

    def has_rows_of(self, table: Name) -> bool:
        return table not in self.without and (self.tables is None or table in self.tables)

    def expectation(self, wishes: Wishes) -> Expectation:
        """Who may do what is not looked at where another owner was wished for."""
        apart = wishes.no_privileges or wishes.no_owner or wishes.owner
        return Expectation(
            wishes.compare,
            self.tables,
            frozenset(each.key for each in self.entries if each.kind == "SEQUENCE SET"),
            tuple(each for each in list_objects(self.entries) if not (apart and each.kind in _PRIVILEGES)),
            rows=not wishes.schema_only,
            without=self.without,
        )


def fit_wishes(wishes: Wishes, facts: Facts) -> Wishes:
    """Who is no superuser may give little away, and grant little."""
    bound = wishes.tolerant and not facts.superuser
    return replace(wishes, no_owner=True, no_privileges=True) if bound else wishes


def choose_part(
    outline: Contents, wishes: Wishes, facts: Facts, standing: Standing, lacking: Sequence[Lacking] = ()
) -> Part:
    """`standing` is what an existing database has already, and an extension may need: schemas."""
    entries, tables, notes = outline.entries, None, list[str]()
    without, untested = frozenset[Name](), list[Check]()
    losses = list[tuple[Lacking, Sequence[Entry]]]()
    if wishes.tables:
        selection = select(outline, wishes.tables)
        entries, tables = selection.entries, selection.tables
        notes += selection.notes
    for extension in lacking:
        entries, lost = split(entries, extension.is_needed_by)
        without |= {each.key for each in lost if each.kind in _WITH_ROWS}
        untested.append(extension.tell(lost))
        losses.append((extension, lost))
    if wishes.tolerant and not facts.superuser:
        told = f"not restored, as {facts.role} is no superuser on the scratch server"
        untested.append(Check("owners and privileges", "not testable", "as captured", told))
    if wishes.owner or not facts.superuser:
        role = wishes.owner or facts.role
        entries, lost = split(entries, _is_reserved)
        notes += [f"left out: {each.described}, which {role} may not make" for each in lost]
        untested += [Check(each.described, "not testable", "present", f"{role} may not make it") for each in lost]
    if standing.used is False:
        there = {
            each.number for each in entries if each.kind == "SCHEMA" and each.name in standing.schemas - {"public"}
        }
        notes += [f"schema {each.name} is there already and stays as it is" for each in entries if each.number in there]
        entries = tuple(each for each in entries if each.number not in there)
    return Part(entries, tables, tuple(notes), without, tuple(untested), tuple(losses))


def fit_steps(steps: Steps, wishes: Wishes, part: Part) -> Steps:
    """Without owners and rights that are not wished for. With neither, only those roles are needed that the schema
    itself names, and they get nothing but a name."""
    settings = [each for each in steps.settings if not (wishes.no_privileges and each.startswith(_RIGHTS))]
    if wishes.no_owner or wishes.owner:
        settings = [each for each in settings if not each.startswith(_OWNERS)]
    roles = steps.roles
    if wishes.no_owner and wishes.no_privileges:
        named = "\n".join(each.definition for each in part.entries if each.kind in _NAMING_ROLES)
        created = [match[0] for each in roles if (match := _CREATE_ROLE.match(each))]
        roles = tuple(each for each in created if _is_named(each.removeprefix("CREATE ROLE "), named))
    return replace(steps, roles=roles, settings=() if wishes.tables else tuple(settings))


def _is_named(quoted: str, text: str) -> bool:
    name = read_name(quoted)
    quoted_plainly = '"' + name.replace('"', '""') + '"'
    return quoted_plainly in text or re.search(rf"\b{re.escape(name)}\b", text) is not None


def _is_reserved(entry: Entry) -> bool:
    return (
        entry.kind in _FOR_SUPERUSERS
        or (entry.kind == "PUBLICATION" and " FOR ALL TABLES" in entry.definition)
        or (entry.kind == "COMMENT" and entry.name.startswith("EXTENSION "))
    )
