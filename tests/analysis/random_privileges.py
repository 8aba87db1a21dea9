"""Random roles, memberships, objects and grants on a real server, for tests that ask it what holds.

Everything is made inside the caller's transaction. A statement that the server refuses (a membership
that would be circular, an option the version has not) is left out: what counts is what stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    import random

# names that have to be quoted, so that quoting is tested with everything else
NAMES = ("r0", "R one", 'r"two', "r3", "r'4", "réf", "r6", "r7", "r8", "r9", "r10", "r11")
SCHEMAS = ("s", 'S "x"', "public")
TABLES = ("t", "u", "Töpfe", "v", "m", "p")
COLUMNS = ("a", "B c", "d")
_TABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_COLUMN = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
_PREDEFINED = (
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_maintain",
    "pg_monitor",
    "pg_read_all_settings",
    "pg_signal_backend",
    "pg_checkpoint",
)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Maker:
    """Makes things at random; every statement in a savepoint of its own."""

    def __init__(self, connection: psycopg.Connection, dice: random.Random) -> None:
        self.connection = connection
        self.dice = dice
        self.major = connection.info.server_version // 10000
        # opens the caller's transaction, so that each statement's own is a savepoint in it
        connection.execute("SELECT 1")

    def attempt(self, statement: str) -> None:
        try:
            with self.connection.transaction():
                self.connection.execute(statement.encode())
        except psycopg.Error as error:
            if isinstance(error, psycopg.errors.SyntaxError):
                raise

    def role(self) -> str:
        return quoted(self.dice.choice(NAMES))

    def grantee(self) -> str:
        return "PUBLIC" if self.dice.random() < 0.1 else self.role()

    def often(self, chance: float) -> bool:
        return self.dice.random() < chance

    def make(self) -> None:
        self._roles()
        self._objects()
        for _ in range(90):
            self._grant()
        for _ in range(25):
            self._revoke()

    def _roles(self) -> None:
        for name in NAMES:
            words = [
                "LOGIN" if self.often(0.7) else "NOLOGIN",
                "SUPERUSER" if self.often(0.06) else "NOSUPERUSER",
                "INHERIT" if self.often(0.75) else "NOINHERIT",
                "BYPASSRLS" if self.often(0.15) else "NOBYPASSRLS",
                "CREATEROLE" if self.often(0.2) else "NOCREATEROLE",
            ]
            self.attempt(f"CREATE ROLE {quoted(name)} {' '.join(words)}")
        for _ in range(16):
            self._membership(self.role(), self.role())
        for name in _PREDEFINED:
            if self.often(0.35):
                self._membership(name, self.role())
        if self.often(0.6):
            self.attempt(f"ALTER DATABASE lab OWNER TO {self.role()}")
        for _ in range(3):
            # INHERIT changed after the grant: before 16 it counts, from 16 on it does not
            self.attempt(f"ALTER ROLE {self.role()} {self.dice.choice(['INHERIT', 'NOINHERIT'])}")

    def _membership(self, role: str, member: str) -> None:
        if self.major < 16:
            admin = " WITH ADMIN OPTION" if self.often(0.2) else ""
        else:
            options = [
                f"{word} {'TRUE' if self.often(chance) else 'FALSE'}"
                for word, chance in (("ADMIN", 0.3), ("INHERIT", 0.65), ("SET", 0.65))
                if self.often(0.7)
            ]
            admin = f" WITH {', '.join(options)}" if options else ""
            if self.often(0.3):
                admin += f" GRANTED BY {self.role()}"
        self.attempt(f"GRANT {role} TO {member}{admin}")

    def _objects(self) -> None:
        columns = ", ".join(f"{quoted(name)} text" for name in COLUMNS)
        for schema in SCHEMAS:
            if schema != "public":
                self.attempt(f"CREATE SCHEMA {quoted(schema)} AUTHORIZATION {self.role()}")
            inside = quoted(schema)
            first, *others = (f"{inside}.{quoted(name)}" for name in TABLES)
            for table in [first, *others[:2]]:
                self.attempt(f"CREATE TABLE {table} ({columns})")
            self.attempt(f"CREATE VIEW {others[2]} AS SELECT * FROM {first}")
            self.attempt(f"CREATE MATERIALIZED VIEW {others[3]} AS SELECT * FROM {first}")
            self.attempt(f"CREATE TABLE {others[4]} ({columns}) PARTITION BY LIST (a)")
            self.attempt(f"CREATE SEQUENCE {inside}.q")
            self.attempt(f"CREATE FUNCTION {inside}.f(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'")
            self.attempt(f"CREATE FUNCTION {inside}.f(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1'")
            for table in [first, *others]:
                kind = "VIEW" if table is others[2] else "TABLE"
                kind = "MATERIALIZED VIEW" if table is others[3] else kind
                if self.often(0.6):
                    self.attempt(f"ALTER {kind} {table} OWNER TO {self.role()}")
            for thing in ("SEQUENCE {0}.q", "FUNCTION {0}.f(integer)", "SCHEMA {0}"):
                if self.often(0.5):
                    self.attempt(f"ALTER {thing.format(inside)} OWNER TO {self.role()}")
        for number in range(900001, 900004):
            self.attempt(f"SELECT lo_create({number})")
            self.attempt(f"ALTER LARGE OBJECT {number} OWNER TO {self.role()}")
        self.attempt("CREATE FOREIGN DATA WRAPPER w")
        self.attempt("CREATE SERVER srv FOREIGN DATA WRAPPER w")
        self.attempt(f"ALTER SERVER srv OWNER TO {self.role()}")

    def _place(self) -> tuple[str, tuple[str, ...]]:
        """ON what, and the privileges that go with it."""
        schema = quoted(self.dice.choice(SCHEMAS))
        table = f"{schema}.{quoted(self.dice.choice(TABLES))}"
        maintain = ("MAINTAIN",) if self.major >= 17 else ()
        places: list[tuple[str, tuple[str, ...]]] = [
            (f"TABLE {table}", (*_TABLE, *maintain, "ALL")),
            (f"TABLE {table}", tuple(f"{one} ({quoted(self.dice.choice(COLUMNS))})" for one in _COLUMN)),
            (f"SEQUENCE {schema}.q", ("USAGE", "SELECT", "UPDATE")),
            (f"FUNCTION {schema}.f(integer)", ("EXECUTE",)),
            (f"FUNCTION {schema}.f(text, text)", ("EXECUTE",)),
            (f"SCHEMA {schema}", ("USAGE", "CREATE")),
            ("DATABASE lab", ("CONNECT", "CREATE", "TEMPORARY")),
            ("LANGUAGE plpgsql", ("USAGE",)),
            ("FOREIGN DATA WRAPPER w", ("USAGE",)),
            ("FOREIGN SERVER srv", ("USAGE",)),
            ("TABLESPACE pg_default", ("CREATE",)),
            (f"LARGE OBJECT {self.dice.randint(900001, 900003)}", ("SELECT", "UPDATE")),
            ("TABLE pg_catalog.pg_authid", ("SELECT", "UPDATE", "SELECT (rolname)", "UPDATE (rolname)")),
        ]
        if self.major >= 15:
            places.append(("PARAMETER log_statement", ("SET", "ALTER SYSTEM")))
            places.append(("PARAMETER work_mem", ("SET", "ALTER SYSTEM")))
        weights = [14, 10, 2, 2, 1, 5, 2, 1, 1, 1, 1, 3, 2, 1, 1]
        return self.dice.choices(places, weights[: len(places)])[0]

    def _grant(self) -> None:
        on, privileges = self._place()
        what = self.dice.choice(privileges)
        grantee = self.grantee()
        option = " WITH GRANT OPTION" if grantee != "PUBLIC" and self.often(0.2) else ""
        if self.often(0.15):
            # granted by somebody who holds it with grant option
            self.attempt(f"SET LOCAL ROLE {self.role()}")
        self.attempt(f"GRANT {what} ON {on} TO {grantee}{option}")
        self.connection.execute("RESET ROLE")

    def _revoke(self) -> None:
        on, privileges = self._place()
        who = self.grantee()
        if self.often(0.4):
            who = self.owner(on) or who
        what = "ALL" if self.often(0.3) else self.dice.choice(privileges)
        self.attempt(f"REVOKE {what} ON {on} FROM {who} CASCADE")

    def owner(self, on: str) -> str | None:
        """The owner of a table or view, whose own rights may be revoked too."""
        if not on.startswith("TABLE "):
            return None
        row = self.connection.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(%s)",
            [on.removeprefix("TABLE ")],
        ).fetchone()
        return quoted(row[0]) if row else None
