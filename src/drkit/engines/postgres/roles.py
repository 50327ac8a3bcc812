"""The roles of a server, both ways: as statements that make them anew, and made where they are missing.

A role that is there already is never altered. No note holds a password or the value of a setting.
"""

import re
from collections.abc import Iterator

import psycopg

from drkit.engines.postgres.assignments import spell_assignment
from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.names import quote_name, quote_text, read_name
from drkit.engines.postgres.statements import ask, attempt
from drkit.engines.postgres.steps import Steps

# `postgres` is where a cluster begins, so every server has it.
_OURS = "r.rolname !~ '^pg_' AND NOT (r.oid = 10 AND r.rolname = 'postgres')"
# What belongs to a provider is the provider's to make.
_PROVIDERS = (
    "r.rolname ~ '^(rds_|rds[a-z]*admin$|rdstopmgr$|cloudsql|alloydb|azure_|azuresu$|neon_superuser$|neon_service$"
    "|cloud_admin$)'"
)
_ROLES = """
SELECT r.rolname::text, array_remove(ARRAY[
           CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END,
           CASE WHEN r.rolcanlogin THEN 'LOGIN' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
           CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
           CASE WHEN r.rolconnlimit <> -1 THEN 'CONNECTION LIMIT ' || r.rolconnlimit END], NULL),
       r.rolvaliduntil::text, {password}, shobj_description(r.oid, 'pg_authid')
  FROM {catalog} r WHERE {ours} ORDER BY r.rolname COLLATE "C"
"""
_SETTINGS = """
SELECT r.rolname::text, unnest(s.setconfig) FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
 WHERE s.setdatabase = 0 AND (s.setrole = 0 OR {ours}) ORDER BY r.rolname COLLATE "C" NULLS FIRST
"""
# A role may have been granted twice, by different grantors: what it may do is what any of them gave.
_MEMBERSHIPS = """
SELECT g.rolname::text, r.rolname::text, bool_or(m.admin_option){options}
  FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
 WHERE {ours} GROUP BY g.rolname, r.rolname ORDER BY r.rolname COLLATE "C", g.rolname COLLATE "C"
"""
_LABELS = """
SELECT r.rolname::text, l.provider, l.label FROM pg_shseclabel l JOIN pg_roles r ON r.oid = l.objoid
 WHERE l.classoid = 'pg_authid'::regclass AND {ours} ORDER BY r.rolname COLLATE "C", l.provider
"""
_NAME = r'(?P<{}>U&"(?:[^"]|"")*"|"(?:[^"]|"")*")'
CREATE = re.compile(rf"CREATE ROLE {_NAME.format('role')}(?: WITH (?P<clauses>.*))?$")
OF_ROLE = re.compile(rf"(?:ALTER|COMMENT ON|SECURITY LABEL .* ON) ROLE {_NAME.format('role')} ")
GRANT = re.compile(rf"GRANT {_NAME.format('group')} TO {_NAME.format('role')}")
CLAUSE = re.compile(r"(CONNECTION LIMIT -?\d+|(?:PASSWORD|VALID UNTIL) E?'(?:[^'\\]|''|\\.)*'|[A-Z]+)(?: |$)")


def capture_roles(connection: psycopg.Connection, facts: Facts) -> Iterator[str]:
    own = facts.reads_passwords
    password, catalog = ("r.rolpassword", "pg_authid") if own else ("NULL", "pg_roles")
    comments = []
    for name, words, until, verifier, comment in ask(
        connection, _ROLES.format(password=password, catalog=catalog, ours=_ours(facts))
    ):
        role = quote_name(name)
        secret = [f"PASSWORD {quote_text(verifier)}"] if verifier else []
        limit = [f"VALID UNTIL {quote_text(until)}"] if until else []
        clauses = " ".join([*words, *secret, *limit])
        yield f"CREATE ROLE {role} WITH {clauses}" if clauses else f"CREATE ROLE {role}"
        if comment is not None:
            comments.append(f"COMMENT ON ROLE {role} IS {quote_text(comment)}")
    yield from comments


