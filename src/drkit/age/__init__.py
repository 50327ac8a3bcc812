"""age v1 files (https://age-encryption.org/v1): this surface is all that the rest of drkit uses of them.

It must not know what is encrypted, where it is stored, or who signs it.
"""

from drkit.age.armor import armor, dearmor
from drkit.age.files import Examine, Extra, decrypt, encrypt, examined, find_openers, open_random
from drkit.age.header import Stanza, format_stanzas
from drkit.age.identities import is_locked, lock_identities, parse_identities
from drkit.age.keys import Identity, Recipient, format_identity, new_identity, parse_identity, parse_recipient
from drkit.age.passphrase import Passphrase
from drkit.age.payload import Reader

__all__ = [
    "Examine",
    "Extra",
    "Identity",
    "Passphrase",
    "Reader",
    "Recipient",
    "Stanza",
    "armor",
    "dearmor",
    "decrypt",
    "encrypt",
    "examined",
    "find_openers",
    "format_identity",
    "format_stanzas",
    "is_locked",
    "lock_identities",
    "new_identity",
    "open_random",
    "parse_identities",
    "parse_identity",
    "parse_recipient",
]
