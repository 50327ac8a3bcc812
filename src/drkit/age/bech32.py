"""Bech32 as BIP 173 has it, without its limit of 90 characters. It must not know what the bytes mean."""

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, content: bytes) -> str:
    """The text is in the case of `prefix`."""
    bits = len(content) * 8
    number = int.from_bytes(content) << (-bits % 5)
    count = (bits + 4) // 5
    digits = [number >> (5 * (count - 1 - at)) & 31 for at in range(count)]
    remainder = _checksum([*_expand(prefix), *digits, 0, 0, 0, 0, 0, 0]) ^ 1
    digits += [remainder >> (5 * (5 - at)) & 31 for at in range(6)]
    letters = "".join(_LETTERS[digit] for digit in digits)
    return f"{prefix}1{letters.upper() if prefix.isupper() else letters}"


def decode(text: str) -> tuple[str, bytes]:
    """The prefix, in the case it is written in, and the content. An error never repeats the text: it may be secret."""
    if text not in (text.lower(), text.upper()):
        raise ValueError("upper and lower case are mixed")
    prefix, one, letters = text.rpartition("1")
    if not one or not prefix or len(letters) < 6:
        raise ValueError("it has no prefix or no checksum")
    digits = [_LETTERS.find(letter) for letter in letters.lower()]
    if -1 in digits:
        raise ValueError("a character in it is not a Bech32 character")
    if _checksum([*_expand(prefix), *digits]) != 1:
        raise ValueError("its checksum is wrong, so a character was lost or mistyped")
    number = 0
    for digit in digits[:-6]:
        number = number << 5 | digit
    size, spare = divmod(5 * (len(digits) - 6), 8)
    if spare > 4 or number & ((1 << spare) - 1):
        raise ValueError("its last character carries stray bits")
    return prefix, (number >> spare).to_bytes(size)


def _expand(prefix: str) -> list[int]:
    codes = [ord(char) for char in prefix.lower()]
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _checksum(digits: list[int]) -> int:
    check = 1
    for digit in digits:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ digit
        for bit, term in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= term
    return check
