"""An auditor's OpenPGP public key, and of it what pgcrypto encrypts to (RFC 4880, sections 4, 5.5, 6 and 12).

pgcrypto takes one main key and one subkey that encrypts, of RSA or ElGamal. Files hold more: the parts that
are needed are cut out, and nothing else of the file is stored. Whether the key is the auditor's is for people
to compare, by its fingerprint: no signature is checked here.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from pgguard.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_BYTES = 1 << 20
_SECRET_TAGS = frozenset({5, 7})
_PUBLIC, _SUBKEY, _SIGNATURE = 6, 14, 2
_NAMES = {1: "RSA", 2: "RSA", 16: "ElGamal", 17: "DSA", 18: "ECDH", 19: "ECDSA", 22: "EdDSA", 25: "X25519"}
_ENCRYPTS = frozenset({1, 2, 16})
_SHORTEST_BITS = 2048
_BINDING, _REVOKED_SUBKEY, _REVOKED_KEY = 0x18, 0x28, 0x20
_CREATED, _EXPIRES, _FLAGS = 2, 9, 27
_FLAG_ENCRYPTS = 0x04 | 0x08
_CRC_START, _CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB


class AuditorKey(NamedTuple):
    """The fingerprint of the main key, the part that pgcrypto takes, and the subkey in words."""

    fingerprint: str
    material: bytes
    told: str


class _Packet(NamedTuple):
    tag: int
    body: bytes


class _Subkey(NamedTuple):
    packet: _Packet
    signatures: list[bytes]


def read_auditor_key(path: Path) -> AuditorKey:
    """The key of a file, armored or binary.

    Raises `InputError` when no key in it can be used, and `UsageError` for a secret key, which stays with the
    auditor.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        msg = f"{path}: the auditor's key cannot be read: {error.strerror}"
        raise InputError(msg) from None
    try:
        return auditor_key(content, datetime.datetime.now(datetime.UTC))
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from None
    except UsageError as error:
        msg = f"{path}: {error}"
        raise UsageError(msg) from None


def auditor_key(content: bytes, now: datetime.datetime) -> AuditorKey:
    """The same of bytes; subkeys that are revoked or have expired at `now` are not taken."""
    if b"PRIVATE KEY BLOCK" in content:
        raise UsageError(_IS_SECRET)
    packets = list(_packets(_dearmored(content)))
    if any(one.tag in _SECRET_TAGS for one in packets):
        raise UsageError(_IS_SECRET)
    mains = [one for one in packets if one.tag == _PUBLIC]
    if len(mains) != 1:
        msg = f"one OpenPGP public key is needed, and there are {len(mains)} in it: gpg --armor --export KEY"
        raise InputError(msg)
    main = mains[0]
    if not main.body or main.body[0] != 4:
        msg = "the OpenPGP key is not of version 4, and pgcrypto takes no other"
        raise InputError(msg)
    own, subkeys = _parted(packets)
    if any(one[1:2] == bytes((_REVOKED_KEY,)) for one in own):
        msg = "the OpenPGP key is revoked"
        raise InputError(msg)
    usable = [one for one in subkeys if _is_usable(one, now)]
    if not usable:
        kinds = ", ".join(_NAMES.get(_algorithm(one.packet.body), "?") for one in subkeys) or "none"
        msg = (
            "pgcrypto needs a subkey of RSA or ElGamal that encrypts, is neither revoked nor expired, and "
            f"has {_SHORTEST_BITS} bits or more (subkeys: {kinds}): gpg --quick-add-key FINGERPRINT rsa3072 "
            "encrypt"
        )
        raise InputError(msg)
    chosen = max(usable, key=lambda one: int.from_bytes(one.packet.body[1:5], "big")).packet
    hashed = b"\x99" + len(main.body).to_bytes(2, "big") + main.body
    fingerprint = hashlib.sha1(hashed, usedforsecurity=False).hexdigest().upper()
    told = f"{_NAMES[_algorithm(chosen.body)]} {_bits(chosen.body)}"
    return AuditorKey(fingerprint, _written(main) + _written(chosen), told)


_IS_SECRET = "this is a secret key, which stays with the auditor: gpg --armor --export KEY"  # noqa: S105


def _parted(packets: list[_Packet]) -> tuple[list[bytes], list[_Subkey]]:
    own: list[bytes] = []
    subkeys: list[_Subkey] = []
    for one in packets:
        if one.tag == _SUBKEY:
            subkeys.append(_Subkey(one, []))
        elif one.tag == _SIGNATURE:
            (subkeys[-1].signatures if subkeys else own).append(one.body)
    return own, subkeys


