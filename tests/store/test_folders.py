"""The look at folders of exports: real dumps in every format, packed, encrypted, and what might trip it."""

from __future__ import annotations

import bz2
import contextlib
import datetime
import gzip
import io
import lzma
import os
import random
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgguard.errors import PolicyError
from pgguard.model.policy import Files, Folder, Policy
from pgguard.store.file_kinds import kinds
from pgguard.store.folders import look_at_folders
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.folders import FolderLook, FoundFile

# a value and a column that must not be seen anywhere
VALUE, COLUMN = "Zdenka-Quorra", "patient_nom"
ROWS = f"{COLUMN};date_naissance;nir\n{VALUE};1951-02-03;2510275056078\n"
NOBODY = 65534


def look(folder: Path, *, web: tuple[Path, ...] = ()) -> FolderLook:
    return looks(folder, web=web)[str(folder)]


def looks(*folders: Path, web: tuple[Path, ...] = ()) -> dict[str, FolderLook]:
    entries = tuple(Folder(str(one), "exports", 30) for one in folders)
    policy = Policy(folder=entries, files=Files(web_roots=tuple(map(str, web))))
    found = dict(look_at_folders(policy))
    assert VALUE not in repr(found)
    assert COLUMN not in repr(found)
    return found


def only(folder: Path) -> FoundFile:
    found = look(folder)
    assert found.unread == ()
    (file,) = found.files
    return file


@pytest.fixture(scope="module")
def dumped(cluster: Cluster) -> Iterator[Cluster]:
    """The shared cluster with a database of one patient."""
    if not (cluster.postgres.bin / "pg_dump").exists():
        pytest.skip("this PostgreSQL has no pg_dump")
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE exported")
        with psycopg.connect(cluster.dsn(dbname="exported"), autocommit=True) as inside:
            inside.execute(f"CREATE TABLE patient ({COLUMN} text, date_naissance date, nir text)")
            inside.execute(f"INSERT INTO patient VALUES ('{VALUE}', '1951-02-03', '2510275056078')")
        yield cluster
        connection.execute("DROP DATABASE exported")


def program(cluster: Cluster, name: str, *arguments: str) -> bytes:
    done = subprocess.run(
        [cluster.postgres.bin / name, *arguments],
        capture_output=True,
        check=False,
        env=cluster.postgres.environment(),
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["-Fc"], "database dump, custom format"),
        (["-Fc", "-Z0"], "database dump, custom format"),
        (["-Ft"], "database dump, tar format"),
        (["-Fd"], "database dump, directory format"),
        (["-Fp"], "SQL dump"),
        (["-Fp", "--inserts"], "SQL dump"),
        (["-Fp", "--column-inserts", "-a"], "SQL dump"),
        (["-Fp", "-Z6"], "SQL dump, compressed"),
    ],
)
def test_every_format_of_pg_dump_is_known(
    dumped: Cluster, tmp_path: Path, options: list[str], kind: str
) -> None:
    program(dumped, "pg_dump", *options, "-f", str(tmp_path / "a"), dumped.dsn(dbname="exported"))
    file = only(tmp_path)
    assert (file.path, file.kind, file.holds) == (str(tmp_path / "a"), kind, "dump")
    # the header is in the local time of who dumped, a file's times are not
    assert (
        abs((datetime.date.fromisoformat(file.made) - datetime.datetime.now(datetime.UTC).date()).days) <= 1
    )
    # copied and touched it is as old as it was
    if "-Fc" in options or "-Ft" in options:
        content = (tmp_path / "a").read_bytes()
        year = datetime.datetime.now().astimezone().year
        old = content.replace((year - 1900).to_bytes(4, "little"), (99).to_bytes(4, "little"), 1)
        (tmp_path / "a").write_bytes(old)
        assert only(tmp_path).made.startswith("1999-")


