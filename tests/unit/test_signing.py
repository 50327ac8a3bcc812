import base64
import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from drkit import age
from drkit.age import bech32
from drkit.errors import ConfigError, IntegrityError
from drkit.signing import (
    Signer,
    SigningKey,
    check_document,
    check_stanzas,
    format_signing_key,
    new_signing_key,
    parse_signer,
    parse_signing_key,
    sign_document,
    sign_stanzas,
)

SIGNING = SigningKey(bytes(range(32)))  # always the same: the names of tests hold it
SIGNER = SIGNING.signer()
OTHER = new_signing_key()
MINE = age.Identity(bytes(range(32)))
KEY = "shop/main/backups/20261120T143000Z-a/data.zst.age"
DOCUMENT: dict[str, object] = {"zeta": 1, "name": 'Ñandú "x"\n\x01', "list": [True, None, {"b": -2, "a": []}]}


def seal(extra: age.Extra | None) -> bytes:
    return b"".join(age.encrypt(iter((b"content",)), [MINE.recipient()], extra))


def unseal(sealed: bytes, *signers: Signer, key: str = KEY) -> bytes:
    return b"".join(age.decrypt(iter((sealed,)), [MINE], check_stanzas(signers or (SIGNER,), key)))


def stanzas_of(sealed: bytes) -> tuple[age.Stanza, ...]:
    seen: list[tuple[age.Stanza, ...]] = []
    list(age.decrypt(iter((sealed,)), [MINE], seen.append))
    return seen[0]


def test_keys_survive_their_text_forms() -> None:
    assert re.fullmatch("DRKIT-SIGNING-KEY-1[A-Z0-9]+", format_signing_key(SIGNING))
    assert parse_signing_key(format_signing_key(SIGNING)) == SIGNING
    assert re.fullmatch("drkit1[a-z0-9]+", str(SIGNER))
    assert parse_signer(str(SIGNER)) == SIGNER
    assert SIGNING != OTHER


def test_key_files_may_carry_comments() -> None:
    assert parse_signing_key(f"# stays here\n\n{format_signing_key(SIGNING)}\n") == SIGNING
    assert parse_signer(f"# shop\r\n{SIGNER}\r\n#\n") == SIGNER


def test_a_known_secret_has_its_known_signer() -> None:
    # RFC 8032, section 7.1, test 1.
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert SigningKey(secret).signer() == Signer(public)


def test_no_repr_shows_the_signing_key() -> None:
    assert repr(SIGNING) == f"SigningKey(of {SIGNER})"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        f"{format_signing_key(SIGNING)}\n{format_signing_key(OTHER)}",
        format_signing_key(SIGNING)[:-1],
        format_signing_key(SIGNING).lower(),
        str(SIGNER),
        bech32.encode("DRKIT-SIGNING-KEY-", bytes(31)),
    ],
)
def test_what_is_no_signing_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="a signing key") as refusal:
        parse_signing_key(text)
    assert refusal.value.hint
    assert format_signing_key(SIGNING)[20:40].lower() not in f"{refusal.value} {refusal.value.hint}".lower()


@pytest.mark.parametrize("text", [format_signing_key(SIGNING), str(MINE.recipient()), str(SIGNER).upper(), "drkit1"])
def test_what_is_no_signer_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="a signer") as refusal:
        parse_signer(text)
    assert len(text) < 10 or text[20:40] not in f"{refusal.value} {refusal.value.hint}"


def test_a_signed_object_opens_under_its_own_key() -> None:
    sealed = seal(sign_stanzas(SIGNING, KEY))
    assert unseal(sealed) == unseal(sealed, OTHER.signer(), SIGNER) == b"content"


def test_the_signature_stanza_has_the_documented_form() -> None:
    stanza, signature = stanzas_of(seal(sign_stanzas(SIGNING, KEY)))
    assert (signature.type, signature.args) == ("drkit.signature", ("v1", str(SIGNER)))
    body = base64.b64encode(stanza.body).decode().rstrip("=")
    other = f"-> X25519 {stanza.args[0]}\n{body}\n".encode()
    message = b"drkit.signature v1 stanzas\n" + f"{len(KEY)}:{KEY}\n".encode() + other
    Ed25519PublicKey.from_public_bytes(SIGNER.public).verify(signature.body, message)


