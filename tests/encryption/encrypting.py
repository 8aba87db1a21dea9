"""A laboratory whose columns are encrypted by the generated files, and people who may and may not read them.

    with Cluster.start(postgres) as cluster:
        lab = encrypted(cluster)                       # or form="in-place", through="verify"
        with lab.session("biologist") as connection:   # unlocked; lab.session("clerk", kek=None): not
            lab.read(connection)                       # {id: nir}, by the way that the form has

Two tables: lab.patient, as an application has it, and lab.every, with a column of each type that can be
encrypted and values at its ends. The schema kept holds both in clear, for postgres alone, to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from pgguard.model.encryption import EncryptedColumn
from pgguard.plan.encryption.naming import function
from tests.encryption.phases import KEK, UP, planned, unlocked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form
    from tests.encryption.phases import Phases

# biologist reads; clerk sees the view without being a reader; secretary does, and writes; intruder has no
# right on any table. Each has a schema of its own to make things in
ROLES = ("lab_owner", "biologist", "clerk", "secretary", "intruder")
READERS = ("biologist", "lab_owner")
PATIENTS = 40
LONG = "'" + "ß" * 40 + "' || repeat('0123456789abcdef', 65536)"

_PLAIN: dict[str, tuple[str, ...]] = {
    "text": ("''", "'plain'", "' blanks '", "'æøå 表 ☤ 😀'", r"E'quote '' back\\slash \t\r\n'", LONG),
    "character varying(30)": ("''", "'é'", "repeat('é', 30)", r"E'\\x41'"),
    "character(6)": ("'ab'", "''", "'  x'", "'éèêëē '"),
    "name": ("'n'", "repeat('n', 63)"),
    '"char"': ("'c'", "''"),
    "smallint": ("0", "-32768", "32767"),
    "integer": ("0", "'-2147483648'", "2147483647"),
    "bigint": ("0", "'-9223372036854775808'", "9223372036854775807"),
    "numeric": (
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "1.50",
        "1.500",
        "'-0.000'",
        "1e-200",
        "1e200",
        "12345678901234567890.1",
    ),
    "numeric(12,4)": ("0", "'NaN'", "-99999999.9999", "1.5"),
    "boolean": ("true", "false"),
    "uuid": ("'00000000-0000-0000-0000-000000000000'", "'FFFFFFFF-ffff-4fff-bfff-ffffffffffff'"),
    "oid": ("0", "4294967295"),
    "json": ("""'{"b": 1,  "a":[null, "é"]}'""", "'null'", "'1.00'"),
    "jsonb": ("""'{"b": 1, "a": [null, "é", 1.00]}'""", "'null'", """'"\\\\u00e9"'"""),
    "inet": ("'192.0.2.1/24'", "'2001:db8::1'"),
    "cidr": ("'192.0.2.0/24'", "'::/0'"),
    "macaddr": ("'08:00:2b:01:02:03'",),
    "macaddr8": ("'08:00:2b:01:02:03:04:05'",),
    "bytea": (r"'\x'", r"'\x00ff5c27'", "sha256('x')"),
    "bit(5)": ("B'10101'", "B'00000'"),
    "bit varying": ("B''", "B'1'", "repeat('10', 100)::varbit"),
    "time without time zone": ("'00:00'", "'24:00'", "'23:59:59.999999'"),
    "time with time zone": ("'00:00+15:59:59'", "'24:00-15:59:59'", "'12:34:56.789+00'"),
    "date": (
        "'infinity'",
        "'-infinity'",
        "'4713-01-01 BC'",
        "'0044-03-15 BC'",
        "'5874897-12-31'",
        "'2000-02-29'",
    ),
    "timestamp without time zone": (
        "'infinity'",
        "'-infinity'",
        "'4713-01-01 00:00:00 BC'",
        "'294276-12-31 23:59:59.999999'",
    ),
    "timestamp with time zone": (
        "'infinity'",
        "'-infinity'",
        "'0001-01-01 00:00:00+00 BC'",
        "'2024-10-27 02:30:00.000001+02'",
    ),
    "interval": ("'0'", "'-1 year -2 mons +3 days -04:05:06.000007'", "'178000000 years'", "'1 mon -1 day'"),
    "real": ("'NaN'", "'-0'", "1.17549435e-38", "0.1", "'-Infinity'"),
    "double precision": ("'NaN'", "'-0'", "0.1", "1.7976931348623157e308", "5e-324"),
}
_ARRAYS: dict[str, tuple[str, ...]] = {
    "text[]": (
        "'{}'",
        """ARRAY['a', NULL, '', 'NULL', '{}', 'é "q" \\ ,']""",
        "'{{a,NULL},{b,c}}'",
        "'[2:3]={x,y}'",
    ),
    "character varying(4)[]": ("'{abcd,NULL}'",),
    "character(3)[]": ("'{abc,é}'",),
    "bit(3)[]": ("'{101,NULL}'",),
    "integer[]": ("'{{{1,2}},{{3,NULL}}}'", "'[-1:0]={5,6}'"),
    "numeric[]": ("'{NaN,1.50,NULL}'",),
    "boolean[]": ("'{t,f,NULL}'",),
    "date[]": ("'{infinity,0044-03-15 BC,NULL}'",),
    "timestamp with time zone[]": ("ARRAY['2024-10-27 02:30+02'::timestamptz, '-infinity', NULL]",),
    "interval[]": ("ARRAY['-1 mon +1 day -00:00:01'::interval, NULL]",),
    "double precision[]": ("'{NaN,-0,0.1}'",),
    "bytea[]": (r"ARRAY['\x00ff'::bytea, NULL, '\x']",),
    "jsonb[]": ("""ARRAY['{"a": "é, }"}'::jsonb, NULL]""",),
    "uuid[]": ("'{00000000-0000-0000-0000-000000000001}'",),
}
_OWN: dict[str, tuple[str, ...]] = {
    "lab.mood": ("'ok'", "'très bien'", "'NULL'"),
    "lab.number": ("'1234567890123'", "'12345678901234567890'"),
    "lab.day": ("'1899-12-31'", "'infinity'"),
    "lab.words": ("'{}'", "'{a,NULL}'"),
    "lab.code": ("'ABC'", "'é'"),
}
# types of columns of lab.every, with values as SQL
TYPES = {**_PLAIN, **_ARRAYS, **_OWN}
COLUMNS = {f"c{number}": kind for number, kind in enumerate(TYPES)}

_SCHEMA = """
    CREATE SCHEMA lab;
    CREATE TYPE lab.mood AS ENUM ('ok', 'très bien', 'NULL');
    CREATE DOMAIN lab.number AS text CHECK (length(VALUE) BETWEEN 13 AND 20);
    CREATE DOMAIN lab.day AS date CHECK (VALUE > '1800-01-01');
    CREATE DOMAIN lab.words AS text[];
    CREATE DOMAIN lab.code AS character(4);
    CREATE TABLE lab.patient (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text NOT NULL, nir text UNIQUE,
        born date, phone character varying(20) CHECK (phone ~ '^[0-9+ ]+$'), note text DEFAULT 'néant',
        data jsonb, CHECK (length(nir) = 15)
    );
    INSERT INTO lab.patient (name, nir, born, phone, note, data)
    SELECT 'name ' || g, '1' || lpad((g * 7919)::text, 14, '0'), date '1930-01-01' + g * 300,
        '06 ' || 10000000 + g * 37, CASE WHEN g % 5 > 0 THEN 'note ' || md5(g::text) END,
        jsonb_build_object('allele', md5((g + 1)::text))
    FROM generate_series(1, {patients}) AS g;
    ALTER SCHEMA lab OWNER TO lab_owner;
    ALTER TYPE lab.mood OWNER TO lab_owner;
    ALTER DOMAIN lab.number OWNER TO lab_owner;
    ALTER DOMAIN lab.day OWNER TO lab_owner;
    ALTER DOMAIN lab.words OWNER TO lab_owner;
    ALTER DOMAIN lab.code OWNER TO lab_owner;
    ALTER TABLE lab.patient OWNER TO lab_owner;
    GRANT USAGE ON SCHEMA lab TO PUBLIC;
    GRANT SELECT ON lab.patient TO biologist, clerk;
    GRANT SELECT, INSERT, UPDATE, DELETE ON lab.patient TO secretary;
    CREATE SCHEMA biologist AUTHORIZATION biologist;
    CREATE SCHEMA intruder AUTHORIZATION intruder;
    CREATE SCHEMA clerk AUTHORIZATION clerk;
    CREATE SCHEMA secretary AUTHORIZATION secretary;
    ANALYZE lab.patient;
