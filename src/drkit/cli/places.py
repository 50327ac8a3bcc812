"""Where a command reads from: the store, a replica because it was asked for, or one because the store does not answer.

It must not know what is read.
"""

from typing import TYPE_CHECKING, TypeVar

from drkit.cli.call import Call
from drkit.errors import NotRestorable, StoreError, StoreUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from drkit.wiring import Source

T = TypeVar("T")


def from_places(call: Call, source: "Source", where: str, read: "Callable[[Source], T]") -> "tuple[Source, T]":
    """What `read` gives, and the source as it was seen then. Without a word in `where` the store is read, and where it
    does not answer the replicas, in their order; who runs this is told so, whatever he asked to be spared."""
    places = _places(source, where)
    for place in places:
        try:
            found = read(place)
        except StoreUnavailable as error:
            if place == places[-1]:
                raise
            call.console.warn(f"{_spell(place)} CANNOT BE REACHED: {error}", hint=error.hint)
            continue
        except (StoreError, NotRestorable) as error:
            if where or len(places) == 1:
                raise
            more = "or see whether the replica has what you need: --from replica"
            raise type(error)(str(error), f"{error.hint}; {more}" if error.hint else more) from error
        if place != places[0]:
            call.console.warn(f"{source.name}: THIS IS FROM {_spell(place)}, which may lack the newest points")
        return place, found
    raise AssertionError("there is one place at least")


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
