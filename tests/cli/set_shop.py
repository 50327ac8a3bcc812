"""A shop of two sources: its database, and the folder of what its customers uploaded."""

import shutil

from cli.conftest import Shop
from drkit.backup import back_up
from drkit.config import load_system
from drkit.engines.files import FilesEngine
from drkit.keyring import open_seal
from drkit.stores.local import LocalStore
from drkit.when import parse_moment

UPLOADS = '\n[sources.uploads]\nkind = "files"\npath = "../uploads"\nbackup = "0 * * * *"\n'


def add_uploads(shop: Shop, *moments: str, more: str = "") -> None:
    """Captured here and now, by clocks that show those moments."""
    (shop.folder / "uploads").mkdir()
    (shop.folder / "uploads" / "menu.txt").write_text("pupusas")
    with shop.schedule.open("a") as schedule:
        schedule.write(UPLOADS + more)
    store, system = LocalStore(shop.folder / "backups"), load_system(shop.schedule)
    for moment in map(parse_moment, moments):
        engine = FilesEngine(shop.folder / "uploads", clock=lambda moment=moment: moment)
        back_up("shop/uploads", engine, store, open_seal(system), lambda moment=moment: moment, "0" * 8, "a test")


def forget_newest_point(shop: Shop) -> None:
    """The one that was captured by the real clock, so that a test knows every moment."""
    shutil.rmtree(shop.folder / "backups" / "shop" / "main" / "backups" / shop.ids()[-1])