def test_dumps_of_clusters_are_known_and_definitions_alone_are_none(dumped: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(dumped.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE exporter PASSWORD 'made-up-for-the-run'")
        try:
            for name, options in (("whole", []), ("roles", ["-g"]), ("names", ["-g", "--no-role-passwords"])):
                (tmp_path / name).write_bytes(program(dumped, "pg_dumpall", *options, "-d", dumped.dsn()))
        finally:
            connection.execute("DROP ROLE exporter")
    schema = program(dumped, "pg_dump", "-s", dumped.dsn(dbname="exported"))
    (tmp_path / "schema.sql").write_bytes(schema)
    found = look(tmp_path)
    assert {Path(one.path).name: one.kind for one in found.files} == {
        "whole": "SQL dump",
        "roles": "SQL dump of roles with their passwords",
    }
    # rows behind many definitions are found all the same
    data = program(dumped, "pg_dump", dumped.dsn(dbname="exported"))
    (tmp_path / "schema.sql").write_bytes(schema * 100 + data)
    assert "schema.sql" in {Path(one.path).name for one in look(tmp_path).files}


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["-Ft"], "base backup, tar format"),
        (["-Ft", "-z"], "base backup, tar format, compressed"),
        (["-Fp"], "base backup"),
    ],
)
def test_base_backups_are_known(dumped: Cluster, tmp_path: Path, options: list[str], kind: str) -> None:
    program(
        dumped,
        "pg_basebackup",
        *options,
        "-X",
        "none",
        "-c",
        "fast",
        "-D",
        str(tmp_path / "base"),
        "-d",
        dumped.dsn(),
    )
    assert [one.kind for one in look(tmp_path).files] == [kind]


@pytest.mark.parametrize(
    ("how", "holds"),
    [
        ("FORMAT csv, HEADER", "personal"),
        ("FORMAT csv, HEADER, DELIMITER ';'", "personal"),
        ("FORMAT csv, HEADER, DELIMITER E'\\t'", "personal"),
        ("FORMAT csv", "rows"),
        ("FORMAT text", "rows"),
        ("FORMAT binary", "dump"),
    ],
)
def test_what_copy_writes_is_known(dumped: Cluster, tmp_path: Path, how: str, holds: str) -> None:
    with (
        psycopg.connect(dumped.dsn(dbname="exported")) as connection,
        connection.cursor().copy(f"COPY patient TO STDOUT ({how})".encode()) as copy,
    ):
        (tmp_path / "rows.csv").write_bytes(b"".join(bytes(part) for part in copy))
    file = only(tmp_path)
    assert file.holds == holds
    if holds == "personal":
        assert file.columns == len(file.categories) == ROWS.partition("\n")[0].count(";") + 1
        assert "national_id" in file.categories


def tarred(content: bytes, how: Literal["w", "w:gz", "w:xz"], member: str = "rows.csv") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=how) as archive:
        for name, part in (("README", b"what was asked for\n"), (member, content)):
            about = tarfile.TarInfo(name)
            about.size = len(part)
            archive.addfile(about, io.BytesIO(part))
    return packed.getvalue()