def capture_role_settings(connection: psycopg.Connection, facts: Facts) -> Iterator[str]:
    for name, kept in ask(connection, _SETTINGS.format(ours=_ours(facts))):
        yield f"ALTER ROLE {'ALL' if name is None else quote_name(name)} SET {spell_assignment(kept)}"


def capture_role_labels(connection: psycopg.Connection, facts: Facts) -> Iterator[str]:
    for name, provider, label in ask(connection, _LABELS.format(ours=_ours(facts))):
        yield f"SECURITY LABEL FOR {quote_name(provider)} ON ROLE {quote_name(name)} IS {quote_text(label)}"


def capture_memberships(connection: psycopg.Connection, facts: Facts) -> Iterator[str]:
    detailed = facts.major >= 16
    options = ", bool_or(m.inherit_option), bool_or(m.set_option)" if detailed else ""
    for group, member, admin, *others in ask(connection, _MEMBERSHIPS.format(options=options, ours=_ours(facts))):
        grant = f"GRANT {quote_name(group)} TO {quote_name(member)}"
        words = zip(("ADMIN", "INHERIT", "SET"), (admin, *others), strict=False)
        if detailed:
            grant += " WITH " + ", ".join(f"{word} {'TRUE' if given else 'FALSE'}" for word, given in words)
        elif admin:
            grant += " WITH ADMIN OPTION"
        yield grant


def bar_login(statement: str) -> str:
    """What makes a role makes one that nobody can log in as: it outlives a drill on a server that was lent."""
    match = CREATE.match(statement)
    if match is None:
        return statement
    given = CLAUSE.findall(match["clauses"] or "")
    kept = " ".join(each for each in given if each != "LOGIN" and not each.startswith("PASSWORD "))
    return f"CREATE ROLE {match['role']} WITH {kept}" if kept else f"CREATE ROLE {match['role']}"


def missing_roles(connection: psycopg.Connection, steps: Steps) -> tuple[str, ...]:
    """Those that the steps create and the server does not have."""
    created = [read_name(match["role"]) for each in steps.roles if (match := CREATE.match(each))]
    there = {name for (name,) in ask(connection, "SELECT rolname::text FROM pg_roles")}
    return tuple(name for name in created if name not in there)


def apply_roles(connection: psycopg.Connection, steps: Steps) -> tuple[str, ...]:
    """Make what is missing, as far as this connection may; the notes tell what it might not."""
    missing = set(missing_roles(connection, steps))
    untouched = not _others(connection)
    return tuple(note for each in steps.roles for note in _apply(connection, each, missing, untouched))


def _ours(facts: Facts) -> str:
    return f"{_OURS} AND NOT {_PROVIDERS}" if facts.manager else _OURS


def _apply(connection: psycopg.Connection, statement: str, missing: set[str], untouched: bool) -> Iterator[str]:
    if statement.startswith("ALTER ROLE ALL "):
        if untouched:
            yield from attempt(connection, statement)
        else:
            yield f"{statement.partition(' = ')[0]} is left out: it would change the server's other roles"
        return
    match = CREATE.match(statement) or GRANT.match(statement) or OF_ROLE.match(statement)
    if match is None or read_name(match["role"]) not in missing:
        return
    if match.re is CREATE:
        yield from _create(connection, match)
    else:
        yield from attempt(connection, statement)


def _create(connection: psycopg.Connection, match: re.Match[str]) -> Iterator[str]:
    """All at once; or else one attribute after the other, to leave out no more than what is refused."""
    if not list(attempt(connection, match[0])):
        return
    refused = list(attempt(connection, f"CREATE ROLE {match['role']}"))
    yield from refused
    if not refused:
        for clause in CLAUSE.findall(match["clauses"] or ""):
            yield from attempt(connection, f"ALTER ROLE {match['role']} WITH {clause}")


def _others(connection: psycopg.Connection) -> bool:
    """Whether somebody has made roles here before."""
    rows = ask(
        connection, f"SELECT FROM pg_roles r WHERE {_OURS} AND NOT {_PROVIDERS} AND r.rolname <> session_user LIMIT 1"
    )
    return bool(rows)
