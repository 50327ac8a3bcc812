"""Children as streams, with real children."""

import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from drkit.errors import CaptureError
from drkit.streams.process import Family, family
from patience import await_true

PATH = {"PATH": os.environ["PATH"]}
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.02; done"


class Died(CaptureError):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status}: {words}")
        self.status, self.words = status, words


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def reads(children: Family, script: str) -> Generator[bytes, None, None]:
    stream = children.read(sh(script), PATH, Died)
    assert isinstance(stream, Generator)
    return stream


def feeds(children: Family, script: str, chunks: Iterator[bytes] | list[bytes]) -> None:
    children.feed(sh(script), PATH, Died, chunks)


def shows(children: Family, script: str, chunks: Iterator[bytes] | list[bytes]) -> Generator[bytes, None, None]:
    stream = children.watch(sh(script), PATH, Died, chunks)
    assert isinstance(stream, Generator)
    return stream


def ours() -> list[str]:
    """Children of this test that still run, or that nobody has waited for; not the servers that the run shares."""
    return [pid for pid in all_children() if pid not in STRANGERS]


STRANGERS: set[str] = set()


def all_children() -> list[str]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    threads = [path / "children" for path in Path("/proc/self/task").iterdir() if path.name != str(os.getpid())]
    return listed + [pid for path in threads if path.exists() for pid in path.read_text().split()]


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    STRANGERS.clear()
    STRANGERS.update(all_children())
    open_ones = len(descriptors())
    yield
    assert ours() == []
    assert len(descriptors()) == open_ones


