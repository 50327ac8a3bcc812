"""Several tasks at once, and the first error stops the rest. It must not know what a task does."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

A = TypeVar("A")


def run_together(tasks: Sequence[Callable[[], A]], workers: int, stop: Callable[[], None]) -> list[A]:
    """Results in the order of `tasks`, which are begun in that order. `stop` is called once if one fails or we are
    interrupted: it must make those that run end soon. The error that came first rises."""
    with ThreadPoolExecutor(max(1, workers), "postgres") as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            stop()
            raise
    return [future.result() for future in futures]
