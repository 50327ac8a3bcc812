"""Tables that can be listened to: a caption, headers with their scope, and the first cell of a row as its header."""

from collections.abc import Iterable, Sequence

from drkit.drawing.markup import Content, Markup, element


def head(*names: Content, numbers: Sequence[int] = (), groups: Sequence[tuple[str, int]] = ()) -> Markup:
    """The line of headers; `numbers` are the columns that hold some. `groups` stand above: their names, and how many
    columns each spans."""
    above = [
        element("th", name, scope="colgroup", colspan=width, class_="over") if name else element("td", colspan=width)
        for name, width in groups
    ]
    cells = [element("th", name, scope="col", class_="n" if at in numbers else None) for at, name in enumerate(names)]
    return Markup((element("tr", above) if above else "") + element("tr", cells))


def row(first: Content, *cells: Markup) -> Markup:
    return element("tr", element("th", first, scope="row"), cells)


def cell(content: Content) -> Markup:
    return element("td", content)


def number(content: Content) -> Markup:
    return element("td", content, class_="n")


def moment_cell(content: Content) -> Markup:
    return element("td", content, class_="t")


def sentence(content: Content) -> Markup:
    return element("td", content, class_="long")


def make_table(caption: str, header: Markup, rows: Iterable[Markup], remark: str = "") -> Markup:
    """It can be scrolled where it is too wide, with a keyboard too."""
    table = element(
        "table", element("caption", caption, remark), element("thead", header), element("tbody", list(rows))
    )
    return element("div", table, class_="wide", tabindex=0, role="region", aria_label=caption)
