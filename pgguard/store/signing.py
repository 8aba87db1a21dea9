"""Signatures of reports: Ed25519 (RFC 8032), detached, which `openssl pkeyutl -verify -rawin` checks too."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from pgguard.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_MOST_BYTES = 1 << 16


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a PEM file that is ours and that nobody else may read.

    Raises `InputError` for any other file.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            content = file.read(_MOST_BYTES)
    except OSError as error:
        msg = f"{path}: the signing key cannot be read: {error.strerror}"
        raise InputError(msg) from None
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        msg = (
            f"{path}: others may read or own the signing key (mode {stat.S_IMODE(status.st_mode):04o}, uid "
            f"{status.st_uid}), so that its signatures prove nothing: make a new one, chmod 600"
        )
        raise InputError(msg)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):
        # what is in the file is not repeated
        msg = (
            f"{path}: this is no private key as PEM without a passphrase: openssl genpkey -algorithm ed25519"
        )
        raise InputError(msg) from None
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"{path}: the signing key is not Ed25519: openssl genpkey -algorithm ed25519"
        raise InputError(msg)
    return key


def sign(content: bytes, key: Ed25519PrivateKey) -> bytes:
    """The signature, 64 bytes."""
    return key.sign(content)


def fingerprint(key: Ed25519PublicKey) -> str:
    """The SHA-256 of the public key as SubjectPublicKeyInfo (RFC 8410), in hexadecimal digits."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def check_signature(report: Path, public: Path) -> str:
    """The fingerprint of the key that signed a file; the signature lies beside it, as FILE.sig.

    Raises `InputError` when a file cannot be read, the key is none, or the signature is not of this file.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    beside = report.with_name(f"{report.name}.sig")
    try:
        content, signature, written = report.read_bytes(), beside.read_bytes(), public.read_bytes()
    except OSError as error:
        msg = f"{error.filename}: cannot be read: {error.strerror}"
        raise InputError(msg) from None
    try:
        key = load_pem_public_key(written)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        msg = f"{public}: this is no Ed25519 public key as PEM: openssl pkey -in KEY -pubout"
        raise InputError(msg)
    try:
        key.verify(signature, content)
    except InvalidSignature:
        msg = (
            f"{report}: the signature is not of this file and this key: it was changed, or another one signed"
        )
        raise InputError(msg) from None
    return fingerprint(key)