def zipped(content: bytes, member: str = "rows.csv", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("README", "what was asked for\n")
        archive.writestr(member, content)
    return packed.getvalue()


CLEAR = ROWS.encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", CLEAR),
        ("rows", CLEAR),
        ("rows.csv", b"\xef\xbb\xbf" + CLEAR),
        ("rows.txt", ROWS.encode("utf-16")),
        ("rows.txt", ROWS.replace("Z", "Ž").encode("cp1252")),
        ("rows.csv", ROWS.replace("\n", "\r\n").encode()),
        ("rows.csv", ROWS.partition(";")[0].encode() + b"\n" + VALUE.encode()),
        ("rows.csv", f'"{COLUMN}","adresse, rue","nir"\n"{VALUE}","1, rue\nA","2"\n'.encode()),
        ("rows.csv", b"sep=;\n" + CLEAR),
        ("export_2026.csv", b"nom;prenom;adresse;telephone\nx;y;1;2\n"),
        ("config.csv", b"name,email\nx,y\n"),
        ("backup.csv", b"ipp;code_analyse;resultat;date_prelevement\n1;x;2;3\n"),
        ("rows.json", f'[{{"id": 1, "{COLUMN}": "{VALUE}", "nir": "2"}}]'.encode()),
        ("rows.sql", f"INSERT INTO x ({COLUMN}, nir) VALUES ('{VALUE}', '2');".encode()),
        ("rows.csv.gz", gzip.compress(CLEAR, mtime=0)),
        ("rows.csv.bz2", bz2.compress(CLEAR)),
        ("rows.csv.xz", lzma.compress(CLEAR)),
        ("rows.csv.lzma", lzma.compress(CLEAR, lzma.FORMAT_ALONE)),
        ("rows.csv.gz.xz", lzma.compress(gzip.compress(CLEAR, mtime=0))),
        ("rows.tar", tarred(CLEAR, "w")),
        ("rows.tgz", tarred(CLEAR, "w:gz")),
        ("rows.tar.xz", tarred(CLEAR, "w:xz")),
        ("rows.zip", zipped(CLEAR)),
        ("rows.zip", zipped(CLEAR, method=zipfile.ZIP_BZIP2)),
        ("rows.zip", zipped(gzip.compress(CLEAR, mtime=0), "rows.csv.gz")),
        ("rows.tar", tarred(zipped(CLEAR), "w", "rows.zip")),
    ],
)
def test_rows_of_persons_are_found_in_every_dress(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    file = only(tmp_path)
    assert file.holds == "personal"
    assert file.columns >= 1


def test_a_workbook_is_known_by_its_first_row(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "rows.xlsx", "w") as workbook:
        workbook.writestr("xl/workbook.xml", "<workbook/>")
        workbook.writestr(
            "xl/sharedStrings.xml",
            f"<sst><si><t>{COLUMN}</t></si><si><r><t>date_</t></r><r><t>naissance</t></r></si></sst>",
        )
        workbook.writestr(
            "xl/worksheets/sheet1.xml",
            '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Export</t></is></c></row>'
            '<row r="2"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1" t="s"><v>1</v></c>'
            '<c r="C1" t="inlineStr"><is><t>nir</t></is></c></row></sheetData></worksheet>',
        )
    file = only(tmp_path)
    assert (file.holds, file.kind) == ("personal", "Excel workbook")
    assert file.categories == ("date_of_birth", "direct_identifier", "national_id")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"colour;size\nred;2\n",
        b"Dear Sir, dear Madam,\nplease find the rows, as asked.\n",
        b"<html><body>patient, nir</body></html>\n",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        bytes(range(256)) * 300,
        gzip.compress(b"colour;size\nred;2\n", mtime=0),
        zipped(b"colour;size\nred;2\n"),
        tarred(b"colour;size\nred;2\n", "w"),
    ],
)
def test_other_files_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    assert look(tmp_path) == ((), ())


@pytest.mark.parametrize(
    "content",
    [
        b"1;x;2001-02-03\n2;y;2002-03-04\n",
        b"DUPONT,JEAN,M,PARIS\nMARTIN,ANNE,F,LYON\n",
        b"id;compte_rendu\n1;x\n",
        b";;;\n1;2;3;4\n",
    ],
)
def test_rows_of_which_nobody_can_tell_what_they_hold_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    assert only(tmp_path).holds == "rows"


