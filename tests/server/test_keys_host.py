"""The key-encryption key in a file of the server: who reads it, and which files are not taken."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError, PgguardError, UsageError
from pgguard.server import keys, keys_host
from pgguard.server.connect import Target
from tests.conftest import MAJOR
from tests.server.laboratory_keys import Database, database, new_kek, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.store.kek_provider import Kek

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption is for 14 and later")


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres, listen=["127.0.0.1"], tls=True) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE program LOGIN")
        yield running


@pytest.fixture
def db(own: Cluster) -> Iterator[Database]:
    new = database(own)
    yield new
    keys_host.no_host_file(new.target)


def _file(db: Database, kek: Kek, name: str = "kek", *, raw: bool = False, folder: Path | None = None) -> str:
    # beside the data directory, so that the server's user may go there
    path = (folder or db.cluster.folder) / f"{db.name}.{name}"
    path.write_bytes(kek.reveal() if raw else kek.reveal().hex().encode() + b"\n")
    path.chmod(0o400)
    owner = db.cluster.data_directory.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
    return str(path)


def _refused(db: Database, path: str, match: str, kind: type[PgguardError] = UsageError) -> None:
    with pytest.raises(kind, match=match):
        keys_host.host_file(db.target, path, say=db.say)
    with db.session() as connection:
        assert connection.execute("SELECT host_key_file FROM pgguard.installation").fetchone() == (None,)
        assert connection.execute("SELECT pgguard.host_key()").fetchone() == (None,)


@pytest.mark.parametrize("raw", [True, False])
def test_a_program_that_does_not_unlock_reads_and_writes(db: Database, raw: bool) -> None:
    kek = new_kek()
    keys.init(db.target, kek, ["main"], say=db.say)
    db.encrypt(kek, [1])
    with db.session() as connection:
        connection.execute(
            "GRANT USAGE ON SCHEMA pgguard, lab TO program;"
            "GRANT SELECT, INSERT ON lab.patient_pgg1 TO program;"
            "GRANT EXECUTE ON FUNCTION pgguard.open__lab__patient__nir(bytea, integer), "
            "pgguard.seal__lab__patient__nir(text, integer) TO program"
        )
    path = _file(db, kek, raw=raw)
    keys_host.host_file(db.target, path, say=db.say)
    assert keys.status(db.target).host_key_file == path
    with psycopg.connect(db.dsn(user="program"), autocommit=True) as program:
        assert read(program, 1) == "nir 1"
        write(program, 2)
        assert read(program, 2) == "nir 2"
        for statement in (
            "SELECT pgguard.host_key()",
            "SELECT pgguard.session_keys('pgguard.data_main')",
            f"SELECT pg_read_binary_file({psycopg.sql.quote(path)})",
            "SET ROLE pgguard_host_key",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                program.execute(statement)
        program.execute("SELECT pgguard.lock()")
        with pytest.raises(psycopg.Error) as caught:
            read(program, 1)
        assert caught.value.sqlstate == "PGG01"
    keys_host.no_host_file(db.target)
    with psycopg.connect(db.dsn(user="program"), autocommit=True) as program:
        with pytest.raises(psycopg.Error) as caught:
            read(program, 1)
        assert caught.value.sqlstate == "PGG01"
    with db.session() as connection:
        assert connection.execute("SELECT to_regrole('pgguard_host_key')").fetchone() == (None,)


def test_the_role_stays_while_another_database_uses_it(db: Database) -> None:
    other = database(db.cluster)
    for one in (db, other):
        kek = new_kek()
        keys.init(one.target, kek, ["main"], say=db.say)
        keys_host.host_file(one.target, _file(one, kek), say=db.say)
    keys_host.no_host_file(db.target)
    with other.session() as connection:
        assert connection.execute("SELECT pgguard.require_kek(pgguard.host_key())").fetchone() == (1,)
    keys_host.no_host_file(other.target)


def test_a_path_that_a_base_backup_copies_is_refused(db: Database) -> None:
    kek = new_kek()
    keys.init(db.target, kek, ["main"], say=db.say)
    inside = _file(db, kek, folder=db.cluster.data_directory)
    _refused(db, inside, "every base backup")
    link = db.cluster.folder / f"{db.name}.link"
    link.symlink_to(db.cluster.data_directory)
    _refused(db, f"{link}/{db.name}.kek", "every base backup")
    space = db.cluster.folder / f"{db.name}.space"
    space.mkdir()
    owner = db.cluster.data_directory.stat()
    os.chown(space, owner.st_uid, owner.st_gid)
    with db.session() as connection:
        connection.execute(f"CREATE TABLESPACE {db.name} LOCATION {psycopg.sql.quote(str(space))}")
    _refused(db, _file(db, kek, folder=space), "every base backup")
    with db.session() as connection:
        connection.execute(f"DROP TABLESPACE {db.name}")
    shutil.rmtree(space)


def test_what_is_no_file_with_the_key_is_refused(db: Database) -> None:
    kek = new_kek()
    keys.init(db.target, kek, ["main"], say=db.say)
    right = _file(db, kek)
    for path in ("kek", "../kek", right.replace("/", "//", 1), f"{db.cluster.data_directory}/../kek"):
        _refused(db, path, "whole path")
    _refused(db, f"{right}.absent", "cannot be read on the server", InputError)
    _refused(db, _file(db, new_kek(), "wrong"), "not the key-encryption key", InputError)
    empty = db.cluster.folder / f"{db.name}.empty"
    empty.write_text("no key, but somebody's password")
    os.chown(empty, *(db.cluster.data_directory.stat()[4:6]))
    empty.chmod(0o400)
    with pytest.raises(InputError, match="no key in the file") as caught:
        keys_host.host_file(db.target, str(empty), say=db.say)
    assert "password" not in str(caught.value)
    for mode in (0o444, 0o440, 0o600 | 0o020):
        os.chmod(right, mode)
        _refused(db, right, "others may get at it")
    os.chmod(right, 0o400)
    link = db.cluster.folder / f"{db.name}.link2"
    link.symlink_to(right)
    _refused(db, str(link), "regular file")
    with pytest.raises(UsageError, match="superuser"):
        keys_host.host_file(Target(db.dsn(user="program")), right, say=db.say)
    keys_host.host_file(db.target, right, say=db.say)
    assert db.said == []
    keys_host.host_file(Target(db.dsn(host="127.0.0.1")), right, say=db.say)
    assert len(db.said) == 1


def test_an_odd_path_is_only_a_path(db: Database) -> None:
    kek = new_kek()
    keys.init(db.target, kek, ["main"], say=db.say)
    path = _file(db, kek, "a'b\\c %L %1$s $$ $body$ é")
    keys_host.host_file(db.target, path, say=db.say)
    assert keys.status(db.target).host_key_file == path


def test_a_new_key_and_its_file_come_in_one_step(db: Database) -> None:
    old, new = new_kek(), new_kek()
    keys.init(db.target, old, ["main"], say=db.say)
    db.encrypt(old, [1])
    keys_host.host_file(db.target, _file(db, old), say=db.say)
    with pytest.raises(UsageError, match="--host-file"):
        keys.rotate_kek(db.target, old, new, host_file="", say=db.say)
    with pytest.raises(InputError, match="was replaced"):
        keys.rotate_kek(db.target, old, new, host_file=_file(db, old), say=db.say)
    with db.session() as connection:
        assert read(connection, 1) == "nir 1"
    path = _file(db, new, "new")
    keys.rotate_kek(db.target, old, new, host_file=path, say=db.say)
    with db.session() as connection:
        assert read(connection, 1) == "nir 1"
    assert keys.status(db.target).host_key_file == path
