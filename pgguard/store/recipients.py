"""The recipients' public keys, of age (age-encryption.org/v1) and OpenPGP (RFC 9580), and whether they serve.

The library that encrypts looks past the end and the revocation of the main key, and takes a subkey that has
ended when there is no other, so that all of these are looked at here. Whether a key is the recipient's is for
people to compare, by its fingerprint.
"""

from __future__ import annotations

import datetime
import os
import stat
import warnings
from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.errors import PolicyError
from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pysequoia import Cert
    from pysequoia.packet import Packet

    from pgguard.model.mandate import Mandate

Kind = Literal["age", "openpgp"]
ENDINGS: dict[Kind, str] = {"age": ".age", "openpgp": ".pgp"}
_AGE, _AGE_SECRET = "age1", "AGE-SECRET-KEY-"
_MOST_BYTES = 1 << 20


class Recipient(NamedTuple):
    """A public key that was found good: its fingerprint (of age: the key itself) and what a library takes."""

    kind: Kind
    fingerprint: str
    material: bytes


class _Unusable(Exception):  # noqa: N818 - says what the key is
    pass


def check_recipients(mandate: Mandate, now: datetime.datetime) -> list[str]:
    """Why keys of the mandate cannot be used from `now` to the end of its window; empty when all can."""
    return _looked_at(mandate, now)[1]


def read_recipients(mandate: Mandate, now: datetime.datetime) -> tuple[Recipient, ...]:
    """The keys of all recipients.

    Raises `PolicyError` when one of them cannot be used: what is encrypted to fewer is not what was
    instructed.
    """
    found, reasons = _looked_at(mandate, now)
    if reasons:
        raise PolicyError("\n".join(reasons))
    return tuple(found)


def _looked_at(mandate: Mandate, now: datetime.datetime) -> tuple[list[Recipient], list[str]]:
    end = datetime.datetime.combine(mandate.until, datetime.time.max, now.tzinfo or datetime.UTC)
    found: list[Recipient] = []
    reasons: list[str] = []
    seen: dict[str, int] = {}
    for number, key in enumerate(mandate.recipients, 1):
        name = _named(number, key)
        try:
            one = _age(key) if key.startswith(_AGE) else _openpgp(key, now, end)
        except _Unusable as error:
            reasons.append(f"mandate {mandate.name}, {name}: {error}")
            continue
        if (before := seen.setdefault(one.fingerprint, number)) != number:
            reasons.append(f"mandate {mandate.name}, {name}: this is the key of recipient {before} again")
            continue
        found.append(one)
    if not mandate.recipients:
        reasons.append(f"mandate {mandate.name} names no recipient: nothing can be encrypted")
    return found, reasons


def _named(number: int, key: str) -> str:
    # a secret key that stands where a path belongs is said nowhere
    shown = "" if _AGE_SECRET.casefold() in key.casefold() else f" ({visible(key)})"
    return f"recipient {number}{shown}"


def _age(key: str) -> Recipient:
    from pyrage import RecipientError, x25519

    try:
        written = str(x25519.Recipient.from_str(key))
    except RecipientError:
        msg = "this is no age public key (age1 and 58 more characters): it may be mistyped or cut off"
        raise _Unusable(msg) from None
    return Recipient("age", written, written.encode())


def _openpgp(path: str, now: datetime.datetime, end: datetime.datetime) -> Recipient:
    from pysequoia import Cert

    if _AGE_SECRET.casefold() in path.casefold():
        msg = (
            "this is an age secret key, and who reads the policy can open what was encrypted to it: have the "
            "recipient make a new one, and write its public key (age1...) here"
        )
        raise _Unusable(msg)
    content = _content(path)
    if _AGE_SECRET.encode() in content or b"PRIVATE KEY" in content:
        raise _Unusable(_IS_SECRET)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            certificates = Cert.split_bytes(content)
            secret = any(one.has_secret_keys for one in certificates)
    except Exception:
        # the library has no errors of its own
        raise _Unusable(_IS_NONE) from None
    if not certificates:
        raise _Unusable(_IS_NONE)
    if secret:
        raise _Unusable(_IS_SECRET)
    if len(certificates) > 1:
        msg = f"{len(certificates)} OpenPGP keys are in this file: give each a file, and name those wanted"
        raise _Unusable(msg)
    (certificate,) = certificates
    _judge(certificate, now, end)
    return Recipient("openpgp", certificate.fingerprint.upper(), bytes(certificate))


