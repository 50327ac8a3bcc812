"""Values in a stored document, both ways: what is not of the right kind is refused, and lengths are whole microseconds.

A value of a wrong kind raises TypeError, one out of bounds ValueError or OverflowError.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from drkit.verify.model import Target, Worst
from drkit.when import format_moment, parse_moment

_MICROSECOND = timedelta(microseconds=1)
_A_SECOND = 1_000_000
T = TypeVar("T")


def of(kind: type[T], value: object) -> T:
    """`value`, if it is of just that kind: True is no number."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} where {kind.__name__} belongs")
    return value


def one_of(allowed: tuple[T, ...], value: object) -> T:
    for each in allowed:
        if each == value and type(each) is type(value):
            return each
    raise ValueError(f"{value!r} is none of {allowed}")


def text(value: object) -> str:
    return of(str, value)


def text_or_none(value: object) -> str | None:
    return None if value is None else text(value)


def number_or_none(value: object) -> int | None:
    return None if value is None else of(int, value)


def members(value: object) -> list[Mapping[str, object]]:
    return [of(dict, each) for each in of(list, value)]


def clean(words: str) -> str:
    """Bytes that are no text, as a child's last words may have them, can be in no document."""
    return words.encode(errors="backslashreplace").decode()


def from_seconds(taken: float) -> int:
    return round(taken * _A_SECOND)


def to_seconds(value: object) -> float:
    return of(int, value) / _A_SECOND


def from_moment(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)


def to_moment(value: object) -> datetime | None:
    return None if value is None else parse_moment(text(value))


def from_target(target: Target) -> dict[str, object]:
    return {
        "target_us": _from_length(target.target),
        "measured_us": _from_length(target.measured),
        "met": target.met,
    }


def to_target(value: object) -> Target:
    found = of(dict, value)
    met = found["met"]
    return Target(
        _to_length(found["target_us"]), _to_length(found["measured_us"]), None if met is None else of(bool, met)
    )


def from_worst(worst: Worst | None) -> dict[str, object] | None:
    if worst is None:
        return None
    return {
        "at": from_moment(worst.at),
        "backup": worst.backup,
        "log_bytes": worst.log_bytes,
        "expected_us": _from_length(worst.expected),
    }


def to_worst(value: object) -> Worst | None:
    if value is None:
        return None
    found = of(dict, value)
    at = parse_moment(text(found["at"]))
    return Worst(at, text(found["backup"]), of(int, found["log_bytes"]), _to_length(found["expected_us"]))


def _from_length(length: timedelta | None) -> int | None:
    return None if length is None else length // _MICROSECOND


def _to_length(value: object) -> timedelta | None:
    return None if value is None else timedelta(microseconds=of(int, value))
