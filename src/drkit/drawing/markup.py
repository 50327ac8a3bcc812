"""HTML and SVG as nested calls. Whatever is not Markup already is escaped: text cannot become markup by mistake."""

from collections.abc import Iterable
from html import escape

# Control characters, and those that turn the direction of text: words of others must not change what ours say.
_UNSEEN = dict.fromkeys(
    [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd"
)

_EMPTY = {"path"}

Content = str | Iterable["Content"]


class Markup(str):
    """Text that is markup already. Only `element` and constants make it."""

    __slots__ = ()


def element(name: str, *content: Content, **attributes: str | int | None) -> Markup:
    """`class_` is class, `aria_label` is aria-label; an attribute that is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = join(content)
    return Markup(f"<{name}{given}/>" if name in _EMPTY else f"<{name}{given}>{inner}</{name}>")


def join(content: Content) -> Markup:
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(_escape(content))
    return Markup("".join(join(each) for each in content))


def _escape(text: str) -> str:
    return escape(text.translate(_UNSEEN))
