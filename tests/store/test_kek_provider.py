"""Where the key-encryption key comes from: what is taken, what is refused, and that it shows nowhere."""

from __future__ import annotations

import base64
import os
import pickle
import pty
import secrets
import stat
import string
import subprocess
import sys
import time
import traceback
from typing import TYPE_CHECKING

import pytest

from pgguard.errors import InputError, PgguardError, UsageError
from pgguard.store import kek_provider
from pgguard.store.kek_provider import Kek, generate, read_kek, require_own

if TYPE_CHECKING:
    from pathlib import Path

KEY = secrets.token_bytes(32)
FORMS = {
    "digits": KEY.hex().encode(),
    "capitals and a line's end": KEY.hex().upper().encode() + b"\r\n",
    "raw": KEY,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "own"
    place.mkdir(mode=0o700)
    return place


def _file(folder: Path, content: bytes = FORMS["digits"], mode: int = 0o600) -> Path:
    path = folder / "kek"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def _refused(provider: str, kind: type[PgguardError] = InputError, *, new: bool = False) -> str:
    with pytest.raises(kind) as caught:
        read_kek(provider, new=new)
    told = "".join(traceback.format_exception(caught.value))
    for shown in (KEY.hex(), KEY.hex().upper(), base64.b64encode(KEY).decode().rstrip("="), str(KEY)[2:-1]):
        assert shown not in told
    return str(caught.value)


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file(folder: Path, content: bytes, mode: int) -> None:
    assert read_kek(f"file:{_file(folder, content, mode)}").reveal() == KEY


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o700])
def test_a_file_that_others_may_get_at_is_refused(folder: Path, mode: int) -> None:
    path = _file(folder, mode=mode)
    assert "chmod" in _refused(f"file:{path}")
    path.chmod(0o400)
    assert read_kek(f"file:{path}").reveal() == KEY


def test_what_is_no_file_of_ours_is_refused(folder: Path) -> None:
    path = _file(folder)
    (folder / "link").symlink_to(path)
    assert "symbolic link" in _refused(f"file:{folder}/link")
    os.mkfifo(folder / "pipe", 0o600)
    assert "regular file" in _refused(f"file:{folder}/pipe")
    assert "regular file" in _refused(f"file:{folder}")
    assert "No such file" in _refused(f"file:{folder}/absent")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused(folder: Path) -> None:
    path = _file(folder)
    os.chown(path, 65534, 65534)
    assert "another user" in _refused(f"file:{path}")


def test_a_folder_in_which_others_may_rename_is_refused(folder: Path) -> None:
    path = _file(folder)
    folder.chmod(0o777)
    assert "others may change the folder" in _refused(f"file:{path}")
    folder.chmod(0o1777)
    assert read_kek(f"file:{path}").reveal() == KEY


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_KEK", KEY.hex())
    assert read_kek("env:SITE_KEK").reveal() == KEY
    monkeypatch.delenv("SITE_KEK")
    assert "SITE_KEK" in _refused("env:SITE_KEK")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        KEY[:31],
        KEY + b"\n",
        KEY.hex().encode()[:-1],
        KEY.hex().encode() + b"0",
        KEY.hex().encode()[:32],
        b"correct horse battery staple 123",
        base64.b64encode(KEY),
        b"g" * 64,
    ],
    ids=range(10),
)
def test_what_is_no_key_is_refused(folder: Path, content: bytes) -> None:
    _refused(f"file:{_file(folder, content)}")


def test_a_command_may_give_base64_too(folder: Path) -> None:
    for name, content in {**FORMS, "base64": base64.b64encode(KEY) + b"\n"}.items():
        (folder / "said").write_bytes(content)
        assert read_kek(f"command:cat '{folder}/said'").reveal() == KEY, name


def test_a_command_runs_without_a_shell(folder: Path) -> None:
    (folder / "said").write_bytes(KEY.hex().encode())
    assert "exit code" in _refused(f"command:cat {folder}/said; touch {folder}/made")
    assert not (folder / "made").exists()


def test_what_a_command_says_is_not_repeated(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = f"import sys; print('{KEY.hex()}', file=sys.stderr); print('{KEY.hex()}'); sys.exit(3)"
    (folder / "fails.py").write_text(script)
    assert "exit code 3" in _refused(f"command:{sys.executable} {folder}/fails.py")
    shown = capfd.readouterr()
    assert KEY.hex() not in shown.out + shown.err


@pytest.mark.parametrize("line", ["no-such-program-here", "/etc/passwd", "''"])
def test_a_command_that_cannot_run(line: str) -> None:
    assert "cannot be run" in _refused(f"command:{line}")


def test_a_command_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kek_provider, "_COMMAND_SECONDS", 0.3)
    started = time.monotonic()
    assert "no key in" in _refused("command:sleep 60")
    # it goes on although nobody writes any more
    assert "no key in" in _refused("command:sh -c 'exec >&-; sleep 60'")
    assert time.monotonic() - started < 30


