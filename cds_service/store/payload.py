"""Payloads: what a row holds of a chart, compressed, and encrypted where a key is set.

A key in `CDS_ENCRYPTION_KEYS` is written `name:base64 of 32 bytes`; several are separated by commas. The first writes,
all of them read, so that a new key is put in front and the old ones stay until all is encrypted anew.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce and the entry's id as associated data; Zstandard (RFC 8878).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from cds_service.store.errors import KeyFault, NoKey, Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Keys", "Packed", "Sealed", "new_key", "pack", "unpack"]

_NONCE: Final = 12
_SALT: Final = 16
_LEVEL: Final = 3
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")


@dataclass(frozen=True, slots=True)
class Packed:
    """The parts of a payload as MessagePack, and what commits to them: a digest that a salt inside keeps from guesses.

    With the payload the salt goes, and the digest that stays behind tells nothing.
    """

    data: bytes = field(repr=False)
    digest: str

    @property
    def size(self) -> int:
        """Return how many bytes the parts take."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A payload as it is stored: `key` is the name of the key, empty where none is set.

    `patient` finds it again: a keyed hash of the patient's id.
    """

    key: str
    patient: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Key:
    """One key under its name, and the two that are derived from it."""

    name: str
    encryption: AESGCM = field(repr=False)
    index: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, secret: bytes) -> Self:
        """Return a key made of 32 secret bytes."""
        return cls(name, AESGCM(_derived(secret, b"payload")), _derived(secret, b"patient index"))


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys at hand: the first writes, all of them read. Without any, payloads are stored as they are."""

    keys: tuple[Key, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the keys that a setting names; none for an empty one. Raises KeyFault, which repeats no key."""
        keys = [_key(one.strip(), i) for i, one in enumerate(text.split(","), 1)] if text.strip() else []
        if len({one.name for one in keys}) < len(keys):
            raise KeyFault("two keys have the same name; give each its own")
        return cls(tuple(keys))

    @property
    def writing(self) -> str:
        """Return the name of the key that writes; empty for none."""
        return self.keys[0].name if self.keys else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the keys."""
        return tuple(one.name for one in self.keys)

    def seal(self, packed: Packed, *, about: str, patient: str = "") -> Sealed:
        """Return a payload as it is stored for the entry of the id `about`."""
        data = zstd.compress(packed.data, _LEVEL)
        patients = self.patients(patient)
        if not self.keys:
            return Sealed("", patients[0] if patients else "", data)
        nonce = os.urandom(_NONCE)
        data = nonce + self.keys[0].encryption.encrypt(nonce, data, about.encode())
        return Sealed(self.keys[0].name, patients[0] if patients else "", data)

    def open(self, sealed: Sealed, *, about: str, digest: str, size: int) -> bytes:
        """Return the packed parts of a payload. Raises Unreadable where they are not what was stored."""
        data = self._decompressed(self._decrypted(sealed, about), size)
        if sha256(data).hexdigest() != digest:
            raise Unreadable("the payload is not what was stored")
        return data

    def patients(self, patient: str) -> tuple[str, ...]:
        """Return what a patient's id is found by: under each key, the one that writes first; nothing for no id."""
        secrets = [key.index for key in self.keys] or [b""]
        return tuple(_keyed(secret, patient) for secret in secrets) if patient else ()

    def _decrypted(self, sealed: Sealed, about: str) -> bytes:
        if not sealed.key:
            return sealed.data
        key = next((one for one in self.keys if one.name == sealed.key), None)
        if key is None:
            raise NoKey(f"the payload is encrypted with the key `{sealed.key}`, which is not at hand")
        try:
            return key.encryption.decrypt(sealed.data[:_NONCE], sealed.data[_NONCE:], about.encode())
        except (InvalidTag, ValueError):
            raise Unreadable("the payload is not what was stored") from None

    def _decompressed(self, data: bytes, size: int) -> bytes:
        """Return what was compressed, never much more than it is said to be."""
        try:
            return zstd.ZstdDecompressor().decompress(data, size + 1)
        except (zstd.ZstdError, ValueError, MemoryError):
            raise Unreadable("the payload is not what was stored") from None


def new_key() -> str:
    """Return 32 random bytes in base64: what a key is made of."""
    return base64.b64encode(os.urandom(32)).decode()


def pack(parts: Iterable[tuple[str, str | bytes]]) -> Packed:
    """Return the parts of a payload as one, with a salt of its own."""
    data = msgspec.msgpack.encode({"salt": os.urandom(_SALT), **dict(parts)})
    return Packed(data, sha256(data).hexdigest())


def unpack(data: bytes) -> dict[str, str | bytes]:
    """Return the parts of a payload by their names."""
    parts: dict[str, str | bytes] = msgspec.msgpack.decode(data)
    del parts["salt"]
    return parts


def _key(text: str, position: int) -> Key:
    name, _, written = text.partition(":")
    if not _NAME.fullmatch(name):
        raise KeyFault(f"key {position} has no name; write `name:base64 of 32 bytes`")
    try:
        secret = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        raise KeyFault(f"key {position} is not in base64") from None
    if len(secret) != 32:
        raise KeyFault(f"key {position} has {len(secret)} bytes, not 32")
    return Key.of(name, secret)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """Source: RFC 5869, 2.3; the secret is random, so that nothing has to be extracted first."""
    return HKDFExpand(SHA256(), 32, b"cds-service " + purpose).derive(secret)


def _keyed(secret: bytes, patient: str) -> str:
    return hmac.new(secret, patient.encode("utf-8", "replace"), sha256).hexdigest()[:32]
