"""A user's own question to a restored PostgreSQL database: what it may answer, and that it can change nothing."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from drkit.errors import NotRestorable
from drkit.model import Answer
from postgres_scratch import drill_engine
from servers.postgres import NamedServer

SECOND = timedelta(seconds=10)


@pytest.fixture(scope="module")
def asked(postgres: NamedServer) -> Iterator[NamedServer]:
    postgres.create("asked")
    postgres.execute(
        "CREATE SCHEMA own",
        "CREATE TABLE own.orders AS SELECT n, 'no. ' || n AS title FROM generate_series(1, 5) n",
        "ALTER DATABASE asked SET search_path = own",
        database="asked",
    )
    yield postgres
    postgres.execute("DROP DATABASE asked")


def ask(server: NamedServer, question: str, timeout: timedelta = SECOND) -> Answer:
    return drill_engine(server.bin).ask(server.dsn("asked"), question, timeout)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("SELECT count(*) FROM orders", 5),
        ("SELECT n, title FROM orders ORDER BY n DESC", 5),
        ("SELECT title FROM orders WHERE title LIKE '%1'", "no. 1"),
        ("SELECT count(*) = 5 FROM orders", True),
        ("SELECT n FROM orders WHERE n > 5", None),
        ("SELECT NULL", None),
        ("SELECT 12.50::numeric", 12.5),
        ("SELECT sum(n::bigint) FROM orders", 15),
        ("SELECT 'NaN'::numeric", "NaN"),
        ("SELECT 0.1::float8", 0.1),
        ("SELECT DATE '2026-11-20'", "2026-11-20"),
        ("SELECT TIMESTAMPTZ '2026-11-20 14:30+01'", "2026-11-20 13:30:00+00:00"),
        ("SELECT INTERVAL '36 hours'", "1 day, 12:00:00"),
        ("SELECT '\\xc0ff'::bytea", "c0ff"),
        ("SELECT ARRAY[1, 2]", "[1, 2]"),
        ("TABLE orders ORDER BY n", 1),
        ("SELECT current_setting('transaction_read_only')", "on"),
    ],
)
def test_the_answer_is_the_first_value_of_the_first_row(question: str, answer: Answer, asked: NamedServer) -> None:
    found = ask(asked, question)
    assert (type(found), found) == (type(answer), answer)


@pytest.mark.parametrize(
    ("question", "refusal"),
    [
        ("SELECT 1; DROP TABLE orders", "cannot insert multiple commands"),
        ("COMMIT; DROP TABLE orders", "cannot insert multiple commands"),
        ("DELETE FROM orders RETURNING n", "cannot execute DELETE in a read-only transaction"),
        ("WITH gone AS (DELETE FROM orders RETURNING n) SELECT * FROM gone", "in a read-only transaction"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "transaction read-write mode must be set before"),
        ("SELECT amount FROM orders", 'column "amount" does not exist'),
        ("SELECT 1 / 0", "division by zero"),
        ("SELEC 1", "syntax error"),
        ("COMMIT", "the statement gives no rows"),
        ("", "the statement gives no rows"),
    ],
)
def test_what_is_no_question_is_refused_in_the_server_s_words(question: str, refusal: str, asked: NamedServer) -> None:
    with pytest.raises(NotRestorable) as error:
        ask(asked, question)
    assert refusal in str(error.value)
    assert asked.password not in str(error.value) + error.value.hint
    assert ask(asked, "SELECT count(*) FROM orders") == 5


def test_an_answer_that_takes_longer_than_it_may_is_given_up(asked: NamedServer) -> None:
    with pytest.raises(NotRestorable, match=r"no answer came within 0\.1 s"):
        ask(asked, "SELECT pg_sleep(60)", timedelta(milliseconds=100))


def test_of_many_rows_only_the_first_is_fetched(asked: NamedServer) -> None:
    assert ask(asked, "SELECT generate_series(1, 1000000000000)") == 1


def test_a_server_that_is_not_there_is_told(asked: NamedServer) -> None:
    with pytest.raises(NotRestorable, match="the server has no such database"):
        drill_engine(asked.bin).ask(asked.dsn("nowhere"), "SELECT 1", SECOND)
