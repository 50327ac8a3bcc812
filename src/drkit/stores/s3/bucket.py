"""Where requests go: a bucket, our prefix in it, and the patience for each request."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from drkit.stores.retrying import RetryPolicy, keep_trying
from drkit.stores.s3.errors import our_errors

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bucket:
    client: "S3Client"
    name: str
    prefix: str
    policy: RetryPolicy

    def where(self, key: str) -> str:
        return f"s3://{self.name}/{self.prefix}{key}"

    def at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.name, "Key": self.prefix + key}

    def attempt(self, key: str, work: Callable[[], T], wait: Callable[[float], object] = time.sleep) -> T:
        """One request about a key, tried as often as the policy says, its errors in our words."""

        def once() -> T:
            with our_errors(self.where(key)):
                return work()

        return keep_trying(once, self.policy, wait)
