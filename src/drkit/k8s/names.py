"""How objects are called: as their systems and sources are, where Kubernetes takes that. Two never get one name.

It must not know what kinds of objects there are.
"""

import re
from hashlib import sha256

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST = 52  # of a CronJob, as its Jobs' names and their pods' are made of it
_LONGEST_JOB = len("-replicate")
_HASH = 8


def name_system(system: str) -> str:
    return _fit(system, system, _LONGEST - _LONGEST_JOB)


def name_job(system: str, source: str | None, job: str) -> str:
    """A source without a dash is the part before the last, and no job of a system is called as one of a source: so
    the name can be taken apart again, and no two are the same."""
    if source is None:
        return f"{name_system(system)}-{job}"
    text, room = f"{system}-{source}", _LONGEST - len(job) - 1
    plain = name_system(system) == system and "-" not in source
    return f"{_fit(text, f'{system}/{source}', room) if plain else _hashed(text, f'{system}/{source}', room)}-{job}"


def config_of(system: str) -> str:
    return f"drkit-{name_system(system)}"


def secret_of(system: str) -> str:
    return f"drkit-{name_system(system)}"


def aws_secret_of(system: str) -> str:
    """No other system's is called like that, as no label has a dot in it."""
    return f"{secret_of(system)}.aws"


def account_of(job: str) -> str:
    return f"drkit-{job}"


def _fit(text: str, whole: str, room: int) -> str:
    return text if _LABEL.fullmatch(text) and len(text) <= room else _hashed(text, whole, room)


def _hashed(text: str, whole: str, room: int) -> str:
    short = text.replace("_", "-")[: room - _HASH - 1].strip("-")
    return f"{short}-{sha256(whole.encode()).hexdigest()[:_HASH]}"
