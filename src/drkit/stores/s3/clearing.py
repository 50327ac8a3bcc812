"""Taking things out of a bucket: objects, and uploads that nobody finished."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from drkit.errors import Denied, NotFound
from drkit.stores.keys import check_key
from drkit.stores.s3.bucket import Bucket
from drkit.stores.s3.errors import DigestWanted, NotSupported, Refused, our_errors

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ListMultipartUploadsOutputTypeDef

_BATCH = 1000


class Clearing:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._takes_batches = True

    def delete(self, keys: Iterable[str]) -> None:
        rest = iter(keys)
        while batch := list(islice(rest, _BATCH)):
            for key in batch:
                check_key(key)
            if self._takes_batches:
                try:
                    self._delete_batch(batch)
                except (NotSupported, DigestWanted, Refused, Denied):
                    # boto3 sends a CRC32 with a batch, whatever it is told, and not every server knows that;
                    # and some want the right for the whole bucket then
                    self._takes_batches = False
            if not self._takes_batches:
                self._delete_singly(batch)

    def sweep(self, before: datetime) -> int:
        old = [(key, upload) for key, upload, began_at in self._uploads() if began_at < before]
        for key, upload in old:
            with suppress(NotFound):
                self._abort(key, upload)
        return len(old)

    def _delete_batch(self, batch: list[str]) -> None:
        first = self._bucket.where(batch[0])
        with our_errors(first):
            answer = self._bucket.client.delete_objects(
                Bucket=self._bucket.name,
                Delete={"Objects": [{"Key": self._bucket.prefix + key} for key in batch], "Quiet": True},
            )
        for error in answer.get("Errors", ()):
            with our_errors(f"s3://{self._bucket.name}/{error.get('Key', '')}"), suppress(NotFound):
                raise ClientError(
                    {"Error": {"Code": error.get("Code", ""), "Message": error.get("Message", "")}}, "DeleteObjects"
                )

    def _delete_singly(self, batch: list[str]) -> None:
        for key in batch:
            with suppress(NotFound), our_errors(self._bucket.where(key)):
                self._bucket.client.delete_object(**self._bucket.at(key))

    def _abort(self, key: str, upload: str) -> None:
        client = self._bucket.client
        self._bucket.attempt(key, lambda: client.abort_multipart_upload(**self._bucket.at(key), UploadId=upload))

    def _uploads_page(self, asked: dict[str, Any]) -> "ListMultipartUploadsOutputTypeDef":
        return self._bucket.attempt("", lambda: self._bucket.client.list_multipart_uploads(**asked))

    def _uploads(self) -> Iterator[tuple[str, str, datetime]]:
        asked: dict[str, Any] = {"Bucket": self._bucket.name, "Prefix": self._bucket.prefix}
        while True:
            page = self._uploads_page(asked)
            for found in page.get("Uploads", ()):
                yield found["Key"][len(self._bucket.prefix) :], found["UploadId"], found["Initiated"]
            if not page.get("IsTruncated"):
                return
            asked |= {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
