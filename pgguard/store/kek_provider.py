"""Where a key-encryption key comes from: a file, the environment, a command, or somebody who types it.

The key is 32 random bytes. It stands in no message, no exception and no file but the one that `generate` was
asked to make; what a command says on stderr is never repeated, because it may hold the key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import getpass
import hmac
import os
import re
import secrets
import selectors
import shlex
import stat
import subprocess
import time
import warnings
from pathlib import Path
from typing import NoReturn

from pgguard.errors import InputError, UsageError

SIZE = 32
KINDS = "file:PATH, env:NAME, command:PROGRAM ARGUMENTS or prompt"
_LONGEST = 4096
_COMMAND_SECONDS = 60.0
# of 32 random bytes fewer than half are different once in 10^20
_DIFFERENT = 16
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LIKE_A_KEY = re.compile(r"[0-9A-Fa-f]{32}|[A-Za-z0-9+/]{43}")


class Kek:
    """A key-encryption key; only `reveal` shows it.

    Raises `InputError` for anything but 32 bytes.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != SIZE:
            msg = f"a key-encryption key has {SIZE} bytes, and this has {len(key)}"
            raise InputError(msg)
        self._key = key

    def __repr__(self) -> str:
        return "Kek(not shown)"

    def __reduce__(self) -> NoReturn:
        msg = "a key-encryption key is not to be stored"
        raise TypeError(msg)

    def reveal(self) -> bytes:
        """The key itself: for a bound parameter and for an escrow copy."""
        return self._key


def read_kek(provider: str, *, what: str = "key-encryption key", new: bool = False) -> Kek:
    """The key that a provider gives; a new one is typed twice, and has to look random.

    Raises `UsageError` for a provider that there is not, `InputError` when it gives no key.
    """
    kind, _, rest = provider.partition(":")
    match kind:
        case "file" if rest:
            kek = _decoded(_file(Path(rest)), shown(rest))
        case "env" if _NAME.match(rest):
            kek = _decoded(_environment(rest), f"the variable {shown(rest)}")
        case "command" if rest.strip():
            kek = _decoded(_command(rest), "the command's output", base64_too=True)
        case "prompt" if not rest:
            kek = _prompt(what, twice=new)
        case _:
            msg = f"a provider is {KINDS}"
            if _LIKE_A_KEY.search(provider):
                msg += "; if that was a key, make a new one: others see command lines, and so it is no secret"
            raise UsageError(msg)
    if new and len(set(kek.reveal())) < _DIFFERENT:
        msg = f"the {what} does not look random: make one with `openssl rand -hex 32`"
        raise InputError(msg)
    return kek


def generate(path: Path) -> Kek:
    """A new key, written as hexadecimal digits to a new file that only we may read, and on disk.

    Raises `UsageError` when there is such a file already, or it cannot be written.
    """
    _check_folders(path)
    key = secrets.token_bytes(SIZE)
    write_private(path, key.hex() + "\n")
    return Kek(key)


