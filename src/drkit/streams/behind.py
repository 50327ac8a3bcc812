"""The other place where a pipeline gets threads: what one stream brings is handed to takers that work behind it.

Bounded, in order, and an error on either side ends both. It must not know what is handed over.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import itemgetter
from threading import Condition
from typing import Generic, TypeVar

from drkit.ports import Chunks
from drkit.streams.blocks import blocks

A = TypeVar("A")

_BLOCK = 1 << 20
_DEPTH = 8


class Abandoned(Exception):
    """The taker has ended, well or not, and wants no more."""


class Channel(Generic[A]):
    """From one thread that gives to one that takes, at most `depth` items apart."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._items: deque[A] = deque()
        self._over = self._abandoned = False
        self._error: BaseException | None = None
        self._changed = Condition()

    def give(self, item: A) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._depth or self._abandoned)
            if self._abandoned:
                raise Abandoned
            self._items.append(item)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """With an error the taker gets it in the place of what would still be to come."""
        with self._changed:
            self._over, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def take(self) -> Iterator[A]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._over)
                if self._error is not None:
                    raise self._error
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


def hand_over(named: Iterable[tuple[str, bytes]], take: Callable[[str, Chunks], A], takers: int = 2) -> list[A]:
    """`take` gets each name with all the bytes that come in a row under it, in a thread of its own: at most `takers`
    at once. `named` is pulled in the caller's thread. The error that came first rises, once all takers have ended."""
    taking: deque[Future[A]] = deque()
    done: list[A] = []
    with ThreadPoolExecutor(takers, "behind") as pool:
        with suppress(Abandoned):  # what the taker died of, its result tells
            for name, group in groupby(named, key=itemgetter(0)):
                if len(taking) == takers:
                    done.append(taking.popleft().result())
                channel: Channel[bytes] = Channel(_DEPTH)
                future = pool.submit(take, name, channel.take())
                future.add_done_callback(partial(_abandon, channel))
                taking.append(future)
                _feed(channel, blocks((chunk for _, chunk in group), _BLOCK))
        return done + [future.result() for future in taking]


def _abandon(channel: Channel[bytes], _: object) -> None:
    channel.abandon()


def _feed(channel: Channel[bytes], chunks: Chunks) -> None:
    try:
        for chunk in chunks:
            channel.give(chunk)
    except BaseException as error:
        channel.end(error)
        raise
    channel.end()
