"""A restore as a shell script of age, zstd, psql and pg_restore, for the day when drkit is not at hand.

It takes the same steps as the restore beside it, one after the other. It must not know what is in the pieces: the
script reads that from the piece "steps".
"""

import shlex
from collections.abc import Callable

from drkit.engines.postgres.contents import DUMP
from drkit.engines.postgres.steps import PIECE as STEPS
from drkit.errors import IntegrityError
from drkit.model import Manifest, Piece

_SCRIPT = """\
# Say where the target server is as psql does: PGHOST, PGPORT, PGUSER, and PGPASSWORD or PGPASSFILE. The programs of
# PostgreSQL must be at least as new as those that made the backup.
DATABASE={database}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fetch() {{
    case "$1" in
{cases}
    *) echo "there is no piece $1" >&2; return 1 ;;
    esac < /dev/null
}}
fetch steps > "$folder/steps"
of() {{ awk -F'\\t' -v word="$1" '$1 == word {{ print substr($0, length(word) + 2) }}' "$folder/steps"; }}
run() {{ psql -X -q -v target="$DATABASE" "$@"; }}
echo "roles: one that exists already says so, which does no harm" >&2
of role | sed 's/$/;/' | run -d postgres
of create | sed 's/$/;/' | run -v ON_ERROR_STOP=1 -d postgres
echo "schema and rows: the dump lies in $folder meanwhile, in plain" >&2
fetch dump > "$folder/dump"
pg_restore --exit-on-error --section=pre-data -d "$DATABASE" "$folder/dump"
pg_restore --exit-on-error --section=data -d "$DATABASE" "$folder/dump"
of copy | while IFS=$'\\t' read -r piece statement; do
    fetch "$piece" | run -v ON_ERROR_STOP=1 -d "$DATABASE" -c "$statement"
done
echo "indexes and constraints" >&2
pg_restore --exit-on-error --section=post-data --jobs=2 -d "$DATABASE" "$folder/dump"
run -d "$DATABASE" -c 'ANALYZE'
of setting | sed 's/$/;/' | run -d postgres
echo "restored into $DATABASE" >&2"""


def write_script(manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
    pieces = {piece.name: piece for piece in manifest.pieces}
    for name in (DUMP, STEPS):
        if name not in pieces:
            raise IntegrityError(f"The manifest of {manifest.id} names no piece {name!r}")
    wanted = [piece for name, piece in pieces.items() if name in (DUMP, STEPS) or name.startswith("data-")]
    cases = "\n".join(f"    {piece.name}) {fetch(piece)} ;;" for piece in wanted)
    return _SCRIPT.format(database=_database_of(target), cases=cases).splitlines()


def _database_of(target: str) -> str:
    return shlex.quote(target.rsplit("/", 1)[-1].split("?")[0] or "restored")
