"""What a server says of itself and of the role that asks, in one question; and which servers drkit works with."""

from dataclasses import dataclass
from datetime import timedelta

import psycopg

from drkit.errors import DrkitError
from drkit.ports import Clock

OLDEST_MAJOR = 14
_QUESTION = """
SELECT clock_timestamp() AS told_at,
       current_setting('server_version_num')::int AS version,
       current_setting('server_version') AS version_text,
       current_database() AS database,
       pg_encoding_to_char(encoding) AS encoding,
       current_user AS role,
       pg_is_in_recovery() AS in_recovery,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user) AS creates_roles,
       (SELECT min(rolname) FROM pg_roles WHERE rolname IN
           ('rds_superuser', 'cloudsqlsuperuser', 'neon_superuser', 'azure_pg_admin', 'alloydbsuperuser')) AS manager,
       has_table_privilege('pg_authid', 'SELECT') AS reads_passwords
  FROM pg_database WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """`manager` is the role by which a managed server shows; `ahead` is how far its clock is ahead of ours."""

    ahead: timedelta
    version: int
    version_text: str
    database: str
    encoding: str
    role: str
    in_recovery: bool
    superuser: bool
    creates_roles: bool
    manager: str | None
    reads_passwords: bool

    @property
    def major(self) -> int:
        return self.version // 10_000


def look_at_server(connection: psycopg.Connection, clock: Clock, failure: type[DrkitError]) -> Facts:
    """Refuses a server that is older than drkit can read. A newer one is refused where its programs are chosen."""
    asked_at = clock()
    row = connection.execute(_QUESTION).fetchone()
    answered_at = clock()
    if row is None:
        raise failure("the server does not list the database that drkit is connected to", "connect again")
    told_at, *told = row
    facts = Facts(told_at - asked_at - (answered_at - asked_at) / 2, *told)
    if facts.major < OLDEST_MAJOR:
        raise failure(
            f"the server is PostgreSQL {facts.version_text}, and drkit reads {OLDEST_MAJOR} and newer",
            "upgrade the server; its own pg_dump still reads it",
        )
    return facts
