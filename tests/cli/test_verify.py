"""`drkit verify now` as a person, a CronJob and an auditor meet it, with a SQLite shop."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest

from cli.conftest import Shop
from cli_drills import ago, put_evidence
from cli_runner import Done
from drkit.catalog import marks, survey
from drkit.cli.drilling import redacting
from drkit.config import load_system
from drkit.keyring import open_signers
from drkit.stores.local import LocalStore
from drkit.verify.chain import check_chain, check_marks
from drkit.verify.evidence import parse_evidence
from drkit.verify.ledger import read_store
from drkit.verify.model import Drill
from drkit.when import format_moment, parse_moment
from drkit.wiring import clock, select_one
from patience import PATIENCE

MAIN = "shop/main"
DAY = timedelta(days=1)


def verify(shop: Shop, code: int, *arguments: str, **environment: str) -> Any:
    """The one drill of a run that must end with `code`."""
    done = shop.drkit("verify", "now", "--json", *arguments, **environment)
    assert done.code == code, done
    assert scratch_left(shop) == []
    (drill,) = done.document["drills"]
    return drill


def scratch_left(shop: Shop) -> list[Path]:
    return list((shop.folder.parent / f"{shop.folder.name}-home").iterdir())


def evidence(shop: Shop, store: str = "backups") -> list[Drill]:
    """Of every drill, oldest first, each believed, in a chain without a flaw and with marks that tell the truth."""
    signers = open_signers(load_system(shop.schedule))
    folder = LocalStore(shop.folder / store)
    stored = read_store(folder, MAIN)
    found = [parse_evidence(each.key, each.content, signers) for each in stored]
    beside = marks(MAIN, survey(folder, MAIN).entries)
    findings = [*check_chain(stored, signers), *check_marks(beside, {each.drill.id: each for each in found})]
    assert [finding for finding in findings if not finding.passed] == []
    return [each.drill for each in found]


def proofs(shop: Shop) -> list[str]:
    return [mark.proof for mark in marks(MAIN, survey(LocalStore(shop.folder / "backups"), MAIN).entries)]


def add_check(shop: Shop, **values: str) -> None:
    lines = "".join(f"{key} = {value}\n" for key, value in values.items())
    with shop.schedule.open("a") as schedule:
        schedule.write(f'[[sources.main.checks]]\nname = "mine"\n{lines}')


def mine(drill: Any) -> Any:
    return next(check for check in drill["checks"] if check["name"] == "mine")


def test_a_drill_that_passes_says_so_leaves_evidence_and_the_point_is_verified(shop: Shop) -> None:
    drill = verify(shop, 0)
    assert drill.keys() >= {
        *("source", "scenario", "backup", "wanted", "reached", "passed", "rto", "rpo", "phases", "checks", "evidence")
    }
    assert (drill["source"], drill["scenario"], drill["passed"]) == (MAIN, "database-failure", True)
    assert [drill["backup"]] == shop.ids()
    assert drill["wanted"] is None
    assert drill["rto"].keys() == drill["rpo"].keys() == {"target", "measured", "met"}
    assert drill["phases"].keys() >= {"provision", "fetch_and_load", "replay", "index", "check"}
    assert [check["passed"] for check in drill["checks"]] == [True] * 4
    (stored,) = evidence(shop)
    assert drill["evidence"] == f"shop/main/drills/{stored.id}.json"
    assert (stored.result, stored.backup, stored.disposed) == ("passed", drill["backup"], True)
    assert stored.clock_offset is not None
    assert proofs(shop) == ["verified"]
    (point,) = shop.drkit.json("backup", "list")["points"]
    assert point["verified_at"] == format_moment(stored.started_at)


def test_to_people_it_tells_what_was_shown_and_what_was_not(shop: Shop) -> None:
    add_check(shop, sql='"select count(*) from orders"', expect="501")
    said = shop.drkit("verify", "now").out
    assert "shop/main: database-failure FAILED as of" in said
    assert "RTO not measured, promised 15m" in said
    assert "4 of 5 checks passed" in said
    assert "failed: mine: expected 501, found 500" in said
    assert "evidence: shop/main/drills/" in said


@pytest.mark.parametrize("harm", ["cut", "foreign", "removed"])
def test_an_object_that_is_not_what_was_stored_ends_with_8_and_takes_the_proof_back(shop: Shop, harm: str) -> None:
    verify(shop, 0)
    (piece,) = shop.objects(".age")
    if harm == "cut":
        piece.write_bytes(piece.read_bytes()[:-1])
    elif harm == "foreign":
        piece.write_bytes(b"age-encryption.org/v1\n")
    else:
        piece.unlink()
    drill = verify(shop, 8)
    assert (drill["passed"], drill["reached"], drill["rto"]["measured"]) == (False, None, None)
    assert [(check["name"], check["passed"]) for check in drill["checks"]] == [("stored objects", False)]
    assert str(piece.relative_to(shop.folder / "backups")) in drill["error"]
    assert [each.result for each in evidence(shop)] == ["passed", "failed"]
    assert sorted(proofs(shop)) == ["refuted", "verified"]
    (point,) = shop.drkit.json("backup", "list")["points"]
    assert point["verified_at"] is None


def test_a_restore_slower_than_promised_ends_with_8(shop: Shop) -> None:
    shop.edit('rto = "15m"', 'rto = "0.1s"')
    add_check(shop, command='"sleep 0.2"')
    drill = verify(shop, 8)
    assert (drill["rto"]["target"], drill["rto"]["met"], drill["rpo"]["met"]) == (0.1, False, True)
    assert all(check["passed"] for check in drill["checks"])
    assert proofs(shop) == ["verified"]


def test_a_gap_wider_than_promised_ends_with_8(shop: Shop) -> None:
    shop.capture_at(format_moment(clock() - 3 * DAY))
    drill = verify(shop, 8, "--at", "1d")
    assert drill["backup"] == shop.ids()[0]
    assert (drill["rpo"]["met"], drill["rto"]["met"]) == (False, True)
    assert drill["rpo"]["measured"] == pytest.approx(2 * 86_400, abs=60)


def test_where_retention_has_thinned_the_points_no_rpo_is_promised(shop: Shop) -> None:
    shop.edit('keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { daily = 30, min_points = 1 }")
    day = (clock() - 10 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in (12, 34, 36):
        shop.capture_at(format_moment(day + timedelta(hours=hours)))
    shop.drkit.ok("prune", "--yes")
    drill = verify(shop, 0, "--at", format_moment(day + timedelta(hours=33)))
    assert drill["rpo"] == {"target": None, "measured": 21 * 3600.0, "met": None}
    assert verify(shop, 8, "--at", format_moment(day + timedelta(hours=60)))["rpo"]["met"] is False


def test_drills_that_were_due_and_never_ran_are_recorded_before_the_next_one(shop: Shop) -> None:
    shop.edit('verify = "0 4 1 * *"', 'verify = "0 0 * * *"')
    put_evidence(shop.schedule, shop.folder / "backups", ago(days=3), backup=None)
    done = shop.drkit.ok("verify", "now")
    assert "drills were due and never ran" in done.err
    results = [drill.result for drill in evidence(shop)]
    assert (results[0], set(results[1:-1]), results[-1]) == ("passed", {"missed"}, "passed")
    verify(shop, 0)
    assert [drill.result for drill in evidence(shop)].count("missed") == len(results) - 2


def test_a_schedule_that_is_younger_than_its_source_blames_nobody_for_drills_of_the_past(shop: Shop) -> None:
    shop.capture_at(format_moment(clock() - 30 * DAY))
    shop.edit('verify = "0 4 1 * *"', 'verify = "0 0 * * *"')
    shop.drkit.ok("verify", "now")
    assert [drill.result for drill in evidence(shop)] == ["passed"]
    [told] = shop.drkit.json("report", "--month", f"{clock():%Y-%m}")["sources"]
    assert told["drills"]["missed"] == 0


@pytest.mark.parametrize(
    ("check", "actual"),
    [
        ({"sql": '"select count(*) > 500 from orders"'}, "0"),
        ({"sql": '"select customer from orders order by id"', "expect": '"customer 1"'}, "customer 0"),
        ({"sql": '"select 1.5"', "expect": "2.5"}, "1.5"),
        ({"sql": '"select null"', "expect": "false"}, "nothing"),
        ({"sql": '"select 1 where 0"'}, "nothing"),
        ({"sql": '"select * from nowhere"'}, "SQLite refused the question: no such table: nowhere"),
        ({"sql": '"delete from orders returning 1"'}, "SQLite refused the question: attempt to write a readonly"),
        ({"command": '"echo not today; exit 3"'}, "ended with status 3: not today"),
        ({"command": '"sleep 600"', "timeout": '"0.2s"'}, "was ended after 0 s, when its time was up"),
    ],
)
def test_a_check_of_ones_own_that_fails_ends_with_8(shop: Shop, check: dict[str, str], actual: str) -> None:
    add_check(shop, **check)
    drill = verify(shop, 8)
    assert mine(drill)["passed"] is False
    assert mine(drill)["actual"].startswith(actual)
    assert drill["rto"]["measured"] is None
    assert [each.result for each in evidence(shop)] == ["failed"]


@pytest.mark.parametrize(
    "check",
    [
        {"sql": '"select count(*) = 500 from orders"'},
        {"sql": '"select count(*) > 500 from orders"', "expect": "false"},
        {"sql": '"select count(*) from orders"', "expect": "500"},
        {"sql": '"select 0"', "expect": "0"},
        {"sql": '"select 1.5"', "expect": "1.5"},
        {"sql": '"select customer from orders"', "expect": '"customer 0"'},
        {"command": "'''test $DRKIT_SOURCE = shop/main && test -f $DRKIT_TARGET && test $DRKIT_POINT'''"},
    ],
)  # fmt: skip
def test_a_check_of_ones_own_that_passes_does_so_for_every_type(shop: Shop, check: dict[str, str]) -> None:
    add_check(shop, **check)
    assert mine(verify(shop, 0))["passed"] is True


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('name = "a"\nsql = "select 1"\ncommand = "true"', "the check 'a' needs either sql or command"),
        ('name = "a"', "the check 'a' needs either sql or command"),
        ('name = "a"\ncommand = "true"\nexpect = 1', "status 0"),
        ('name = "a"\nsql = "select 1"\nexpekt = 1', "unknown key"),
        ('name = ""\nsql = "select 1"', "name: "),
        ('name = "a"\nsql = "select 1"\ntimeout = "soon"', "'soon' is not a length of time"),
        ('name = "a"\nsql = "1"\n[[sources.main.checks]]\nname = "a"\ncommand = "true"', "two checks are called 'a'"),
    ],
)  # fmt: skip
def test_a_slip_in_a_check_ends_with_3_and_names_file_key_and_remedy(shop: Shop, lines: str, said: str) -> None:
    with shop.schedule.open("a") as schedule:
        schedule.write(f"[[sources.main.checks]]\n{lines}\n")
    refuse(shop.drkit("verify", "now"), 3, "schedules/shop.toml: sources.main", said)
    assert not list(shop.folder.glob("backups/shop/main/drills/*"))


def refuse(done: Done, code: int, *said: str) -> None:
    assert done.code == code, done
    (error,) = done.errors
    for words in said:
        assert words in f"{error['message']} {error.get('hint', '')}"


def test_sql_for_files_and_scratch_places_that_cannot_be_are_refused(shop: Shop) -> None:
    whole = shop.schedule.read_text()
    tree = '[sources.tree]\nkind = "files"\npath = "../tree"\nbackup = "0 * * * *"\n'
    for more, said in (
        (f'{tree}checks = [{{ name = "a", sql = "select 1" }}]\n', "use a command, which gets DRKIT_TARGET"),
        (f'{tree}scratch = "env:LENT"\n', "sources.tree.scratch: drills of this kind restore to a folder"),
        (f'{tree}scratch = "postgresql://u:hunter2@host/db"\n', "given by reference"),
    ):
        shop.schedule.write_text(whole + more)
        done = shop.drkit("verify", "now", "shop")
        refuse(done, 3, "schedules/shop.toml: sources.tree", said)
        assert "hunter2" not in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--scenario", "flood"], 2, "it is one of database-failure, region-failure, corruption"),
        (["--seed", "x"], 2, "say --at random with it"),
        (["--at", "yesterday"], 2, "is not a time"),
        (["--at", "2999-01-01T00:00:00Z"], 6, "is in the future"),
        (["nobody"], 2, "no system or source is called"),
        (["--scenario", "region-failure"], 3, "store.replica is missing"),
    ],
)
def test_what_cannot_be_drilled_leaves_no_evidence(shop: Shop, arguments: list[str], code: int, said: str) -> None:
    shop.edit(
        'identity = "file:../keys/identity"',
        'identity = "file:../keys/identity"\nescrow_identity = "file:../keys/identity"',
    )
    refuse(shop.drkit("verify", "now", *arguments), code, said)
    assert evidence(shop) == []


def test_a_moment_before_the_first_point_is_refused_and_leaves_no_evidence(shop: Shop) -> None:
    refuse(shop.drkit("verify", "now", "--at", "30d"), 6, "reaches back to")
    assert evidence(shop) == []


def test_evidence_is_never_signed_by_a_key_that_nobody_accepts(shop: Shop) -> None:
    shop.drkit.ok("keys", "new", "--out", "other")
    shop.edit('signing_key = "file:../keys/signing"', 'signing_key = "file:../other/signing"')
    refuse(shop.drkit("verify", "now"), 3, "nobody would accept evidence signed by it")
    assert evidence(shop) == []


def test_secrets_that_a_command_repeats_are_not_in_evidence(shop: Shop) -> None:
    add_check(shop, command='"echo $APP_URL $AWS_SECRET_ACCESS_KEY was used; false"')
    variables = {"APP_URL": "postgresql://app:prodpw123@db/shop", "AWS_SECRET_ACCESS_KEY": "awssecret999"}
    drill = verify(shop, 8, **variables)
    kept = "".join(path.read_text() for path in (shop.folder / "backups").rglob("drills/*.json"))
    for told in (kept, mine(drill)["actual"]):
        assert "prodpw123" not in told
        assert "awssecret999" not in told
    assert "postgresql://app:***@db/shop *** was used" in kept


def test_the_seed_of_a_random_moment_is_in_the_evidence_and_picks_it_again(shop: Shop) -> None:
    shop.edit('rpo = "1h", ', "")
    moments = [clock() - days * DAY for days in (9, 6, 4, 1)]
    shop.capture_at(*map(format_moment, moments))
    first = verify(shop, 0, "--scenario", "corruption")
    again = verify(shop, 0, "--at", "random", "--seed", first["seed"])
    other = verify(shop, 0, "--scenario", "corruption")
    assert first["wanted"] == again["wanted"] != other["wanted"]
    assert first["backup"] == again["backup"]
    assert moments[0] <= parse_moment(first["reached"]) <= parse_moment(first["wanted"]) <= clock()
    assert [(each.seed, each.scenario) for each in evidence(shop)] == [
        (first["seed"], "corruption"),
        (first["seed"], "database-failure"),
        (other["seed"], "corruption"),
    ]
    given = verify(shop, 0, "--scenario", "corruption", "--at", format_moment(moments[2]))
    assert (given["seed"], given["reached"]) == (None, format_moment(moments[2]))


@pytest.mark.parametrize("signal", ["TERM", "INT", "HUP"])
def test_a_drill_that_is_stopped_ends_with_130_leaves_evidence_and_nothing_else(shop: Shop, signal: str) -> None:
    add_check(shop, command=f"'''test -e calm || {{ kill -{signal} $PPID; sleep 600; }}'''")
    with shop.drkit.running("verify", "now", "--json") as child:
        out, err = child.communicate(timeout=PATIENCE)
    assert (child.returncode, out) == (130, ""), err
    assert scratch_left(shop) == []
    (stopped,) = evidence(shop)
    assert (stopped.result, stopped.disposed, stopped.rto.met, stopped.rpo.met) == ("aborted", True, None, None)
    assert stopped.error == "stopped by KeyboardInterrupt"
    assert proofs(shop) == []
    (shop.folder / "calm").touch()
    assert verify(shop, 0)["passed"]
    assert [each.result for each in evidence(shop)] == ["aborted", "passed"]


def test_what_was_shown_is_told_even_if_no_evidence_can_be_stored(shop: Shop) -> None:
    (shop.folder / "backups" / "shop" / "main" / "drills").touch()
    done = shop.drkit("verify", "now")
    assert done.code == 5
    assert done.out == "shop/main: FAILED, no drill was completed\n"
    assert any("database-failure passed as of" in line["message"] for line in done.lines)


def test_without_the_signing_key_no_drill_is_run(shop: Shop) -> None:
    (shop.folder / "keys" / "signing").unlink()
    refuse(shop.drkit("verify", "now"), 3, "file:../keys/signing")


def test_a_command_gets_the_callers_variables_and_no_key_of_drkits(shop: Shop) -> None:
    add_check(shop, command=f'"env > {shop.folder}/seen"')
    keys = shop.folder / "keys"
    secrets = {
        "MINE": (keys / "identity").read_text(),
        "SIGN": (keys / "signing").read_text(),
        "DRKIT_PASSPHRASE": "pw4",
    }
    verify(shop, 0, FLASK_APP="shop:app", **secrets)
    seen = (shop.folder / "seen").read_text()
    assert "FLASK_APP=shop:app\n" in seen
    for hidden in ("AGE-SECRET-KEY-", "DRKIT-SIGNING-KEY-", "pw4"):
        assert hidden not in seen


def test_the_password_of_a_lent_server_is_cut_out_of_what_is_told(shop: Shop) -> None:
    (shop.folder / "lent").write_text("postgresql://u:p%40ss@host/db")
    with shop.schedule.open("a") as schedule:
        schedule.write('[sources.pg]\nkind = "postgres"\ndsn = "dbname=x"\nbackup = "0 * * * *"\n')
        schedule.write('scratch = "file:../lent"\n')
    redact = redacting(select_one([load_system(shop.schedule)], "shop/pg"))
    assert redact("p@ss, p%40ss and postgresql://u:p%40ss@host/db_x") == "***, *** and postgresql://u:***@host/db_x"
    assert redacting(select_one([load_system(shop.schedule)], MAIN))("p@ss") == "p@ss"


class Listener:
    """Takes connections for a server that is not there, hangs up, and knows when the first one came."""

    def __init__(self, note: Path) -> None:
        self.note = note
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.note.touch()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(refusal)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def lost_region(shop: Shop) -> Iterator[tuple[Listener, dict[str, str]]]:
    """The shop, its identity and its store are gone; what listens in the store's place notes who asks for it."""
    listener = Listener(shop.folder / "asked")
    (shop.folder / "backups").rename(shop.folder / "replica")
    (shop.folder / "keys" / "identity").rename(shop.folder / "escrow")
    (shop.folder / "shop.db").unlink()
    shop.edit(
        'identity = "file:../keys/identity"', 'identity = "file:../keys/identity"\nescrow_identity = "file:../escrow"'
    )
    shop.edit('url = "env:SHOP_STORE"', f'url = "env:SHOP_STORE"\nreplica = "file://{shop.folder}/replica"')
    endpoint = quote(f"http://127.0.0.1:{listener.port}", safe="")
    lost = f"s3://bucket/prefix?region=eu-west-1&endpoint_url={endpoint}"
    try:
        yield listener, {"SHOP_STORE": lost, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    finally:
        listener.close()


def test_a_drill_of_a_lost_region_reaches_only_for_the_replica_and_keeps_its_evidence_there(shop: Shop) -> None:
    add_check(shop, command=f'"test ! -e {shop.folder}/asked"')
    with lost_region(shop) as (listener, environment):
        done = shop.drkit("verify", "now", "--json", "--scenario", "region-failure", **environment)
        assert done.code == 0, done
        assert listener.note.exists()
    (drill,) = done.document["drills"]
    assert (drill["scenario"], drill["passed"], mine(drill)["passed"]) == ("region-failure", True, True)
    (warning,) = [line["message"] for line in done.lines if line["level"] == "warning"]
    assert "the evidence goes to the replica, as the store takes none" in warning
    (stored,) = evidence(shop, "replica")
    assert (stored.result, stored.scenario) == ("passed", "region-failure")
    assert scratch_left(shop) == []


def test_where_the_lost_store_is_not_even_named_the_drill_goes_on(shop: Shop) -> None:
    with lost_region(shop) as (_, _):
        done = shop.drkit("verify", "now", "--scenario", "region-failure", SHOP_STORE="")
    assert done.code == 0, done
    assert len(evidence(shop, "replica")) == 1


def test_a_drill_of_a_lost_region_leaves_evidence_in_the_store_and_no_mark_beside_what_it_did_not_read(
    shop: Shop,
) -> None:
    with lost_region(shop) as (_, _):
        shutil.copytree(shop.folder / "replica", shop.folder / "backups")
        drill = verify(shop, 0, "--scenario", "region-failure")
    (stored,) = evidence(shop)
    assert drill["evidence"].endswith(f"{stored.id}.json")
    assert evidence(shop, "replica") == []
    assert proofs(shop) == []


@pytest.mark.parametrize("gone", ["replica", "escrow"])
def test_without_the_replica_or_the_escrow_identity_a_lost_region_stays_lost(shop: Shop, gone: str) -> None:
    with lost_region(shop) as (_, _):
        shutil.copytree(shop.folder / "replica", shop.folder / "backups")
        if gone == "replica":
            shutil.rmtree(shop.folder / "replica")
            drill = verify(shop, 8, "--scenario", "region-failure")
            assert "no point in time to restore" in drill["error"]
            assert not (shop.folder / "replica").exists()
            assert [each.result for each in evidence(shop)] == ["failed"]
        else:
            (shop.folder / "escrow").unlink()
            refuse(shop.drkit("verify", "now", "--scenario", "region-failure"), 3, "file:../escrow cannot be read")


def test_an_escrow_identity_that_opens_nothing_fails_the_drill(shop: Shop) -> None:
    with lost_region(shop) as (_, _):
        shutil.copytree(shop.folder / "replica", shop.folder / "backups")
        shop.drkit.ok("keys", "new", "--out", "others")
        shutil.copyfile(shop.folder / "others" / "identity", shop.folder / "escrow")
        drill = verify(shop, 8, "--scenario", "region-failure")
    assert "database.zst.age" in drill["error"]
    assert proofs(shop) == []
