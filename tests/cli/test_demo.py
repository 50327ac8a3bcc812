import sqlite3
from contextlib import closing
from pathlib import Path

from cli_runner import drkit_in


def _zeros(database: Path) -> tuple[int, int]:
    """How many orders there are, and how many the careless UPDATE has ruined."""
    with closing(sqlite3.connect(database)) as connection:
        return tuple(connection.execute("select count(*), coalesce(sum(total = 0), 0) from orders").fetchone())


def test_the_demo_ruins_a_shop_and_restores_it_equal_row_by_row(tmp_path: Path) -> None:
    drkit = drkit_in(tmp_path / "anywhere", DRKIT_CONFIG=str(tmp_path / "of-the-user"))
    told = drkit.json("demo")
    folder = drkit.folder / told["folder"]
    restored, restored_zeros = _zeros(folder / "shop-restored.db")
    ruined, ruined_zeros = _zeros(folder / "shop.db")
    assert (told["equal"], told["differing"], restored_zeros) == (restored, 0, 0)
    assert restored > 0
    assert 0 < ruined_zeros < ruined
    assert told["reached"] <= told["ruined_at"]
    assert sorted(path.name for path in drkit.folder.iterdir()) == [told["folder"]]


def test_the_demo_shows_the_commands_it_types_and_what_to_do_next(tmp_path: Path) -> None:
    drkit = drkit_in(tmp_path / "anywhere")
    out = drkit.ok("demo", "here").out
    for command in ("init --name shop", "backup now", "restore shop --at"):
        assert f"  $ drkit {command}" in out
    assert "equal row by row, 0 differ." in out
    assert "cd here" in out
    again = drkit("demo", "here")
    assert again.code == 2
    assert "here exists already" in again.errors[0]["message"]
