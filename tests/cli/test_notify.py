import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Shop, copy_shop, make_database
from cli_drills import ago
from drkit.when import format_moment
from servers.receiver import Receiver, close, hang, receiver, refuse

SECRETS = ("tok3n-in-the-path", "pa55word-of-it")
OWN = {"system": "shop", "kind": "config broken", "what": "shop.toml is wrong", "since": None, "next_step": "mend it"}


def url_of(server: Receiver) -> str:
    return f"json://user:{SECRETS[1]}@{server.place}/{SECRETS[0]}"


def notifying(shop: Shop, *servers: Receiver, private: bool = True, more: str = "") -> Shop:
    """Its newest point is two days old, its backup therefore overdue."""
    variables = {f"URL_{number}": url_of(server) for number, server in enumerate(servers)}
    urls = json.dumps([f"env:{name}" for name in variables])
    with shop.schedule.open("a") as schedule:
        schedule.write(f"\n[notify]\nurls = {urls}\nallow_private = {json.dumps(private)}\n{more}\n")
    return Shop(type(shop.drkit)(shop.drkit.folder, {**shop.drkit.environment, **variables}), shop.folder)


@pytest.fixture
def late(shop: Shop) -> Shop:
    [first] = shop.objects("manifest.json")
    for path in first.parent.iterdir():
        path.unlink()
    first.parent.rmdir()
    shop.capture_at(format_moment(ago(days=2)))
    shop.edit('verify = "0 4 1 * *"', "")  # or a drill would be late, too, in the first days of a month
    return shop


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def titles(server: Receiver) -> list[str]:
    return [json.loads(each.body)["title"] for each in server.heard]


def notices(shop: Shop) -> list[str]:
    return [path.name for path in shop.objects() if path.parent.name == "notices"]


def test_a_change_is_told_once_and_so_is_its_end(late: Shop, server: Receiver) -> None:
    shop = notifying(late, server)
    told = shop.drkit.json("notify")
    [notice] = told["notices"]
    assert (notice["system"], notice["remembered"], notice["taken"]) == ("shop", True, False)
    assert {"subject": "shop/main", "kind": "overdue"} in notice["new"]
    assert notice["sent"] == [{"url": "env:URL_0", "told": True, "error": "", "hint": ""}]
    assert shop.drkit.json("notify") == {"notices": []}
    shop.drkit.ok("backup", "now")
    assert "shop is well again" in shop.drkit.ok("notify").out
    assert shop.drkit.ok("notify", "shop/main").out == "nothing has changed since the last notice\n"
    assert len(titles(server)) == 2
    assert titles(server)[1] == "shop is well again"


def test_a_backup_that_failed_is_told_with_what_failed_and_the_next_step(shop: Shop, server: Receiver) -> None:
    shop = notifying(shop, server)
    (shop.folder / "shop.db").unlink()
    assert shop.drkit("backup", "now").code == 4
    shop.drkit.ok("notify")
    [heard] = server.heard
    message = json.loads(heard.body)
    assert message["title"] == "shop: a backup failed"
    assert "shop/main: the last backup failed: " in message["message"]
    assert "shop.db" in message["message"]
    assert "\nsince: " in message["message"]
    assert "\nnext: " in message["message"]


def test_what_would_be_sent_is_shown_and_neither_sent_nor_remembered(late: Shop, server: Receiver) -> None:
    shop = notifying(late, server)
    shown = shop.drkit.ok("notify", "--dry-run").out
    assert "shop/main: a backup is overdue" in shown
    assert "(would be told)" in shown
    assert (server.heard, notices(shop)) == ([], [])
    assert shop.drkit.json("notify", "--dry-run")["notices"][0]["sent"] == []


def test_a_test_message_says_how_each_url_did(shop: Shop, server: Receiver) -> None:
    with receiver(refuse) as broken:
        shop = notifying(shop, server, broken)
        done = shop.drkit("notify", "--test", "--json")
        assert shop.drkit("notify", "--test").out.splitlines() == [
            "shop: env:URL_0 was told",
            "shop: env:URL_1 FAILED: the answer was 500",
        ]
    assert done.code == 5
    assert [(each["url"], each["told"]) for each in done.document["tests"]] == [
        ("env:URL_0", True),
        ("env:URL_1", False),
    ]
    assert titles(server) == ["shop: this is a test"] * 2
    assert notices(shop) == []


def test_a_test_sends_and_a_dry_run_does_not(shop: Shop) -> None:
    assert shop.drkit("notify", "--test", "--dry-run").code == 2


