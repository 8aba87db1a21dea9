"""Recipients' keys in every state that they are found in."""

from __future__ import annotations

import datetime
import subprocess
import tempfile
import time
from pathlib import Path

import pysequoia
import pytest

from pgguard.errors import PolicyError
from pgguard.store.recipients import check_recipients, read_recipients
from tests.mandates_made import DAY, NOW, TODAY, age_identity, certificate, mandate, openpgp_key


def _gpg(home: Path, *arguments: str, data: bytes = b"") -> bytes:
    common = ("gpg", "--homedir", str(home), "--batch", "--yes", "--pinentry-mode", "loopback")
    done = subprocess.run(
        [*common, "--passphrase", "", *arguments], input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _reason(folder: Path, key: str, **changes) -> str:
    (reason,) = check_recipients(mandate(folder, key, **changes), NOW)
    return reason


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir(0o700)
    return made


def test_good_keys_of_both_kinds(folder, tmp_path):
    key = openpgp_key(validity_seconds=30 * 86400)
    other = openpgp_key(cipher_suite=pysequoia.CipherSuite.RSA3k)
    age = str(age_identity().to_public())
    binary = tmp_path / "binary.pgp"
    binary.write_bytes(bytes(other.extract_certificate()))
    found = read_recipients(mandate(folder, age, certificate(tmp_path / "a.asc", key), str(binary)), NOW)
    assert [one.kind for one in found] == ["age", "openpgp", "openpgp"]
    assert found[0].fingerprint == age
    assert found[1].fingerprint == key.extract_certificate().fingerprint.upper()


@pytest.mark.parametrize("key", ["age1", "age1" + "q" * 58, "age1yubikey1qqqqqq"])
def test_no_age_key(folder, key):
    assert "no age public key" in _reason(folder, key)


def test_one_letter_wrong(folder):
    key = str(age_identity().to_public())
    wrong = key[:20] + ("q" if key[20] != "q" else "p") + key[21:]
    assert "mistyped" in _reason(folder, wrong)


def test_a_secret_age_key_is_told_and_not_shown(folder, tmp_path):
    secret = str(age_identity())
    reason = _reason(folder, str(tmp_path / secret))
    assert "secret key" in reason
    assert secret[20:40] not in reason
    file = tmp_path / "key.txt"
    file.write_text(f"# public key: age1\n{secret}\n")
    assert "secret key" in _reason(folder, str(file))
    assert secret[20:40] not in _reason(folder, str(file))


def test_a_secret_openpgp_key(folder, tmp_path):
    key = openpgp_key()
    (tmp_path / "armored").write_text(str(key))
    (tmp_path / "binary").write_bytes(bytes(key))
    assert "secret key" in _reason(folder, str(tmp_path / "armored"))
    assert "secret key" in _reason(folder, str(tmp_path / "binary"))


def test_a_missing_file_a_folder_and_what_is_no_key(folder, tmp_path):
    whole = bytes(openpgp_key().extract_certificate())
    for name, content in {"empty": b"", "text": b"hello\n", "cut": whole[:100], "late": whole[:-20]}.items():
        (tmp_path / name).write_bytes(content)
    assert "No such file" in _reason(folder, str(tmp_path / "none"))
    assert "not a file" in _reason(folder, str(folder))
    assert "no OpenPGP public key" in _reason(folder, str(tmp_path / "empty"))
    assert "no OpenPGP public key" in _reason(folder, str(tmp_path / "text"))
    assert "no OpenPGP public key" in _reason(folder, str(tmp_path / "cut"))
    assert check_recipients(mandate(folder, str(tmp_path / "late")), NOW)


def test_revoked(folder, tmp_path):
    key = openpgp_key()
    public = key.extract_certificate()
    revocation = public.revoke(key.certifier())
    revoked = pysequoia.Cert.from_bytes(bytes(public) + bytes(revocation))
    path = tmp_path / "revoked.asc"
    path.write_text(str(revoked))
    assert "is revoked" in _reason(folder, str(path))


def test_expired_and_expiring_before_the_window_ends(folder, tmp_path):
    short = certificate(tmp_path / "short.asc", openpgp_key(validity_seconds=1))
    tomorrow = certificate(tmp_path / "tomorrow.asc", openpgp_key(validity_seconds=3 * 86400))
    assert check_recipients(mandate(folder, tomorrow), NOW) == []
    assert "before the window ends" in _reason(
        folder, tomorrow, until=TODAY + 5 * DAY, erase_by=TODAY + 9 * DAY
    )
    time.sleep(1.2)
    (reason,) = check_recipients(mandate(folder, short), NOW + DAY)
    assert "expired on" in reason


def test_keys_that_only_sign_and_subkeys_that_ended(folder, tmp_path):
    with tempfile.TemporaryDirectory(prefix="gpg") as home_name:
        home = Path(home_name)
        _gpg(home, "--quick-generate-key", "s <s@example.org>", "ed25519", "sign", "never")
        signs = tmp_path / "signs.asc"
        signs.write_bytes(_gpg(home, "--armor", "--export", "s@example.org"))
        assert "it only signs" in _reason(folder, str(signs))
        listed = _gpg(home, "--list-keys", "--with-colons").decode().splitlines()
        fingerprint = next(one.split(":")[9] for one in listed if one.startswith("fpr"))
        _gpg(home, "--quick-add-key", fingerprint, "cv25519", "encrypt", "seconds=1")
        time.sleep(1.5)
        ended = tmp_path / "ended.asc"
        ended.write_bytes(_gpg(home, "--armor", "--export", "s@example.org"))
        (reason,) = check_recipients(mandate(folder, str(ended)), datetime.datetime.now(datetime.UTC))
        assert "the encryption subkey" in reason
        assert "expired on" in reason
        _gpg(home, "--quick-add-key", fingerprint, "cv25519", "encrypt", "3d")
        lasting = tmp_path / "lasting.asc"
        lasting.write_bytes(_gpg(home, "--armor", "--export", "s@example.org"))
        assert check_recipients(mandate(folder, str(lasting)), NOW) == []
        later = mandate(folder, str(lasting), until=TODAY + 7 * DAY)
        assert "subkey" in check_recipients(later, NOW)[0]
        _gpg(home, "--quick-generate-key", "t <t@example.org>", "default", "default", "never")
        both = tmp_path / "both.asc"
        both.write_bytes(_gpg(home, "--armor", "--export"))
        assert "2 OpenPGP keys" in _reason(folder, str(both))


def test_the_same_key_twice_and_all_reasons_at_once(folder, tmp_path):
    key = openpgp_key()
    one = certificate(tmp_path / "one.asc", key)
    two = certificate(tmp_path / "two.asc", key)
    age = str(age_identity().to_public())
    reasons = check_recipients(mandate(folder, one, age, two, age, "age1x"), NOW)
    assert ["key of recipient 1 again" in reasons[0], "recipient 2 again" in reasons[1]] == [True, True]
    assert len(reasons) == 3
    with pytest.raises(PolicyError, match="recipient 1 again"):
        read_recipients(mandate(folder, one, two), NOW)
    assert "no recipient" in check_recipients(mandate(folder), NOW)[0]
