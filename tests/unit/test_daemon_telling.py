import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from drkit.bulletin import Bulletin, SystemBulletin
from drkit.daemon.child import Answer
from drkit.daemon.telling import Telling
from drkit.daemon.troubles import DAEMON
from drkit.troubles import Trouble

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHOP = Bulletin(systems=(SystemBulletin("shop", None, (), ()),))
CONFIG = {DAEMON: (Trouble("config", "it is wrong", NOW, "mend it"),)}


def tell(remembered: bool, *turns: dict[str, tuple[Trouble, ...]]) -> list[list[dict[str, Any]]]:
    """What `drkit notify` is given, turn by turn, if it tells all that is new."""
    given: list[list[dict[str, Any]]] = []

    async def notify(own: str) -> Answer:
        given.append(json.loads(own))
        new = [{"subject": each["subject"], "kind": each["kind"]} for each in given[-1] if not each.get("over")]
        notice = {"new": new, "remembered": remembered, "sent": [{"told": True}]}
        return Answer(0, {"notices": [notice]})

    async def run() -> None:
        telling = Telling(notify, lambda: NOW)
        for own in turns:
            telling.tick(SHOP, own)
            await asyncio.gather(*(each for each in asyncio.all_tasks() if each is not asyncio.current_task()))

    asyncio.run(run())
    return given


def test_what_concerns_all_is_given_for_each_system() -> None:
    [[given]] = tell(True, CONFIG)
    assert (given["system"], given["subject"], given["kind"]) == ("shop", "shop", "config")


def test_the_same_is_not_given_twice() -> None:
    assert len(tell(True, CONFIG, CONFIG, {}, {})) == 2


def test_what_a_store_remembers_is_over_by_its_absence() -> None:
    assert tell(True, CONFIG, {})[1] == []


def test_what_no_store_remembers_is_said_to_be_over_once() -> None:
    first, second, third = tell(False, CONFIG, {}, CONFIG)
    assert [each.get("over", False) for each in first] == [False]
    assert [(each["subject"], each["kind"], each["over"]) for each in second] == [("shop", "config", True)]
    assert [each.get("over", False) for each in third] == [False]
