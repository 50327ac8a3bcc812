"""What a base backup notes down of its server, so that nobody has to ask that server when it is restored.

It must not know what the notes are for.
"""

import json
from collections.abc import Sequence

import psycopg

from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.origin import read_settings
from drkit.engines.postgres.physical.basebackup import Tablespace
from drkit.engines.postgres.scratch.settings import COMPARED

FORM = 1
# A server that replays the log must have at least as much of these as the one that wrote it.
_NEEDED = (
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
)
_TELLING = ("lc_messages", "log_timezone", "server_encoding", "timezone", "wal_level", "wal_segment_size", "block_size")
_DATABASES = "SELECT datname::text FROM pg_database WHERE datallowconn ORDER BY datname"
_EXTENSIONS = "SELECT extname::text, extversion FROM pg_extension ORDER BY extname"
# the role that initdb made, whatever it is called
_SUPERUSER = "SELECT rolname::text FROM pg_roles WHERE oid = 10"
_FILES = "SELECT name, setting FROM pg_settings WHERE name IN ('config_file', 'data_directory', 'hba_file')"


def describe_server(session: psycopg.Connection, facts: Facts, tablespaces: Sequence[Tablespace]) -> bytes:
    return json.dumps(
        {
            "form": FORM,
            "server_version": facts.version,
            "version_text": facts.version_text,
            "database": facts.database,
            "databases": [name for (name,) in session.execute(_DATABASES)],
            "superuser": next((name for (name,) in session.execute(_SUPERUSER)), "postgres"),
            "extensions": dict(session.execute(_EXTENSIONS).fetchall()),
            "settings": read_settings(session, sorted({*COMPARED, *_NEEDED, *_TELLING})),
            "tablespaces": {space.oid: space.location for space in tablespaces},
            "files": dict(session.execute(_FILES).fetchall()),
            "in_recovery": facts.in_recovery,
        },
        ensure_ascii=False,
    ).encode()
