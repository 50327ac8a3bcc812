from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from drkit.engines.sqlite.drill import ask
from drkit.model import Answer, Check
from drkit.verify.questions import Question, agree, put_question, spell
from patience import await_true
from processes import living
from sqlite_shop import make_shop

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        (True, True, True),
        (True, 1, True),
        (True, 1.0, True),
        (True, "true", True),
        (True, False, False),
        (True, 0, False),
        (True, 2, False),
        (True, "yes", False),
        (False, 0, True),
        (False, False, True),
        (False, None, False),
        (0, 0, True),
        (0, None, False),
        (0, "0", True),
        (1, True, True),
        (1, 1.5, False),
        (1.5, 1.5, True),
        (1.0, 1, True),
        (2**63, 2**63, True),
        (2**63, 2.0**63 + 2048, False),
        ("text", "text", True),
        ("text", "Text", False),
        ("text", "text ", False),
        ("17", 17, True),
        ("true", True, True),
        ("True", True, False),
        ("", None, False),
        ("None", None, False),
        ("nothing", None, False),
        ("a" * 600, "a" * 599 + "b", False),
    ],
)
def test_an_answer_agrees_with_what_a_schedule_can_expect(expected: Answer, found: Answer, same: bool) -> None:
    assert agree(expected, found) is same


def test_answers_are_spelled_as_in_a_schedule_and_none_is_called_nothing() -> None:
    assert [spell(each) for each in (True, False, 1, 1.5, "x", None)] == ["true", "false", "1", "1.5", "x", "nothing"]
    assert len(spell("x" * 10_000)) == 500


def asking(sql: str, expect: Answer = True, timeout: timedelta = MINUTE) -> Question:
    return Question("it", sql, None, expect, timeout)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Question], Check]:
    shop = make_shop(tmp_path / "shop.db", "delete", orders=50)
    return lambda question: put_question(question, lambda sql, timeout: ask(shop, sql, timeout), {}, str)


@pytest.mark.parametrize(
    ("sql", "expect", "outcome", "actual"),
    [
        ("select count(*) > 0 from orders", True, "passed", "1"),
        ("select count(*) from orders", 50, "passed", "50"),
        ("select count(*) from orders", 51, "failed", "50"),
        ("select 1.5", 1.5, "passed", "1.5"),
        ("select 'text', 2 union all select 'more', 3", "text", "passed", "text"),
        ("select null", True, "failed", "nothing"),
        ("select 1 where 0", True, "failed", "nothing"),
        ("-- nobody asked", True, "failed", "nothing"),
        ("select x'0102ff'", True, "failed", "3 bytes"),
        ("select cast(x'ff' as text)", True, "failed", "SQLite refused the question"),
        ("select count(*) from no_such_table", True, "failed", "no such table: no_such_table"),
        ("selekt 1", True, "failed", "syntax error"),
    ],
)
def test_the_first_value_of_the_first_row_is_the_answer_and_an_error_is_a_wrong_one(
    put: Callable[[Question], Check], sql: str, expect: Answer, outcome: str, actual: str
) -> None:
    check = put(asking(sql, expect))
    assert (check.outcome, check.expected) == (outcome, spell(expect))
    assert actual in check.actual


@pytest.mark.parametrize("sql", ["delete from orders", "select 1; delete from orders", "drop table orders"])
def test_a_question_cannot_write(put: Callable[[Question], Check], tmp_path: Path, sql: str) -> None:
    before = (tmp_path / "shop.db").read_bytes()
    put(asking(sql))
    assert "readonly" in put(asking("insert into orders values (99, 'x', 1, 'x') returning 1")).actual
    assert (tmp_path / "shop.db").read_bytes() == before


def test_a_question_that_never_ends_is_ended(put: Callable[[Question], Check]) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    check = put(asking(endless, timeout=timedelta(seconds=0.1)))
    assert check.outcome == "failed"
    assert "no answer came within 0.1s" in check.actual


def running(command: str, timeout: timedelta = MINUTE, redact: Callable[[str], str] = str, **facts: str) -> Check:
    def nobody(_sql: str, _timeout: timedelta) -> Answer:
        raise AssertionError("a command asks no database")

    return put_question(Question("it", None, command, True, timeout), nobody, facts, redact)


def test_a_command_passes_by_its_status_and_what_it_said_is_told_when_it_fails() -> None:
    assert running("echo well; exit 0") == Check("it", "passed", "ended with status 0", "ended with status 0")
    assert running("echo badly >&2; exit 3").actual == "ended with status 3: badly"
    assert running("kill -9 $$").actual == "was ended by signal 9"


@pytest.mark.parametrize("command", ["sleep 600", "exec >&- 2>&-; sleep 600", "(trap '' TERM; sleep 600) & sleep 600"])
def test_a_command_that_never_ends_is_ended_with_all_that_it_started(tmp_path: Path, command: str) -> None:
    noted = f"echo $$ > {tmp_path}/pid; {command}"
    check = running(noted, timedelta(seconds=2))
    assert check.outcome == "failed"
    assert "when its time was up" in check.actual
    leader = int((tmp_path / "pid").read_text())
    await_true(lambda: not [process for process in living() if process.group == leader])


def test_a_command_is_told_the_facts_and_what_it_says_is_redacted() -> None:
    check = running(
        "echo $DRKIT_TARGET; false", redact=lambda line: line.replace("hunter2", "***"), DRKIT_TARGET="hunter2"
    )
    assert check.actual == "ended with status 1: ***"
