"""The command lines of a capture: pg_dump for everything, psql for the rows of one stream. Pure.

Nothing secret is in them: where to connect, and as whom, is in the environment of the child.
"""

from datetime import timedelta

from drkit.engines.postgres.choice import Choice
from drkit.engines.postgres.division import Stream
from drkit.engines.postgres.names import pattern, quote_name, quote_table
from drkit.streams.process import Argument

ARCHIVE = ("--format=custom", "--compress=0", "--no-password")  # the only form that `archive` reads
QUIET = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1")


def dump_options(snapshot: str, choice: Choice, lock_timeout: timedelta, codec: str) -> list[Argument]:
    chosen = [
        # With --schema pg_dump leaves out extensions and large objects, which the rows in it may need.
        *(("--schema=", pattern(schema)) for schema in choice.schemas),
        *(("--extension=", pattern(extension)) for extension in choice.extensions),
        # pg_dump would keep a sequence without the table that it belongs to.
        *(
            ("--exclude-table=", pattern(*name))
            for name in (*(table.key for table in choice.left_out), *choice.sequences, *choice.views)
        ),
        *(
            ("--exclude-table-data=", pattern(table.schema, table.name))
            for table in (*choice.without_rows, *choice.streamed)
        ),
    ]
    return [
        *ARCHIVE,
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={lock_timeout // timedelta(milliseconds=1)}",
        *(["-b"] if choice.schemas else []),
        *((option + text).encode(codec, "surrogateescape") for option, text in chosen),
    ]


def copy_out(stream: Stream) -> str:
    columns = ", ".join(quote_name(column) for column in stream.table.columns)
    table = quote_table(*stream.table.key)
    if stream.whole:
        return f"COPY {table} ({columns}) TO STDOUT"
    end = f" AND ctid < '({stream.end},0)'" if stream.end is not None else ""
    return f"COPY (SELECT {columns} FROM ONLY {table} WHERE ctid >= '({stream.start},0)'{end}) TO STDOUT"


def copy_in(stream: Stream) -> str:
    columns = ", ".join(quote_name(column) for column in stream.table.columns)
    return f"COPY {quote_table(*stream.table.key)} ({columns}) FROM STDIN"


def copy_options(snapshot: str, stream: Stream, codec: str) -> list[Argument]:
    begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot}'; "
    # a parallel plan would give the rows in any order
    settings = "SET LOCAL max_parallel_workers_per_gather = 0; "
    lock = f"LOCK TABLE ONLY {quote_table(*stream.table.key)} IN ACCESS SHARE MODE NOWAIT; "
    script = f"{begin}{settings}{lock}{copy_out(stream)}"
    # with the SQLSTATE, as words can be in any language
    return [*QUIET, "--set=VERBOSITY=verbose", "--command", script.encode(codec, "surrogateescape")]
