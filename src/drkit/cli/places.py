"""Where a command reads from: the store, a replica because it was asked for, or one because the store does not answer.

It must not know what is read.
"""

from typing import TYPE_CHECKING, TypeVar

from drkit.cli.call import Call
from drkit.errors import StoreUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from drkit.wiring import Source

T = TypeVar("T")


def from_places(call: Call, source: "Source", where: str, read: "Callable[[Source], T]") -> "tuple[Source, T]":
    """What `read` gives, and the source as it was seen then. Without a word in `where` the store is read, and where it
    does not answer the replicas, in their order; who runs this is told so, whatever he asked to be spared."""
    *before, last = _places(source, where)
    for place in before:
        try:
            return place, read(place)
        except StoreUnavailable as error:
            call.console.warn(f"{_spell(place)} CANNOT BE REACHED: {error}", hint=error.hint)
            call.console.warn(f"{source.name} is read from a replica instead: it may lack the newest points")
    if before:
        call.console.warn(f"what follows is of {_spell(last)}")
    return last, read(last)


def _places(source: "Source", where: str) -> "list[Source]":
    if where not in ("", "store", "replica"):
        raise UsageError(f"--from {where} is not known", "it is store or replica")
    if where == "store":
        return [source]
    if where == "replica":
        source.from_afar().store_name()  # says what is missing
        return source.replicas()
    return [source, *source.replicas()]


def _spell(place: "Source") -> str:
    return f"{'the store' if place.replica is None else 'the replica'} {place.store_name()}"
