"""The two keys of drkit's own in a server: one says that it holds an unfinished restore, one that a drill uses it.

They are never taken for data. It must not know who sets them.
"""

UNFINISHED = b"drkit:unfinished-restore"
DRILL = b"drkit:drill"


def is_mark(key: bytes) -> bool:
    return key in (UNFINISHED, DRILL)
