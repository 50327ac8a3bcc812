"""What is told of sources and systems as they stand: the document of `drkit status --json`, written and read.

Metrics, the status page and notifications are made from it alone, so that whoever reads a store reads it once.
It must not know how anything in it is judged.
"""

from drkit.bulletin.model import (
    Bulletin,
    Job,
    LogBulletin,
    Moment,
    ReplicaBulletin,
    SourceBulletin,
    SystemBulletin,
)
from drkit.bulletin.reading import read_bulletin
from drkit.bulletin.writing import describe_moments, describe_source, describe_system

__all__ = [
    "Bulletin",
    "Job",
    "LogBulletin",
    "Moment",
    "ReplicaBulletin",
    "SourceBulletin",
    "SystemBulletin",
    "describe_moments",
    "describe_source",
    "describe_system",
    "read_bulletin",
]
