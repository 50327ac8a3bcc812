"""The shell lines that restore a repository without drkit: git itself, and a loop over its refs."""

import shlex
from collections.abc import Callable

from drkit.disk.publish import PARTIAL
from drkit.engines.git.restore import find_contents
from drkit.model import Manifest, Piece


def spell(manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
    contents = find_contents(manifest)
    place, partial, refs = (shlex.quote(target + suffix) for suffix in ("", PARTIAL, ".drkit-refs"))
    git = f"git --git-dir={partial}"
    unpack = f"LC_ALL=C sed '1,/^$/d' | {git} index-pack --stdin --fix-thin"
    return [
        f"test ! -e {place}  # what exists is not overwritten",
        f"rm -rf -- {partial}",
        f"{fetch(contents.refs)} > {refs}",
        f"format=sha1; if grep -Eq '^[0-9a-f]{{64}}' {refs}; then format=sha256; fi",
        f"git init --quiet --bare --template= --object-format=$format -- {partial}",
        "# Each is a git bundle, and rests on those before: a pack after a header that ends with an empty line.",
        *(f"{fetch(piece)} | {unpack}" for piece in contents.bundles),
        "while IFS=\"$(printf '\\t')\" read -r to name; do",
        "    case $to in",
        f'    "ref: "*) {git} symbolic-ref "$name" "${{to#ref: }}" ;;',
        f'    *) {git} update-ref --no-deref "$name" "$to" ;;',
        "    esac",
        f"done < {refs}",
        f"{git} fsck --full --no-dangling --no-progress",
        f"rm -- {refs}",
        f"mv -T -- {partial} {place}",
    ]