def write_private(path: Path, text: str) -> None:
    """A new file that only we may read, with its folder entry on disk; never over a file that is there.

    Raises `UsageError` when it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        msg = f"{path}: there is such a file already, and it is not written over"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None
    try:
        with open(handle, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        path.unlink(missing_ok=True)
        msg = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def require_own(path: Path) -> None:
    """Raises `InputError` when others may change a file that says where the key comes from.

    It would choose a program that runs as us, or a key that somebody else has.
    """
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        msg = (
            f"{path} belongs to somebody else, or others may write it (mode {found.st_mode & 0o7777:04o}): "
            "it says where the key comes from, so name the provider with --provider, or chmod go-w it"
        )
        raise InputError(msg)


def shown(text: str) -> str:
    """The text for a message, unless it looks like a key that was put into the wrong place."""
    return "(not shown: it looks like a key)" if _LIKE_A_KEY.search(text) else text


def _decoded(content: bytes, source: str, *, base64_too: bool = False) -> Kek:
    text = content.strip()
    if len(content) == SIZE:
        if all(32 <= one < 127 for one in content):
            msg = f"{source}: {SIZE} characters are no key: it has 64 hexadecimal digits or {SIZE} raw bytes"
            raise InputError(msg)
        return Kek(content)
    with contextlib.suppress(ValueError, binascii.Error):
        if re.fullmatch(rb"[0-9A-Fa-f]{64}", text):
            return Kek(bytes.fromhex(text.decode("ascii")))
        if base64_too and len(text) in (43, 44):
            return Kek(base64.b64decode(text + b"=" * (44 - len(text)), validate=True))
    forms = f"64 hexadecimal digits or {SIZE} raw bytes" + (" or base64 of them" if base64_too else "")
    msg = f"{source}: no key in it: {forms} are expected, and {len(content)} bytes are there"
    raise InputError(msg)


def _file(path: Path) -> bytes:
    where = shown(str(path))
    _check_folders(path)
    try:
        # a FIFO would wait for a writer, and a link may lead anywhere
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "it is a symbolic link: name the file itself" if path.is_symlink() else error.strerror
        msg = f"{where}: the key cannot be read: {reason}"
        raise InputError(msg) from None
    try:
        found = os.fstat(handle)
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode):
            msg = f"{where}: this is no regular file"
        elif found.st_uid not in (0, os.geteuid()):
            msg = f"{where}: it belongs to another user (uid {found.st_uid}): chown it to yourself or to root"
        elif mode not in (0o600, 0o400):
            msg = f"{where}: others may get at it (mode {mode:04o}): chmod 0400"
        else:
            return os.read(handle, _LONGEST)
    finally:
        os.close(handle)
    raise InputError(msg)


def _check_folders(path: Path) -> None:
    # whoever may rename in a folder above decides which file is read
    place = Path(os.path.realpath(path.parent))
    for folder in (place, *place.parents):
        try:
            found = folder.stat()
        except OSError as error:
            msg = f"{shown(str(folder))}: {error.strerror}"
            raise InputError(msg) from None
        sticky = bool(found.st_mode & stat.S_ISVTX)
        if found.st_uid not in (0, os.geteuid()) or (found.st_mode & 0o022 and not sticky):
            msg = (
                f"{shown(str(path))}: others may change the folder {folder}: chmod go-w it, or choose another"
            )
            raise InputError(msg)


def _environment(name: str) -> bytes:
    value = os.environb.get(name.encode("ascii"))
    if value is None:
        msg = f"the variable {shown(name)} with the key is not set"
        raise InputError(msg)
    return value


def _command(line: str) -> bytes:
    try:
        argv = shlex.split(line)
    except ValueError:
        msg = "the command of the provider cannot be read: a quotation mark is not closed"
        raise UsageError(msg) from None
    program = shown(argv[0]) if argv else ""
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError) as error:
        msg = f"{program}: cannot be run: {getattr(error, 'strerror', None) or 'no such program'}"
        raise InputError(msg) from None
    try:
        content = _output(process, program)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    if process.returncode:
        msg = f"{program}: ended with exit code {process.returncode}: run it by hand to see what it says"
        raise InputError(msg)
    return content


def _output(process: subprocess.Popen[bytes], program: str) -> bytes:
    content = b""
    deadline = time.monotonic() + _COMMAND_SECONDS
    with selectors.DefaultSelector() as selector:
        if process.stdout:
            selector.register(process.stdout, selectors.EVENT_READ)
        while len(content) <= _LONGEST:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                break
            part = os.read(process.stdout.fileno(), _LONGEST) if process.stdout else b""
            if not part:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(deadline - time.monotonic(), 0))
                    return content
                break
            content += part
    why = "gave more than a key" if len(content) > _LONGEST else f"gave no key in {_COMMAND_SECONDS:.0f} s"
    msg = f"{program}: {why}"
    raise InputError(msg)


def _prompt(what: str, *, twice: bool) -> Kek:
    typed = _typed(f"{what} (64 hexadecimal digits): ")
    if twice and not hmac.compare_digest(typed.encode(), _typed("once more: ").encode()):
        msg = "the two are not the same"
        raise InputError(msg)
    return _decoded(typed.encode(), "what was typed")


def _typed(label: str) -> str:
    try:
        with warnings.catch_warnings():
            # without a terminal getpass would show what is typed
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(label)
    except (getpass.GetPassWarning, EOFError, OSError):
        msg = "a key is typed on a terminal only: name another provider"
        raise UsageError(msg) from None
