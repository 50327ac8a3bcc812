"""A restore along a log as a shell script of age, zstd, tar and PostgreSQL's own programs, for the day when drkit is
not at hand. It takes the same steps as the restore beside it, and looks at no byte in the store.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC

from drkit.catalog.log import Span
from drkit.engines.postgres.recovery.build import SERVER_MANIFEST, SPACES, archives_of, find_piece
from drkit.engines.postgres.recovery.segments import Segment, cuts_of, segments_of
from drkit.engines.postgres.recovery.settings import AUTO, SIGNAL, quote, stripped
from drkit.engines.postgres.recovery.unfinished import SPACES as BESIDE
from drkit.lsn import format_lsn
from drkit.model import Digest, Manifest, Piece
from drkit.restore.travel import Travel

_START = """\
# The server's own log, and where to stop in it.
cat >> "$TARGET/{auto}" <<'END'
{settings}
END
touch "$TARGET/{signal}"
# PostgreSQL never runs as root: give it the files (chown -R postgres "$TARGET" "$LOG"), and go on as its user.
# If it ends with "recovery ended before configured recovery target was reached", nothing in the log is later than the
# moment: take the line recovery_target_time out of {auto}, and start it again.
echo "the cluster is in $TARGET; start it: pg_ctl -D $TARGET start" >&2"""


def write_script(travel: Travel, fetch: Callable[[Piece], str], target: str) -> list[str]:
    chain, base = travel.manifests, travel.journey.way.held.base
    lines = [
        f"# PostgreSQL {base.server_version // 10_000}: its programs must be of that version.",
        f"TARGET={shlex.quote(target)}",
        'TARGET=$(realpath -m "$TARGET")',
        'LOG="$TARGET.log"',
        'mkdir -m 700 "$TARGET" "$LOG"',
    ]
    if len(chain) == 1:
        lines += _unpack(chain[0], fetch, '"$TARGET"')
    else:
        lines += _combine(chain, fetch)
    lines += [
        "# The log: each file from its first byte to where the log ends, and zeros after it.",
        *_log(travel, fetch),
    ]
    settings = stripped(base.server_version // 10_000) | _target(travel)
    written = "\n".join(f"{name} = {quote(value)}" for name, value in settings.items() if name != "restore_command")
    lines += _START.format(auto=AUTO, signal=SIGNAL, settings=written).split("\n")
    lines.insert(-5, f'echo "restore_command = \'cp $LOG/%f %p\'" >> "$TARGET/{AUTO}"')
    return lines


def _unpack(manifest: Manifest, fetch: Callable[[Piece], str], folder: str) -> Iterator[str]:
    spaces = sorted({space for _, space in archives_of(manifest) if space})
    beside = folder.removesuffix('"') + BESIDE
    for each in spaces:
        yield f'mkdir -p -m 700 {beside}/{each}"'
    for piece, space in archives_of(manifest):
        into = f'{beside}/{space}"' if space else folder
        yield f"{fetch(piece)} | tar -x -f - -C {into}"
    yield f"{fetch(find_piece(manifest, SERVER_MANIFEST))} > {folder}/backup_manifest"
    if spaces:
        yield f"rm -f {folder}/tablespace_map"
    for each in spaces:
        yield f'ln -s {beside}/{each}" {folder}/{SPACES}/{each}'


def _combine(chain: tuple[Manifest, ...], fetch: Callable[[Piece], str]) -> Iterator[str]:
    """The tablespaces of the last one say where those of the whole go."""
    folders = [f'"$TARGET.part-{number}"' for number in range(len(chain))]
    for manifest, folder in zip(chain, folders, strict=True):
        yield f"mkdir -m 700 {folder}"
        yield from _unpack(manifest, fetch, folder)
    last = folders[-1].strip('"')
    spaces = sorted({space for _, space in archives_of(chain[-1]) if space})
    moves = " ".join(f'-T "{last}{BESIDE}/{space}=$TARGET{BESIDE}/{space}"' for space in spaces)
    yield f'pg_combinebackup {moves} -o "$TARGET" {" ".join(folders)}'
    beside = [folder.removesuffix('"') + BESIDE + '"' for folder in folders]
    yield f"rm -rf {' '.join([*folders, *beside])}"


def _log(travel: Travel, fetch: Callable[[Piece], str]) -> Iterator[str]:
    stretch, base = travel.journey.way.stretch, travel.journey.way.held.base
    spans = [span for span in stretch.spans if span.size]
    yield 'put() { tail -c +$(($2 + 1)) | head -c "$3" >> "$LOG/$1"; }'
    for segment in segments_of(stretch.legs, base.start, stretch.end, base.wal_segment_bytes):
        yield from _file(segment, travel, spans, fetch)
    for leg in stretch.legs[1:]:
        key = travel.book.history_key(stretch.system, leg.timeline)
        yield f'{fetch(_piece(key))} > "$LOG/{leg.timeline:08X}.history"'


def _file(segment: Segment, travel: Travel, spans: Sequence[Span], fetch: Callable[[Piece], str]) -> Iterator[str]:
    for cut in cuts_of(segment, spans, travel.journey.way.stretch.legs):
        span = cut.span
        command = fetch(_piece(travel.book.key(span)))
        yield f"{command} | put {segment.name} {cut.begin - span.start} {cut.end - cut.begin}"
    yield f'truncate -s {segment.size} "$LOG/{segment.name}"'


def _piece(key: str) -> Piece:
    return Piece("", key, 0, Digest("", 0))


def _target(travel: Travel) -> dict[str, str]:
    journey = travel.journey
    settings = {"recovery_target_timeline": str(journey.way.stretch.timeline), "recovery_target_action": "promote"}
    if journey.moment:
        settings["recovery_target_time"] = f"{journey.moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    elif journey.lsn is not None:
        settings["recovery_target_lsn"] = format_lsn(journey.lsn)
        settings["recovery_target_inclusive"] = "on" if journey.inclusive else "off"
    return settings
