"""The one place that asks what time it is. Everything else is told."""

from datetime import UTC, datetime


def clock() -> datetime:
    return datetime.now(UTC)
