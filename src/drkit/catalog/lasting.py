"""Which objects a restore, or the proof of one, needs: those that are locked where a store is to lock.

Pins are taken back, and claims, records of runs, notices and what restores read are worth nothing a week later.
"""

from drkit.catalog.keys import MANIFEST, SEALED, parse_reading_key
from drkit.catalog.notices import parse_notice_key
from drkit.catalog.runs import parse_run_key


def lasts(key: str) -> bool:
    """What is not known here lasts: a lock too many costs room, and one too few may cost a backup."""
    if key.startswith(".") or parse_run_key(key) or parse_notice_key(key) or parse_reading_key(key):
        return False
    system_source, found, name = key.partition("/backups/")
    if found and system_source.count("/") == 1:
        return name.endswith((f"/{MANIFEST}", SEALED))
    return True
