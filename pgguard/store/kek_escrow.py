"""Escrow copies of the key-encryption key: encrypted for one holder, and opened without pgguard.

RSA with OAEP (RFC 8017, 7.1) over SHA-256, so that OpenSSL opens it, or a card that keeps the holder's key.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from pgguard.errors import InputError, UsageError
from pgguard.store.kek_provider import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from pgguard.store.kek_provider import Kek

_SHORTEST_BITS = 3072
_MOST_BYTES = 1 << 20
_OPENS = (
    "sed '1,/^$/d' FILE | base64 -d | openssl pkeyutl -decrypt -inkey PRIVATE.pem "
    "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"
)


class Origin(NamedTuple):
    """Which key a copy is of: where it opens what, and since which epoch."""

    installation: str
    database: str
    epoch: int


class Recipient(NamedTuple):
    """The holder of a copy: a public key, and the SHA-256 of its SubjectPublicKeyInfo to know it by."""

    key: RSAPublicKey
    fingerprint: str


def recipient(path: Path) -> Recipient:
    """The holder's public key of a PEM file: a public key or a certificate, RSA of 3072 bits or more.

    Raises `InputError` when there is none in it; `UsageError` for a private key, which stays with its holder.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        msg = f"{path}: the holder's public key cannot be read: {error.strerror}"
        raise InputError(msg) from None
    if b"PRIVATE KEY" in content:
        msg = f"{path}: this is a private key, which stays with its holder: openssl pkey -in FILE -pubout"
        raise UsageError(msg)
    key: object = None
    with contextlib.suppress(ValueError):
        if b"BEGIN CERTIFICATE" in content:
            key = x509.load_pem_x509_certificate(content).public_key()
        else:
            key = serialization.load_pem_public_key(content)
    if not isinstance(key, RSAPublicKey) or key.key_size < _SHORTEST_BITS:
        msg = f"{path}: an RSA public key or certificate in PEM is needed, of {_SHORTEST_BITS} bits or more"
        raise InputError(msg)
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Recipient(key, hashlib.sha256(spki).hexdigest())


def write_copy(path: Path, kek: Kek, holder: Recipient, origin: Origin, made: str) -> None:
    """Write the key as 64 hexadecimal digits, encrypted for the holder, to a new file that can be printed.

    Raises `UsageError` when the file is there or cannot be written.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    sealed = holder.key.encrypt(kek.reveal().hex().encode("ascii"), oaep)
    about = {
        "installation": origin.installation,
        "database": origin.database.encode("unicode_escape").decode("ascii"),
        "epoch": str(origin.epoch),
        "made": made,
        "holder": f"RSA {holder.key.key_size}, SHA-256 of the public key {holder.fingerprint}",
        "opens-with": _OPENS,
    }
    lines = ["pgguard escrow copy of a key-encryption key"]
    lines += [f"{name}: {value}" for name, value in about.items()]
    lines += ["", *textwrap.wrap(base64.b64encode(sealed).decode("ascii"), 64)]
    write_private(path, "\n".join(lines) + "\n")