"""


def patient_columns(readers: tuple[str, ...] | None = READERS) -> tuple[EncryptedColumn, ...]:
    """What is encrypted of lab.patient: of each kind of mask, index and padding one."""
    return (
        EncryptedColumn("nir", searchable=True, normal_form="exact", readers=readers),
        EncryptedColumn("born", mask="year", readers=readers),
        EncryptedColumn(
            "phone", searchable=True, normal_form="phone", mask="last:2", padding=32, readers=readers
        ),
        EncryptedColumn("note", readers=readers),
        EncryptedColumn("data", key_group="special", readers=readers),
    )


def every_columns(readers: tuple[str, ...] | None = READERS) -> tuple[EncryptedColumn, ...]:
    """All columns of lab.every but its key; every other one padded."""
    return tuple(
        EncryptedColumn(name, padding=64 if number % 2 else 0, readers=readers)
        for number, name in enumerate(COLUMNS)
    )


@dataclass
class Laboratory:
    """A database whose columns are encrypted as far as it was asked for."""

    cluster: Cluster
    database: str
    form: Form
    phases: Phases

    @property
    def storage(self) -> str:
        """The table that stores patients now."""
        there = self.superuser("SELECT to_regclass('lab.patient_pgg1') IS NOT NULL")
        return "lab.patient_pgg1" if there == [(True,)] else "lab.patient"

    def dsn(self, role: str = "postgres", **more: str) -> str:
        """The database, as a role."""
        return self.cluster.dsn(user=role, dbname=self.database, **more)

    def session(self, role: str = "postgres", kek: bytes | None = KEK, **more: str) -> psycopg.Connection:
        """A session of a role, unlocked by a bound parameter unless kek is None."""
        if kek is None:
            return psycopg.connect(self.dsn(role, **more), autocommit=True)
        return unlocked(self.dsn(role, **more), kek)

    def superuser(self, query: str, *values: object) -> list[tuple]:
        """What a superuser's unlocked session answers."""
        with self.session() as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def shown(self, column: str) -> str:
        """How a statement names the clear value of a column of lab.patient: by the view, or the accessor."""
        if self.form == "view":
            return column
        return f"{function('open', 'lab', 'patient', column)}({column}_pgg1, id)"

    def read(self, connection: psycopg.Connection, column: str = "nir") -> dict[int, object]:
        """The clear values of a column of lab.patient that this session gets, by id."""
        query = f"SELECT id, {self.shown(column)} FROM lab.patient"
        return dict(connection.execute(query.encode()).fetchall())

    def kept(self, column: str = "nir") -> dict[int, object]:
        """The clear values that the column had before it was encrypted, by id."""
        return dict(self.superuser(f"SELECT id, {column} FROM kept.patient"))

    def keys(self) -> dict[str, bytes]:
        """Every key below the key-encryption key, unwrapped, by what it is."""
        found = {"secret": bytes(self.superuser("SELECT secret FROM pgguard.installation")[0][0])}
        settings = self.superuser(
            "SELECT DISTINCT 'pgguard.' || purpose || '_' || key_group FROM pgguard.key"
        )
        for (setting,) in settings:
            held = bytes(self.superuser("SELECT pgguard.session_keys(%s)", setting)[0][0])
            for place in range(0, len(held), 68):
                found[f"{setting} {place} mac"] = held[place + 4 : place + 36]
                found[f"{setting} {place} encryption"] = held[place + 36 : place + 68]
        found["wrap mac+encryption"] = bytes(self.superuser("SELECT pgguard.wrap_key(%b)", KEK)[0][0])
        return found


