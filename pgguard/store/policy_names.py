"""What a policy names that the inspected cluster does not have: roles, databases, tables, columns.

A name that matches nothing is an exception that is none, or a table that nobody audits. What could not be
read is told apart: that a name was not found there says nothing.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC
from pgguard.store.policy_mistakes import SHAPES, Mistake, entry_texts, near, section_entries, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.store.toml_lines import Place

_ROLES = (
    ("administrators", "roles", "*"),
    ("service", "*", "role"),
    ("setting", "*", "role"),
    ("encrypt", "*", "readers", "*"),
    ("allow", "delegating_roles", "*"),
    ("contract", "*", "roles", "*"),
    ("activity", "*", "recipient_roles", "*"),
    ("breakglass", "*", "role"),
)
_DATABASES = (("database", "*", "name"), ("activity", "*", "databases", "*"), ("*", "*", "database"))
# keys of a table's entry that name one of its columns
_COLUMNS = (
    ("retention", "table", "age_column"),
    ("audit_table", "table", "subject"),
    ("data_subject", "table", "key"),
)
# keys that list names of columns of the table of their entry
_COLUMN_LISTS = (("retention", "columns"), ("mandate_table", "columns"))
# keys that list tables
_TABLE_LISTS = (("activity", "tables"), ("retention", "copies"))
_TABLES = ("relations", "columns")
_NEEDED = frozenset({*_TABLES, "schemas", "publications"})
_LAST = re.compile(r'(.*)\.("(?:[^"]|"")+"|[^".]+)\Z', re.DOTALL)
# looking for the nearest of many thousand names takes a while
_MOST_HINTS = 20


class Compared(NamedTuple):
    """Names that are not there, and what could not be looked up: the reasons, in words."""

    mistakes: tuple[Mistake, ...]
    unread: tuple[str, ...]


def compare(data: dict[str, Any], snapshot: Snapshot) -> Compared:
    """The names in a policy's data that the snapshot's cluster does not have.

    People who have left are not looked for: their login may be gone, and should be.
    """
    look = _Look(snapshot)
    found = [
        *look.roles(data),
        *look.databases(data),
        *look.schemas(data),
        *look.relations(data),
        *look.tenant_columns(data),
        *look.publications(data),
    ]
    return Compared(tuple(found), tuple(dict.fromkeys(look.unread)))


class _Look:
    """The names of one snapshot, and what of it is missing for an answer (`unread`)."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.unread: list[str] = []
        self._snapshot = snapshot
        self._hints = 0
        self._tables: dict[str, dict[str, set[str]]] = {}

    def roles(self, data: dict[str, Any]) -> Iterator[Mistake]:
        asked = [one for pattern in _ROLES for one in texts(data, *pattern)]
        today = datetime.date.fromisoformat(self._snapshot.server.now[:10])
        for section, keys in (("person", ("role", "replaces")), ("account", ("role",))):
            for number, entry in section_entries(data, section):
                until = entry.get("until")
                # a time of day would be a mistake of the file's own
                if type(until) is datetime.date and until < today:
                    continue
                for key in keys:
                    asked.append(((section, number, key), entry_texts(entry, key)[0]))
        asked = [(place, name) for place, name in asked if name.strip() and name != PUBLIC]
        if asked and (reason := self._snapshot.missing().get("roles")):
            self.unread.append(f"roles: {reason}")
            return
        known = {role.name for role in self._snapshot.roles} if asked else set()
        for place, name in asked:
            if name not in known:
                yield Mistake(place, f"there is no role {ident(_shown(name))}{self._near(name, known)}")

    def databases(self, data: dict[str, Any]) -> Iterator[Mistake]:
        known = {row.name for row in self._snapshot.databases}
        for pattern in _DATABASES:
            for place, name in texts(data, *pattern):
                if name.strip() and name not in known:
                    said = f"there is no database {ident(_shown(name))}{self._near(name, known)}"
                    yield Mistake(place, said)

    def schemas(self, data: dict[str, Any]) -> Iterator[Mistake]:
        for place, name in texts(data, "audit", "cover", "*"):
            where = self._where("", "schemas")
            known = {row.name for one in where for row in one.schemas}
            if name.strip() and name not in known and self._is_all("", where):
                yield Mistake(place, f"there is no schema {ident(_shown(name))}{self._near(name, known)}")

    def relations(self, data: dict[str, Any]) -> Iterator[Mistake]:
        for (section, key), shape in SHAPES.items():
            for number, entry in section_entries(data, section):
                name, database = entry_texts(entry, key, "database")
                place = (section, number, key)
                if shape.count(".") == 1:
                    yield from self._table(place, name, database)
                elif match := _LAST.match(name):
                    yield from self._column(place, match[1], match[2], database)
        for section, key in _TABLE_LISTS:
            for listed, name in texts(data, section, "*", key, "*"):
                yield from self._table(listed, name, "")
        for listed, name in texts(data, "activity", "*", "columns", "*"):
            if match := _LAST.match(name):
                yield from self._column(listed, match[1], match[2], "")
        for section, table, key in _COLUMNS:
            for number, entry in section_entries(data, section):
                name, column, database = entry_texts(entry, table, key, "database")
                # a table that is not there is said once
                if column.strip() and any(name in self._known(one) for one in self._within(database)):
                    yield from self._column((section, number, key), name, column, database)

        databases = {
            entry_texts(entry, "name")[0]: entry_texts(entry, "database")[0]
            for _, entry in section_entries(data, "mandate")
        }
        for section, key in _COLUMN_LISTS:
            for number, entry in section_entries(data, section):
                name, database, mandate = entry_texts(entry, "table", "database", "mandate")
                database = database or databases.get(mandate, "")
                if any(name in self._known(one) for one in self._within(database)):
                    for at, column in enumerate(entry.get(key) or ()):
                        yield from self._column((section, number, key, at), name, str(column), database)

    def tenant_columns(self, data: dict[str, Any]) -> Iterator[Mistake]:
        for place, name in texts(data, "tenancy", "columns", "*"):
            where = self._within("")
            tables = [columns for one in where for columns in self._known(one).items()]
            full = {f"{table}.{column}" for table, columns in tables for column in columns}
            plain = {column for _, columns in tables for column in columns}
            there = name in full or name in plain or ident(_shown(name)) in plain if name.strip() else True
            if not there and self._is_all("", where):
                yield Mistake(place, f"no table has a column {_shown(name)}{self._near(name, plain)}")

    def publications(self, data: dict[str, Any]) -> Iterator[Mistake]:
        for number, entry in section_entries(data, "publication"):
            name, database = entry_texts(entry, "name", "database")
            where = self._where(database, "publications")
            known = {row.name for one in where for row in one.publications}
            if name.strip() and name not in known and self._is_all(database, where):
                said = f"there is no publication {ident(_shown(name))}{self._near(name, known)}"
                yield Mistake(("publication", number, "name"), said)

    def _table(self, place: Place, name: str, database: str) -> Iterator[Mistake]:
        where = self._within(database)
        there = not name.strip() or any(name in self._known(one) for one in where)
        if not there and self._is_all(database, where):
            known = set[str]().union(*(self._known(one) for one in where))
            yield Mistake(place, f"there is no table {_shown(name)}{self._near(name, known)}")

    def _column(self, place: Place, table: str, column: str, database: str) -> Iterator[Mistake]:
        where = self._within(database)
        columns = [self._known(one)[table] for one in where if table in self._known(one)]
        if not columns:
            yield from self._table(place, table, database)
        elif not any({column, ident(_shown(column))} & known for known in columns) and self._is_all(
            database, where
        ):
            hint = self._near(column, set().union(*columns))
            yield Mistake(place, f"{_shown(table)} has no column {_shown(column)}{hint}")

    def _within(self, database: str) -> list[DatabaseSnapshot]:
        return self._where(database, *_TABLES)

    def _where(self, database: str, *sections: str) -> list[DatabaseSnapshot]:
        """The databases that are meant, as far as these sections of them were read."""
        return [
            one
            for one in self._snapshot.inspected
            if database in ("", one.name) and not set(sections) & set(one.missing())
        ]

    def _is_all(self, database: str, where: list[DatabaseSnapshot]) -> bool:
        """Whether `where` is all that could hold a name; what is not in it is noted as unread."""
        rows = {row.name: row for row in self._snapshot.databases}
        if database and database not in rows:
            return False  # said of the database already
        open_ones = [row.name for row in rows.values() if row.allow_connections and not row.is_template]
        absent = sorted(set([database] if database else open_ones) - {one.name for one in where})
        inspected = {one.name: one for one in self._snapshot.inspected}
        for name in absent:
            if name not in inspected:
                self.unread.append(f"database {ident(name)}: it was not inspected")
                continue
            for section, reason in sorted(inspected[name].missing().items()):
                if section in _NEEDED:
                    self.unread.append(f"{section} of database {ident(name)}: {reason}")
        return not absent

    def _known(self, database: DatabaseSnapshot) -> dict[str, set[str]]:
        """The columns of each relation, by names quoted where SQL needs it."""
        known = self._tables.get(database.name)
        if known is None:
            known = self._tables[database.name] = {}
            by_oid = {}
            for relation in database.relations:
                by_oid[relation.oid] = known[f"{ident(relation.schema)}.{ident(relation.name)}"] = set()
            for column in database.columns:
                if column.relation in by_oid:
                    by_oid[column.relation].add(ident(column.name))
        return known

    def _near(self, name: str, known: Iterable[str]) -> str:
        self._hints += 1
        return near(name, sorted(known)) if self._hints <= _MOST_HINTS else ""


def _shown(name: str) -> str:
    # a NUL is a mistake of the file's own, and cannot be quoted
    return name.replace("\x00", "\ufffd")