def test_when_nobody_could_be_told_the_next_run_tells(late: Shop, server: Receiver) -> None:
    shop = notifying(late, server)
    server.act = refuse
    done = shop.drkit("notify")
    assert done.code == 5
    assert "NOBODY was told" in done.out
    assert [line["level"] for line in done.lines] == ["warning"]
    del server.act
    server.act = lambda request: request.answer(200)
    shop.drkit.ok("notify")
    assert len(server.heard) == 2


@pytest.mark.parametrize("act", [refuse, close])
def test_one_url_that_fails_does_not_keep_another_from_being_told(late: Shop, server: Receiver, act) -> None:
    with receiver(act) as broken:
        shop = notifying(late, broken, server)
        done = shop.drkit.ok("notify")
        assert "env:URL_0 was not told" in done.err
        assert len(server.heard) == 1
        assert shop.drkit.ok("notify").err == ""


def test_a_url_that_is_not_set_is_a_warning(late: Shop, server: Receiver) -> None:
    shop = notifying(late, server)
    shop.edit('"env:URL_0"', '"env:URL_0", "env:NOT_SET"')
    assert "env:NOT_SET is not set" in shop.drkit.ok("notify").err
    assert len(server.heard) == 1


def test_no_part_of_a_url_is_shown_or_stored(late: Shop) -> None:
    written = ""
    for act in (refuse, close, lambda request: request.answer(200)):
        with receiver(act) as server:
            shop = notifying(copy_shop(late.folder, late.folder.with_name(f"{act.__name__}-copy")), server)
            for command in (["notify", "--test"], ["notify", "-v"], ["notify", "--json"], ["check"], ["status"]):
                done = shop.drkit(*command)
                written += done.out + done.err
            written += "".join(path.read_bytes().decode(errors="replace") for path in shop.objects())
            home = Path(shop.drkit.environment["HOME"])
            written += "".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())
    assert written
    assert [secret for secret in SECRETS if secret in written] == []


def test_without_leave_nothing_private_is_told_and_the_key_that_gives_it_is_named(late: Shop, server: Receiver) -> None:
    shop = notifying(late, server, private=False)
    done = shop.drkit("notify")
    assert done.code == 5
    assert "127.0.0.1 is not a public address" in done.err
    assert "notify.allow_private = true" in done.err
    assert server.heard == []


def test_a_system_that_tells_nobody_is_not_even_looked_at(shop: Shop) -> None:
    done = shop.drkit.ok("notify", SHOP_STORE="")
    assert (done.out, done.err) == ("nothing has changed since the last notice\n", "")


def test_two_who_tell_at_once_tell_once(late: Shop, server: Receiver) -> None:
    shop = notifying(late, server)
    with shop.drkit.running("notify") as one, shop.drkit.running("notify") as other:
        ends = [(each.communicate(timeout=120)[0], each.returncode) for each in (one, other)]
    assert [code for _, code in ends] == [0, 0]
    assert len(server.heard) == 1


def test_the_daemons_own_troubles_are_told_among_the_others_and_are_over_when_it_says_so(
    late: Shop, server: Receiver
) -> None:
    shop = notifying(late, server)
    own = shop.folder / "own.json"
    own.write_text(json.dumps([OWN]))
    [notice] = shop.drkit.json("notify", "--troubles", str(own))["notices"]
    assert {"subject": "shop", "kind": "config broken"} in notice["new"]
    assert shop.drkit.json("notify")["notices"] == []
    own.write_text("[]")
    [notice] = shop.drkit.json("notify", "--troubles", str(own))["notices"]
    assert notice["over"] == [{"subject": "shop", "kind": "config broken"}]


