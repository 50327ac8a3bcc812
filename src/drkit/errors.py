"""Every way drkit fails on purpose, and the exit code each one ends with.

    DrkitError                    70  a bug, if nothing below fits
    ├── UsageError                 2  the command line asks for something that cannot be
    ├── ConfigError                3  schedules/*.toml, or a key it names, is wrong
    ├── CaptureError               4  the source could not be read whole
    │   ├── SourceUnavailable      4  … trying again may help
    │   ├── SourceBusy             4  somebody else does already what only one can do
    │   └── LogGone                4  the server has not got that part of its log any more
    ├── StoreError                 5  the store failed, and trying again will not help
    │   ├── StoreUnavailable       5  … trying again may help
    │   ├── Denied                 5  the credentials are good, but not for this
    │   ├── NotFound               5  no object has that key
    │   └── AlreadyExists          5  an object has that key, and keys are written once
    ├── NotRestorable              6  nothing reaches that time, or the target failed
    ├── IntegrityError             7  tampered with, damaged, or cut short
    │   ├── UnknownFormat          7  another version of drkit wrote it
    │   ├── LogBroken              7  a continuous log has a gap, or is another server's or history's
    │   └── WrongKey               7  none of the identities at hand opens it
    └── ObjectiveMissed            8  a promised RTO or RPO is broken, or restored data differ

An interrupt (Ctrl-C, SIGTERM) is a KeyboardInterrupt and ends with 130.
A message is a true sentence that names the thing; `hint` is the next step. Neither ever holds a secret.
"""

from typing import ClassVar


class DrkitError(Exception):
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(DrkitError):
    exit_code = 2


class ConfigError(DrkitError):
    exit_code = 3


class CaptureError(DrkitError):
    exit_code = 4


class SourceUnavailable(CaptureError):
    """The source did not answer, or the line to it was lost; the same may succeed later."""


class SourceBusy(CaptureError):
    pass


class LogGone(CaptureError):
    pass


class StoreError(DrkitError):
    exit_code = 5


class StoreUnavailable(StoreError):
    """The store did not answer, or asked to be asked again; the same request may succeed later."""


class Denied(StoreError):
    pass


class NotFound(StoreError):
    pass


class AlreadyExists(StoreError):
    pass


class NotRestorable(DrkitError):
    exit_code = 6


class IntegrityError(DrkitError):
    exit_code = 7


class UnknownFormat(IntegrityError):
    """Signed and whole: it is this version that cannot read it."""


class LogBroken(IntegrityError):
    """What the server has does not continue the log in the store: only a new base backup begins it anew."""


class WrongKey(IntegrityError):
    pass


class ObjectiveMissed(DrkitError):
    exit_code = 8