def run(*command: str, stdin: bytes = CLEAR, folder: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        cwd=folder,
        check=False,
        env={**os.environ, "GNUPGHOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    run(
        "gpg",
        "--batch",
        "--passphrase",
        "",
        "--quick-gen-key",
        "a@example.org",
        "default",
        "default",
        folder=folder,
    )
    (folder / "rows.csv").write_bytes(CLEAR)
    yield folder
    subprocess.run(
        ["gpgconf", "--kill", "gpg-agent"], env={**os.environ, "GNUPGHOME": str(folder)}, check=False
    )


GPG = ("gpg", "--batch", "--trust-model", "always", "--pinentry-mode", "loopback", "--passphrase", "x")


@pytest.mark.parametrize(
    "options",
    [
        ("-c",),
        ("-c", "--armor"),
        ("-e", "-r", "a@example.org"),
        ("-e", "-R", "a@example.org"),
        ("-e", "--armor", "-s", "-r", "a@example.org"),
    ],
)
def test_what_gpg_encrypts_is_encrypted(tmp_path: Path, keyring: Path, options: tuple[str, ...]) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    run(*GPG, *options, "-o", str(exports / "rows"), str(keyring / "rows.csv"), folder=keyring)
    assert only(exports).holds == "encrypted"


@pytest.mark.parametrize("options", [("-s",), ("-s", "--armor"), ("--store",), ("-s", "-z", "0")])
def test_what_gpg_only_signs_is_not(tmp_path: Path, keyring: Path, options: tuple[str, ...]) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    run(*GPG, *options, "-o", str(exports / "rows"), str(keyring / "rows.csv"), folder=keyring)
    found = look(exports)
    assert found.files == ()
    assert "not encrypted" in found.unread[0]


def test_what_openssl_and_zip_encrypt_is_encrypted(tmp_path: Path) -> None:
    work, exports = tmp_path / "work", tmp_path / "exports"
    work.mkdir()
    exports.mkdir()
    (work / "rows.csv").write_bytes(CLEAR)
    run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=a",
        "-keyout",
        "k",
        "-out",
        "c",
        folder=work,
    )
    enc = ("openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x", "-in", "rows.csv")
    run(*enc, "-out", str(exports / "enc"), folder=work)
    run(*enc, "-a", "-out", str(exports / "enc64"), folder=work)
    for form in ("DER", "PEM", "SMIME"):
        run(
            "openssl",
            "cms",
            "-encrypt",
            "-binary",
            "-aes256",
            "-in",
            "rows.csv",
            "-outform",
            form,
            "-out",
            str(exports / form),
            "c",
            folder=work,
        )
    run(
        "openssl",
        "cms",
        "-encrypt",
        "-aes-256-gcm",
        "-in",
        "rows.csv",
        "-outform",
        "DER",
        "-out",
        str(exports / "gcm"),
        "c",
        folder=work,
    )
    run("zip", "-P", "x", str(exports / "rows.zip"), "rows.csv", folder=work)
    found = look(exports)
    assert {one.holds for one in found.files} == {"encrypted"}
    assert (len(found.files), found.unread) == (len(list(exports.iterdir())), ())
    # signed alone, or one member of several in clear
    for form in ("DER", "PEM", "SMIME"):
        run(
            "openssl",
            "cms",
            "-sign",
            "-nodetach",
            "-binary",
            "-signer",
            "c",
            "-inkey",
            "k",
            "-in",
            "rows.csv",
            "-outform",
            form,
            "-out",
            str(work / form),
            folder=work,
        )
    (work / "k").unlink()
    (work / "c").unlink()
    (work / "rows.csv").rename(work / "more.csv")
    run("zip", str(exports / "rows.zip"), "more.csv", folder=work)
    (work / "more.csv").unlink()
    assert len(look(work).unread) == len(list(work.iterdir()))
    assert [one.holds for one in look(exports).files if one.path.endswith(".zip")] == ["personal"]


def test_what_cannot_be_unpacked_is_not_passed_over(tmp_path: Path) -> None:
    # the same bytes each time: what is random looks like a list of words now and then
    big = random.Random(7).randbytes(1 << 20)  # noqa: S311
    (tmp_path / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd" + big)
    (tmp_path / "b.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + big)
    (tmp_path / "c.gz").write_bytes(gzip.compress(big)[:5] + b"x" * 100)
    (tmp_path / "d.tar.gz").write_bytes(tarred(big, "w:gz"))
    (tmp_path / "e.zip").write_bytes(zipped(CLEAR)[:200])
    (tmp_path / "f").write_bytes(
        gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(CLEAR, mtime=0)))))
    )
    found = look(tmp_path)
    assert found.files == ()
    assert [Path(one.partition(": ")[0]).name for one in found.unread] == sorted(os.listdir(tmp_path))


