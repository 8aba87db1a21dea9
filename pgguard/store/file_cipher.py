"""Files that nobody can read without a key, told by how they begin.

A signed or merely packed message of the same formats is not encrypted: it begins the same way, and its first
packet or its type tells the two apart (OpenPGP: RFC 9580, 4.2 and 5; CMS: RFC 5652, 4 and 6).
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re

_BEGINNINGS = (
    (b"age-encryption.org/v1\n", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"Salted__", "openssl enc"),
    (b"U2FsdGVkX1", "openssl enc"),
    (b"LUKS\xba\xbe", "LUKS"),
)
_ARMOR = re.compile(rb"\A\s*-----BEGIN (PGP MESSAGE|CMS|PKCS7)-----\r?\n(.*)", re.DOTALL)
_SMIME = re.compile(rb"^content-type:[^\n]*pkcs7-mime[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_PACKED = "an OpenPGP message that is signed or packed, not encrypted"
# 1.2.840.113549.1.7: enveloped (3) and encrypted (6) data; 1.9.16.1.23: authenticated and enveloped
_SEALED = (
    bytes.fromhex("06092a864886f70d010703"),
    bytes.fromhex("06092a864886f70d010706"),
    bytes.fromhex("060b2a864886f70d0109100117"),
)
# 1.2.840.113549.1.7.2: signed data
_SIGNED = bytes.fromhex("06092a864886f70d010702")
# versions of encrypted session keys, for a public key and for a passphrase; encrypted data that is protected
_KEYS, _DATA = {1: (2, 3, 6), 3: (4, 5, 6)}, 18
_CLEAR = {4, 8, 11}


def cipher(head: bytes) -> tuple[str, bool] | None:
    """The format of what begins like an encrypted file, and whether it is one; None for everything else."""
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return f"encrypted ({name})", True
    if armored := _ARMOR.match(head):
        body = _unarmored(armored[2])
        return (_openpgp(body) if armored[1] == b"PGP MESSAGE" else _cms(body)) or (
            "a message in armor",
            False,
        )
    if head[:1] == b"\x30" and (message := _cms(head)):
        return message
    if found := _SMIME.search(head[:4096]):
        sealed = b"enveloped-data" in found[0].lower() or b"authenveloped-data" in found[0].lower()
        return ("encrypted (S/MIME)", True) if sealed else ("a signed S/MIME message", False)
    return _openpgp(head)


def _unarmored(text: bytes) -> bytes:
    # headers end with an empty line; a checksum and the last line do not matter here
    lines = text[:4096].replace(b"\r", b"").split(b"\n")
    if b"" in lines[:8]:
        lines = lines[lines.index(b"") + 1 :]
    body = itertools.takewhile(lambda line: not line.startswith((b"=", b"-")), lines)
    letters = b"".join(body)[:1024]
    try:
        return base64.b64decode(letters[: len(letters) // 4 * 4])
    except binascii.Error:
        return b""


def _cms(head: bytes) -> tuple[str, bool] | None:
    if any(one in head[:40] for one in _SEALED):
        return "encrypted (CMS)", True
    return ("a CMS message that is not encrypted", False) if _SIGNED in head[:40] else None


def _openpgp(head: bytes) -> tuple[str, bool] | None:
    if len(head) < 16 or not head[0] & 0x80:
        return None
    if head[0] & 0x40:
        tag = head[0] & 0x3F
        first = head[1]
        at = 2 if first < 192 or 224 <= first < 255 else 3 if first < 224 else 6
    else:
        tag = head[0] >> 2 & 0x0F
        at = {0: 2, 1: 3, 2: 5, 3: 1}[head[0] & 3]
    body = head[at:]
    if tag in _KEYS and body[0] in _KEYS[tag]:
        # symmetric algorithms go to 13, public-key ones to 36: text that begins alike goes on otherwise
        algorithm = body[9] if tag == 1 and body[0] == 3 else body[1]
        return ("encrypted (OpenPGP)", True) if algorithm <= 64 else None
    if tag == _DATA and body[0] in (1, 2):
        return "encrypted (OpenPGP)", True
    if tag in _CLEAR and _is_clear(tag, body):
        return _PACKED, False
    return None


def _is_clear(tag: int, body: bytes) -> bool:
    if tag == 4:
        return body[0] in (3, 6) and body[1] in (0, 1)
    if tag == 8:
        return body[0] in (1, 2, 3) and not _is_text(body)
    return body[:1] in (b"b", b"t", b"u") and body[1] < 64


def _is_text(head: bytes) -> bool:
    return all(one >= 32 or one in b"\t\r\n" for one in head[:64])
