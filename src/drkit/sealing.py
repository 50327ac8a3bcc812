"""From an engine's bytes to a stored object and back: compress + encrypt + sign + measure.

Owns the order of the layers. It must not know what the bytes mean, nor how a backup's folder is spelled.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from drkit import age
from drkit.age import Identity, Recipient
from drkit.errors import IntegrityError, NotFound, WrongKey
from drkit.model import Piece
from drkit.ports import Chunks, Effort, Load, Save, Store
from drkit.signing import Signer, SigningKey, check_stanzas, sign_stanzas
from drkit.streams.ahead import ahead
from drkit.streams.compress import compress, decompress
from drkit.streams.memory import keep_large_buffers
from drkit.streams.meter import Hasher, Tally

Progress = Callable[[int], None]


def no_progress(_: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What a backup host needs: whom to encrypt to, and what to sign with."""

    recipients: tuple[Recipient, ...]
    signing_key: SigningKey

    @property
    def own_identity(self) -> Identity:
        """What opens the few pieces that this host must read back itself, as it has no other identity."""
        return Identity(self.signing_key.derive("own identity"))

    @property
    def own_keyring(self) -> "Keyring":
        return Keyring((self.own_identity,), frozenset({self.signing_key.signer()}))


@dataclass(frozen=True, slots=True)
class Keyring:
    """What a restoring host needs: what opens the pieces, and whose pieces it accepts."""

    identities: tuple[Identity, ...]
    signers: frozenset[Signer]


def saving(
    store: Store,
    folder: str,
    seal: Seal,
    progress: Progress = no_progress,
    effort: Effort = Effort.ANYTHING,
    reads_back: frozenset[str] = frozenset(),
) -> Save:
    """Pieces named in `reads_back` are encrypted to this host's own identity, too."""
    keep_large_buffers()

    def save(name: str, chunks: Chunks) -> Piece:
        key = f"{folder}/{name}.zst.age"
        plain, sealed = Tally(progress), Hasher()
        compressed = compress(plain.watch(chunks), effort)
        recipients = seal.recipients + ((seal.own_identity.recipient(),) if name in reads_back else ())
        encrypted = age.encrypt(compressed, recipients, extra=sign_stanzas(seal.signing_key, key))
        store.put(key, sealed.watch(encrypted))
        return Piece(name, key, plain.size, sealed.digest())

    return save


def loading(store: Store, keyring: Keyring, progress: Progress = no_progress) -> Load:
    keep_large_buffers()

    def load(piece: Piece) -> Chunks:
        plain, sealed = Tally(progress), Hasher()
        with _named(piece.key):
            # reading and decrypting have a thread of their own; unpacking has its pool; writing is the consumer's
            stored = sealed.watch(store.get(piece.key))
            yield from plain.watch(decompress(ahead(_decrypted(stored, piece.key, keyring))))
            # whoever can open a piece could have put another payload behind its signed header
            _compare(sealed, piece)
            if plain.size != piece.plain_bytes:
                raise IntegrityError(f"it holds {plain.size} bytes where its manifest promises {piece.plain_bytes}")

    return load


def opening(store: Store, key: str, keyring: Keyring) -> Chunks:
    """The plain bytes of an object that no manifest lists: its signature for its place vouches for it. NotFound, at the
    first chunk, if it is gone."""
    keep_large_buffers()
    stored = store.get(key)
    try:
        yield from decompress(ahead(_decrypted(stored, key, keyring)))
    except IntegrityError as error:
        raise type(error)(f"{key}: {error}", error.hint) from error


def vouched(store: Store, key: str, signers: Collection[Signer]) -> bool:
    """Whether one of the signers wrote an object to this place: the beginning of it tells, to those without an identity
    as well."""
    try:
        return is_signed(store.get(key), key, signers)
    except NotFound:
        return False


def is_signed(stored: Chunks, key: str, signers: Collection[Signer]) -> bool:
    """The same of its bytes, wherever they come from."""
    try:
        next(age.decrypt(stored, (), examine=check_stanzas(signers, key)), None)
    except WrongKey:  # past the signature
        return True
    except IntegrityError:
        return False
    return False


def examine(store: Store, pieces: Sequence[Piece], keyring: Keyring) -> None:
    """Prove, by the first bytes of each piece, that it is there, signed for its place, and can be opened."""
    for piece in pieces:
        with _named(piece.key):
            next(_decrypted(store.get(piece.key), piece.key, keyring), None)


def find_openers(store: Store, pieces: Sequence[Piece], keyring: Keyring) -> tuple[str, ...]:
    """The recipients of those identities that open what was sealed, each by itself. All pieces of a backup are sealed
    to the same recipients, so one header tells."""
    if not pieces:
        return ()
    piece = min(pieces, key=lambda each: each.sealed.size)
    with _named(piece.key):
        stored = store.get(piece.key)
        openers = age.find_openers(stored, keyring.identities, check_stanzas(keyring.signers, piece.key))
    return tuple(sorted({str(each.recipient()) for each in openers}))


def read_sealed(store: Store, piece: Piece, signers: Collection[Signer], progress: Progress = no_progress) -> None:
    """Prove, by all of its bytes and without a key that opens it, that a piece is what its manifest lists, and signed
    for its place. No more than a chunk is held."""
    sealed = Hasher()
    with _named(piece.key):
        stored = Tally(progress).watch(store.get(piece.key))
        for _ in sealed.watch(age.examined(stored, check_stanzas(signers, piece.key))):
            pass
        _compare(sealed, piece)


def read_opened(store: Store, piece: Piece, keyring: Keyring, progress: Progress = no_progress) -> None:
    """The same, and that it can be opened to its last byte. `progress` counts what is stored."""
    for _ in loading(store, keyring)(piece):
        pass
    progress(piece.sealed.size)


def _compare(sealed: Hasher, piece: Piece) -> None:
    if sealed.digest() != piece.sealed:
        raise IntegrityError("it is not the object that its manifest lists", "use another copy")


def _decrypted(stored: Chunks, key: str, keyring: Keyring) -> Chunks:
    return age.decrypt(stored, keyring.identities, examine=check_stanzas(keyring.signers, key))


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Whatever is wrong with an object, the answer names it."""
    try:
        yield
    except NotFound as error:
        hint = "it was pruned meanwhile, or somebody removed it: restore another point, or from another copy"
        raise IntegrityError(f"{key}: listed in the manifest, but not in the store", hint) from error
    except IntegrityError as error:
        if str(error).startswith(key):
            raise
        raise type(error)(f"{key}: {error}", error.hint) from error