def test_a_command_that_says_without_end_is_ended() -> None:
    assert "more than a key" in _refused("command:cat /dev/zero")


@pytest.mark.parametrize(
    "provider", ["", "file", "file:", "env:", "env:1-2", "command: ", "vault:x", "prompt:x"]
)
def test_what_is_no_provider(provider: str) -> None:
    assert "a provider is" in _refused(provider, UsageError)


def test_a_key_in_the_wrong_place_is_not_repeated(folder: Path) -> None:
    assert "make a new one" in _refused(KEY.hex(), UsageError)
    _refused(f"env:{'A' + KEY.hex()}")
    _refused(f"file:{KEY.hex()}")
    _refused(f"command:{KEY.hex()}")


@pytest.mark.parametrize("content", [bytes(32), b"\x01\x02" * 16, bytes(range(8)) * 4])
def test_a_new_key_has_to_look_random(folder: Path, content: bytes) -> None:
    path = _file(folder, content.hex().encode())
    assert "random" in _refused(f"file:{path}", new=True)
    # one that is in use opens what it seals, whatever it looks like
    assert read_kek(f"file:{path}").reveal() == content


def test_random_keys_look_random(folder: Path) -> None:
    for _ in range(200):
        read_kek(f"file:{_file(folder, secrets.token_bytes(32).hex().encode())}", new=True)


def test_a_key_does_not_show(folder: Path) -> None:
    kek = Kek(KEY)
    shown = f"{kek} {kek!r} {[kek]} {kek!s}"
    assert KEY.hex() not in shown
    assert not set(shown) - set(string.printable)
    with pytest.raises(TypeError):
        pickle.dumps(kek)


def test_a_generated_key_is_ours_alone_and_never_written_over(folder: Path) -> None:
    old = os.umask(0)
    try:
        kek = generate(folder / "new")
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o600
    assert read_kek(f"file:{folder}/new", new=True).reveal() == kek.reveal()
    assert generate(folder / "other").reveal() != kek.reveal()
    (folder / "dangling").symlink_to(folder / "elsewhere")
    for there in ("new", "dangling"):
        with pytest.raises(UsageError, match="already"):
            generate(folder / there)
    assert read_kek(f"file:{folder}/new").reveal() == kek.reveal()
    assert not (folder / "elsewhere").exists()
    with pytest.raises(PgguardError):
        generate(folder / "no-folder" / "kek")


def test_a_policy_that_others_may_write_does_not_choose_the_key(folder: Path) -> None:
    path = folder / "pgguard.toml"
    path.write_text("")
    for mode, right in ((0o644, True), (0o600, True), (0o664, False), (0o646, False)):
        path.chmod(mode)
        if right:
            require_own(path)
        else:
            with pytest.raises(InputError, match="others may write it"):
                require_own(path)


def _typing(*lines: str, new: bool) -> str:
    """What a terminal shows while the lines are typed; the script prints whether it got the key."""
    script = (
        "import sys\nfrom pgguard.store.kek_provider import read_kek\n"
        "from pgguard.errors import PgguardError\n"
        f"try: print('same' if read_kek('prompt', new={new}).reveal().hex() == sys.argv[1] else 'other')\n"
        "except PgguardError as error: print('refused:', error)"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", script, KEY.hex()])  # noqa: S606 - without a shell
    shown = ""
    typed = 0
    while True:
        try:
            part = os.read(terminal, 4096).decode()
        except OSError:
            break
        if not part:
            break
        shown += part
        if typed < len(lines) and shown.count(": ") > typed:
            os.write(terminal, lines[typed].encode() + b"\n")
            typed += 1
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown


def test_a_typed_key_is_not_shown() -> None:
    for lines, new, outcome in (
        ((KEY.hex(),), False, "same"),
        ((KEY.hex(), KEY.hex()), True, "same"),
        ((KEY.hex(), KEY.hex()[::-1]), True, "refused: the two are not the same"),
        ((KEY.hex()[:-2],), False, "refused: what was typed"),
    ):
        shown = _typing(*lines, new=new)
        assert outcome in shown
        assert KEY.hex()[:16] not in shown


def test_without_a_terminal_nothing_is_typed() -> None:
    script = "from pgguard.store.kek_provider import read_kek; read_kek('prompt')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=KEY.hex() + "\n",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert "on a terminal only" in done.stderr
    assert done.stdout == ""