def test_behind_rows_of_nobody_a_tar_is_not_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        for name, content in (
            ("a.csv", b"unit;factor;base\n" + b"g;1000;kg\n" * 9),
            ("b", os.urandom(1 << 20)),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    found = look(tmp_path)
    assert found.files == ()
    assert [one.partition(": ")[2] for one in found.unread] == [
        "a tar of which only the beginning can be unpacked"
    ]


def test_nothing_trips_the_look(tmp_path: Path) -> None:
    exports, elsewhere = tmp_path / "exports", tmp_path / "elsewhere"
    exports.mkdir()
    elsewhere.mkdir()
    (elsewhere / "rows.csv").write_bytes(CLEAR)
    os.mkfifo(exports / "fifo.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(exports / "socket.csv"))
        if os.geteuid() == 0:
            os.mknod(exports / "zero.csv", 0o20666, os.makedev(1, 5))
        (exports / "loop").symlink_to(exports)
        (exports / "itself").symlink_to(exports / "itself")
        (exports / "rows.csv").symlink_to(elsewhere / "rows.csv")
        (exports / "folder").symlink_to(elsewhere)
        assert look(exports) == ((), ())
    odd = b"new\nline \xff\x1b[31m \xe2\x80\xae.csv"
    with open(os.fsencode(exports) + b"/" + odd, "wb") as file:
        file.write(CLEAR)
    path = only(exports).path
    assert path.isprintable()
    assert path.encode("utf-8").startswith(os.fsencode(exports))


def test_a_large_file_costs_no_more_than_a_small_one(tmp_path: Path) -> None:
    for name, content in (("rows.csv", CLEAR), ("a.dump", b"PGDMP"), ("hole", b""), ("a.zip", zipped(CLEAR))):
        (tmp_path / name).write_bytes(content)
        os.truncate(tmp_path / name, 1 << 30)
    # a bomb: a gigabyte in a megabyte
    bomb = lzma.LZMACompressor()
    part = b"0" * (1 << 20)
    (tmp_path / "bomb.xz").write_bytes(b"".join([*(bomb.compress(part) for _ in range(200)), bomb.flush()]))
    # a zip that says that its list of members is all of it
    end = b"PK\x05\x06" + bytes(4) + b"\x01\0\x01\0" + ((1 << 30) - 22).to_bytes(4, "little") + bytes(6)
    with (tmp_path / "list.zip").open("wb") as file:
        file.write(b"PK\x03\x04")
        file.seek((1 << 30) - 22)
        file.write(end)
    began = time.process_time()
    found = look(tmp_path)
    assert time.process_time() - began < 5
    assert {Path(one.path).name for one in found.files} == {"rows.csv", "a.dump"}
    assert {one.partition(": ")[0] for one in found.unread} == {
        str(tmp_path / name) for name in ("a.zip", "list.zip")
    }
    assert next(one for one in found.files if one.path.endswith(".csv")).size == 1 << 30


def test_a_folder_that_only_looks_like_a_dump_is_told_all_the_same(tmp_path: Path) -> None:
    for name in ("PG_VERSION", "global", "base"):
        (tmp_path / "a" / name).mkdir(parents=True)
    assert [one.kind for one in look(tmp_path).files] == ["data directory"]


def test_archives_of_archives_do_not_multiply(tmp_path: Path) -> None:
    content = zipped(bytes(1 << 16))
    for _ in range(3):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(200):
                archive.writestr(f"{number}.zip", content)
        content = packed.getvalue()
    (tmp_path / "a.zip").write_bytes(content)
    header = bytearray(tarred(CLEAR, "w")[:512])
    for size in (b"\x80" + b"\xff" * 11, b"-0000000777\0"):
        header[124:136] = size
        header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
        (tmp_path / f"{size[0]}.tar").write_bytes(bytes(header) * 3)
    began = time.process_time()
    found = look(tmp_path)
    assert time.process_time() - began < 5
    assert any("a.zip" in one for one in found.unread)


def test_no_text_takes_long(tmp_path: Path) -> None:
    many = 1 << 15
    dump = "-- PostgreSQL database dump\n"
    for number, text in enumerate(
        (
            dump + "COPY a" + " " * (many * 32),
            dump + 'COPY "a\n' * many,
            "INSERT INTO a" + "\n" * many,
            "COPY a (" * many,
            '"' * many,
            '{"' * many,
            "Content-Type: " + "pkcs7-mime " * many,
            "-----BEGIN CMS-----\n" + "\n" * many,
            ",;|\t" * many,
        )
    ):
        (tmp_path / f"{number}.csv").write_text(text)
    for name in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"):
        for text in ("<row", "<row><c ", '<row><c t="s"><v>1</v></c>', "<si>", "<si><t", "<t></si>"):
            with zipfile.ZipFile(tmp_path / f"{len(os.listdir(tmp_path))}.xlsx", "w") as workbook:
                workbook.writestr("xl/workbook.xml", "")
                workbook.writestr(name, text * many)
    began = time.process_time()
    look(tmp_path)
    assert time.process_time() - began < 5


def test_who_may_read_a_file_is_told_with_the_folders_above(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(CLEAR)
    (tmp_path / "rows.csv").chmod(0o644)
    above = list(tmp_path.parents)
    # what pytest makes is closed
    assert any(not one.stat().st_mode & 0o001 for one in (tmp_path, *above))
    assert not only(tmp_path).open
    with open_folder() as opened:
        (opened / "in").mkdir()
        shutil.copyfile(tmp_path / "rows.csv", opened / "in/rows.csv")
        for folder, inside, file, is_open in (
            (0o755, 0o755, 0o644, True),
            (0o711, 0o711, 0o604, True),
            (0o711, 0o711, 0o640, False),
            (0o755, 0o750, 0o644, False),
            (0o750, 0o755, 0o644, False),
            (0o744, 0o755, 0o644, False),
        ):
            (opened / "in/rows.csv").chmod(file)
            (opened / "in").chmod(inside)
            opened.chmod(folder)
            told = only(opened), only(opened / "in")
            assert [one.open for one in told] == [is_open] * 2
            assert told[0].mode == f"{file:04o}"
            if os.geteuid() == 0:
                assert _nobody_reads(opened / "in/rows.csv") is is_open


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that other accounts get at, which those of pytest are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _nobody_reads(path: Path) -> bool:
    return as_nobody(lambda: os.access(path, os.R_OK, effective_ids=True))


def as_nobody(what: Callable[[], bool]) -> bool:
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        return what()
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_what_may_not_be_read_is_unread() -> None:
    with open_folder() as opened:
        (opened / "closed").mkdir()
        (opened / "rows.csv").write_bytes(CLEAR)
        (opened / "rows.csv").chmod(0o600)
        (opened / "closed").chmod(0o700)
        (opened / "dump").mkdir(mode=0o755)
        (opened / "dump/toc.dat").write_bytes(b"PGDMP")
        (opened / "dump/toc.dat").chmod(0o600)
        look(opened)
        found: list[FolderLook] = []

        def seen() -> bool:
            found.extend(looks(opened, opened / "closed/in", opened / "gone").values())
            return True

        as_nobody(seen)
    assert [one.files for one in found] == [(), (), ()]
    assert [Path(one.partition(": ")[0]).name for one in found[0].unread] == ["closed", "dump", "rows.csv"]
    assert [len(one.unread) for one in found[1:]] == [1, 1]


def test_a_folder_under_a_root_or_linked_from_one_is_published(tmp_path: Path) -> None:
    www, exports, other = tmp_path / "www", tmp_path / "exports", tmp_path / "other"
    for folder in (www / "in", exports / "deep", other):
        folder.mkdir(parents=True)
    for file in (www / "in/rows.csv", exports / "deep/rows.csv", other / "rows.csv"):
        file.write_bytes(CLEAR)
    (www / "link").symlink_to(exports / "deep")
    found = looks(www / "in", exports, other, web=(www,))
    assert [[one.root for one in found[str(one)].files] for one in (www / "in", exports, other)] == [
        [str(www)],
        [str(www)],
        [""],
    ]
    # the folder tells of its own files, the root of the rest
    assert found[str(www)].files == ()
    assert [one.root for one in look(other, web=(tmp_path,)).files] == [str(tmp_path)]


def test_a_root_is_looked_at_by_itself(tmp_path: Path) -> None:
    (tmp_path / "save").mkdir()
    (tmp_path / "save/rows.csv").write_bytes(CLEAR)
    (file,) = look_at_folders(Policy(files=Files(ftp_roots=(str(tmp_path),))))[str(tmp_path)].files
    assert (file.holds, file.root) == ("personal", str(tmp_path))
    assert look_at_folders(Policy()) == {}


def test_a_time_in_the_future_makes_no_file_young(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(CLEAR)
    os.utime(tmp_path / "rows.csv", (4e9, 4e9))
    assert only(tmp_path).made == datetime.datetime.now(datetime.UTC).date().isoformat()
    os.utime(tmp_path / "rows.csv", (1e9, 1e9))
    assert only(tmp_path).made == datetime.datetime.fromtimestamp(1e9, datetime.UTC).date().isoformat()


BEGINNINGS = st.sampled_from(
    [
        b"",
        b"PGDMP\x01\x0f\0\x04\x08\x01",
        b"\x1f\x8b\x08",
        b"BZh91AY&SY",
        b"\xfd7zXZ\0",
        b"PK\x03\x04",
        b"-----BEGIN PGP MESSAGE-----\n\n",
        b"-----BEGIN CMS-----\n",
        b"\x30\x82\x01\x01",
        b"\x84\x8c",
        b"\xc3",
        b"\xa3",
        b"\xcb",
        b"\xff\xfe",
        b'[{"',
        b"-- PostgreSQL database dump\n",
        CLEAR,
        zipped(CLEAR)[:60],
        tarred(CLEAR, "w")[:600],
        gzip.compress(CLEAR, mtime=0)[:40],
    ]
)


@settings(max_examples=300, deadline=None)
@given(BEGINNINGS, st.binary(max_size=600), st.sampled_from(["a", "a.csv", "a.zip", "a.gz"]))
def test_no_bytes_trip_the_look(beginning: bytes, rest: bytes, name: str) -> None:
    for one in kinds(io.BytesIO(beginning + rest), name):
        assert one.words


def test_damage_anywhere_in_an_archive_is_borne() -> None:
    for whole in (zipped(CLEAR), tarred(CLEAR, "w"), tarred(CLEAR, "w:gz"), lzma.compress(CLEAR)):
        for at in range(0, len(whole), max(1, len(whole) // 400)):
            broken = bytearray(whole)
            broken[at] ^= 0xFF
            list(kinds(io.BytesIO(bytes(broken)), "a.csv"))
            list(kinds(io.BytesIO(whole[:at]), "a.csv"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[files]\nweb_roots = ["www"]', "p:2: files.web_roots: expected an absolute path"),
        ('[files]\nftp_roots = ["//"]', "p:2: files.ftp_roots: expected a folder, not the whole machine"),
        (
            '[[folder]]\npath = "/a"\npurpose = "b"\nkeep_days = 1\n' * 2,
            "p:6: folder.path: /a is declared twice (line 2)",
        ),
        ('[[folder]]\npath = "/a/.."\npurpose = "b"\nkeep_days = 1', "not the whole machine"),
        ('[[folder]]\npath = "/a"\npurpose = "b"', "keep_days: is required"),
    ],
)
def test_folders_that_cannot_be_meant_are_mistakes(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text, "p")
    assert said in str(caught.value)
