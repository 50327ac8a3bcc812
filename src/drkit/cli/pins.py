"""`drkit pin` and `drkit unpin`."""

from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call
from drkit.errors import DrkitError

if TYPE_CHECKING:
    from drkit.model import Point
    from drkit.ports import Store


def pin(
    context: typer.Context,
    point: Annotated[str, typer.Argument(help="The ID of a point, or how it begins.")],
    why: Annotated[str, typer.Option(help="The reason, for whoever finds the pin.")],
) -> None:
    """Keep a point whatever the rules say, until it is unpinned.

    Examples:  drkit pin 20261120T143000 --why "before the migration to v2"
    """
    from drkit import catalog
    from drkit.errors import AlreadyExists
    from drkit.wiring import clock

    call: Call = context.obj
    store, found = _find(call, point)
    try:
        catalog.pin(store, found, why, clock())
        text = f"pinned {found.source} {found.id}"
    except AlreadyExists:
        text = f"{found.source} {found.id} was pinned already; its reason stays as it was"
    call.console.answer({"source": found.source, "id": found.id, "pinned": True}, text)


def unpin(
    context: typer.Context,
    point: Annotated[str, typer.Argument(help="The ID of a point, or how it begins.")],
) -> None:
    """Leave a point to the rules again, in the store and in its replicas.

    Examples:  drkit unpin 20261120T143000.123456Z-7f3a9c01
    """
    from drkit import catalog

    call: Call = context.obj
    store, found = _find(call, point)
    catalog.unpin(store, found)
    for seen in call.select_one(found.source).replicas():
        try:
            catalog.unpin(seen.store(), found)
        except DrkitError as error:
            call.console.warn(
                f"{found.id} stays pinned in the replica {seen.store_name()}: {error}", hint="unpin it again, later"
            )
    call.console.answer(
        {"source": found.source, "id": found.id, "pinned": False}, f"unpinned {found.source} {found.id}"
    )


def _find(call: Call, text: str) -> "tuple[Store, Point]":
    from drkit.catalog import find_point, survey

    stores = {source.name: source.store() for source in call.select(None)}
    point = find_point((each for name, store in stores.items() for each in survey(store, name).points), text)
    return stores[point.source], point
