"""A process that encrypts or decrypts a stream between two pipes, and cannot write a file.

It is run by path, not imported: it starts in the time that its library takes. What it needs comes before the
stream: eight bytes of length, then JSON with what to do and the keys, so that nothing is in its arguments.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import resource
import sys

_PR_SET_DUMPABLE = 4
_BLOCK = 1 << 18


def _run() -> None:
    # no core of what passes here, and no file at all
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)
    asked = json.loads(_exactly(int.from_bytes(_exactly(8), "big")))
    keys = [base64.b64decode(one) for one in asked["keys"]]
    globals()[f"_{asked['what']}"](keys)


def _exactly(count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = os.read(0, count - len(got))
        if not more:
            sys.exit(1)
        got += more
    return got


def _encrypt_age(keys: list[bytes]) -> None:
    import pyrage

    to = [pyrage.x25519.Recipient.from_str(one.decode()) for one in keys]
    with open(0, "rb", _BLOCK) as clear, open(1, "wb", _BLOCK) as cipher:
        pyrage.encrypt_io(clear, cipher, to)


def _decrypt_age(keys: list[bytes]) -> None:
    import pyrage

    lines = (line.strip() for key in keys for line in key.decode().splitlines())
    own = [pyrage.x25519.Identity.from_str(one) for one in lines if one and not one.startswith("#")]
    with open(0, "rb", _BLOCK) as cipher, open(1, "wb", _BLOCK) as clear:
        pyrage.decrypt_io(cipher, clear, own)


def _encrypt_openpgp(keys: list[bytes]) -> None:
    import pysequoia

    to = [pysequoia.Cert.from_bytes(one) for one in keys]
    pysequoia.encrypt_file("/dev/stdin", "/dev/stdout", to, armor=False)


def _decrypt_openpgp(keys: list[bytes]) -> None:
    import pysequoia

    (own,) = (pysequoia.Tsk.from_bytes(one) for one in keys)
    pysequoia.decrypt_file("/dev/stdin", "/dev/stdout", own.decryptor())


if __name__ == "__main__":
    _run()