def test_an_object_without_a_signature_is_refused_by_name() -> None:
    with pytest.raises(IntegrityError, match=f"^{KEY} carries no signature") as refusal:
        unseal(seal(None))
    assert refusal.value.hint


def test_an_object_that_was_renamed_is_refused_by_name() -> None:
    sealed = seal(sign_stanzas(SIGNING, KEY))
    with pytest.raises(IntegrityError, match=r"^shop/other carries a signature that does not fit it") as refusal:
        unseal(sealed, key="shop/other")
    assert "renamed" in refusal.value.hint


def test_an_object_of_an_unknown_signer_is_refused_and_the_signer_is_named() -> None:
    sealed = seal(sign_stanzas(OTHER, KEY))
    with pytest.raises(IntegrityError, match=f"{KEY} is signed by {OTHER.signer()}") as refusal:
        unseal(sealed)
    assert "encryption.signers" in refusal.value.hint


def test_a_long_signer_name_is_cut_in_the_message() -> None:
    sealed = seal(lambda _: age.Stanza("drkit.signature", ("v1", "x" * 5000), bytes(64)))
    with pytest.raises(IntegrityError, match=r"is signed by x{80}, who"):
        unseal(sealed)


@pytest.mark.parametrize("body", [b"", bytes(63), bytes(64), bytes(65)])
def test_a_signature_of_nothing_is_refused(body: bytes) -> None:
    with pytest.raises(IntegrityError, match="does not fit it"):
        unseal(seal(lambda _: age.Stanza("drkit.signature", ("v1", str(SIGNER)), body)))


@pytest.mark.parametrize("args", [(), ("v1",), ("v2", str(SIGNER)), ("v1", str(SIGNER), "more")])
def test_a_signature_of_an_unknown_form_is_refused(args: tuple[str, ...]) -> None:
    with pytest.raises(IntegrityError, match="unknown form"):
        unseal(seal(lambda _: age.Stanza("drkit.signature", args, bytes(64))))


def test_a_recipient_that_was_added_later_is_refused() -> None:
    stanza, signature = stanzas_of(seal(sign_stanzas(SIGNING, KEY)))
    check = check_stanzas([SIGNER], KEY)
    check((stanza, signature))
    with pytest.raises(IntegrityError, match="does not fit it"):
        check((stanza, OTHER_STANZA, signature))
    with pytest.raises(IntegrityError, match="more than one signature"):
        check((stanza, signature, signature))
    with pytest.raises(IntegrityError, match="does not fit it"):
        check((signature,))


OTHER_STANZA = age.Stanza("X25519", ("A" * 43,), bytes(32))


def test_the_payload_of_another_object_is_refused_under_a_signed_header() -> None:
    one, two = seal(sign_stanzas(SIGNING, KEY)), seal(sign_stanzas(SIGNING, KEY))
    with pytest.raises(IntegrityError):
        unseal(one[:-39] + two[-39:])


def test_a_document_comes_back_as_it_was_signed() -> None:
    content = sign_document(SIGNING, KEY, DOCUMENT)
    assert check_document([OTHER.signer(), SIGNER], KEY, content) == DOCUMENT
    assert content.endswith(b"\n}\n")
    assert list(json.loads(content)) == [*DOCUMENT, "signature"]
    assert "Ñandú" in content.decode()


def test_a_document_has_the_documented_form() -> None:
    signature = json.loads(sign_document(SIGNING, "ñ", DOCUMENT))["signature"]
    assert signature.keys() == {"signer", "ed25519"}
    assert signature["signer"] == str(SIGNER)
    message = (
        "drkit.signature v1 document\n2:ñ\n"
        r'{"list":[true,null,{"a":[],"b":-2}],"name":"Ñandú \"x\"\n\u0001","zeta":1}'
    ).encode()
    Ed25519PublicKey.from_public_bytes(SIGNER.public).verify(base64.b64decode(signature["ed25519"]), message)


