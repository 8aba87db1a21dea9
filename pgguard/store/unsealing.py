"""Sealed values of the audit, opened where the auditor's secret key is: away from the database.

An export made with `--with-sealed` holds each value with its key, which is encrypted to the auditor. GnuPG
opens the key (the secret key may be on a card), and what is here opens the value: AES-256-CBC, and before it
HMAC-SHA-512 cut to 32 bytes over everything else, as sql/install/026_audit_sealing.sql tells.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pgguard.errors import InputError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TAG, _KEY, _LEAST = 32, 64, 1 + 8 + 16 + 16 + 32
_VERSION = 1
_LONGEST_LINE = 64 << 20


class Opened(NamedTuple):
    """What one entry sealed: when, which table, row and column, and its value before and after.

    `problem` says why nothing could be opened, and then `column` is empty.
    """

    entry: str
    at: str
    action: str
    relation: str
    key: str
    column: str
    before: str | None
    after: str | None
    problem: str = ""


def unseal(path: Path, unwrap: Callable[[bytes], bytes]) -> Iterator[Opened]:
    """What the entries of an export sealed, one column after the other; `unwrap` opens a statement's key.

    Raises `InputError` for a file that is no export of ours, with the line, and what `unwrap` raises.
    """
    known: dict[bytes, bytes] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
                document = _document(line, f"{path}:{number}")
                if sealed := document.get("pgguard", {}).get("sealed"):
                    yield from _opened(document, sealed, unwrap, known, f"{path}:{number}")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise InputError(msg) from None


def by_gpg(program: str, home: Path | None) -> Callable[[bytes], bytes]:
    """Opens a statement's key by GnuPG, which asks for what it needs; of one message at a time.

    Raises `SetupError` when there is no such program, `InputError` when it does not open the key.
    """
    command = [program, *(("--homedir", str(home)) if home else ()), "--quiet", "--decrypt"]

    def unwrap(wrapped: bytes) -> bytes:
        try:
            done = subprocess.run(command, input=wrapped, capture_output=True, check=False)  # noqa: S603 - the user's
        except OSError as error:
            msg = f"{program} cannot be started ({error.strerror}): install GnuPG, or give it by --gpg"
            raise SetupError(msg) from None
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            msg = f"{program} does not open the key: {said[-1] if said else 'it does not say why'}"
            raise InputError(msg)
        return done.stdout

    return unwrap


def _document(line: bytes, where: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        msg = f"{where}: this is no line of pgguard audit export --format json, or it is cut off"
        raise InputError(msg) from None


def _opened(
    document: dict[str, Any],
    sealed: dict[str, Any],
    unwrap: Callable[[bytes], bytes],
    known: dict[bytes, bytes],
    where: str,
) -> Iterator[Opened]:
    own = document["pgguard"]
    event = document.get("event", {})
    about = (
        str(event.get("id", "")),
        str(document.get("@timestamp", "")),
        str(event.get("action", "")),
        str(own.get("relation", "")),
        str(own.get("key", "")),
    )
    try:
        value = base64.b64decode(sealed["value"], validate=True)
        wrapped = base64.b64decode(sealed["wrapped_key"], validate=True)
        columns = [str(one) for one in sealed["columns"]]
        encoding = str(sealed.get("encoding", "UTF8"))
    except (KeyError, TypeError, ValueError, binascii.Error):
        msg = f"{where}: what is sealed in it cannot be read"
        raise InputError(msg) from None
    if not wrapped:
        yield Opened(*about, "", None, None, "the key was destroyed: nobody opens this any more")
        return
    if wrapped not in known:
        # a statement's rows come one after the other: more than its key need not be kept
        known.clear()
        known[wrapped] = unwrap(wrapped)
    try:
        values = open_sealed(value, known[wrapped], encoding)
    except InputError as error:
        yield Opened(*about, "", None, None, str(error))
        return
    for column, before, after in zip(columns, values[::2], values[1::2], strict=False):
        if before is not None or after is not None:
            yield Opened(*about, column, before, after)


def open_sealed(value: bytes, key: bytes, encoding: str = "UTF8") -> list[str | None]:
    """The values, each before and after, in the order of the columns.

    Raises `InputError` when the value was changed, or the key is not the one that sealed it.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    if len(value) < _LEAST or value[0] != _VERSION or len(key) != _KEY:
        msg = "this is no sealed value, or one of a newer pgguard"
        raise InputError(msg)
    body, tag = value[:-_TAG], value[-_TAG:]
    if not hmac.compare_digest(hmac.new(key[:32], body, hashlib.sha512).digest()[:_TAG], tag):
        msg = "the sealed value was changed, or its key is another statement's"
        raise InputError(msg)
    opener = Cipher(algorithms.AES256(key[32:]), modes.CBC(body[9:25])).decryptor()
    unpadder = PKCS7(128).unpadder()
    plain = unpadder.update(opener.update(body[25:]) + opener.finalize()) + unpadder.finalize()
    return msgspec.json.decode(_text(plain, encoding), type=list[str | None])


def _text(plain: bytes, encoding: str) -> str:
    name = {"UTF8": "utf-8", "SQL_ASCII": "utf-8"}.get(encoding, encoding.replace("WIN", "cp"))
    try:
        return plain.decode(name)
    except (LookupError, UnicodeDecodeError):
        # bytes of no known encoding are shown as what they are
        return plain.decode("ascii", "backslashreplace").replace("\\x", "\\\\x")
