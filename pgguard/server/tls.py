"""What a server shows to a client that speaks TLS: its certificate, and the protocols it agrees to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import warnings
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pgguard.model.rows import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

# manual, 54.2.11 SSL Session Encryption
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_SECONDS = 5.0


def handshake(name: str, address: str, port: int, version: ssl.TLSVersion | None = None) -> bytes | None:
    """The certificate in DER that the server shows at that TLS version, or at the best both know.

    None when the server declines TLS. `name` is what the client calls the server (SNI), `address` where
    it connects. Raises `OSError` when nothing answers, or the handshake fails.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # whatever the server has is to be seen, weak as it may be; an anonymous cipher would show nothing
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version or ssl.TLSVersion.TLSv1
        if version is not None:
            context.maximum_version = version
    with socket.create_connection((address, port), timeout=_SECONDS) as plain:
        plain.sendall(_SSL_REQUEST)
        answer = plain.recv(1)
        if answer == b"N":
            return None
        if answer != b"S":
            msg = "it does not answer as PostgreSQL does"
            raise ConnectionError(msg)
        with context.wrap_socket(plain, server_hostname=name) as wrapped:
            shown = wrapped.getpeercert(binary_form=True)
            # taking leave keeps a complaint about a lost connection out of the server's log
            with contextlib.suppress(OSError):
                wrapped.unwrap()
            return shown


def old_protocols(name: str, address: str, port: int) -> Iterator[str]:
    """Those of TLSv1 and TLSv1.1 that the server agrees to.

    Raises `OSError` when that could not be tried.
    """
    for version, label in ((ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_1, "TLSv1.1")):
        try:
            agreed = handshake(name, address, port, version) is not None
        except ssl.SSLError as error:
            # an alert is the server's no; anything else means that we could not ask
            if "ALERT" not in (error.reason or ""):
                raise
            agreed = False
        if agreed:
            yield label


def read_certificate(der: bytes, protocols: tuple[str, ...]) -> Certificate:
    """What the certificate says of itself.

    Raises `ValueError` for one that cannot be read.
    """
    try:
        return _read(der, protocols)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None


def _read(der: bytes, protocols: tuple[str, ...]) -> Certificate:
    loaded = x509.load_der_x509_certificate(der)
    key = loaded.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        kind, bits = "RSA", key.key_size
    elif isinstance(key, ec.EllipticCurvePublicKey):
        kind, bits = "EC", key.key_size
    else:
        kind, bits = type(key).__name__.removesuffix("PublicKey"), 0
    algorithm = loaded.signature_hash_algorithm
    return Certificate(
        subject=loaded.subject.rfc4514_string(),
        issuer=loaded.issuer.rfc4514_string(),
        not_before=loaded.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        not_after=loaded.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        key_type=kind,
        key_bits=bits,
        signature_hash=algorithm.name if algorithm else "",
        self_signed=_signed_by_itself(loaded),
        protocols=protocols,
    )


def _signed_by_itself(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return False
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # a signature we cannot check: the names decide
        return True
    return True
