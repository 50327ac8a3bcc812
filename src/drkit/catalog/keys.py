"""How everything in a store is named. docs/FORMAT.md is the specification.

An ID begins with the moment it is consistent at, so that one listing of a source's folder tells every point in time.
"""

import re
from datetime import UTC, datetime
from typing import Literal

FORMAT = 1
MANIFEST, PIN, SEALED = "manifest.json", "pin.json", ".zst.age"
_ID = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-[0-9a-f]{8}")
_ID_MOMENT = "%Y%m%dT%H%M%S.%f"
_IN_BACKUP = re.compile(r"([^/]+/[^/]+)/backups/([^/]+)/(.+)")
_READING = re.compile(r"([^/]+/[^/]+)/reading/([^/]+)\.[0-9a-f]+\.json")
_REPORT = re.compile(r"([a-z0-9_-]+)/reports/(\d{4}-(?:0[1-9]|1[0-2]))\.json")


def make_id(consistent_at: datetime, token: str) -> str:
    """`token` is eight hexadecimal digits that tell apart two captures of the same microsecond."""
    return f"{format_id_moment(consistent_at)}-{token}"


def parse_id(text: str) -> datetime | None:
    match = _ID.fullmatch(text)
    return parse_id_moment(match[1]) if match else None


def format_id_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).strftime(_ID_MOMENT)}Z"


def parse_id_moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, f"{_ID_MOMENT}Z").replace(tzinfo=UTC)
    except ValueError:
        return None


def backups_of(source: str) -> str:
    return f"{source}/backups/"


def folder_of(source: str, backup_id: str) -> str:
    return f"{source}/backups/{backup_id}"


def manifest_key(source: str, backup_id: str) -> str:
    return f"{folder_of(source, backup_id)}/{MANIFEST}"


def parse_manifest_key(source: str, key: str) -> str | None:
    """The ID of the source's backup whose manifest lies there, if one can."""
    found = parse_backup_key(key)
    return found[1] if found and (found[0], found[2]) == (source, MANIFEST) else None


def parse_backup_key(key: str) -> tuple[str, str, str] | None:
    """Source and ID of the backup in whose folder that lies, if one can, and its name there."""
    match = _IN_BACKUP.fullmatch(key)
    return (match[1], match[2], match[3]) if match and parse_id(match[2]) else None


def set_of(system: str) -> str:
    """Under whose name the drills of all sources together lie. No source can be called that."""
    return f"{system}/_"


def is_set(source: str) -> bool:
    return source.endswith("/_")


def drills_of(source: str) -> str:
    return f"{source}/drills/"


def drill_key(source: str, drill_id: str) -> str:
    return f"{source}/drills/{drill_id}.json"


def parse_drill_key(key: str) -> tuple[str, str] | None:
    """Source and ID of the drill whose evidence lies there, if one can."""
    return _parse_dated(key, "drills")


def removals_of(source: str) -> str:
    return f"{source}/removals/"


def removal_key(source: str, record_id: str) -> str:
    return f"{source}/removals/{record_id}.json"


def parse_removal_key(key: str) -> tuple[str, str] | None:
    """Source and ID of the record of what was removed that lies there, if one can."""
    return _parse_dated(key, "removals") or _parse_dated(key, "replica-removals")


def replica_removals_of(source: str) -> str:
    """What was removed from this copy alone: the copies of a store may keep points for longer or shorter."""
    return f"{source}/replica-removals/"


def replica_removal_key(source: str, record_id: str) -> str:
    return f"{source}/replica-removals/{record_id}.json"


def readings_of(source: str) -> str:
    return f"{source}/reading/"


def reading_key(source: str, backup_id: str, token: str) -> str:
    return f"{readings_of(source)}{backup_id}.{token}.json"


def parse_reading_key(key: str) -> tuple[str, str] | None:
    """Source and ID of the backup that whoever put that reads, if it can be one."""
    match = _READING.fullmatch(key)
    return (match[1], match[2]) if match and parse_id(match[2]) else None


def _parse_dated(key: str, folder: str) -> tuple[str, str] | None:
    source, _, name = key.rpartition(f"/{folder}/")
    found = name.removesuffix(".json")
    return (source, found) if source and parse_id(found) and name == f"{found}.json" else None


def reports_of(system: str) -> str:
    return f"{system}/reports/"


def report_key(system: str, month: str, form: Literal["json", "html"] = "json") -> str:
    """`month` is spelled 2026-11."""
    return f"{system}/reports/{month}.{form}"


def parse_report_key(key: str) -> tuple[str, str] | None:
    """System and month of the report that lies there, if one can."""
    match = _REPORT.fullmatch(key)
    return (match[1], match[2]) if match else None
