"""What a server shows over TLS, read from certificates of every kind, and from what is no server."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from pgguard.checks import check
from pgguard.model.policy import Policy
from pgguard.model.rows import Certificate, Server, Setting
from pgguard.model.snapshot import Missing, Snapshot
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.outside import certificates
from pgguard.server.read import read_snapshot
from pgguard.server.tls import handshake, read_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def issue(
    key: Any, signer: Any = None, *, ends: datetime.datetime = NOW + 400 * DAY, hash_name: Any = None
) -> Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db.example.org")])
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 500 * DAY)
        .not_valid_after(ends)
        .sign(signer or key, hash_name)
    )
    return read_certificate(built.public_bytes(serialization.Encoding.DER), ())


def problems(one: Certificate) -> str:
    now = NOW.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row = Server(150019, "15.19", now, now, now, False, "postgres", True, True, True, "", 5432)
    settings = [
        Setting(name, value, "", "sighup", "string", "configuration file", "", False, False)
        for name, value in (("ssl", "on"), ("listen_addresses", "*"))
    ]
    sections = {"server_rows": (row,), "settings": tuple(settings), "certificates": (one,)}
    chosen = check("net-tls-certificate")
    assert chosen is not None
    (outcome,) = judge(Snapshot(sections, []), Policy(), today=NOW.date(), checks=[chosen]).outcomes
    return "; ".join(found.finding.evidence for found in outcome.findings)


SIGNER = ec.generate_private_key(ec.SECP256R1())
SHA256 = hashes.SHA256()


def test_good_certificates_have_no_problem() -> None:
    assert problems(issue(rsa.generate_private_key(65537, 2048), SIGNER, hash_name=SHA256)) == ""
    assert problems(issue(ec.generate_private_key(ec.SECP256R1()), SIGNER, hash_name=SHA256)) == ""
    signer = ed25519.Ed25519PrivateKey.generate()
    assert problems(issue(ed25519.Ed25519PrivateKey.generate(), signer)) == ""


def test_what_a_weak_certificate_lacks() -> None:
    weak = issue(rsa.generate_private_key(65537, 1024), SIGNER, hash_name=SHA256)  # noqa: S505 - to be found
    assert problems(weak) == "RSA key of 1024 bits, below 2048"
    assert problems(issue(SIGNER, hash_name=SHA256)).startswith("signed by itself")
    good = issue(SIGNER, SIGNER, hash_name=SHA256)
    assert problems(good._replace(signature_hash="sha1")) == "signed with SHA1"


def test_dates() -> None:
    assert problems(issue(SIGNER, SIGNER, hash_name=SHA256, ends=NOW - DAY)) == "expired on 2026-11-24"
    soon = issue(SIGNER, SIGNER, hash_name=SHA256, ends=NOW + 6 * DAY)
    assert problems(soon) == "expires on 2026-12-01, in 6 days"
    assert problems(issue(SIGNER, SIGNER, hash_name=SHA256, ends=NOW + 31 * DAY)) == ""
    later = issue(SIGNER, SIGNER, hash_name=SHA256)._replace(not_before="2027-01-01T00:00:00Z")
    assert problems(later) == "not valid before 2027-01-01"


def test_the_same_name_is_no_signature_of_its_own() -> None:
    # an authority of the same name signed it
    other = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db.example.org")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(other.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(SIGNER, SHA256)
    )
    assert not read_certificate(built.public_bytes(serialization.Encoding.DER), ()).self_signed


def test_what_cannot_be_read_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="parsing"):
        read_certificate(b"no certificate", ())


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """The port of something that reads eight bytes, answers, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(8)
                client.sendall(answer)
                # closed with something unread, a socket resets the other side instead of ending in order
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_no_is_told_from_no_answer() -> None:
    with answering(b"N") as port:
        assert handshake("localhost", "127.0.0.1", port) is None
    for answer in (b"", b"E", b"HTTP/1.1 400 Bad Request"):
        with answering(answer) as port, pytest.raises(ConnectionError):
            handshake("localhost", "127.0.0.1", port)
    with answering(b"S") as port, pytest.raises(ssl.SSLError):
        handshake("localhost", "127.0.0.1", port)


def test_a_server_that_wants_client_certificates_shows_its_own(new_cluster: Callable[..., Cluster]) -> None:
    one = new_cluster(listen=["127.0.0.1"], tls=True, settings={"ssl_ca_file": "server.crt"})
    rules = "local all all trust\nhostssl all all all cert\n"
    (one.data_directory / "pg_hba.conf").write_text(rules, encoding="utf-8")
    one.reload()
    (shown,) = read_snapshot(Target(one.dsn())).certificates
    assert (shown.subject, shown.self_signed, shown.key_type) == ("CN=localhost", False, "EC")
    # taking leave in order leaves no complaint behind
    if one.postgres.major >= 12:
        assert "could not receive data" not in one.log.read_text("utf-8")


def test_no_certificate_without_tls_or_without_tcp(new_cluster: Callable[..., Cluster]) -> None:
    for options in ({"listen": ["127.0.0.1"]}, {"tls": True}):
        assert read_snapshot(Target(new_cluster(**options).dsn())).certificates == ()


def test_what_answers_without_tls_in_the_servers_place_is_not_taken_for_it() -> None:
    settings = (Setting("ssl", "on", "", "sighup", "bool", "configuration file", "", False, False),)
    row = Server(150019, "15.19", "", "", "", False, "postgres", True, True, True, "", 5432)
    with answering(b"N") as port:
        info = SimpleNamespace(host="localhost", hostaddr="127.0.0.1", port=port)
        connection: Any = SimpleNamespace(info=info)
        assert isinstance(certificates(connection, row, settings), Missing)
