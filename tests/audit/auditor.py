"""An auditor with an OpenPGP key of his own, made by GnuPG, and what pgcrypto opens with it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


# the number of the algorithm (RFC 4880, 9.1)
_RSA = "1"


class Auditor(NamedTuple):
    """GnuPG's folder, and the fingerprint of the key in it."""

    home: Path
    fingerprint: str

    def gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        """What GnuPG writes."""
        return gpg(self.home, *arguments, data=data)

    def public(self, *, armored: bool = True) -> bytes:
        """The key that the database gets."""
        return self.gpg(*(["--armor"] if armored else []), "--export", self.fingerprint)

    def secret(self) -> bytes:
        """The key that it never gets, with the RSA subkey alone; pgcrypto opens by it what it sealed."""
        listed = self.gpg("--list-keys", "--with-colons").decode().splitlines()
        fields = [line.split(":") for line in listed]
        subkey = next(one[4] for one in fields if one[0] == "sub" and one[3] == _RSA)
        return self.gpg("--export-secret-keys", f"{subkey}!")


def gpg(home: Path, *arguments: str, data: bytes = b"") -> bytes:
    """What GnuPG writes, with a folder of its own."""
    common = ("gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback")
    command = [*common, "--passphrase", "", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@contextlib.contextmanager
def auditor(main: str = "rsa2048", *subkeys: str) -> Iterator[Auditor]:
    """A new key that signs, with subkeys that encrypt, each by its algorithm."""
    # paths of its sockets have to be short
    with tempfile.TemporaryDirectory(prefix="gpg") as folder:
        home = Path(folder)
        gpg(home, "--quick-generate-key", "Auditor <auditor@example.org>", main, "sign", "never")
        listed = gpg(home, "--list-keys", "--with-colons").decode().splitlines()
        fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr"))
        for one in subkeys:
            gpg(home, "--quick-add-key", fingerprint, one, "encrypt", "never")
        try:
            yield Auditor(home, fingerprint)
        finally:
            subprocess.run(["gpgconf", "--homedir", folder, "--kill", "gpg-agent"], check=False)