def fill(cluster: Cluster, database: str) -> None:
    """The database in clear: roles, lab.patient, lab.every, and copies of both in the schema kept."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for role in ROLES:
            there = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            if there is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        connection.execute(_SCHEMA.format(patients=PATIENTS).encode())
        listed = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        connection.execute(f"CREATE TABLE lab.every (id integer PRIMARY KEY, {listed})".encode())
        connection.execute(
            "ALTER TABLE lab.every OWNER TO lab_owner; GRANT SELECT ON lab.every TO biologist, clerk"
        )
        # rows 1..n: the first values, the second ones ...; the last row is NULL throughout
        for number in range(max(map(len, TYPES.values()))):
            values = ", ".join(f"({of[number % len(of)]})::{kind}" for kind, of in TYPES.items())
            connection.execute(f"INSERT INTO lab.every VALUES ({number + 1}, {values})".encode())
        connection.execute("INSERT INTO lab.every (id) VALUES (0)")
        connection.execute("CREATE SCHEMA kept")
        for table in ("patient", "every"):
            connection.execute(f"CREATE TABLE kept.{table} AS TABLE lab.{table}".encode())


def encrypted(
    cluster: Cluster,
    database: str = "clinic",
    *,
    form: Form = "view",
    through: str = "contract",
    readers: tuple[str, ...] | None = READERS,
    tables: Sequence[str] = ("lab.patient", "lab.every"),
    filled: bool = False,
) -> Laboratory:
    """The database, encrypted by the generated files up to and with the phase `through`; "": only planned.

    With `filled` the database is there in clear already, by `fill`.

    Each file is followed by its verification. The roles are those of the cluster, which can have several such
    databases.
    """
    if not filled:
        fill(cluster, database)
    columns = {"lab.patient": patient_columns(readers), "lab.every": every_columns(readers)}
    phases = planned(cluster, database, {name: columns[name] for name in tables}, form=form)
    laboratory = Laboratory(cluster, database, form, phases)
    phases.install()
    # as if `pgguard keys escrow` and a drill had been: the contract asks for both
    laboratory.superuser("UPDATE pgguard.kek SET escrow_at = now(), drill_at = now()")
    wanted = UP[: UP.index(through) + 1] if through else ()
    phases.up(*(one for one in wanted if phases.of(one)))
    return laboratory
