"""Certificates for throwaway servers: an authority of its own and a server certificate it signed."""

from __future__ import annotations

import datetime
import ipaddress
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_DAYS = 365


def write_certificates(folder: Path, data_directory: Path, *, self_signed: bool = False) -> None:
    """Write root.crt into `folder`, server.crt and server.key (0600) into `data_directory`.

    The server certificate is for localhost and 127.0.0.1 and holds for a year; `self_signed` it has
    no authority but itself.
    """
    now = datetime.datetime.now(tz=datetime.UTC)
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = _name("pgguard throwaway authority")
    root = (
        _builder(root_name, root_name, root_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    name = _name("localhost")
    certificate = (
        _builder(name, name if self_signed else root_name, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key if self_signed else root_key, hashes.SHA256())
    )
    (folder / "root.crt").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (data_directory / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = data_directory / "server.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
    )