def test_where_the_store_cannot_be_reached_the_daemons_own_troubles_are_told_all_the_same(
    shop: Shop, server: Receiver
) -> None:
    shop = notifying(shop, server)
    own = shop.folder / "own.json"
    own.write_text(json.dumps([OWN]))
    with receiver(lambda request: request.answer(403)) as refusing:
        url = f"s3://bucket/prod?region=us-east-1&endpoint_url=http://{refusing.place}"
        gone = {"SHOP_STORE": url, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        [notice] = shop.drkit.json("notify", "--troubles", str(own), **gone)["notices"]
        alone = shop.drkit("notify", **gone)
    assert (notice["title"], notice["remembered"]) == ("shop: shop.toml is wrong", False)
    assert alone.code == 5
    assert len(server.heard) == 1


def test_a_store_that_takes_nothing_more_silences_nobody(late: Shop, server: Receiver) -> None:
    shop = notifying(late, server)
    (shop.folder / "backups" / "shop" / "notices").touch()
    done = shop.drkit.ok("notify")
    assert "what was told could not be written down" in done.err
    assert "nothing can be written to the store" in done.out
    assert len(server.heard) == 1


def test_a_list_of_troubles_that_is_none_is_refused(shop: Shop) -> None:
    assert shop.drkit("notify", "--troubles", "-").code == 2
    assert shop.drkit("notify", "--troubles", "nowhere.json").code == 2


def pinging(shop: Shop, server: Receiver, **more: object) -> Shop:
    return notifying(shop, more=f'ping_url = "http://{server.place}/{{system}}/{{source}}"')


def lines(server: Receiver) -> list[str]:
    return [f"{each.method} {each.path} {each.body}".strip() for each in server.heard]


def test_a_backup_pings_its_start_and_its_success(shop: Shop, server: Receiver) -> None:
    shop = pinging(shop, server)
    assert shop.drkit.ok("backup", "now").err == ""
    assert lines(server) == ["GET /shop/main/start", "GET /shop/main"]


def test_a_backup_that_fails_pings_why(shop: Shop, server: Receiver) -> None:
    shop = pinging(shop, server)
    (shop.folder / "shop.db").unlink()
    assert shop.drkit("backup", "now").code == 4
    start, failure = lines(server)
    assert start == "GET /shop/main/start"
    assert failure.startswith("POST /shop/main/fail ")
    assert "shop.db" in failure


def test_a_backup_that_cannot_even_begin_pings_its_failure(shop: Shop, server: Receiver) -> None:
    shop = pinging(shop, server)
    planned = ("backup", "now", "--slot", "2026-11-20T14:30:00Z.1")
    assert shop.drkit(*planned, SHOP_STORE="").code == 3
    [failure] = lines(server)
    assert failure.startswith("POST /shop/main/fail ")


def test_a_source_may_have_a_switch_of_its_own(shop: Shop, server: Receiver) -> None:
    shop = pinging(shop, server)
    make_database(shop.folder / "other.db")
    with shop.schedule.open("a") as schedule:
        schedule.write('[sources.other]\nkind = "sqlite"\npath = "../other.db"\nbackup = "0 * * * *"\n')
        schedule.write(f'ping_url = {{ success = "http://{server.place}/own?status=up" }}\n')
    shop.drkit.ok("backup", "now")
    assert sorted(lines(server)) == ["GET /own?status=up", "GET /shop/main", "GET /shop/main/start"]


def test_other_commands_ping_nobody(shop: Shop, server: Receiver) -> None:
    shop = pinging(shop, server)
    shop.drkit.ok("status")
    shop.drkit.ok("prune", "--yes")
    assert server.heard == []


@pytest.mark.parametrize("act", [hang, refuse, close])
def test_a_backup_whose_pings_and_notices_fail_succeeds(shop: Shop, server: Receiver, act) -> None:
    server.act = act
    shop = notifying(shop, server, more=f'ping_url = "http://{server.place}/{SECRETS[0]}"')
    done = shop.drkit.ok("backup", "now", "--json")
    assert len(done.document["backups"]) == 1
    assert done.document["failed"] == []
    assert {line["level"] for line in done.lines} == {"info"}
    assert "ping" in done.err
    assert SECRETS[0] not in done.out + done.err


def test_a_ping_without_leave_is_a_note_that_names_the_key(shop: Shop, server: Receiver) -> None:
    shop = pinging(shop, server)
    shop.edit("allow_private = true", "allow_private = false")
    done = shop.drkit.ok("backup", "now")
    assert "127.0.0.1 is not a public address: set notify.allow_private" in done.err
    assert server.heard == []


def test_a_ping_that_is_not_set_is_a_note(shop: Shop, server: Receiver) -> None:
    shop = notifying(shop, more='ping_url = "env:NOT_SET"')
    assert "nobody is pinged: " in shop.drkit.ok("backup", "now").err


def test_check_says_whether_the_urls_are_understood_and_sends_nothing(shop: Shop, server: Receiver) -> None:
    shop = notifying(shop, server, more='ping_url = "env:PING"')
    found = shop.drkit.json("check", PING=f"http://{server.place}/")["findings"]
    told = {each["check"]: each["detail"] for each in found}
    assert told["notify"] == "env:URL_0: it is understood"
    assert told["ping"] == "its start, success, failure can be told"
    assert server.heard == []
    done = shop.drkit("check", "--json", URL_0="nonsense", PING="nonsense")
    assert done.code == 3
    failed = {each["check"]: each for each in done.document["findings"] if not each["passed"]}
    assert failed["notify"]["detail"].startswith("env:URL_0: it is no URL that apprise understands")
    assert not failed["notify"]["detail"].count("nonsense")
