"""What no query gives: guessing passwords locally, modes of files, the certificate that is presented."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import pwd
import socket
import ssl
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.model.rows import Certificate, FileMode, PasswordGuess
from pgguard.model.snapshot import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.rows import Server

Section = "Sequence[Any] | Missing"
_VERIFIERS = b"""
SELECT rolname, rolpassword FROM pg_catalog.pg_authid
WHERE rolcanlogin AND rolpassword IS NOT NULL ORDER BY rolname
"""
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_SECONDS = 5.0


def password_guesses(
    connection: psycopg.Connection[tuple[str, ...]], databases: Sequence[str]
) -> Sequence[PasswordGuess] | Missing:
    """Each login's verifier tried against obvious passwords, here and only here.

    Nothing is sent: the verifiers are read, the guesses are hashed in this process (manual, 53.2.3;
    RFC 5802 and 7677 for SCRAM), and only what kind of guess fitted is kept.
    """
    try:
        with connection.transaction():
            verifiers = connection.execute(_VERIFIERS).fetchall()
    except psycopg.errors.InsufficientPrivilege as error:
        return Missing(error.diag.message_primary or "permission denied")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        # pbkdf2 lets go of the interpreter's lock, so threads share the work
        return tuple(pool.map(lambda row: _guess(row[0], row[1], databases), verifiers))


def certificates(
    connection: psycopg.Connection[tuple[str, ...]], server: Server, settings: Sequence[Any] | Missing
) -> Sequence[Certificate] | Missing:
    """The certificate that the server presents to a client; no rows when it does not speak TLS."""
    host = connection.info.host
    if not host or host.startswith(("/", "@")):
        listen = _value(settings, "listen_addresses")
        if listen is None or not {"*", "localhost", "0.0.0.0", "127.0.0.1"} & {  # noqa: S104
            part.strip() for part in listen.split(",")
        }:
            if listen == "":
                return ()
            return Missing("connected by the socket: connect over TCP to see the certificate")
        host = "127.0.0.1"
    try:
        shown = _handshake(host, connection.info.port)
    except (OSError, ssl.SSLError, ValueError) as error:
        return Missing(f"the TLS handshake failed: {error}")
    if shown is None:
        return ()
    protocols = tuple(_old_protocols(host, connection.info.port)) if server.version_num < 120000 else ()
    return (_certificate(shown, protocols),)


def file_modes(
    connection: psycopg.Connection[tuple[str, ...]],
    settings: Sequence[Any] | Missing,
    config_files: Sequence[Any] | Missing,
) -> Sequence[FileMode] | Missing:
    """The modes of the server's files, when it runs on this machine; mode is empty where we may not look."""
    host = connection.info.host
    if host and not host.startswith(("/", "@")):
        return Missing("the server's files are seen only where pgguard runs on its machine, by the socket")
    data = _value(settings, "data_directory")
    if data is None:
        return Missing("the server does not say where its files are: GRANT pg_read_all_settings")
    if not os.path.isdir(data):
        return Missing("the data directory is not on this machine")
    paths = [("data_directory", data)]
    for purpose, name in (("hba", "hba_file"), ("ident", "ident_file"), ("ssl_key", "ssl_key_file")):
        path = _value(settings, name)
        if path and not (purpose == "ssl_key" and _value(settings, "ssl") != "on"):
            paths.append((purpose, os.path.join(data, path)))
    log_directory = _value(settings, "log_directory")
    if log_directory and _value(settings, "logging_collector") == "on":
        paths.append(("log_directory", os.path.join(data, log_directory)))
    return tuple(_mode(purpose, path) for purpose, path in paths)


def _mode(purpose: str, path: str) -> FileMode:
    try:
        status = os.stat(path)
    except OSError:
        return FileMode(purpose, path, "", "")
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = str(status.st_uid)
    return FileMode(purpose, path, f"{status.st_mode & 0o7777:04o}", owner)


def _value(settings: Sequence[Any] | Missing, name: str) -> str | None:
    if isinstance(settings, Missing):
        return None
    return next((row.value for row in settings if row.name == name), None)


def _guess(role: str, verifier: str, databases: Sequence[str]) -> PasswordGuess:
    tried = 0
    for kind, word in _candidates(role, databases):
        tried += 1
        if _fits(verifier, role, word):
            return PasswordGuess(role, kind, tried)
    return PasswordGuess(role, "", tried)


def _candidates(role: str, databases: Sequence[str]) -> Iterator[tuple[str, str]]:
    for form in dict.fromkeys((role, role.lower(), role.capitalize(), role[::-1])):
        yield "role-name", form
    for ending in ("1", "123", "1234", "2024", "2025", "2026", "!"):
        yield "role-name", role + ending
    for database in databases:
        if not database.startswith("template"):
            yield "database-name", database
    yield "empty", ""
    words = resources.files("pgguard").joinpath("data/common_passwords.txt").read_text(encoding="utf-8")
    for word in words.split():
        yield "common-word", word


def _fits(verifier: str, role: str, word: str) -> bool:
    if verifier.startswith("md5"):
        # the md5 verifier is md5(password || role name), by its definition
        digest = hashlib.md5((word + role).encode(), usedforsecurity=False).hexdigest()
        return hmac.compare_digest(verifier, "md5" + digest)
    if verifier.startswith("SCRAM-SHA-256$") and word:
        try:
            _, parameters, keys = verifier.split("$")
            iterations, salt = parameters.split(":")
            stored = base64.b64decode(keys.split(":")[0])
            salted = hashlib.pbkdf2_hmac("sha256", word.encode(), base64.b64decode(salt), int(iterations))
        except ValueError:
            return False
        client = hmac.digest(salted, b"Client Key", "sha256")
        return hmac.compare_digest(hashlib.sha256(client).digest(), stored)
    return False


def _handshake(host: str, port: int, context: ssl.SSLContext | None = None) -> bytes | None:
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=_SECONDS) as plain:
        plain.sendall(_SSL_REQUEST)
        if plain.recv(1) != b"S":
            return None
        with context.wrap_socket(plain, server_hostname=host) as wrapped:
            return wrapped.getpeercert(binary_form=True)


def _old_protocols(host: str, port: int) -> Iterator[str]:
    for version, name in ((ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_1, "TLSv1.1")):
        with warnings.catch_warnings(), contextlib.suppress(OSError, ValueError):
            warnings.simplefilter("ignore", DeprecationWarning)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.minimum_version = context.maximum_version = version
            if _handshake(host, port, context) is not None:
                yield name


def _certificate(der: bytes, protocols: tuple[str, ...]) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

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
        self_signed=loaded.subject == loaded.issuer,
        protocols=protocols,
    )
