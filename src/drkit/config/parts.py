"""Tables that several tables of a schedule have."""

import re
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drkit.config.values import Count, Length, PingUrl
from drkit.retention import Policy


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class KeepTable(Table):
    within: Length | None = None
    last: Count = 0
    hourly: Count = 0
    daily: Count = 0
    weekly: Count = 0
    monthly: Count = 0
    yearly: Count = 0
    min_points: Count = 3

    @property
    def policy(self) -> Policy:
        return Policy(**dict(self))

    @model_validator(mode="after")
    def _keeps_something(self) -> "KeepTable":
        if self.policy.keeps_nothing():
            raise ValueError("this policy would keep nothing; give at least one rule, such as daily = 30")
        return self


class ObjectivesTable(Table):
    rto: Length | None = None
    rpo: Length | None = None


class HooksTable(Table):
    """Commands around a restore, for a shell."""

    before: str | None = None
    after: str | None = None


class CheckTable(Table):
    """A question to what was restored, with the answer it should get; or a command, which should end with status 0."""

    name: str = Field(min_length=1)
    sql: str | None = None
    command: str | None = None
    expect: bool | int | float | str = True
    timeout: Length = timedelta(minutes=10)

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "CheckTable":
        if (self.sql is None) == (self.command is None):
            raise ValueError(f"the check {self.name!r} needs either sql or command")
        if self.command is not None and "expect" in self.model_fields_set:
            raise ValueError(f"the check {self.name!r} is a command, which has no answer to expect but status 0")
        return self


class PingTable(Table):
    """URLs that are told when a backup begins, ends well, or fails."""

    start: PingUrl | None = None
    success: PingUrl | None = None
    failure: PingUrl | None = None


Ping = PingUrl | PingTable
