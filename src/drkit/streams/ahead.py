"""The one place where a pipeline gets threads: do work ahead of the consumer, in order and bounded.

It must not know what the work is.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def map_ahead(
    work: Callable[[A], B], items: Iterable[A], workers: int, stop: Callable[[], None] = lambda: None
) -> Iterator[B]:
    """`map`, with at most twice `workers` items in work or finished and waiting; results keep their order.

    `items` is pulled in the consumer's thread, so a source needs no lock. An error in `items` or `work` rises
    in its turn. Closing the iterator waits for what is in work; `stop` is called first, and may make that end soon.
    """
    with ThreadPoolExecutor(workers, "map-ahead") as pool:
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            for future in waiting:
                future.cancel()
            stop()
            raise


def ahead(items: Iterable[A], depth: int = 2) -> Iterator[A]:
    """The same items, pulled by one thread up to `depth` ahead of the consumer.

    An error in `items` rises after the items before it. Closing the iterator closes `items`.
    """
    source = iter(items)

    def pull() -> tuple[A] | None:
        for item in source:
            return (item,)
        return None

    try:
        with ThreadPoolExecutor(1, "ahead") as pool:
            waiting = deque(pool.submit(pull) for _ in range(depth))
            try:
                while found := waiting.popleft().result():
                    waiting.append(pool.submit(pull))
                    yield found[0]
            finally:
                for future in waiting:
                    future.cancel()
    finally:
        # Not by the pool: where this iterator is collected as garbage, a lock that all pools share may be held already.
        if isinstance(source, Generator):
            source.close()
