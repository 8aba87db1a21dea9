"""Escrow copies: opened by their holder with OpenSSL, by nobody else, and for keys that are long enough."""

from __future__ import annotations

import secrets
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from pgguard.errors import InputError, UsageError
from pgguard.store.kek_escrow import Origin, recipient, write_copy
from pgguard.store.kek_provider import Kek, read_kek

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = Origin("0c1f0b7e-0000-4000-8000-000000000001", "lab\nx: \u202e", 3)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def holder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("holder")
    folder.chmod(0o700)
    _openssl(
        folder, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", "PRIVATE.pem"
    )
    _openssl(folder, "pkey", "-in", "PRIVATE.pem", "-pubout", "-out", "public.pem")
    _openssl(
        folder, "req", "-x509", "-key", "PRIVATE.pem", "-subj", "/CN=DPO", "-days", "2", "-out", "cert.pem"
    )
    return folder


@pytest.mark.parametrize("file", ["public.pem", "cert.pem"])
def test_its_holder_opens_it_by_the_command_that_it_tells(holder: Path, tmp_path: Path, file: str) -> None:
    kek = Kek(secrets.token_bytes(32))
    copy = tmp_path / "copy"
    write_copy(copy, kek, recipient(holder / file), ORIGIN, "2026-11-25T12:00:00Z")
    text = copy.read_text("ascii")
    assert kek.reveal().hex() not in text
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    about = dict(line.split(": ", 1) for line in text.splitlines()[1:] if ": " in line)
    assert about["epoch"] == str(ORIGIN.epoch)
    assert about["installation"] == ORIGIN.installation
    command = (
        about["opens-with"].replace("FILE", str(copy)).replace("PRIVATE.pem", str(holder / "PRIVATE.pem"))
    )
    (tmp_path / "open.sh").write_text(command)
    assert read_kek(f"command:sh {tmp_path}/open.sh", new=True).reveal() == kek.reveal()
    with pytest.raises(UsageError, match="already"):
        write_copy(copy, kek, recipient(holder / file), ORIGIN, "2026-11-25T12:00:00Z")


def test_the_same_holder_is_known_by_key_and_certificate(holder: Path) -> None:
    assert recipient(holder / "public.pem").fingerprint == recipient(holder / "cert.pem").fingerprint


def test_a_private_key_stays_with_its_holder(holder: Path) -> None:
    with pytest.raises(UsageError, match="stays with its holder"):
        recipient(holder / "PRIVATE.pem")


def test_what_is_no_such_key_is_refused(holder: Path, tmp_path: Path) -> None:
    _openssl(tmp_path, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "short")
    _openssl(tmp_path, "pkey", "-in", "short", "-pubout", "-out", "short.pem")
    _openssl(tmp_path, "genpkey", "-algorithm", "ed25519", "-out", "curve")
    _openssl(tmp_path, "pkey", "-in", "curve", "-pubout", "-out", "curve.pem")
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "cut.pem").write_bytes((holder / "public.pem").read_bytes()[:300])
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for name in ("short.pem", "curve.pem", "empty.pem", "cut.pem", "broken.pem", "absent.pem"):
        with pytest.raises(InputError):
            recipient(tmp_path / name)
