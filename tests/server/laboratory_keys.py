"""A table with a column as generated migrations encrypt it, small enough for tests of keys."""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from pgguard.server.connect import Target
from pgguard.store.kek_provider import Kek

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pgguard.demo.cluster import Cluster

_NUMBER = itertools.count(1)
TABLE = """
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer PRIMARY KEY, nir_pgg1 bytea, nir_find bytea);
INSERT INTO pgguard.encrypted_column
    (id, table_schema, table_name, column_name, storage_name, stored_column, index_column, key_group)
VALUES
    ('5b1f2f0e-6b0b-5d43-9b0e-0d5a8f7a9c11', 'lab', 'patient', 'nir', 'patient_pgg1', 'nir_pgg1', 'nir_find',
     'main');
CREATE FUNCTION pgguard.seal__lab__patient__nir(value text, key_1 integer) RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keys bytea;
BEGIN
    keys := CASE WHEN pgguard.planned_for('pgguard.data_main')
            = current_setting('pgguard.data_main', true) || session_user
        THEN pgguard.planned_keys('pgguard.data_main') ELSE pgguard.session_keys('pgguard.data_main') END;
    RETURN pgguard.pgg1_seal(convert_to(value, 'UTF8'), keys, 'nir'::bytea || pgguard.part(int4send(key_1)));
END
$$;
CREATE FUNCTION pgguard.open__lab__patient__nir(stored bytea, key_1 integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keys bytea;
BEGIN
    keys := CASE WHEN pgguard.planned_for('pgguard.data_main')
            = current_setting('pgguard.data_main', true) || session_user
        THEN pgguard.planned_keys('pgguard.data_main') ELSE pgguard.session_keys('pgguard.data_main') END;
    RETURN convert_from(
        pgguard.pgg1_open(stored, keys, 'nir'::bytea || pgguard.part(int4send(key_1))), 'UTF8');
END
$$;
ALTER FUNCTION pgguard.seal__lab__patient__nir(text, integer) OWNER TO pgguard_keys;
ALTER FUNCTION pgguard.open__lab__patient__nir(bytea, integer) OWNER TO pgguard_keys;
"""


def new_kek() -> Kek:
    """A key of its own for each test."""
    return Kek(secrets.token_bytes(32))


def forms(key: bytes) -> dict[str, str]:
    """What a key looks like where something prints it; spaces count as one."""
    signed = [one - 256 if one > 127 else one for one in key]

    def escaped(plain: Callable[[int], bool]) -> str:
        return "".join("\\\\" if one == 92 else chr(one) if plain(one) else f"\\{one:03o}" for one in key)

    output = escaped(lambda one: 32 <= one < 127)
    return {
        "hex": key.hex(),
        "base64": base64.b64encode(key).decode().rstrip("="),
        # bytea_output, the same in a literal, and encode()
        "escape": output,
        "escape in a literal": output.replace("\\", "\\\\"),
        "escape by encode": escaped(lambda one: 0 < one < 128),
        # debug_print_plan prints the bytes of a constant like this
        "signed bytes": " ".join(map(str, signed)),
        "bytes": " ".join(map(str, key)),
    }


def found_in(text: str, keys: Iterable[bytes]) -> list[str]:
    """The forms in which one of the keys stands in a text."""
    plain = _spaced(text)
    return [
        name
        for key in keys
        for name, form in forms(key).items()
        if (form in plain.lower() if name == "hex" else _spaced(form) in plain)
    ]


def _spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@dataclass
class Database:
    """A database of the cluster for one test."""

    cluster: Cluster
    name: str
    said: list[str] = field(default_factory=list)

    @property
    def target(self) -> Target:
        """As the superuser, by the socket."""
        return Target(self.dsn())

    def dsn(self, **more: str) -> str:
        """A connection string."""
        return self.cluster.dsn(**{"dbname": self.name, **more})

    def say(self, text: str) -> None:
        """Takes what a person would be told."""
        self.said.append(text)

    @contextlib.contextmanager
    def session(self, kek: Kek | None = None) -> Iterator[psycopg.Connection]:
        """A session, unlocked when there is a key."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute("SET log_parameter_max_length = 0")
            if kek is not None:
                connection.execute("SELECT pgguard.unlock(%b)", (kek.reveal(),))
            yield connection

    def encrypt(self, kek: Kek, values: Iterable[int]) -> None:
        """Makes the table unless it is there, and stores values."""
        with self.session(kek) as connection:
            row = connection.execute("SELECT to_regclass('lab.patient_pgg1') IS NULL").fetchone()
            if row and row[0]:
                connection.execute(TABLE)
            for number in values:
                write(connection, number)


def database(cluster: Cluster) -> Database:
    """A new database; all of them go with the cluster."""
    name = f"keys_{next(_NUMBER)}"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return Database(cluster, name)


def write(connection: psycopg.Connection, number: int) -> None:
    """Stores a value as a program does."""
    connection.execute(
        "INSERT INTO lab.patient_pgg1 "
        "VALUES (%(id)s, pgguard.seal__lab__patient__nir(%(nir)s, %(id)s), '\\x00')",
        {"id": number, "nir": f"nir {number}"},
    )


def read(connection: psycopg.Connection, number: int) -> str:
    """Opens a value as a program does."""
    row = connection.execute(
        "SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM lab.patient_pgg1 WHERE id = %s", (number,)
    ).fetchone()
    assert row is not None
    return str(row[0])
