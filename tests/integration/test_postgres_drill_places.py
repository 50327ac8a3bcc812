"""Where a drill of PostgreSQL takes place: what the place lacks, whom it reaches, and a whole drill from end to end."""

import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drkit.backup import back_up
from drkit.engines.postgres import DumpOptions
from drkit.engines.postgres.division import Sizes
from drkit.engines.postgres.point import StoredPoint
from drkit.engines.postgres.scratch.provision import choose_server
from drkit.engines.postgres.scratch.settings import COMPARED
from drkit.errors import ConfigError
from drkit.sealing import loading
from drkit.stores.memory import MemoryStore
from drkit.verify.drill import Orders, run_drill
from drkit.verify.model import Drill
from drkit.verify.questions import Question
from drkit.verify.verdicts import judge_backup
from postgres.hard import build_hard
from postgres_scratch import drill_engine, on_stage, outcomes, those_that
from postgres_vault import Point, capture, new_keys, utc_now
from servers.postgres import NamedServer, PostgresServer, postgres_server
from sqlite_vault import run_child

SHOP = (
    "CREATE EXTENSION pg_trgm",
    "CREATE EXTENSION pgcrypto",
    "CREATE EXTENSION hstore",
    "CREATE TABLE plain (id integer PRIMARY KEY, note text)",
    "INSERT INTO plain SELECT n, 'n' || n FROM generate_series(1, 100) n",
    "CREATE INDEX by_note ON plain USING gin (note gin_trgm_ops)",
    "CREATE TABLE tagged (id serial PRIMARY KEY, tags hstore, parent integer REFERENCES plain)",
    "INSERT INTO tagged (tags, parent) SELECT 'a=>1', n % 100 + 1 FROM generate_series(1, 4000) n",
    "CREATE VIEW tags AS SELECT tags -> 'a' AS tag FROM tagged",
    "CREATE TABLE keyed (id uuid DEFAULT gen_random_uuid(), salt text DEFAULT gen_salt('bf'))",
    "CREATE TABLE calls (id integer, hash text)",
    "INSERT INTO calls VALUES (1, 'x')",
    "CREATE INDEX by_hash ON calls (digest(hash, 'sha256'))",
    "CREATE VIEW digests AS SELECT digest(hash, 'sha256') AS d FROM calls",
)

