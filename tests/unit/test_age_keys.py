import pytest

from drkit import age
from drkit.age import bech32
from drkit.errors import ConfigError, WrongKey

# As `age-keygen -y` pairs them.
IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def no_passphrase() -> str:
    raise AssertionError("nobody should have been asked")


def test_a_known_identity_has_its_known_recipient() -> None:
    identity = age.parse_identity(IDENTITY)
    assert identity.secret == b"\x42" * 32
    assert str(identity.recipient()) == RECIPIENT
    assert age.format_identity(identity) == IDENTITY
    assert age.parse_recipient(f" {RECIPIENT}\n") == identity.recipient()


def test_a_new_identity_survives_its_text_form() -> None:
    identity = age.new_identity()
    assert age.parse_identity(age.format_identity(identity)) == identity
    assert identity != age.new_identity()


def test_no_repr_shows_a_secret() -> None:
    identity = age.parse_identity(IDENTITY)
    assert repr(identity) == f"Identity(of {RECIPIENT})"
    assert "horse" not in repr(age.Passphrase("horse"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "age1",
        IDENTITY.lower(),
        IDENTITY.capitalize(),
        IDENTITY[:-1] + "Y",
        IDENTITY[:-1],
        IDENTITY.replace("E", "É"),
        IDENTITY.replace("Q", "B"),
        RECIPIENT,
        f"{IDENTITY}\n{IDENTITY}",
        bech32.encode("AGE-SECRET-KEY-", bytes(31)),
        bech32.encode("AGE-SECRET-KEY-", bytes(33)),
        bech32.encode("AGE-SECRET-KEY-PQ-", bytes(32)),
    ],
)
def test_what_is_no_identity_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        age.parse_identity(text)
    assert refusal.value.hint
    shown = f"{refusal.value} {refusal.value.hint} {refusal.value.__context__}"
    assert len(text) < 10 or text[20:30].lower() not in shown.lower()


@pytest.mark.parametrize(
    "text",
    [
        IDENTITY,
        RECIPIENT.upper(),
        RECIPIENT[:-1],
        RECIPIENT[:-1] + "p",
        "age1é" + RECIPIENT[5:],
        bech32.encode("age", bytes(31)),
        bech32.encode("age1pq", bytes(32)),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA",
    ],
)
def test_what_is_no_recipient_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="age recipient") as refusal:
        age.parse_recipient(text)
    assert text[20:] not in f"{refusal.value} {refusal.value.hint}"


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31)])
def test_a_recipient_that_protects_nothing_is_refused(public: bytes) -> None:
    with pytest.raises(ConfigError, match="protects nothing"):
        age.parse_recipient(bech32.encode("age", public))


@pytest.mark.parametrize("size", [0, 1, 4, 5, 20, 32, 100])
def test_bech32_carries_any_number_of_bytes(size: int) -> None:
    content = bytes(range(size))
    assert bech32.decode(bech32.encode("x1y", content)) == ("x1y", content)


@pytest.mark.parametrize("text", ["", "x", "1qqqqqqq", "x1", "x1qqqqq"])
def test_a_key_without_prefix_or_checksum_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="no prefix or no checksum"):
        bech32.decode(text)


@pytest.mark.parametrize("text", ["X1qqqn0an5s", "x1qqQn0an5s"])
def test_mixed_case_is_refused_though_the_checksum_is_right(text: str) -> None:
    with pytest.raises(ValueError, match="mixed"):
        bech32.decode(text)


@pytest.mark.parametrize("text", ["x1qpxqa3vz", "x1qm7ssx4"])
def test_stray_bits_at_the_end_of_a_key_are_refused_though_its_checksum_is_right(text: str) -> None:
    with pytest.raises(ValueError, match="stray bits"):
        bech32.decode(text)


def test_an_identity_file_may_hold_comments_blank_lines_and_several_identities() -> None:
    other = age.new_identity()
    content = f"# created: today\r\n\n{IDENTITY}\r\n  \n# escrow\n{age.format_identity(other)}".encode()
    assert age.parse_identities(content, no_passphrase) == [age.parse_identity(IDENTITY), other]


@pytest.mark.parametrize("content", [b"", b"# nothing but a comment\n", b"\xff\xfe", IDENTITY.encode("utf-16")])
def test_a_file_without_an_identity_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigError, match="identity file") as refusal:
        age.parse_identities(content, no_passphrase)
    assert refusal.value.hint


def test_a_bad_line_of_an_identity_file_is_named_by_its_number_alone() -> None:
    with pytest.raises(ConfigError, match=r"^Line 2 of the identity file cannot be used\.") as refusal:
        age.parse_identities(f"# key\n{IDENTITY[:-1]}\n".encode(), no_passphrase)
    assert IDENTITY[20:40] not in f"{refusal.value} {refusal.value.hint}"


def test_a_locked_identity_file_opens_with_its_passphrase_alone() -> None:
    text = f"# key\n{IDENTITY}\n".encode()
    locked = age.lock_identities(text, "pass phräse")
    assert locked.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    binary = b"".join(age.dearmor(iter((b"\n" + locked,))))
    assert age.parse_identities(binary, lambda: "pass phräse") == [age.parse_identity(IDENTITY)]
    with pytest.raises(WrongKey, match="The passphrase does not open the identity file") as refusal:
        age.parse_identities(b"\n" + locked, lambda: "pass phrase")
    assert "phrase" not in str(refusal.value).replace("passphrase", "")


def test_what_is_no_identity_file_is_not_locked_away() -> None:
    with pytest.raises(ConfigError):
        age.lock_identities(b"my diary", "horse")
    with pytest.raises(ConfigError, match="empty passphrase"):
        age.lock_identities(IDENTITY.encode(), "")
