"""DSNs, and what of them and of this process reaches a child or a message."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.refusals import explain_refusal, redact
from drkit.errors import CaptureError, ConfigError, NotRestorable

PROGRAMS = Programs(Path("/nowhere"), 15, 0)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("postgresql://me:pw@db.example.com:6543/shop", "db.example.com:6543/shop"),
        ("postgres://me@db.example.com/shop?sslmode=require", "db.example.com:5432/shop"),
        ("host=db.example.com user=me password='p w'", "db.example.com:5432/me"),
        ("hostaddr=10.0.0.1 dbname=shop", "10.0.0.1:5432/shop"),
        ("postgresql://me:p%40ss@a:1,b:2/shop", "a:1,b:2/shop"),
        ("host=a,b port=1 dbname=shop", "a:1,b:1/shop"),
        ("dbname=shop", "the local socket:5432/shop"),
    ],
)
def test_a_database_is_called_by_its_place(text: str, place: str) -> None:
    assert str(parse_dsn(text)) == place
    assert parse_dsn(text).database("o'ther").name == "o'ther"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "shop",
        "mysql://me:secret@host/shop",
        "postgresql+psycopg://me:secret@host/shop",
        "postgresql://me:sec/ret@host/shop",
        "postgresql://me:12/secret@host/shop",
        "postgresql://me:secret@x@host/shop",
        "postgresql://me@host:0/shop",
        "postgresql://me@host:65536/shop",
        "postgresql://me@host/shop?pgbouncer=true",
        "host=h password='secret",
        "host=h sslpassword=secret",
        "host=h scram_client_key=secret",
    ],
)
def test_what_is_no_dsn_is_refused_without_repeating_a_secret(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_dsn(text)
    assert caught.value.hint
    assert "sec" not in str(caught.value).replace("sslpassword", "") + caught.value.hint


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(ConfigError, match="does not know: schema"):
        parse_dsn("postgresql://me@host/shop?schema=public")


def test_a_dsn_is_never_shown() -> None:
    assert "secret" not in repr(parse_dsn("postgresql://me:secret@host/shop"))


def test_a_child_gets_the_dsn_in_variables_and_only_the_rest_in_arguments() -> None:
    server = parse_dsn(
        "host=h user=me password='s e\\'c' dbname=shop sslmode=verify-full sslrootcert=/ca.pem passfile=/pass"
        " keepalives_idle=7 tcp_user_timeout=9000 options='-c geqo=off' client_encoding=LATIN1"
    )
    assert server.arguments() == [
        "--dbname",
        "keepalives_interval=10 keepalives_count=6 keepalives_idle=7 tcp_user_timeout=9000 dbname=shop",
    ]
    environment = server.environment(PROGRAMS)
    assert environment["PGHOST"] == "h"
    assert environment["PGPASSWORD"] == "s e'c"
    assert environment["PGSSLMODE"] == "verify-full"
    assert environment["PGSSLROOTCERT"] == "/ca.pem"
    assert environment["PGPASSFILE"] == "/pass"
    assert environment["PGOPTIONS"].startswith("-c geqo=off -c ")
    assert "PGCLIENTENCODING" not in environment
    assert server.environment(PROGRAMS, client_encoding="UTF8")["PGCLIENTENCODING"] == "UTF8"


def test_a_child_gets_no_variable_that_is_not_its_business() -> None:
    script = """if True:
        from pathlib import Path
        from drkit.engines.postgres.dsn import parse_dsn
        from drkit.engines.postgres.programs import Programs
        server = parse_dsn("dbname=shop")
        print(server, sorted(server.environment(Programs(Path("/nowhere"), 15, 0)).items()))
    """
    given = {
        "AWS_SECRET_ACCESS_KEY": "no",
        "DRKIT_NOTIFY_URL": "no",
        "DATABASE_URL": "no",
        "PYTHONPATH": "no",
        "PGTZ": "no",
        "PGDATESTYLE": "no",
        "PGCLIENTENCODING": "no",
        "PGHOST": "h",
        "PGPASSWORD": "yes",
        "PGOPTIONS": "-c geqo=yes",
        "KRB5CCNAME": "yes",
        "SSL_CERT_FILE": "/yes",
        "TZ": "UTC",
    }
    variables = {"PATH": os.environ["PATH"], **given, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("h:5432/shop [")
    assert "'no'" not in done.stdout
    assert "PYTHONPATH" not in done.stdout
    for expected in ("('PGPASSWORD', 'yes')", "('KRB5CCNAME', 'yes')", "('SSL_CERT_FILE', '/yes')", "('TZ', 'UTC')"):
        assert expected in done.stdout
    assert "'-c geqo=yes -c " in done.stdout


def test_words_are_repeated_without_a_password() -> None:
    server = parse_dsn("postgresql://me:p%40ss@host/shop")
    assert server.redact("FATAL:  p@ss is wrong\n") == "FATAL: *** is wrong"
    assert redact("dsn postgresql://me:abc@host/x password='a b' password=c") == (
        "dsn postgresql://me:***@host/x password=*** password=***"
    )


def test_words_of_a_program_that_could_not_connect_are_explained_in_the_error_of_its_side() -> None:
    words = 'pg_dump: error: connection to server at "h", port 5432 failed: FATAL:  database "shop" does not exist'
    assert isinstance(explain_refusal("h:5432/shop", words, NotRestorable), NotRestorable)
    assert isinstance(explain_refusal("h:5432/shop", words, CaptureError), CaptureError)
    words = 'pg_restore: error: could not execute query: ERROR:  role "app" does not exist'
    assert explain_refusal("h:5432/shop", words, NotRestorable) is None
