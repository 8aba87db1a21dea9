"""A client that asks a server one thing: which line of pg_hba.conf decides for this connection?

It speaks the protocol itself (manual, chapter 53), because libpq cannot choose the address it comes from.
To a method that wants a password it answers with a wrong one: the server then logs the line.
"""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import struct
import warnings
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

_MATCHED = re.compile(
    r'Connection matched (?:file "(?P<file>[^"]*)" line|(?P<old>\S+) line) (?P<line>[0-9]+)'
)
_TRUSTED = re.compile(r"method=trust \((?P<file>[^)]*):(?P<line>[0-9]+)\)")
_METHODS = {0: "trust", 3: "password", 5: "md5", 10: "scram-sha-256"}


class Question(NamedTuple):
    """A connection: `address` is local or the client's own; `replication` is empty, true or database."""

    user: str
    database: str
    address: str
    tls: bool
    replication: str = ""


class Answer(NamedTuple):
    """The method asked for, `reject` or `none`; the line where the server tells, and the file from 16 on."""

    method: str
    line: int | None = None
    file: str = ""


class Refused(Exception):  # noqa: N818 - the server has no such way in
    """The server does not speak TLS."""


def ask(cluster: Cluster, question: Question) -> Answer:
    """What the server does with that connection."""
    start = cluster.log.stat().st_size
    with contextlib.closing(_open(cluster, question)) as wire:
        method = _method(wire, question)
        if method == "trust":
            # the outcome is in the log once the server goes on or gives up
            _messages(wire)
    with cluster.log.open("rb") as log:
        log.seek(start)
        said = log.read().decode("utf-8", "replace")
    told = _MATCHED.search(said) or _TRUSTED.search(said)
    if told is None:
        return Answer(method)
    return Answer(method, int(told["line"]), told["file"] or "")


def _open(cluster: Cluster, question: Question) -> socket.socket:
    if question.address == "local":
        wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        wire.settimeout(20)
        wire.connect(str(cluster.socket_dir / f".s.PGSQL.{cluster.port}"))
        return wire
    server = "::1" if ":" in question.address else "127.0.0.1"
    wire = socket.create_connection((server, cluster.port), timeout=20, source_address=(question.address, 0))
    if not question.tls:
        return wire
    wire.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
    if wire.recv(1) != b"S":
        wire.close()
        raise Refused
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context.wrap_socket(wire)


def _method(wire: socket.socket, question: Question) -> str:
    fields = {"user": question.user, "database": question.database}
    if question.replication:
        fields["replication"] = question.replication
    if question.replication == "true":
        del fields["database"]
    body = b"".join(f"{key}\0{value}\0".encode() for key, value in fields.items()) + b"\0"
    wire.sendall(struct.pack("!ii", len(body) + 8, 196608) + body)
    kind, content = _message(wire)
    if kind == b"E":
        text = content.decode("utf-8", "replace")
        if "pg_hba.conf rejects" in text:
            return "reject"
        if "no pg_hba.conf entry" in text:
            return "none"
        raise AssertionError(text)
    method = _METHODS[struct.unpack("!i", content[:4])[0]]
    if method in ("password", "md5"):
        wrong = b"certainly not it" if method == "password" else b"md5" + b"0" * 32
        _send(wire, wrong + b"\0")
        _message(wire)
    elif method == "scram-sha-256":
        first = b"n,,n=,r=abcdefghijklmnop"
        _send(wire, b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
        _, answer = _message(wire)
        nonce = answer[4:].split(b",")[0]
        _send(wire, b"c=biws," + nonce + b",p=" + base64.b64encode(bytes(32)))
        _message(wire)
    return method


def _send(wire: socket.socket, content: bytes) -> None:
    wire.sendall(b"p" + struct.pack("!i", len(content) + 4) + content)


def _message(wire: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(wire, 5)
    return head[:1], _exactly(wire, struct.unpack("!i", head[1:])[0] - 4)


def _messages(wire: socket.socket) -> None:
    with contextlib.suppress(EOFError):
        while True:
            kind, _ = _message(wire)
            if kind in b"ZE":
                return


def _exactly(wire: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = wire.recv(count - len(found))
        if not part:
            raise EOFError
        found += part
    return found