_IS_SECRET = (
    "this is a secret key, which stays with the recipient: have them send the public one "  # noqa: S105
    "(gpg --armor --export KEY)"
)
_IS_NONE = "there is no OpenPGP public key in it, or it is cut off: gpg --armor --export KEY"


def _content(path: str) -> bytes:
    try:
        # without waiting for whoever might write into a pipe of that name
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                msg = "it is not a file"
                raise _Unusable(msg)
            content = file.read(_MOST_BYTES + 1)
    except IsADirectoryError:
        msg = "it is not a file"
        raise _Unusable(msg) from None
    except OSError as error:
        msg = f"it cannot be read: {error.strerror}"
        raise _Unusable(msg) from None
    except ValueError:
        msg = "no file can have that name"
        raise _Unusable(msg) from None
    if len(content) > _MOST_BYTES:
        msg = "this is too large for an OpenPGP public key"
        raise _Unusable(msg)
    return content


def _judge(certificate: Cert, now: datetime.datetime, end: datetime.datetime) -> None:
    name = certificate.fingerprint.upper()
    if certificate.is_revoked:
        msg = f"the OpenPGP key {name} is revoked: ask the recipient for the one that replaces it"
        raise _Unusable(msg)
    _lasts(f"the OpenPGP key {name}", certificate.expiration, now, end)
    ends = list(_ends(certificate))
    if not ends or not _is_taken(certificate):
        msg = (
            f"no part of the OpenPGP key {name} can be encrypted to: it only signs, or its encryption subkey "
            "is revoked or of an algorithm that is not safe any more"
        )
        raise _Unusable(msg)
    if None not in ends:
        _lasts(f"the encryption subkey of {name}", max(one for one in ends if one), now, end)


def _is_taken(certificate: Cert) -> bool:
    """Whether the library takes it, which alone verifies signatures and knows which algorithms are safe."""
    import pysequoia

    try:
        pysequoia.encrypt(b"", [certificate], armor=False)
    except Exception:
        return False
    return True


def _lasts(
    what: str, until: datetime.datetime | None, now: datetime.datetime, end: datetime.datetime
) -> None:
    if until is None or until > max(now, end):
        return
    when = f"{until:%Y-%m-%d %H:%M} UTC"
    if until <= now:
        msg = f"{what} expired on {when}: ask the recipient for its renewal"
        raise _Unusable(msg)
    msg = f"{what} expires on {when}, before the window ends ({end:%Y-%m-%d}): ask for its renewal"
    raise _Unusable(msg)


def _ends(certificate: Cert) -> Iterator[datetime.datetime | None]:
    """When each part that encrypts ends; None for never. A part's newest binding counts (5.2.3.10)."""
    from pysequoia.packet import PacketPile, SignatureType, Tag

    bound: list[tuple[Packet, list[Packet]]] = []
    for packet in PacketPile.from_bytes(bytes(certificate)):
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey):
            bound.append((packet, []))
        elif bound and packet.tag == Tag.Signature:
            bound[-1][1].append(packet)
    for key, signatures in bound:
        if any(one.signature_type == SignatureType.SubkeyRevocation for one in signatures):
            continue
        said = [one for one in signatures if one.key_flags is not None and one.signature_created is not None]
        newest = max(said, key=lambda one: one.signature_created or datetime.datetime.min, default=None)
        if newest is None or newest.key_flags is None or key.key_created is None:
            continue
        if newest.key_flags.transport_encryption or newest.key_flags.storage_encryption:
            period = newest.key_validity_period
            yield key.key_created + period if period else None
