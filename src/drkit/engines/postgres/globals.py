"""What a dump of one database leaves out: the roles, and what the database is beside its content.

Managed servers let a role read only some of it. What may not be read is left out, and a note tells so.
"""

import psycopg

from drkit.engines.postgres.database import (
    apply_settings,
    capture_comment,
    capture_creation,
    capture_labels,
    capture_rights,
    capture_settings,
    create_database,
    create_in_some_locale,
)
from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.names import quote_name
from drkit.engines.postgres.roles import (
    apply_roles,
    bar_login,
    capture_memberships,
    capture_role_labels,
    capture_role_settings,
    capture_roles,
    missing_roles,
)
from drkit.engines.postgres.statements import ask
from drkit.engines.postgres.steps import Steps

__all__ = [
    "apply_roles",
    "apply_settings",
    "bar_login",
    "capture_globals",
    "create_database",
    "create_in_some_locale",
    "missing_roles",
]

_SETTINGS, _MEMBERSHIPS, _LABELS = "pg_db_role_setting", "pg_auth_members", "pg_shseclabel"
_LOST = {
    _SETTINGS: "settings of roles and of the database",
    _MEMBERSHIPS: "memberships of roles",
    _LABELS: "security labels",
}
_READABLE = """
SELECT name FROM unnest(ARRAY['pg_db_role_setting', 'pg_auth_members', 'pg_shseclabel']) AS asked (name)
 WHERE has_table_privilege(name, 'SELECT')
"""
_TABLESPACES = "SELECT spcname::text FROM pg_tablespace WHERE spcname !~ '^pg_' ORDER BY spcname COLLATE \"C\""


def capture_globals(connection: psycopg.Connection, facts: Facts) -> Steps:
    """It asks for nothing that may be refused, as a refusal would end the caller's transaction."""
    readable = {name for (name,) in ask(connection, _READABLE)}
    roles = [*capture_roles(connection, facts)]
    settings = [*capture_comment(connection)]
    if _SETTINGS in readable:
        roles += capture_role_settings(connection, facts)
        settings += capture_settings(connection)
    settings += capture_rights(connection)
    if _LABELS in readable:
        roles += capture_role_labels(connection, facts)
        settings += capture_labels(connection)
    if _MEMBERSHIPS in readable:
        roles += capture_memberships(connection, facts)
    return Steps(
        roles=tuple(roles),
        create=capture_creation(connection, facts),
        copies=(),
        settings=tuple(settings),
        notes=tuple(_notes(connection, facts, readable)),
    )


def _notes(connection: psycopg.Connection, facts: Facts, readable: set[str]) -> list[str]:
    notes = [
        f"{lost} are not captured, as {facts.role} may not read {name}"
        for name, lost in _LOST.items()
        if name not in readable
    ]
    if not facts.reads_passwords:
        notes.append(f"passwords of roles are not captured, as {facts.role} may not read pg_authid")
    if facts.manager:
        notes.append(f"roles that belong to the provider ({facts.manager} and its like) are not captured")
    notes += [
        f"tablespace {quote_name(name)} is not captured, as it is a folder of that server"
        for (name,) in ask(connection, _TABLESPACES)
    ]
    return notes