def _is_usable(subkey: _Subkey, now: datetime.datetime) -> bool:
    body = subkey.packet.body
    if len(body) < 8 or body[0] != 4 or _algorithm(body) not in _ENCRYPTS or _bits(body) < _SHORTEST_BITS:
        return False
    newest: dict[int, bytes] = {}
    made = -1
    for one in subkey.signatures:
        if one[1:2] == bytes((_REVOKED_SUBKEY,)):
            return False
        if one[:1] != b"\x04" or one[1:2] != bytes((_BINDING,)):
            continue
        said = _subpackets(one)
        at = int.from_bytes(said.get(_CREATED, b""), "big")
        if at >= made:
            newest, made = said, at
    if _FLAGS in newest and not newest[_FLAGS][:1]:
        return False
    if _FLAGS in newest and not newest[_FLAGS][0] & _FLAG_ENCRYPTS:
        return False
    lives = int.from_bytes(newest.get(_EXPIRES, b""), "big")
    return not lives or int.from_bytes(body[1:5], "big") + lives > now.timestamp()


def _algorithm(body: bytes) -> int:
    return body[5] if len(body) > 5 else 0


def _bits(body: bytes) -> int:
    return int.from_bytes(body[6:8], "big")


def _subpackets(signature: bytes) -> dict[int, bytes]:
    # section 5.2.3: version, type, two algorithms, length of the hashed subpackets
    area = signature[6 : 6 + int.from_bytes(signature[4:6], "big")]
    found: dict[int, bytes] = {}
    while area:
        size, area = _length(area)
        if not 1 <= size <= len(area):
            break
        found[area[0] & 0x7F] = area[1:size]
        area = area[size:]
    return found


def _length(data: bytes) -> tuple[int, bytes]:
    # the lengths of section 4.2.2, which subpackets have too
    first = data[0]
    if first < 192:
        return first, data[1:]
    if first < 224 or (first < 255 and len(data) < 2):
        return ((first - 192) << 8) + int.from_bytes(data[1:2], "big") + 192, data[2:]
    if first == 255:
        return int.from_bytes(data[1:5], "big"), data[5:]
    return -1, data


def _packets(data: bytes) -> Iterator[_Packet]:
    while data:
        head = data[0]
        if not head & 0x80:
            raise InputError(_NO_KEY)
        if head & 0x40:
            tag = head & 0x3F
            size, data = _length(data[1:]) if len(data) > 1 else (-1, data)
        else:
            tag, kind = (head >> 2) & 0x0F, head & 0x03
            width = (1, 2, 4, 0)[kind]
            if not width:
                raise InputError(_NO_KEY)
            size, data = int.from_bytes(data[1 : 1 + width], "big"), data[1 + width :]
        if not 0 <= size <= len(data):
            raise InputError(_NO_KEY)
        yield _Packet(tag, data[:size])
        data = data[size:]


def _written(packet: _Packet) -> bytes:
    return bytes((0xC0 | packet.tag, 0xFF)) + len(packet.body).to_bytes(4, "big") + packet.body


_NO_KEY = "there is no OpenPGP public key in it, or it is cut off: gpg --armor --export KEY"


def _dearmored(content: bytes) -> bytes:
    if len(content) > _MOST_BYTES:
        msg = "this is too large for an OpenPGP public key"
        raise InputError(msg)
    if b"-----BEGIN PGP" not in content:
        return content
    lines = [one.strip() for one in content.split(b"-----BEGIN PGP", 1)[1].splitlines()[1:]]
    if b"" not in lines or not any(one.startswith(b"-----END PGP") for one in lines):
        raise InputError(_NO_KEY)
    inside = lines[lines.index(b"") + 1 :]
    end = next(at for at, one in enumerate(inside) if one.startswith(b"-----END PGP"))
    text = [one for one in inside[:end] if not one.startswith(b"=")]
    sums = [one[1:] for one in inside[:end] if one.startswith(b"=")]
    try:
        data = base64.b64decode(b"".join(text), validate=True)
        wrong = bool(sums) and base64.b64decode(sums[-1], validate=True) != _crc24(data)
    except binascii.Error:
        raise InputError(_NO_KEY) from None
    if wrong:
        msg = "the checksum of the armor does not fit: the file was changed or cut"
        raise InputError(msg)
    return data


def _crc24(data: bytes) -> bytes:
    crc = _CRC_START
    for one in data:
        crc ^= one << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLYNOMIAL
    return crc.to_bytes(3, "big")
