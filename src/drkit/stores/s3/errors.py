"""The door at which boto3's errors become ours. No message here ever repeats a header, a URL's query or a key."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from drkit.errors import AlreadyExists, Denied, NotFound, StoreError, StoreUnavailable


class NotSupported(StoreError):
    """The server does not know what was asked of it."""


class DigestWanted(StoreError):
    """The server takes this only with a Content-MD5, as buckets with a default object lock do."""


class Refused(StoreError):
    """An answer that nobody foresaw."""


class OutOfRange(StoreError):
    """The range begins at or after the object's end."""


_AGAIN = {
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "OperationAborted",
    "ConditionalRequestConflict",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "IncompleteBody",
    "BadDigest",
    "XAmzContentSHA256Mismatch",
}
_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AuthorizationHeaderMalformed"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_RIGHTS = {
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "ListObjectVersions": "s3:ListBucketVersions",
    "CopyObject": "s3:GetObjectVersion and s3:PutObject",
}


@contextmanager
def our_errors(where: str) -> Iterator[None]:
    """`where` is the bucket and key that the request is about."""
    try:
        yield
    except ClientError as error:
        raise _from_answer(where, error) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise _from_failure(where, error) from error


def _from_answer(where: str, error: ClientError) -> StoreError:
    details = error.response.get("Error", {})
    code = details.get("Code") or ""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = " ".join((details.get("Message") or "").split())[:200]  # radosgw says nothing, and says so with a None
    operation = error.operation_name
    answer = f"{code or status} to {operation} of {where}"
    if code == "NoSuchBucket":
        return StoreError(f"There is no bucket for {where}.", hint="Create the bucket, or correct the store's URL.")
    if code == "NotImplemented" or status == 501:
        return NotSupported(f"The server answered {answer}: it cannot do that.", hint="Run `drkit check`.")
    if "Content-MD5" in said:
        return DigestWanted(f"The server answered {answer}: {said}")
    if code in _AGAIN or status >= 500 or status == 429:
        hint = "Set this machine's clock." if code == "RequestTimeTooSkewed" else "Try again in a while."
        return StoreUnavailable(f"The server answered {answer}.", hint=hint)
    if code in _EXPIRED:
        return StoreError(f"The session's credentials for {where} have expired.", hint="Renew them and run it again.")
    if code in _WRONG_KEYS:
        hint = "Check the access key, its secret and the region; `aws sts get-caller-identity` helps."
        return StoreError(f"The server answered {answer}: {said}", hint=hint)
    if status in (409, 412):
        return AlreadyExists(f"{where} exists already.")
    if status == 416:
        return OutOfRange(f"{where} ends before the range that was asked for.")
    if status == 404 or code == "NoSuchKey":
        return NotFound(f"There is no object {where}." if code != "NoSuchUpload" else f"The upload of {where} is gone.")
    if status == 403 or code == "AccessDenied":
        right = _RIGHTS.get(operation, f"s3:{operation}")
        return Denied(
            f"The role may not do {operation} of {where}.",
            hint=f"Allow it {right} there, or see whether a bucket policy denies it.",
        )
    if status in (301, 307, 400) and operation.startswith("Head"):
        return StoreError(
            f"The server refused to say whether {where} exists ({status}).",
            hint="Check the region in the store's URL and whether the credentials are still good.",
        )
    return Refused(f"The server answered {answer}: {said}", hint="Run `drkit check`.")


def _from_failure(where: str, error: BotoCoreError | ResponseParserError) -> StoreError:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return StoreError(
            f"There are no credentials for {where}.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or give the machine a role.",
        )
    if isinstance(error, CredentialRetrievalError | TokenRetrievalError | SSOError):
        return StoreError(f"The credentials for {where} could not be fetched.", hint="Log in again, or try later.")
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return StoreError(
            f"The certificate of the server for {where} is signed by nobody known.",
            hint="Name the file with its CA in AWS_CA_BUNDLE.",
        )
    if isinstance(error, EndpointConnectionError):
        hint = "Check the endpoint in the store's URL, the network and the name server."
        return StoreUnavailable(f"The server for {where} cannot be reached.", hint=hint)
    if isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError | ResponseParserError):
        kind = type(error).__name__
        return StoreUnavailable(f"The connection for {where} broke ({kind}).", hint="Try again in a while.")
    return StoreError(
        f"{where} cannot be used: {type(error).__name__}.", hint="Check the store's URL and AWS settings."
    )
