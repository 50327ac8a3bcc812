"""What a bucket is set to do by itself. Facts, good or bad for nobody; the operator decides."""

from collections.abc import Iterator

from drkit.errors import NotFound, StoreError
from drkit.model import Finding
from drkit.stores.s3.bucket import Bucket


def describe(bucket: Bucket) -> Iterator[Finding]:
    for check, look in (("bucket versioning", _versioning), ("object lock", _lock)):
        try:
            yield Finding(check, True, f"The bucket {bucket.name} {look(bucket)}.")
        except StoreError as error:
            yield Finding(check, True, f"Unknown: {error}", error.hint)


def _versioning(bucket: Bucket) -> str:
    answer = bucket.attempt("", lambda: bucket.client.get_bucket_versioning(Bucket=bucket.name))
    status = answer.get("Status")
    if status == "Enabled":
        return "keeps every version: what is deleted or overwritten stays until prune or a lifecycle rule removes it"
    return "has versioning suspended" if status else "keeps no versions"


def _lock(bucket: Bucket) -> str:
    try:
        answer = bucket.attempt("", lambda: bucket.client.get_object_lock_configuration(Bucket=bucket.name))
    except NotFound:
        return "cannot lock objects"
    kept = answer["ObjectLockConfiguration"].get("Rule", {}).get("DefaultRetention", {})
    if not kept:
        return "can lock objects, but locks none by itself"
    length = f"{kept['Days']} days" if "Days" in kept else f"{kept.get('Years')} years"
    return f"locks each object for {length} ({kept.get('Mode')})"
