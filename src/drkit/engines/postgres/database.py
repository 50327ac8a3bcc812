"""What one database is beside its content, both ways: how it is made, whose it is, who may enter, what is set for it.

Settings come last: one that forbids writing, or changes how values are read, must not stand while data are loaded.
"""

import re
from collections.abc import Iterator

import psycopg

from drkit.engines.postgres.assignments import spell_assignment
from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.names import quote_name, quote_text
from drkit.engines.postgres.statements import ask, attempt
from drkit.engines.postgres.steps import TARGET, Steps, aim
from drkit.errors import NotRestorable
from drkit.model import Check

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_LOCALE = {
    14: "'c', NULL, NULL",
    15: "datlocprovider, daticulocale, NULL",
    16: "datlocprovider, daticulocale, daticurules",
}
_NEWER_LOCALE = "datlocprovider, datlocale, daticurules"
_CREATION = """
SELECT pg_encoding_to_char(encoding), datcollate::text, datctype::text, {locale}
  FROM pg_database WHERE datname = current_database()
"""
_COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
_SETTINGS = """
SELECT r.rolname::text, unnest(s.setconfig) FROM pg_db_role_setting s
  JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
 WHERE d.datname = current_database() AND (s.setrole = 0 OR r.oid IS NOT NULL)
 ORDER BY r.rolname COLLATE "C" NULLS FIRST
"""
_RIGHTS = """
SELECT r.rolname::text, a.privilege_type, bool_or(a.is_grantable)
  FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
 WHERE d.datname = current_database() AND (a.grantee = 0 OR r.oid IS NOT NULL)
 GROUP BY r.rolname, a.privilege_type ORDER BY r.rolname COLLATE "C" NULLS FIRST, a.privilege_type
"""
_OWNER = """
SELECT pg_get_userbyid(datdba)::text, datacl IS NOT NULL FROM pg_database WHERE datname = current_database()
"""
_LABELS = """
SELECT l.provider, l.label FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid
 WHERE l.classoid = 'pg_database'::regclass AND d.datname = current_database() ORDER BY l.provider
"""
_OF_LOCALE = re.compile(r" (?:LOCALE_PROVIDER|LC_COLLATE) .*")
_NO_SUCH_LOCALE = {"0A000", "22023", "42704", "42809"}
_PLAIN_LOCALES = ("C.UTF-8", "C")
_HINT = "create it yourself, empty, and name it as the target: it is then filled where it stands"


def capture_creation(connection: psycopg.Connection, facts: Facts) -> str:
    locale = _LOCALE.get(facts.major, _NEWER_LOCALE)
    ((encoding, collate, ctype, provider, name, rules),) = ask(connection, _CREATION.format(locale=locale))
    words = [f"ENCODING {quote_text(encoding)}"]
    if facts.major >= 15:
        words.append(f"LOCALE_PROVIDER {_PROVIDERS[provider]}")
    words += [f"LC_COLLATE {quote_text(collate)}", f"LC_CTYPE {quote_text(ctype)}"]
    if name is not None:
        words.append(f"{_PROVIDERS[provider].upper()}_LOCALE {quote_text(name)}")
    if rules is not None:
        words.append(f"ICU_RULES {quote_text(rules)}")
    return f"CREATE DATABASE {TARGET} WITH TEMPLATE template0 {' '.join(words)}"


def capture_comment(connection: psycopg.Connection) -> Iterator[str]:
    ((comment,),) = ask(connection, _COMMENT)
    if comment is not None:
        yield f"COMMENT ON DATABASE {TARGET} IS {quote_text(comment)}"


def capture_settings(connection: psycopg.Connection) -> Iterator[str]:
    for role, kept in ask(connection, _SETTINGS):
        where = f"DATABASE {TARGET}" if role is None else f"ROLE {quote_name(role)} IN DATABASE {TARGET}"
        yield f"ALTER {where} SET {spell_assignment(kept)}"


def capture_rights(connection: psycopg.Connection) -> Iterator[str]:
    """The owner, and who else may what, if it is not what every new database allows. Who granted it is not kept."""
    ((owner, restricted),) = ask(connection, _OWNER)
    yield f"ALTER DATABASE {TARGET} OWNER TO {quote_name(owner)}"
    if not restricted:
        return
    yield f"REVOKE ALL ON DATABASE {TARGET} FROM PUBLIC"
    yield f"REVOKE ALL ON DATABASE {TARGET} FROM {quote_name(owner)}"
    for grantee, right, grantable in ask(connection, _RIGHTS):
        to = "PUBLIC" if grantee is None else quote_name(grantee)
        yield f"GRANT {right} ON DATABASE {TARGET} TO {to}{' WITH GRANT OPTION' if grantable else ''}"


def capture_labels(connection: psycopg.Connection) -> Iterator[str]:
    for provider, label in ask(connection, _LABELS):
        yield f"SECURITY LABEL FOR {quote_name(provider)} ON DATABASE {TARGET} IS {quote_text(label)}"


def create_database(connection: psycopg.Connection, steps: Steps, name: str) -> None:
    if refusal := _try_to_create(connection, steps.create, name):
        raise _not_made(name, refusal) from refusal


def create_in_some_locale(connection: psycopg.Connection, steps: Steps, name: str) -> tuple[Check, ...]:
    """In a plain locale, and told so, where the server does not have the captured one."""
    refusal = _try_to_create(connection, steps.create, name)
    captured = _OF_LOCALE.search(steps.create)
    if refusal is None or captured is None or refusal.sqlstate not in _NO_SUCH_LOCALE:
        if refusal:
            raise _not_made(name, refusal) from refusal
        return ()
    for locale in _PLAIN_LOCALES:
        create = f"{steps.create[: captured.start()]} LC_COLLATE '{locale}' LC_CTYPE '{locale}'"
        if _try_to_create(connection, create, name) is None:
            told = f"{locale}, as the scratch server does not have it: text may sort otherwise"
            return (Check("locale", "not testable", captured[0].strip(), told),)
    raise _not_made(name, refusal) from refusal


def _try_to_create(connection: psycopg.Connection, create: str, name: str) -> psycopg.Error | None:
    statement = aim(create, name)
    if connection.info.server_version >= 150_000 and " LOCALE_PROVIDER " not in statement:
        statement += " LOCALE_PROVIDER libc"  # before 15 there was no other, and now a template may have another
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        if connection.broken:
            raise
        return error
    return None


def _not_made(name: str, refusal: psycopg.Error) -> NotRestorable:
    return NotRestorable(f"the database {name} cannot be made: {refusal.diag.message_primary}", _HINT)


def apply_settings(connection: psycopg.Connection, steps: Steps, name: str) -> tuple[str, ...]:
    """What this connection may not do is told in the notes."""
    return tuple(note for each in steps.settings for note in attempt(connection, aim(each, name)))
