"""S3 and what speaks its language. The only room that knows boto3."""

from drkit.stores.s3.opening import open_s3
from drkit.stores.s3.store import S3Store

__all__ = ["S3Store", "open_s3"]
