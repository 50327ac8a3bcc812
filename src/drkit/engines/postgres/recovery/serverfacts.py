"""What a base backup noted down of its server, read back. docs/FORMAT.md has its members."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from drkit.errors import IntegrityError, UnknownFormat

PIECE = "facts"
FORM = 1


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """`database` is the one that the source's DSN names; `superuser` is the role that initdb made. `tablespaces` maps
    the number of each to where it was, `files` names of configuration files to where they were."""

    server_version: int
    version_text: str
    database: str
    databases: tuple[str, ...]
    superuser: str
    settings: Mapping[str, str]
    tablespaces: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def major(self) -> int:
        return self.server_version // 10_000


def parse_facts(content: bytes) -> ServerFacts:
    try:
        known = json.loads(content)
        if known["form"] != FORM:
            raise UnknownFormat(
                f"the facts of the base backup are written in form {known['form']!r}, and this drkit reads form {FORM}",
                "a newer drkit wrote it: restore with that one",
            )
        return ServerFacts(
            int(known["server_version"]),
            str(known["version_text"]),
            str(known["database"]),
            tuple(known["databases"]),
            str(known.get("superuser") or "postgres"),
            dict(known["settings"]),
            dict(known["tablespaces"]),
            dict(known["files"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"the base backup's facts cannot be read: {error!r}", "restore another point") from error
