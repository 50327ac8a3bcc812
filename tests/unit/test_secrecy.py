"""What is blacked out, and what is not."""

import json
from urllib.parse import quote

import pytest

from drkit import secrecy
from drkit.secrecy import black_out, passwords_in, redact, remember, secrets_in


@pytest.fixture(autouse=True)
def _nothing_read() -> None:
    secrecy.forget()


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://app:s3ntinel-pw@db/shop",
        "host=db user=app password=s3ntinel-pw",
        "postgresql://db/shop?password=s3ntinel-pw",
        "s3ntinel-pw",
        "# a comment\ns3ntinel-pw\n",
        "json://s3ntinel-pw",
    ],
)
def test_what_stands_behind_a_reference_is_blacked_out_from_then_on(value: str) -> None:
    assert redact("it says s3ntinel-pw") == "it says s3ntinel-pw"
    remember(value)
    assert "s3ntinel-pw" not in redact("it says s3ntinel-pw in postgresql://app:s3ntinel-pw@db/shop")


@pytest.mark.parametrize(
    "value",
    [
        "age1qqqqqqqqqqqqqqqq",
        "drkit1qqqqqqqqqqqqqq",
        "s3://bucket/prefix?region=eu-west-1",
        "file:///var/backups",
        "postgresql://db/shop",
    ],
)
def test_what_is_public_is_not(value: str) -> None:
    remember(value)
    assert redact(f"it is {value}") == f"it is {value}"


def test_a_word_too_short_to_be_told_from_others_is_left() -> None:
    remember("postgresql://app:app@db/shop")
    assert redact("app") == "app"


@pytest.mark.parametrize("secret", ['pass"word\\with ümlaut', "p%40ss w/rd+more", "plain-password"])
def test_a_secret_is_found_as_json_and_urls_spell_it(secret: str) -> None:
    for spelled in (secret, json.dumps(secret), quote(secret, safe="")):
        assert black_out(f"<{spelled}>", [secret]).strip('<">') == "***"


def test_of_two_secrets_the_longer_one_goes_first() -> None:
    assert black_out("secret-and-more", ["secret", "secret-and-more"]) == "***"


def test_passwords_are_found_as_they_stand_and_as_they_are_meant() -> None:
    assert set(passwords_in("postgresql://app:a%40b@db/shop")) == {"a%40b", "a@b"}


def test_the_environment_tells_its_secrets_by_their_names_and_urls() -> None:
    found = secrets_in(
        {"AWS_SECRET_ACCESS_KEY": "x" * 9, "REDIS": "redis://:hidden-one@cache", "LANG": "C.UTF-8-and-more"}
    )
    assert found == {"x" * 9, "hidden-one"}