SERVED = """
os.environ.update(PGSERVICE="elsewhere", PGSERVICEFILE=sys.argv[3])
from postgres_scratch import on_stage
from postgres_vault import capture
programs = Path(sys.argv[2])
with on_stage(capture(sys.argv[1], programs), programs) as stage:
    for check in stage.prove():
        if check.name.startswith("rows"):
            print(check.name, check.outcome, sep=": ")
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("source"), 17) as server:
        yield server


@pytest.fixture(scope="module")
def shop(source: PostgresServer) -> Point:
    dsn = source.create("shop")
    source.execute(*SHOP, database="shop")
    # `tagged` has a stream of its own
    return capture(dsn, source.bin, sizes=Sizes(smallest=1 << 16))


@pytest.fixture
def bare(source: PostgresServer) -> Iterator[Path]:
    """Programs of a server without some extensions."""
    with TemporaryDirectory(prefix="bare-") as folder:
        Path(folder).chmod(0o755)
        copy = shutil.copytree(source.bin.parent, Path(folder, "postgres"), symlinks=True)
        for name in ("pg_trgm", "hstore", "pgcrypto", "amcheck"):
            (copy / f"share/extension/{name}.control").unlink()
        yield copy / "bin"


def test_what_needs_an_extension_that_the_place_lacks_is_left_out_and_neither_passes_nor_fails(
    shop: Point, bare: Path
) -> None:
    assert "data-00001" in {piece.name for piece in shop.captured.pieces}
    with on_stage(shop, bare) as stage:
        untested = {check.name: check for check in stage.restored.untested}
        found = stage.prove()
        tables = stage.engine.ask(
            stage.scratch.target,
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class"
            " WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace",
            timedelta(seconds=5),
        )
        rows = stage.engine.ask(stage.scratch.target, "SELECT count(*) FROM plain", timedelta(seconds=5))
    assert (tables, rows) == ("calls plain", 100)
    assert {name: check.outcome for name, check in untested.items()} == {
        "extension hstore": "not testable",
        "extension pg_trgm": "not testable",
        "extension pgcrypto": "not testable",
    }
    assert untested["extension hstore"].expected == "1.8"
    assert "not installed on the scratch server; left out with it: " in untested["extension hstore"].actual
    for name in ("table tagged", "view tags"):
        assert name in untested["extension hstore"].actual
    assert "index by_note" in untested["extension pg_trgm"].actual
    for name in ("table keyed", "index by_hash", "view digests"):
        assert name in untested["extension pgcrypto"].actual
    assert those_that("failed", found) == []
    assert outcomes(found)["rows of 2 tables"] == "passed"
    assert those_that("not testable", found) == ["amcheck"]


def back_up_and_drill(source: PostgresServer, database: str, programs: Path, *asked: str) -> Drill:
    keys, store = new_keys(), MemoryStore()
    engine = drill_engine(source.bin, dsn=source.dsn(database))
    back_up("shop/main", engine, store, keys.seal, utc_now, "0123abcd", "run")
    questions = tuple(Question(sql, sql, None, True, timedelta(seconds=5)) for sql in asked)
    orders = Orders("shop/main", "database-failure", None, None, timedelta(minutes=5), None, questions, "01", "run")
    return run_drill(orders, store, drill_engine(programs), keys.keyring, utc_now).drill


def test_a_drill_that_leaves_tables_out_is_partly_tested_and_says_nothing_of_the_backup(
    source: PostgresServer, shop: Point, bare: Path
) -> None:
    asked = ("SELECT count(*) = 100 FROM plain", "SELECT count(*) = 4000 FROM tagged")
    drill = back_up_and_drill(source, "shop", bare, *asked)
    assert drill.result == "failed"
    assert drill.error.startswith(
        "partly tested: 2 tables with 4000 rows left out, as the scratch server lacks extensions hstore, pgcrypto ("
    )
    assert those_that("failed", list(drill.checks)) == []
    assert [outcomes(list(drill.checks))[sql] for sql in asked] == ["passed", "not testable"]
    assert (drill.rto.measured, drill.rto.met, judge_backup(drill)) == (None, None, None)


def test_a_drill_passes_without_an_extension_that_no_table_needs(source: PostgresServer, bare: Path) -> None:
    source.create("searched")
    source.execute(
        "CREATE EXTENSION pg_trgm",
        "CREATE TABLE notes AS SELECT n, 'n' || n AS note FROM generate_series(1, 9) n",
        "CREATE INDEX by_note ON notes USING gin (note gin_trgm_ops)",
        database="searched",
    )
    drill = back_up_and_drill(source, "searched", bare, "SELECT count(*) = 9 FROM notes")
    assert (drill.result, drill.error, judge_backup(drill)) == ("passed", "", "verified")
    assert "extension pg_trgm" in those_that("not testable", list(drill.checks))


def test_a_place_that_has_all_extensions_has_nothing_left_out(shop: Point, source: PostgresServer) -> None:
    with on_stage(shop, source.bin) as stage:
        assert stage.restored.untested == ()
        assert outcomes(stage.prove())["rows of 4 tables"] == "passed"


def test_a_locale_that_the_place_lacks_is_replaced_and_said_to_be_untested(
    source: PostgresServer, tmp_path: Path
) -> None:
    with postgres_server(tmp_path) as server:
        dsn = server.create(
            "swedish", "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        server.execute(
            "CREATE TABLE t (name text PRIMARY KEY)", "INSERT INTO t VALUES ('ö'), ('z')", database="swedish"
        )
        point = capture(dsn, server.bin)
    with on_stage(point, source.bin) as stage:
        [locale] = stage.restored.untested
        assert those_that("failed", stage.prove()) == []
    assert (locale.name, locale.outcome) == ("locale", "not testable")
    assert "ICU_LOCALE 'sv'" in locale.expected
    assert locale.actual.startswith("C.UTF-8, as the scratch server does not have it")


def test_what_needs_icu_that_the_place_lacks_is_left_out_and_neither_passes_nor_fails(
    source: PostgresServer, tmp_path: Path
) -> None:
    """By a column, an index, a domain, a view or a parsed body; a body that is text is not read before it runs."""
    with postgres_server(tmp_path) as server:
        dsn = server.create("sorted")
        server.execute(
            "CREATE COLLATION numbers (provider = icu, locale = 'de-u-kn-true')",
            "CREATE TABLE by_own (a text COLLATE numbers PRIMARY KEY)",
            'CREATE TABLE by_given (a text COLLATE "sv-x-icu")',
            "CREATE DOMAIN word AS text COLLATE numbers",
            "CREATE TABLE by_domain (a word)",
            "CREATE TABLE plain (n integer PRIMARY KEY, a text)",
            'CREATE INDEX by_index ON plain (a COLLATE "sv-x-icu")',
            'CREATE VIEW by_view AS SELECT a FROM plain ORDER BY a COLLATE "de-x-icu"',
            """CREATE FUNCTION first() RETURNS text LANGUAGE sql
               BEGIN ATOMIC SELECT a FROM plain ORDER BY a COLLATE "sv-x-icu" LIMIT 1; END""",
            """CREATE FUNCTION last() RETURNS text LANGUAGE sql
               AS 'SELECT a FROM plain ORDER BY a COLLATE "sv-x-icu" DESC LIMIT 1'""",
            "INSERT INTO plain SELECT n, 'n' || n FROM generate_series(1, 9) n",
            "INSERT INTO by_own SELECT a FROM plain",
            database="sorted",
        )
        point = capture(dsn, server.bin)
    with on_stage(point, source.bin) as stage:
        [icu] = stage.restored.untested
        found = stage.prove()
        left = stage.engine.ask(
            stage.scratch.target, "SELECT count(*) FROM pg_proc WHERE proname = 'last'", timedelta(seconds=5)
        )
        left_out = stage.restored.left_out
    assert (icu.name, icu.outcome) == ("library ICU", "not testable")
    assert icu.actual.startswith("the scratch server was built without it (packages of Debian and of PGDG have it)")
    assert "collation numbers" in icu.actual
    assert left_out.startswith("3 tables with 9 rows left out, as the scratch server lacks library ICU (")
    assert those_that("failed", found) == []
    assert outcomes(found)["rows of 1 table"] == "passed"
    assert left == 1


def test_a_place_that_has_icu_has_nothing_left_out(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        dsn = server.create("sorted")
        server.execute('CREATE TABLE words (a text COLLATE "sv-x-icu" PRIMARY KEY)', database="sorted")
        point = capture(dsn, server.bin)
        with on_stage(point, server.bin) as stage:
            assert stage.restored.untested == ()


def test_a_tablespace_of_the_source_is_not_needed(source: PostgresServer) -> None:
    dsn = source.create("spaced")
    source.execute("SET allow_in_place_tablespaces = on", "CREATE TABLESPACE fast LOCATION ''")
    source.execute("CREATE TABLE t (n integer PRIMARY KEY) TABLESPACE fast", database="spaced")
    with on_stage(capture(dsn, source.bin), source.bin) as stage:
        assert those_that("failed", stage.prove()) == []


def test_a_drill_takes_place_on_a_server_that_was_lent_and_its_roles_stay_its_own(
    postgres: NamedServer, tmp_path: Path
) -> None:
    with postgres_server(tmp_path, 14) as server:
        server.execute("CREATE ROLE lent_clerk LOGIN")
        point = capture(build_hard(server), server.bin)
    postgres.execute("CREATE ROLE lent_clerk CREATEDB")
    with on_stage(point, postgres.bin, postgres.dsn) as stage:
        assert "restored" in stage.scratch.target
        assert postgres.password not in stage.scratch.place
        found = outcomes(stage.prove())
        assert found["roles"] == "passed"
        assert "failed" not in found.values()
    assert postgres.query("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'lent_clerk'") == [(True,)]
    assert postgres.query("SELECT FROM pg_database WHERE datname ~ 'drkit_scratch'") == []


def test_a_lent_server_where_we_are_no_superuser_shows_all_but_owners_and_privileges(
    postgres: NamedServer, tmp_path: Path
) -> None:
    with postgres_server(tmp_path, 14) as server:
        server.execute("CREATE ROLE lent_owner", "CREATE ROLE lent_reader")
        dsn = server.create("owned", "OWNER lent_owner")
        server.execute(
            "CREATE TABLE t (n integer PRIMARY KEY)",
            "INSERT INTO t SELECT generate_series(1, 9)",
            "ALTER TABLE t OWNER TO lent_owner",
            "GRANT SELECT ON t TO lent_reader",
            database="owned",
        )
        point = capture(dsn, server.bin)
    postgres.execute("CREATE ROLE tester LOGIN CREATEDB PASSWORD 'tester'")
    with on_stage(point, postgres.bin, lambda: postgres.dsn(user="tester", password="tester")) as stage:
        assert [check.name for check in stage.restored.untested] == ["owners and privileges"]
        found = stage.prove()
    assert those_that("failed", found) == []
    assert those_that("not testable", found) == ["amcheck"]
    assert outcomes(found)["rows of 1 table"] == "passed"
    postgres.execute("DROP ROLE tester")


def test_nobody_can_log_in_as_a_role_that_a_drill_leaves_on_a_lent_server(
    postgres: NamedServer, tmp_path: Path
) -> None:
    with postgres_server(tmp_path, 14) as server:
        server.execute("CREATE ROLE lent_app LOGIN CREATEDB PASSWORD 'one' VALID UNTIL '2099-01-01'")
        server.execute("CREATE ROLE lent_plain LOGIN")
        point = capture(server.create("used"), server.bin)
    with on_stage(point, postgres.bin, postgres.dsn) as stage:
        assert those_that("failed", stage.prove()) == []
    assert postgres.query(
        "SELECT rolname::text, rolcanlogin, rolpassword, rolcreatedb FROM pg_authid"
        " WHERE rolname IN ('lent_app', 'lent_plain') ORDER BY 1"
    ) == [("lent_app", False, None, True), ("lent_plain", False, None, False)]


def test_the_captured_server_is_never_lent_for_a_drill(shop: Point, source: PostgresServer) -> None:
    with pytest.raises(ConfigError, match="is the captured one"), on_stage(shop, source.bin, source.dsn):
        pass


def test_damage_that_only_the_structure_shows_fails_the_check_of_the_structure(
    shop: Point, source: PostgresServer
) -> None:
    with on_stage(shop, source.bin) as stage:
        stage.execute(
            "CREATE TABLE aside AS SELECT 1 AS n",
            "SELECT txid_current()",
            "UPDATE pg_class SET relfrozenxid = (txid_current() % 4294967296)::text::xid WHERE relname = 'aside'",
        )
        failed = [check for check in stage.prove() if check.outcome == "failed"]
    [check] = failed
    assert check.name == "amcheck"
    assert "aside" in check.actual


def test_what_a_drill_has_to_know_of_the_source_stands_in_the_backup_of_any_role(
    shop: Point, source: PostgresServer
) -> None:
    source.execute("CREATE ROLE little LOGIN PASSWORD 'little' IN ROLE pg_read_all_data")
    [(system,)] = source.query("SELECT system_identifier::text FROM pg_control_system()")
    by_little = capture(source.dsn("shop", user="little", password="little"), source.bin)
    for point in (shop, by_little):
        contents = StoredPoint(point.manifest, loading(point.store, point.keys.keyring)).contents
        assert contents.system == system
        assert contents.size
        assert contents.size > 5_000_000
        assert set(COMPARED) - contents.settings.keys() <= {"shared_preload_libraries"}
    source.execute("DROP ROLE little")


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("counts", {"rows of 4 tables": "passed"}),
        ("off", {"4 tables": "passed", "rows of 4 tables": "not testable"}),
    ],
)
def test_no_more_is_claimed_of_rows_than_was_captured_of_them(
    level: str, told: dict[str, str], shop: Point, source: PostgresServer
) -> None:
    assert shop.captured
    point = capture(source.dsn("shop"), source.bin, fingerprints=level)
    with on_stage(point, source.bin) as stage:
        stage.execute("UPDATE calls SET hash = 'y'")
        found = stage.prove()
    assert those_that("failed", found) == []
    assert told.items() <= outcomes(found).items()
    assert ("large objects" in outcomes(found)) == (level == "counts")
    assert not any("as captured" in check.actual for check in found if "table" in check.name)


def test_a_drill_needs_server_programs_and_says_which(source: PostgresServer) -> None:
    with pytest.raises(ConfigError, match=r"needs the server programs of PostgreSQL 99 or newer") as error:
        choose_server(DumpOptions(programs=source.bin), 99)
    assert "install postgresql-99" in error.value.hint
    assert "name a scratch server" in error.value.hint


def test_the_nearest_newer_server_is_taken_where_the_captured_version_is_not_here(source: PostgresServer) -> None:
    assert choose_server(DumpOptions(programs=source.bin), 16).major == 17


def test_a_service_in_the_environment_leads_no_drill_elsewhere(source: PostgresServer, tmp_path: Path) -> None:
    dsn = source.create("served")
    source.execute("CREATE TABLE t AS SELECT 1 AS n", database="served")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        services = tmp_path / "services"
        services.write_text(f"[elsewhere]\nhost=127.0.0.1\nport={listener.getsockname()[1]}\n")
        said = run_child(SERVED, dsn, source.bin, services)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert said == "rows of 1 table: passed\n"


def test_a_whole_drill_passes_and_its_questions_are_asked(source: PostgresServer) -> None:
    dsn = source.create("drilled")
    source.execute(*SHOP, database="drilled")
    source.execute("ALTER DATABASE drilled SET search_path = own", "CREATE ROLE drilled_owner")
    source.execute("CREATE SCHEMA own", "CREATE TABLE own.orders AS SELECT 5 AS n", database="drilled")
    keys, store = new_keys(), MemoryStore()
    manifest, _ = back_up("shop/main", drill_engine(source.bin, dsn=dsn), store, keys.seal, utc_now, "0123abcd", "run")
    questions = (
        Question("orders are there", "SELECT n FROM orders", None, 5, timedelta(seconds=5)),
        Question("none is new", "SELECT n > 6 FROM orders", None, True, timedelta(seconds=5)),
    )
    orders = Orders("shop/main", "database-failure", None, None, timedelta(minutes=5), None, questions, "01", "run")
    ended = run_drill(orders, store, drill_engine(source.bin), keys.keyring, utc_now)
    drill = ended.drill
    assert (drill.result, drill.error, drill.disposed, ended.raised) == ("failed", "", True, None)
    assert those_that("failed", list(drill.checks)) == ["none is new"]
    assert drill.backup == manifest.id
    assert drill.restored_bytes == manifest.plain_bytes
    assert {name for name, _ in drill.phases} >= {"plan", "provision", "schema", "fetch_and_load", "index", "check"}
    assert drill.tools["PostgreSQL"] == drill.tools["pg_restore"]
    assert drill.settings_that_differ["wal_level"] == ("replica", "minimal")
    assert "max_parallel_workers_per_gather" not in drill.settings_that_differ
