"""A name for a user who has none on this machine, as in a container that runs as any number.

initdb asks for it, and so does the server when it lets us in. nss_wrapper, loaded into these programs alone, answers
them from two files. It must not know what they are started for.
"""

import os
import pwd
from pathlib import Path

_NAME = "drkit"
_PLACES = ("usr/lib/*/libnss_wrapper.so", "usr/lib64/libnss_wrapper.so", "usr/lib/libnss_wrapper.so")


def find_wrapper() -> Path | None:
    return next((found for place in _PLACES for found in Path("/").glob(place)), None)


def name_user() -> pwd.struct_passwd:
    return pwd.struct_passwd((_NAME, "x", os.geteuid(), os.getegid(), "", "/", "/bin/sh"))


def write_names(folder: Path) -> None:
    """What `naming` tells nss_wrapper to read."""
    user = name_user()
    (folder / "passwd").write_text(":".join(map(str, user)) + "\n")
    (folder / "group").write_text(f"{_NAME}:x:{user.pw_gid}:\n")


def naming(wrapper: Path, folder: Path) -> dict[str, str]:
    """The environment of a program that is to see the names in this folder."""
    return {
        "LD_PRELOAD": str(wrapper),
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
    }
