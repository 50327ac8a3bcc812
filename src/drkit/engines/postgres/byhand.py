"""A restore as a shell script of age, zstd, psql and pg_restore, for the day when drkit is not at hand.

It takes the same steps as the restore beside it, one after the other. It must not know what is in the pieces: the
script reads that from the piece "steps".
"""

import shlex
from collections.abc import Callable

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from drkit.engines.postgres.contents import DUMP
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.server import PINNED
from drkit.engines.postgres.steps import PIECE as STEPS
from drkit.errors import IntegrityError, NotRestorable
from drkit.model import Manifest, Piece

_SCRIPT = r"""# Where the target server is, as psql reads it; PGPASSWORD or PGPASSFILE is yours to set.
# The programs of PostgreSQL must be at least as new as those that made the backup.
{address}
# The new database: its name, and how libpq is told of it.
DATABASE={name}
CONNECTION={conninfo}
export PGCLIENTENCODING=UTF8 PGOPTIONS={options}
unset PGTZ PGDATESTYLE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fetch() {{
    case "$1" in
{cases}
    *) echo "there is no piece $1" >&2; return 1 ;;
    esac < /dev/null
}}
fetch steps > "$folder/steps"
if sed -E "s/E?'([^'\\\\]|''|\\\\.)*'|\"[^\"]*\"//g" "$folder/steps" | grep -qF '\'; then
    echo "the piece steps has a command of psql in it: it was not written by drkit" >&2
    exit 1
fi
of() {{ awk -F'\t' -v word="$1" '$1 == word {{ print substr($0, length(word) + 2) }}' "$folder/steps"; }}
run() {{ psql -X -q -v target="$DATABASE" "$@"; }}
echo "roles: one that exists already says so, which does no harm" >&2
of role | sed 's/$/;/' | run -d postgres
of create | sed 's/$/;/' | run -v ON_ERROR_STOP=1 -d postgres
encoding=$(of create | sed -n "s/.* ENCODING '\([^']*\)'.*/\1/p")
echo "schema and rows: the dump lies in $folder meanwhile, in plain" >&2
fetch dump > "$folder/dump"
pg_restore --exit-on-error --section=pre-data -d "$CONNECTION" "$folder/dump"
pg_restore --exit-on-error --section=data -d "$CONNECTION" "$folder/dump"
of copy | while IFS=$'\t' read -r piece statement; do
    fetch "$piece" | run -v ON_ERROR_STOP=1 -d "$CONNECTION" -c "$statement (ENCODING '$encoding')"
done
echo "indexes and constraints" >&2
pg_restore --exit-on-error --section=post-data --jobs=2 -d "$CONNECTION" "$folder/dump"
run -A -t -d "$CONNECTION" -c "{analyzed}" | run -d "$CONNECTION"
of setting | sed 's/$/;/' | run -d postgres
echo "restored into $DATABASE" >&2"""
_ANALYZED = (
    "SELECT format('ANALYZE %I.%I;', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relkind IN ('r', 'm') AND nspname <> 'information_schema' AND nspname !~ '^pg_'"
)
_ADDRESS = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user"}


def write_script(manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
    pieces = {piece.name: piece for piece in manifest.pieces}
    for name in (DUMP, STEPS):
        if name not in pieces:
            raise IntegrityError(f"The manifest of {manifest.id} names no piece {name!r}")
    wanted = [piece for name, piece in pieces.items() if name in (DUMP, STEPS) or name.startswith("data-")]
    database = parse_dsn(target, NotRestorable)
    known = {name: str(value) for name, value in conninfo_to_dict(database.dsn).items() if value}
    script = _SCRIPT.format(
        address="\n".join(
            f"export {name}={shlex.quote(str(known[key]))}" for name, key in _ADDRESS.items() if known.get(key)
        ),
        name=shlex.quote(database.name),
        conninfo=shlex.quote(make_conninfo(dbname=database.name)),
        options=shlex.quote(_options()),
        cases="\n".join(f"    {piece.name}) {fetch(piece)} ;;" for piece in wanted),
        analyzed=_ANALYZED,
    )
    return script.split("\n")


def _options() -> str:
    """What makes a server read the rows as they were written, whatever it is set to."""
    return " ".join(f"-c {name}={value.replace(' ', '')}" for name, value in PINNED.items())
