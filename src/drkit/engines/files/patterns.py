"""Which paths below the folder are wanted: pure, and without any look at the disk.

`*`, `?` and `[…]` stay within one name, `**` alone between slashes stands for any number of folders (at the end: for
everything below). A pattern that matches a folder takes all below it too. Names that begin with a dot are names.
"""

import re
from dataclasses import dataclass

from drkit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Pattern:
    text: str
    whole: re.Pattern[str]
    beginnings: re.Pattern[str] | None

    def takes(self, path: str) -> bool:
        return self.whole.fullmatch(path) is not None

    def may_take_below(self, folder: str) -> bool:
        return self.takes(folder) or (self.beginnings is not None and self.beginnings.fullmatch(folder) is not None)


@dataclass(frozen=True, slots=True)
class Selection:
    """No `include` means everything; `exclude` wins."""

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()

    def takes(self, path: str) -> bool:
        return not self.leaves_out(path) and (not self.include or any(one.takes(path) for one in self.include))

    def enters(self, folder: str) -> bool:
        """Whether a path below this folder can be taken: false means that the folder need not be read."""
        wanted = not self.include or any(one.may_take_below(folder) for one in self.include)
        return wanted and not self.leaves_out(folder)

    def leaves_out(self, path: str) -> bool:
        return any(one.takes(path) for one in self.exclude)


def parse_selection(include: tuple[str, ...], exclude: tuple[str, ...]) -> Selection:
    """Raises ConfigError for a pattern that could never mean what its writer had in mind."""
    return Selection(tuple(map(parse_pattern, include)), tuple(map(parse_pattern, exclude)))


def parse_pattern(text: str) -> Pattern:
    steps = text.split("/")
    if text.startswith("/"):
        raise ConfigError(f"The pattern {text!r} is absolute.", hint="Patterns are relative to the source's folder.")
    if any(step in ("", ".", "..") for step in steps):
        raise ConfigError(
            f"The pattern {text!r} has an empty, `.` or `..` step.",
            hint="Write names joined by single slashes; a folder's name, without a slash, takes all below it.",
        )
    if any("**" in step and step != "**" for step in steps):
        raise ConfigError(
            f"The pattern {text!r} uses `**` within a name.",
            hint="`**` stands alone between slashes, as in `**/*.log`; within a name `*` is enough.",
        )
    beginnings = "|".join(_regex(steps[:count]) for count in range(1, len(steps)))
    return Pattern(
        text,
        re.compile(f"(?s:{_regex(steps)}(?:/.*)?)"),
        re.compile(f"(?s:{beginnings})") if beginnings else None,
    )


def _regex(steps: list[str]) -> str:
    """`**` takes its slash along, so that it can stand for no folder at all."""
    *leading, last = steps
    before = "".join("(?:[^/]+/)*" if step == "**" else _name(step) + "/" for step in leading)
    return before + (".+" if last == "**" else _name(last))


def _name(step: str) -> str:
    """The regular expression for one name, which may hold `*`, `?` and `[…]`."""
    made, at = "", 0
    while at < len(step):
        sign = step[at]
        at += 1
        # the `]` that ends a set is not the one right after `[` or `[!`
        end = step.find("]", at + 2 if step.startswith("!", at) else at + 1) if sign == "[" else -1
        if sign == "*":
            made += "[^/]*"
        elif sign == "?":
            made += "[^/]"
        elif end > 0:
            made += _set(step[at:end])
            at = end + 1
        else:
            made += re.escape(sign)
    return made


def _set(inside: str) -> str:
    """`a-c` in a set is a range; every other sign stands for itself, and `!` in front turns the set around."""
    turned = inside.startswith("!")
    inside = inside[1:] if turned else inside
    made, at = "", 0
    while at < len(inside):
        first, last = inside[at], inside[at]
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            last = inside[at + 2]
            at += 2
        at += 1
        if first <= last:
            made += f"{re.escape(first)}-{re.escape(last)}"
    if not made:
        return "[^/]" if turned else "(?!)"
    return f"(?!/)[{'^' if turned else ''}{made}]"
