"""What is signed about drills, prunes and months, wherever it lies: in a store, or in files that were taken out of one.

It must not know whether any of it can be believed; audit.py judges that.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from drkit import catalog
from drkit.catalog import Mark
from drkit.errors import IntegrityError, UsageError
from drkit.model import Entry
from drkit.ports import Store
from drkit.streams.ahead import map_ahead
from drkit.verify.ledger import READERS, Stored, read_files, read_store, stated_drill


@dataclass(frozen=True, slots=True)
class Holdings:
    """Evidence and marks by source; records of prunes, reports and their pages by key. `whole` is what a store holds:
    of what was taken out of one, something may have been left there."""

    whole: bool
    evidence: dict[str, list[Stored]] = field(default_factory=dict)
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    records: dict[str, bytes] = field(default_factory=dict)
    reports: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, bytes] = field(default_factory=dict)

    def take(self, key: str, content: bytes) -> bool:
        """Whether the key is that of a record, a report or a page."""
        as_json = f"{key.removesuffix('.html')}.json" if key.endswith(".html") else key
        if catalog.parse_removal_key(key):
            self.records[key] = content
        elif catalog.parse_report_key(as_json):
            (self.pages if key.endswith(".html") else self.reports)[key] = content
        else:
            return False
        return True


def hold_store(store: Store, system: str, sources: Iterable[str], reports: bool) -> Holdings:
    held = Holdings(whole=True)
    prefixes = [f"{system}/reports/"] if reports else []
    for source in sources:
        held.evidence[source] = read_store(store, source)
        held.marks[source] = list(catalog.marks(source, store.list(catalog.backups_of(source))))
        prefixes.append(catalog.removals_of(source))
    keys = [entry.key for prefix in prefixes for entry in store.list(prefix)]
    for key, content in zip(keys, map_ahead(lambda key: catalog.fetch(store, key), keys, READERS), strict=True):
        held.take(key, content)
    return held


def hold_files(paths: Iterable[Path]) -> Holdings:
    """Of a folder all that is of use: it may be a copy of a store, of a part of it, or what somebody put together. A
    file that is named must be, and may be called anything: it says itself what it is. A page brings the report beside
    it along."""
    held = Holdings(whole=False)
    evidence: list[Path] = []
    for path in paths:
        if path.is_dir():
            evidence += [file for file in sorted(path.rglob("*")) if file.is_file() and _is_evidence(held, file)]
        elif not path.exists():
            raise UsageError(f"there is no file {path}", "name files, folders, or all")
        elif path.suffix == ".html":
            _take_page(held, path)
        elif key := _stated(path.read_bytes()):
            held.take(key, path.read_bytes())
        else:
            evidence.append(path)
    for source, stored in read_files(evidence).items():
        held.evidence.setdefault(source, []).extend(stored)
    return held


def _take_page(held: Holdings, page: Path) -> None:
    report = page.with_suffix(".json")
    if not _take_pair(held, page, report):
        raise IntegrityError(
            f"{page} has no report beside it that vouches for it",
            f"fetch that month's signed report, SYSTEM/reports/YYYY-MM.json, and put it beside it as {report.name}",
        )


def _take_pair(held: Holdings, page: Path, report: Path) -> bool:
    key = _stated(report.read_bytes()) if report.is_file() else None
    if key is None:
        return False
    held.take(key, report.read_bytes())
    return held.take(f"{key.removesuffix('.json')}.html", page.read_bytes())


def _stated(content: bytes) -> str | None:
    """The key of the report, or of the record of a prune, that a file says it is; its signature is checked against
    that afterwards."""
    try:
        document = json.loads(content)
        if "removed_at" in document:
            return catalog.removal_key(document["source"], document["id"])
        return catalog.report_key(document["system"], document["month"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


def _is_evidence(held: Holdings, file: Path) -> bool:
    """What a folder holds besides is taken if it is of use: for where it lies, or else for what it says it is."""
    if file.suffix not in (".json", ".html"):
        return False
    of_source, of_system = (_end_of(file, parts) for parts in (4, 3))
    if catalog.parse_drill_key(of_source):
        return True
    content = file.read_bytes()
    if held.take(of_source, content) or held.take(of_system, content) or _take_mark(held, file):
        return False
    if file.suffix == ".html":
        _take_pair(held, file, file.with_suffix(".json"))
        return False
    if key := _stated(content):
        held.take(key, content)
        return False
    # what is called as evidence is, and is none, was spoilt
    return catalog.parse_id(file.stem) is not None or stated_drill(content) is not None


def _take_mark(held: Holdings, file: Path) -> bool:
    """Whether it lies below a backup."""
    key = _end_of(file, 5)
    source = key.partition("/backups/")[0]
    if not key.startswith(catalog.backups_of(source)):
        return False
    stat = file.stat()
    entry = Entry(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
    held.marks.setdefault(source, []).extend(catalog.marks(source, [entry]))
    return True


def _end_of(file: Path, parts: int) -> str:
    """What its key is, if it lies in a copy of a store."""
    return "/".join(file.absolute().parts[-parts:])
