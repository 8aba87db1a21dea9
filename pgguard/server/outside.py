"""What no query gives: guessing passwords locally, modes of files, the certificate that is presented."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import pwd
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
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
# a login takes about 40 ms: this is for some thousands of them
_GUESSING_SECONDS = 60.0
_KEY_FILE = b"SELECT setting FROM pg_catalog.pg_settings WHERE name = 'ssl_key_file'"


def password_verifiers(
    connection: psycopg.Connection[tuple[str, ...]],
) -> Sequence[tuple[str, ...]] | Missing:
    """Every login's name and verifier: for `password_guesses` at once, never to be kept."""
    try:
        with connection.transaction():
            return connection.execute(_VERIFIERS).fetchall()
    except psycopg.errors.InsufficientPrivilege as error:
        return Missing(error.diag.message_primary or "permission denied")


def password_guesses(
    verifiers: Sequence[tuple[str, ...]] | Missing, databases: Sequence[str]
) -> Sequence[PasswordGuess] | Missing:
    """Each login's verifier tried against obvious passwords, here and only here.

    Nothing is sent: the guesses are hashed in this process (manual, 53.2.3; RFC 5802 and 7677 for
    SCRAM), and only what kind of guess fitted is kept. After a minute no further login is begun: those
    left have `tried` 0.
    """
    if isinstance(verifiers, Missing):
        return verifiers
    end = time.monotonic() + _GUESSING_SECONDS

    def guess(row: tuple[str, ...]) -> PasswordGuess:
        role, verifier = row
        return _guess(role, verifier, databases) if time.monotonic() < end else PasswordGuess(role, "", 0)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        # pbkdf2 lets go of the interpreter's lock, so threads share the work
        return tuple(pool.map(guess, verifiers))


def certificates(
    connection: psycopg.Connection[tuple[str, ...]], server: Server, settings: Sequence[Any] | Missing
) -> Sequence[Certificate] | Missing:
    """The certificate that the server presents to a client, and the old protocols it agrees to.

    No rows when it does not speak TLS. Before PostgreSQL 12, which has no ssl_min_protocol_version,
    handshakes at TLS 1.0 and 1.1 are tried. Missing when nothing answers where we may knock.
    """
    places = _listeners(connection, settings)
    if isinstance(places, Missing):
        return places
    if not places:
        return ()
    # imported late: an inspection without TLS has no use for it
    from pgguard.server.tls import handshake, old_protocols, read_certificate

    port = connection.info.port
    reasons = []
    for name, address in places:
        try:
            shown = handshake(name, address, port)
            if shown is None:
                if _value(settings, "ssl") == "on":
                    return Missing(
                        f"what answers at {name}:{port} speaks no TLS, although the server's ssl is on"
                    )
                return ()
            old = tuple(old_protocols(name, address, port)) if server.version_num < 120000 else ()
            return (read_certificate(shown, old),)
        except (OSError, ValueError) as error:
            reasons.append(f"{name}:{port}: {error}")
    return Missing(f"no certificate was to be had: {'; '.join(reasons)}")


def file_modes(
    connection: psycopg.Connection[tuple[str, ...]],
    settings: Sequence[Any] | Missing,
    config_files: Sequence[Any] | Missing,
) -> Sequence[FileMode] | Missing:
    """The modes of the server's files, when it runs on this machine; mode is empty where we may not look."""
    host = connection.info.host
    if host and not host.startswith(("/", "@")):
        return Missing(
            "modes of files are seen only on the server's own machine: run pgguard there through the socket, "
            "as root or as the server's account"
        )
    data = _value(settings, "data_directory")
    if data is None:
        return Missing("the server does not say where its files are: GRANT pg_read_all_settings")
    if refused := _elsewhere(data, connection.info.port):
        return Missing(refused)
    paths = [("data_directory", data)]
    named = [("hba", _value(settings, "hba_file")), ("ident", _value(settings, "ident_file"))]
    if _value(settings, "ssl") == "on":
        # the snapshot hides settings that have a key in their name
        (key,) = connection.execute(_KEY_FILE).fetchone() or ("",)
        named.append(("ssl_key", os.fsdecode(key)))
    if _value(settings, "logging_collector") == "on":
        named.append(("log_directory", _value(settings, "log_directory")))
    sockets = (_value(settings, "unix_socket_directories") or "").split(",")
    named += [("socket", part.strip().strip('"')) for part in sockets if not part.strip().startswith("@")]
    paths += [(purpose, os.path.join(data, path)) for purpose, path in named if path]
    return tuple(_mode(purpose, path) for purpose, path in paths)


def _elsewhere(data: str, port: int) -> str:
    # in a container the socket may be ours and the path somebody else's
    try:
        lines = Path(data, "postmaster.pid").read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return f"the data directory {data} is not on this machine"
    except OSError:
        # closed to us, as it should be
        return ""
    same = len(lines) > 3 and lines[3].strip() == str(port)
    return "" if same else f"the data directory {data} on this machine is that of another server"


def _mode(purpose: str, path: str) -> FileMode:
    try:
        real = os.path.realpath(path, strict=True)
        status = os.stat(real)
    except OSError:
        return FileMode(purpose, path, "", "", "")
    mode = effective = status.st_mode & 0o7777
    if not _reaches(real, None):
        effective &= ~0o007
    if not _reaches(real, status.st_gid):
        effective &= ~0o070
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = str(status.st_uid)
    return FileMode(purpose, path, f"{mode:04o}", f"{effective:04o}", owner)


def _reaches(path: str, group: int | None) -> bool:
    # whether others, or the members of a group, get through the folders above; when in doubt they do
    for folder in Path(path).parents:
        with contextlib.suppress(OSError):
            status = folder.stat()
            by_group = group is not None and status.st_gid == group and status.st_mode & 0o010
            if not by_group and not status.st_mode & 0o001:
                return False
    return True


def _listeners(
    connection: psycopg.Connection[tuple[str, ...]], settings: Sequence[Any] | Missing
) -> list[tuple[str, str]] | Missing:
    # where to knock, as (name, address): where we are connected to, else where the server says it listens
    host = connection.info.host
    if host and not host.startswith(("/", "@")):
        return [(host, connection.info.hostaddr or host)]
    listen = _value(settings, "listen_addresses")
    if listen is None:
        return Missing("the server does not say where it listens: connect over TCP to see the certificate")
    if _value(settings, "ssl") == "off":
        return []
    names = [part.strip() for part in listen.split(",") if part.strip()]
    own = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    return [(own.get(name, name), own.get(name, name)) for name in names]


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
            for form in dict.fromkeys((database, database.lower(), database.capitalize())):
                yield "database-name", form
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
