"""Compression over any bytes in any chunks, and over what nobody ever compressed."""

import subprocess
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from drkit.errors import IntegrityError
from drkit.ports import Effort
from drkit.streams.compress import FRAME_BYTES, compress, decompress

# A seed made long, so that bodies cross the borders of frames without hypothesis drawing megabytes.
bodies = st.builds(
    lambda seed, size: (seed * (size // len(seed) + 1))[:size],
    st.binary(min_size=1, max_size=50),
    st.one_of(st.integers(0, 300), st.integers(FRAME_BYTES - 2, FRAME_BYTES + 2), st.integers(0, 3 * FRAME_BYTES)),
)
cuts = st.lists(st.integers(0, 3 * FRAME_BYTES), max_size=12)


def _cut(body: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(body)) for place in at), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@settings(max_examples=40, deadline=None)
@given(bodies, cuts, cuts, st.integers(1, 3), st.sampled_from(Effort))
def test_what_is_compressed_comes_back_whatever_the_chunks(
    body: bytes, before: list[int], after: list[int], workers: int, effort: Effort
) -> None:
    stored = b"".join(compress(iter(_cut(body, before)), effort, workers))
    assert b"".join(decompress(iter(_cut(stored, after)), workers)) == body


@settings(max_examples=60, deadline=None)
@given(bodies, cuts, cuts)
def test_the_chunks_of_a_body_do_not_show_in_what_is_stored(body: bytes, one: list[int], other: list[int]) -> None:
    assert list(compress(iter(_cut(body, one)), Effort.TEXT)) == list(compress(iter(_cut(body, other)), Effort.TEXT))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_are_frames_in_the_eyes_of_zstd_too(stored: bytes) -> None:
    try:
        found = b"".join(decompress(iter([stored])))
    except IntegrityError:
        return
    if stored:
        assert subprocess.run(["zstd", "-dc"], input=stored, capture_output=True).stdout == found
