"""Encryption in a process of its own: right, bounded, and gone without a trace when it fails."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import pyrage
import pysequoia
import pytest

from pgguard.errors import InputError, UsageError
from pgguard.store.encrypting import Encryption, decrypted
from pgguard.store.recipients import Recipient
from tests.mandates_made import age_identity, openpgp_key


@pytest.fixture
def folder(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def _recipient(kind: Any, identity: Any) -> Recipient:
    if kind == "age":
        return Recipient("age", "", str(identity.to_public()).encode())
    return Recipient("openpgp", "", bytes(identity.extract_certificate()))


@pytest.fixture(params=["age", "openpgp"])
def keyed(request):
    identity = age_identity() if request.param == "age" else openpgp_key()
    secret = str(identity).encode() if request.param == "age" else bytes(identity)
    return request.param, identity, secret


def _clear(path: Path, kind: str, identity: Any) -> Any:
    if kind == "age":
        return pyrage.decrypt(path.read_bytes(), [identity])
    return pysequoia.decrypt(path.read_bytes(), identity.decryptor()).bytes


def _fill(one: Encryption) -> None:
    for _ in range(200):
        one.write(b"x" * 100_000)


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_001])
def test_what_goes_in_comes_out(folder, tmp_path, keyed, size):
    kind, identity, secret = keyed
    given = os.urandom(size)
    one = Encryption(folder, "a.csv", kind, [_recipient(kind, identity)])
    for at in range(0, size, 100_000):
        one.write(given[at : at + 100_000])
    written = one.finish()
    path = tmp_path / ".a.csv.part"
    assert path.stat().st_size == written.bytes
    assert path.stat().st_mode & 0o777 == 0o600
    assert _clear(path, kind, identity) == given
    with path.open("rb") as file:
        assert b"".join(decrypted(file.fileno(), kind, secret)) == given


def test_changed_cut_off_or_another_key(folder, tmp_path, keyed):
    kind, identity, secret = keyed
    one = Encryption(folder, "a.csv", kind, [_recipient(kind, identity)])
    one.write(b"x" * 500_000)
    one.finish()
    path = tmp_path / ".a.csv.part"
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[-50] ^= 1
    other = str(age_identity()).encode() if kind == "age" else bytes(openpgp_key())
    for content, key in ((whole[:-20], secret), (bytes(changed), secret), (whole, other), (b"", secret)):
        path.write_bytes(content)
        with path.open("rb") as file, pytest.raises(InputError, match="does not open it"):
            list(decrypted(file.fileno(), kind, key))


def test_the_process_killed(folder, tmp_path, keyed):
    kind, identity, _ = keyed
    one = Encryption(folder, "a.csv", kind, [_recipient(kind, identity)])
    one._running.process.send_signal(signal.SIGKILL)
    with pytest.raises(UsageError, match="ended by itself"):
        _fill(one)
    with pytest.raises(UsageError, match="ended by itself"):
        one.finish()
    one.abandon()
    assert list(tmp_path.iterdir()) == []


def test_no_room(folder, tmp_path, keyed):
    kind, identity, _ = keyed
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        one = Encryption(folder, "a.csv", kind, [_recipient(kind, identity)])
        with pytest.raises(UsageError, match="File too large"):
            _fill(one)
        one.abandon()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_is_there_is_not_written_over(folder, tmp_path):
    (tmp_path / ".a.csv.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="File exists"):
        Encryption(folder, "a.csv", "age", [_recipient("age", age_identity())])
    assert not (tmp_path / "elsewhere").exists()


def test_several_recipients_each_open_it(folder, tmp_path):
    identities = [age_identity() for _ in range(3)]
    one = Encryption(folder, "a.csv", "age", [_recipient("age", each) for each in identities])
    one.write(b"for all")
    one.finish()
    content = (tmp_path / ".a.csv.part").read_bytes()
    assert [pyrage.decrypt(content, [each]) for each in identities] == [b"for all"] * 3


def test_the_process_can_write_no_file(folder, keyed):
    kind, identity, _ = keyed
    one = Encryption(folder, "a.csv", kind, [_recipient(kind, identity)])
    one.write(b"x" * 300_000)
    limits = Path(f"/proc/{one._running.process.pid}/limits")
    until = time.monotonic() + 30
    while "Max file size             0 " not in limits.read_text():
        # it forbids itself before it reads a byte
        assert time.monotonic() < until
        time.sleep(0.01)
    folder = Path(f"/proc/{one._running.process.pid}")
    for each in (folder / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            # what it imports is open for reading a moment
            flags = (folder / "fdinfo" / each.name).read_text().split("flags:")[1].split()[0]
            target = str(each.readlink())
            assert not int(flags, 8) & os.O_ACCMODE or target.startswith("pipe:") or target == "/dev/null"
    one.finish()
