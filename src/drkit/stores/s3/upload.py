"""Making an object appear, whole and once: in one request or in parts, also when an answer is lost on its way.

It must not know what the bytes are.
"""

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from io import SEEK_END, BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from drkit.errors import AlreadyExists, Denied, NotFound, StoreError
from drkit.ports import Chunks
from drkit.stores.s3.bucket import Bucket
from drkit.stores.s3.errors import DigestWanted, NotSupported, our_errors
from drkit.stores.s3.flight import Flight
from drkit.stores.s3.parts import Part, cut

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        CompleteMultipartUploadOutputTypeDef,
        PutObjectOutputTypeDef,
    )

    Appeared = PutObjectOutputTypeDef | CompleteMultipartUploadOutputTypeDef

T = TypeVar("T")

_MANY = 8
_SMALL = 64 << 10
_TOKEN = "drkit-put"  # noqa: S105 - a name in the object's metadata


NO_LOCK: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Put:
    """The version that came into being, where the server tells, and whether it came in one request."""

    version: str | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Manners:
    """What the server has turned out to take and to want."""

    conditions: bool = True
    digests: bool = False

    def once(self) -> dict[str, Any]:
        return {"IfNoneMatch": "*"} if self.conditions else {}

    def digest(self, body: BinaryIO) -> dict[str, Any]:
        if not self.digests:
            return {}
        body.seek(0)
        md5 = hashlib.file_digest(cast(BytesIO, body), lambda: hashlib.md5(usedforsecurity=False))
        return {"ContentMD5": base64.b64encode(md5.digest()).decode()}


class Uploads:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._manners = Manners()
        self._puts = 0
        self._refuses: bool | None = None  # whether it was seen to refuse a whole put of a key that is taken

    def put(self, key: str, chunks: Chunks, headers: Mapping[str, Any] = NO_LOCK) -> Put:
        """`headers` lock what comes into being, as far as the server heeds them."""
        asked = not self._refuses
        if asked:
            self._must_be_free(key)
        parts = cut(chunks)
        first = next(parts)
        token = uuid.uuid4().hex
        if first.last:
            return Put(self._put_whole(key, first, token, headers), whole=True)
        if not asked:
            self._must_be_free(key)
        return Put(self._put_parts(key, chain((first,), parts), token, headers), whole=False)

    def _put_whole(self, key: str, part: Part, token: str, headers: Mapping[str, Any]) -> str | None:
        def send(manners: Manners) -> "Appeared":
            digest = (replace(manners, digests=True) if headers else manners).digest(part.body)
            part.body.seek(0)
            return self._bucket.client.put_object(
                **self._bucket.at(key),
                Body=part.body,
                Metadata={_TOKEN: token},
                **headers,
                **digest,
                **manners.once(),
            )

        version = self._appear(key, token, send)
        self._puts += 1
        if self._refuses is None and self._puts >= _MANY and part.body.seek(0, SEEK_END) <= _SMALL:
            self._refuses = self._refuses_again(key, send)
        return version

    def _refuses_again(self, key: str, send: Callable[[Manners], object]) -> bool:
        """Some servers take the condition and ignore it, so each put asks first whether the key is free. Where there
        are many, a small object is put once more as it is: who refuses that need not be asked again."""
        manners = self._manners
        try:
            self._bucket.attempt(key, lambda: send(manners))
        except AlreadyExists:
            return manners.conditions
        except StoreError:
            return False
        return False

    def _put_parts(self, key: str, parts: Iterator[Part], token: str, headers: Mapping[str, Any]) -> str | None:
        client = self._bucket.client
        upload = self._bucket.at(key)
        begun = self._bucket.attempt(
            key,
            lambda: client.create_multipart_upload(**self._bucket.at(key), Metadata={_TOKEN: token}, **headers),
        )
        upload["UploadId"] = begun["UploadId"]
        flight = Flight()

        def send(part: Part) -> "CompletedPartTypeDef":
            def once(manners: Manners) -> str:
                digest = manners.digest(part.body)
                answer = client.upload_part(
                    **upload, PartNumber=part.number, Body=cast(BinaryIO, flight.body(part)), **digest
                )
                return answer["ETag"]

            return {"PartNumber": part.number, "ETag": self._learn(key, once, flight.wait)}

        def complete(manners: Manners) -> "Appeared":
            return client.complete_multipart_upload(**upload, MultipartUpload={"Parts": sent}, **manners.once())

        try:
            sent = list(flight.send(parts, send))
            self._must_be_free(key)  # once more, as some servers ignore the condition on completing an upload
            return self._appear(key, token, complete)
        except BaseException:
            # What went wrong first is what the caller must hear; a sweep finds what cannot be aborted now.
            with suppress(StoreError), our_errors(self._bucket.where(key)):
                client.abort_multipart_upload(**upload)
            raise

    def _appear(self, key: str, token: str, send: Callable[[Manners], "Appeared"]) -> str | None:
        """An answer that was lost makes the next attempt find the key taken, or the upload gone:
        the token that the object carries tells whether that was us."""
        try:
            return self._learn(key, send).get("VersionId")
        except (AlreadyExists, NotFound):
            if self._token(key) != token:
                raise
            return None

    def _learn(self, key: str, send: Callable[[Manners], T], wait: Callable[[float], object] = time.sleep) -> T:
        """Send as the server likes it; what it refuses for its form is sent once more in the other form."""
        manners = self._manners
        while True:
            tried = manners
            try:
                return self._bucket.attempt(key, lambda: send(tried), wait)  # noqa: B023 - called before it changes
            except NotSupported:
                manners = replace(tried, conditions=False)
            except DigestWanted:
                manners = replace(tried, digests=True)
            if manners == tried:
                raise StoreError(
                    f"The server takes {self._bucket.where(key)} in no form that drkit knows.",
                    hint="Run `drkit check`.",
                )
            self._manners = manners

    def _must_be_free(self, key: str) -> None:
        if self._token(key) is not None:
            raise AlreadyExists(f"{self._bucket.where(key)} exists already.")

    def _token(self, key: str) -> str | None:
        """None: no such object, or not for us to know, as a role may be allowed to write only."""
        try:
            found = self._bucket.attempt(key, lambda: self._bucket.client.head_object(**self._bucket.at(key)))
        except (NotFound, Denied):
            return None
        return found["Metadata"].get(_TOKEN, "")
