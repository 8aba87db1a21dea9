"""A large hospital's cluster in its catalogs: many roles, tables, columns and grants, and no data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

# of a hundred roles these are groups, the others people
_GROUPS_PERCENT = 10
_TABLES_A_SCHEMA = 250
# every so many tables there is a view, a function with a trigger, a row policy, an odd grant
_EVERY = 20
_BATCH = 500
_COLUMNS = (
    "patient_id bigint",
    "label character varying(200) NOT NULL DEFAULT 'none'",
    "recorded_at timestamp with time zone DEFAULT now()",
    "value numeric(12,3)",
    "unit text",
    "comment text",
    "active boolean DEFAULT true",
    "entered_by integer",
    "updated_at date",
)
_SENSITIVE = ("nir text", "birth_date date", "surname text", "diagnosis text")


def populate(connection: psycopg.Connection, *, roles: int, tables: int, columns: int, grants: int) -> None:
    """Make so many roles, tables, columns in all and entries of ACLs in the connection's database.

    The connection is in autocommit, for one transaction could not hold that many locks. With the tables
    come their primary keys, and for every 20 of them a view, a function with its trigger, a row policy,
    a check constraint, a comment and a column grant.
    """
    groups = [f"group_{number}" for number in range(max(1, roles * _GROUPS_PERCENT // 100))]
    people = [f"person_{number}" for number in range(max(0, roles - len(groups)))]
    schemas = [f"ward_{number}" for number in range(max(1, tables // _TABLES_A_SCHEMA))]
    _run(connection, _roles(groups, people))
    _run(connection, (f"CREATE SCHEMA {ident(name)}" for name in schemas))
    for number, name in enumerate(schemas):
        _run(connection, [f"GRANT USAGE ON SCHEMA {ident(name)} TO {groups[number % len(groups)]}"])
    _run(connection, _tables(schemas, tables, columns))
    _run(connection, _grants(schemas, groups, tables, grants))
    _run(connection, _extras(schemas, groups, people, tables))


def _roles(groups: list[str], people: list[str]) -> Iterator[str]:
    for name in groups:
        yield f"CREATE ROLE {name} NOLOGIN"
    for number, name in enumerate(people):
        yield f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 5"
        for step in (1, 7):
            yield f"GRANT {groups[number * step % len(groups)]} TO {name}"


def _table(schemas: list[str], number: int) -> str:
    return f"{schemas[number % len(schemas)]}.exam_{number}"


def _tables(schemas: list[str], tables: int, columns: int) -> Iterator[str]:
    made = 0
    for number in range(tables):
        # as many as are left, spread over the tables that are left
        width = max(1, round((columns - made) / (tables - number)))
        made += width
        listed = ["id bigint PRIMARY KEY"]
        for place in range(width - 1):
            if place == 0 and number % 40 == 0:
                listed.append(_SENSITIVE[number // 40 % len(_SENSITIVE)])
            elif place < len(_COLUMNS):
                listed.append(_COLUMNS[place])
            else:
                listed.append(f"extra_{place} text")
        yield f"CREATE TABLE {_table(schemas, number)} ({', '.join(listed)})"


def _grants(schemas: list[str], groups: list[str], tables: int, grants: int) -> Iterator[str]:
    privileges = ("SELECT", "SELECT, INSERT", "SELECT, UPDATE", "SELECT, INSERT, UPDATE, DELETE")
    given = 0
    for number in range(tables):
        count = min(len(groups), round((grants - given) / (tables - number)))
        given += count
        for place in range(count):
            group = groups[(number % len(schemas) + place * 3) % len(groups)]
            yield f"GRANT {privileges[place % len(privileges)]} ON {_table(schemas, number)} TO {group}"


def _extras(schemas: list[str], groups: list[str], people: list[str], tables: int) -> Iterator[str]:
    for number in range(0, tables, _EVERY):
        table = _table(schemas, number)
        view, function = table.replace("exam_", "recent_"), table.replace("exam_", "check_")
        yield f"CREATE VIEW {view} AS SELECT * FROM {table} WHERE id > 10 AND id::text <> 'a constant'"
        yield (
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $body$BEGIN"
            " IF NEW.id < 0 THEN RAISE EXCEPTION 'no such number: %', NEW.id"
            " USING HINT = 'positive only'; END IF;"
            f" PERFORM 1 FROM {table} WHERE id = NEW.id AND 'x' <> 'y'; RETURN NEW; END$body$"
        )
        yield f"CREATE TRIGGER checked BEFORE INSERT ON {table} FOR EACH ROW EXECUTE PROCEDURE {function}()"
        yield f"ALTER TABLE {table} ADD CHECK (id > 0)"
        yield f"COMMENT ON TABLE {table} IS 'examinations of ward {number}'"
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"CREATE POLICY own ON {table} USING (id::text = current_setting('app.tenant', true))"
        yield f"GRANT SELECT (id) ON {table} TO {people[number % len(people)] if people else groups[0]}"


def _run(connection: psycopg.Connection, statements: Iterator[str] | list[str]) -> None:
    batch: list[str] = []
    for statement in statements:
        batch.append(statement)
        if len(batch) == _BATCH:
            connection.execute(";\n".join(batch).encode())
            batch.clear()
    if batch:
        connection.execute(";\n".join(batch).encode())