def test_what_a_child_writes_comes_whole_and_in_order() -> None:
    with family() as children:
        written = b"".join(reads(children, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"))
    assert written == b"".join(b"line %d\n" % number for number in range(3000))


def test_more_than_a_pipe_holds_comes_whole() -> None:
    with family() as children:
        assert sum(map(len, reads(children, "head -c 5000000 /dev/zero"))) == 5_000_000


def test_a_crash_is_not_an_end_of_file() -> None:
    with family() as children, pytest.raises(Died) as caught:
        list(reads(children, "echo half; echo what a pity >&2; exit 3"))
    assert (caught.value.status, caught.value.words) == (3, "what a pity")


def test_a_signal_is_told_as_a_negative_status() -> None:
    with family() as children, pytest.raises(Died) as caught:
        list(reads(children, "echo half; kill -9 $$"))
    assert caught.value.status == -signal.SIGKILL


def test_last_words_are_the_last_ones_and_may_be_any_bytes() -> None:
    script = "head -c 100000 /dev/zero | tr '\\0' x >&2; printf 'the \\377 end' >&2; exit 1"
    with family() as children, pytest.raises(Died) as caught:
        list(reads(children, script))
    assert caught.value.words.endswith("xxx" + "the � end")
    assert len(caught.value.words) < 5000


def test_many_words_do_not_block_a_child_that_is_read() -> None:
    with family() as children:
        assert b"".join(reads(children, "head -c 3000000 /dev/zero >&2; echo done")) == b"done\n"


def test_a_child_gets_the_given_environment_and_no_other() -> None:
    with family() as children:
        told = b"".join(children.read(["env"], {"PGUSER": "me", **PATH}, Died)).decode()
    assert dict(line.split("=", 1) for line in told.splitlines()) == {"PGUSER": "me", **PATH}


def test_a_child_inherits_no_pipe_of_another() -> None:
    with family() as children:
        other = reads(children, "echo first; cat")
        next(other)
        held = b"".join(reads(children, "ls /proc/self/fd")).split()
    assert set(held) <= {b"0", b"1", b"2", b"3"}  # the last one is the folder that ls reads


def test_closing_the_stream_ends_the_child() -> None:
    with family() as children:
        stream = reads(children, "while :; do echo more; done")
        next(stream)
        stream.close()
        assert ours() == []


def test_a_program_that_is_not_there_fails_as_a_child_does() -> None:
    with family() as children, pytest.raises(Died, match="127: it cannot be started: No such file") as caught:
        list(children.read(["/no/such/program"], PATH, Died))
    assert caught.value.status == 127


def test_the_end_of_the_block_ends_what_nobody_read_to_its_end() -> None:
    with family() as children:
        forgotten = reads(children, "while :; do echo more; done")
        next(forgotten)
    assert ours() == []
    forgotten.close()


def test_an_error_in_the_block_ends_its_children() -> None:
    with pytest.raises(ZeroDivisionError), family() as children:
        stream = reads(children, "while :; do echo more; done")
        next(stream)
        raise ZeroDivisionError


def test_end_ends_all_and_whoever_reads_or_feeds_them_gets_their_failure() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"more"

    with family() as children, ThreadPoolExecutor(3) as pool:
        first = reads(children, "echo ready; exec sleep 60")
        assert next(first) == b"ready\n"
        reader = pool.submit(list, first)
        feeder = pool.submit(feeds, children, "exec cat > /dev/null", endless())
        await_true(lambda: len(ours()) == 2)
        children.end()
        for future in (reader, feeder):
            error = future.exception(30)
            assert isinstance(error, Died)
            assert error.status == -signal.SIGTERM


def test_after_the_end_none_is_started_any_more(tmp_path: Path) -> None:
    with family() as children:
        children.end()
        with pytest.raises(Died, match="-15"):
            list(reads(children, f"touch {tmp_path}/started"))
    assert not (tmp_path / "started").exists()


def test_a_child_that_does_not_listen_to_sigterm_is_killed() -> None:
    with family(patience=timedelta(milliseconds=50)) as children:
        stream = reads(children, DEAF)
        assert next(stream) == b"ready\n"
        stream.close()
        assert ours() == []


def test_a_forgotten_child_that_does_not_listen_is_killed_at_the_end_of_the_block() -> None:
    with family(patience=timedelta(milliseconds=50)) as children:
        stream = reads(children, DEAF)
        assert next(stream) == b"ready\n"
    assert ours() == []
    stream.close()


def test_what_is_fed_arrives_whole(tmp_path: Path) -> None:
    with family() as children:
        feeds(children, f"cat > {tmp_path}/got", [b"a" * 3_000_000, b"", b"end"])
    assert (tmp_path / "got").read_bytes() == b"a" * 3_000_000 + b"end"


def test_a_child_that_dies_while_it_is_fed_tells_why() -> None:
    with family() as children, pytest.raises(Died) as caught:
        feeds(children, "head -c 10 > /dev/null; echo full >&2; exit 4", [b"x" * 100_000] * 50)
    assert (caught.value.status, caught.value.words) == (4, "full")


def test_a_child_that_wants_no_more_and_ends_well_is_no_failure() -> None:
    with family() as children:
        feeds(children, "head -c 10 > /dev/null", [b"x" * 100_000] * 50)


def test_an_error_in_what_is_fed_is_not_the_end_of_the_input(tmp_path: Path) -> None:
    """A child that saw an end there could commit half of the rows."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        await_true(lambda: (tmp_path / "got").exists() and (tmp_path / "got").read_bytes() == b"half")
        raise ZeroDivisionError

    with family() as children, pytest.raises(ZeroDivisionError):
        feeds(children, f"cat > {tmp_path}/got && touch {tmp_path}/committed", broken())
    assert not (tmp_path / "committed").exists()


def test_what_a_child_is_shown_goes_on_as_it_came(tmp_path: Path) -> None:
    file = tmp_path / "seen"
    with family() as children:
        assert list(shows(children, f"cat > {file}", [b"one", b"", b"two"])) == [b"one", b"", b"two"]
    assert file.read_bytes() == b"onetwo"


@pytest.mark.parametrize("script", ["cat > /dev/null; echo no >&2; exit 3", "head -c 1 > /dev/null; exit 0", "exit 3"])
def test_a_child_that_does_not_like_what_it_is_shown_fails_the_stream_before_its_end(script: str) -> None:
    given = [bytes(1 << 20)] * 20
    with family() as children, pytest.raises(Died):
        list(shows(children, script, given))


def test_a_file_is_read_by_a_child_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"onetwo")
    with family() as children, (tmp_path / "file").open("rb", buffering=0) as file:
        file.seek(3)
        assert b"".join(children.read(["cat"], PATH, Died, file)) == b"two"
