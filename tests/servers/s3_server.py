"""What a test needs to know of an S3 server: where it is, who may use it, and whose certificate to believe."""

import os
import uuid
from dataclasses import dataclass
from urllib.parse import quote

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    ca: str | None = None

    def environment(self) -> dict[str, str]:
        """The AWS_* variables that a user of this server would set."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return variables | ({"AWS_CA_BUNDLE": self.ca} if self.ca else {})

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            verify=self.ca,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def new_bucket(self, **options) -> str:
        name = f"drkit-{uuid.uuid4().hex[:12]}"
        client = self.client()
        client.create_bucket(Bucket=name, **options)
        client.close()
        return name

    def url(self, bucket: str, prefix: str = "", endpoint: str | None = None) -> str:
        return f"s3://{bucket}/{prefix}?region={self.region}&endpoint_url={quote(endpoint or self.endpoint, safe='')}"


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that AWS clients look at."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