def test_a_genuine_document_in_another_layout_is_refused() -> None:
    content = sign_document(SIGNING, KEY, DOCUMENT)
    for other in (json.dumps(json.loads(content)).encode(), content[:-1], content[:-1] + b" "):
        with pytest.raises(IntegrityError, match=f"^{KEY} is not spelled as drkit spells it"):
            check_document([SIGNER], KEY, other)


def test_a_changed_document_is_refused() -> None:
    content = sign_document(SIGNING, KEY, DOCUMENT)
    for changed in (
        content.replace(b'"zeta": 1', b'"zeta": 2'),
        content.replace(b'"zeta": 1', b'"zeta": true'),
        content.replace(b'"zeta": 1,', b""),
        content.replace(b'"zeta": 1', b'"zeta": 1, "more": 1'),
    ):
        assert changed != content
        with pytest.raises(IntegrityError, match=f"^{KEY} carries a signature that does not fit it"):
            check_document([SIGNER], KEY, changed)


def test_a_signed_document_with_a_key_said_twice_is_refused() -> None:
    content = sign_document(SIGNING, KEY, DOCUMENT)
    with pytest.raises(IntegrityError, match=f"^{KEY} is not a document that drkit wrote"):
        check_document([SIGNER], KEY, content.replace(b'"zeta": 1', b'"zeta": 9, "zeta": 1'))


def test_a_document_under_another_key_or_of_another_signer_is_refused() -> None:
    content = sign_document(SIGNING, KEY, DOCUMENT)
    with pytest.raises(IntegrityError, match=r"^shop/other carries a signature that does not fit it"):
        check_document([SIGNER], "shop/other", content)
    with pytest.raises(IntegrityError, match=f"is signed by {SIGNER}, who is not an accepted signer"):
        check_document([OTHER.signer()], KEY, content)


def test_a_signature_over_stanzas_is_no_signature_over_a_document() -> None:
    stanzas = (age.Stanza("example", (), b""),)
    signature = sign_stanzas(SIGNING, KEY)(stanzas)
    document = {"signature": {"signer": str(SIGNER), "ed25519": base64.b64encode(signature.body).decode()}}
    with pytest.raises(IntegrityError, match="does not fit it"):
        check_document([SIGNER], KEY, json.dumps(document).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"null",
        b"{}",
        b'{"a": 1.0}',
        b'{"a": NaN}',
        b'{"a": 1e9}',
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"a": ' + b"[" * 990 + b"]" * 990 + b"}",
        b'{"signature": null}',
        b'{"signature": "x"}',
        b'{"signature": {}}',
        b'{"signature": {"signer": "x", "ed25519": "====", "more": 1}}',
        b'{"signature": {"signer": "x", "ed25519": "?"}}',
        b'{"signature": {"signer": null, "ed25519": null}}',
        b'{"signature": {"signer": "\\u001b[2J", "ed25519": ""}}',
        b'{"signature": {"signer": "SIGNER", "ed25519": ""}}',
    ],
    ids=range(24),
)
def test_what_is_no_signed_document_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(IntegrityError, match=f"^{KEY} ") as refusal:
        check_document([SIGNER], KEY, content.replace(b"SIGNER", str(SIGNER).encode()))
    assert refusal.value.hint
    assert str(refusal.value).isprintable()


def test_any_flipped_bit_of_a_document_is_refused_or_changes_nothing() -> None:
    content = sign_document(SIGNING, KEY, DOCUMENT)
    refused = 0
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        try:
            assert check_document([SIGNER], KEY, bytes(changed)) == DOCUMENT
        except IntegrityError:
            refused += 1
    assert refused > len(content.replace(b" ", b"")) * 9 // 10


@pytest.mark.parametrize(
    "value", [1.5, (1, 2), {1: 2}, {1.5: 2}, Path("x"), b"x", "\ud800", float("nan"), float("inf")]
)
def test_what_json_would_change_is_never_signed(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        sign_document(SIGNING, KEY, {"a": value})


def test_a_document_with_a_signature_of_its_own_is_never_signed() -> None:
    with pytest.raises(TypeError):
        sign_document(SIGNING, KEY, {"signature": 1})
