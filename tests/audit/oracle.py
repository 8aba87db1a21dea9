"""What has to be recorded of a write, found without the audit: the table before and after it, by key.

place = Place(cluster, database)
place.begin(tables, audited)
with place.session() as connection:
    place.run(connection, "UPDATE lab.t SET a = 'x'")
place.compare()
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import pq, sql
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.demo.cluster import Cluster

APP = "app"
# what a value of more bytes is recorded as
BOUND = 1000


class Audited(NamedTuple):
    """How a table is audited."""

    subject: str | None = None
    classes: Mapping[str, str] = {}
    truncate_allowed: bool = False
    key_is_tag: bool = False
    subject_is_tag: bool = False
    # a child that has columns of its own is recorded by itself
    only: bool = False
    # what tells rows apart where no primary key says it
    key: tuple[str, ...] | None = None


class Row(NamedTuple):
    """A row as text: where it is (where keys are unique), its key, its subject, and all its columns."""

    place: int
    key: str
    subject: str | None
    columns: dict[str, str | None]


class Change(NamedTuple):
    """One row that was written: came, gone or changed, with what is to be recorded of it."""

    kind: str
    relation: str
    key: str
    subject: str | None
    subject_before: str | None = None
    changed: frozenset[str] = frozenset()
    old: tuple[tuple[str, str | None], ...] = ()
    new: tuple[tuple[str, str | None], ...] = ()


def bounded(value: str | None) -> str | None:
    """A value as it is recorded."""
    if value is None or len(value.encode()) <= BOUND:
        return value
    raw = value.encode()
    return f"{value[:100]}... ({len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()})"


def _bytes(value: str | None) -> str | None:
    """Bytes as they are recorded, from their hexadecimal form."""
    if value is None or len(value) <= BOUND:
        return value
    raw = bytes.fromhex(value)
    return f"{value[:100]}... ({len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()})"


KINDS = {
    "INSERT": "came",
    "UPDATE TO": "came",
    "DELETE": "gone",
    "UPDATE FROM": "gone",
    "UPDATE": "changed",
}


@dataclass
class Place:
    """A database whose schema lab is made anew for each form of writing, and what should be recorded."""

    cluster: Cluster
    database: str
    level: str = "statement"
    audited: dict[str, Audited] = field(default_factory=dict)
    expected: Counter[Change] = field(default_factory=Counter)
    start: object = None
    verbs: set[str] = field(default_factory=set)
    _looking: psycopg.Connection | None = None

    def dsn(self, user: str = "postgres", **more: str) -> str:
        """The database, as somebody."""
        return self.cluster.dsn(user=user, dbname=self.database, **more)

    @contextlib.contextmanager
    def session(self, user: str = APP, **more: str) -> Iterator[psycopg.Connection]:
        """A session in autocommit."""
        with contextlib.closing(psycopg.connect(self.dsn(user, **more), autocommit=True)) as connection:
            yield connection

    def looking(self) -> psycopg.Connection:
        """A superuser's session that stays."""
        if self._looking is None or self._looking.closed:
            self._looking = psycopg.connect(self.dsn(), autocommit=True, prepare_threshold=None)
        return self._looking

    def superuser(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a superuser is answered."""
        cursor = self.looking().execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def begin(self, tables: str, audited: Mapping[str, Audited]) -> None:
        """The schema lab with these tables, of lab_owner, open to app; those that are to be are audited."""
        with self.session("postgres") as connection:
            for (name,) in connection.execute(
                "SELECT a.relation::text FROM pgguard_audit.audited AS a JOIN pg_class AS c ON"
                " c.oid = a.relation"
            ).fetchall():
                connection.execute("SELECT pgguard_audit.leave(%s::regclass)", (name,))
            connection.execute("DROP SCHEMA IF EXISTS lab CASCADE")
            connection.execute("CREATE SCHEMA lab AUTHORIZATION lab_owner")
            connection.execute("SET ROLE lab_owner")
            connection.execute(tables.encode())
            connection.execute(
                "RESET ROLE; GRANT USAGE ON SCHEMA lab TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA"
                " lab TO app;"
                "GRANT ALL ON ALL SEQUENCES IN SCHEMA lab TO app"
            )
            for name, how in audited.items():
                connection.execute(
                    "SELECT pgguard_audit.audit(%s::regclass, %s, %s, %s, %s, %s, %s)",
                    (
                        name,
                        how.subject,
                        Jsonb(dict(how.classes)),
                        self.level,
                        how.truncate_allowed,
                        how.key_is_tag,
                        how.subject_is_tag,
                    ),
                )
        self.audited = dict(audited)
        self.expected = Counter()
        self.verbs = set()
        ((self.start,),) = self.superuser("SELECT clock_timestamp()")

    def run(self, connection: psycopg.Connection, statement: str, *values: object) -> None:
        """Executes a statement, and notes what has to be recorded of it."""
        with self.noted(connection):
            connection.execute(statement.encode(), values or None)

    @contextlib.contextmanager
    def noted(self, connection: psycopg.Connection) -> Iterator[None]:
        """Notes what the block changes, as the connection sees it, or once it is committed."""
        before = self.rows(connection)
        yield
        self.expected += self.differences(before, self.rows(connection))

    def rows(self, connection: psycopg.Connection) -> dict[str, list[Row]]:
        """Every row of the audited tables."""
        if connection.info.transaction_status == pq.TransactionStatus.INTRANS:
            return {name: self._table(connection, name, how) for name, how in self.audited.items()}
        other = self.looking()
        return {name: self._table(other, name, how) for name, how in self.audited.items()}

    def _table(self, connection: psycopg.Connection, name: str, how: Audited) -> list[Row]:
        columns = [
            (str(column), str(kind))
            for column, kind in connection.execute(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass"
                " AND attnum > 0 AND NOT attisdropped AND attgenerated <> 'v' ORDER BY attnum",
                (name,),
            ).fetchall()
        ]
        if not columns:
            count = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()
            assert count is not None
            return [Row(0, self._digest("()"), None, {})] * count[0]
        shown = [
            sql.SQL("encode(t.{}, 'hex')" if kind == "bytea" else "t.{}::text").format(sql.Identifier(column))
            for column, kind in columns
        ]
        keys = how.key or self._primary_key(connection, name)
        if not keys:
            key: sql.Composable = sql.SQL("concat(ROW({}))").format(
                sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(one)) for one, _ in columns)
            )
        else:
            parts = [shown[[one for one, _ in columns].index(key)] for key in keys]
            key = (
                parts[0] if len(parts) == 1 else sql.SQL("ARRAY[{}]::text").format(sql.SQL(", ").join(parts))
            )
        query = sql.SQL(
            "SELECT c.oid, {}, {} FROM {} AS t LEFT JOIN pg_class AS c ON c.oid = t.tableoid AND"
            " NOT c.relispartition"
        ).format(
            key,
            sql.SQL(", ").join(shown),
            sql.SQL(f"{'ONLY ' if how.only else ''}{name}"),
        )
        with connection.transaction(force_rollback=True):
            # whatever the session is set to
            connection.execute(
                "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL"
                " IntervalStyle = 'postgres';"
                "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL"
                " search_path = pg_catalog"
            )
            found = connection.execute(query).fetchall()
        rows = []
        for place, first, *values in found:
            row = {
                name: _bytes(value) if kind == "bytea" else value
                for (name, kind), value in zip(columns, values, strict=True)
            }
            subject = row[how.subject] if how.subject else None
            rows.append(
                Row(
                    place or 0,
                    self._digest(first) if not keys or how.key_is_tag else str(bounded(first)),
                    self._digest(subject) if how.subject_is_tag and subject is not None else bounded(subject),
                    row,
                )
            )
        return rows

    def _primary_key(self, connection: psycopg.Connection, name: str) -> tuple[str, ...]:
        return tuple(
            str(column)
            for (column,) in connection.execute(
                "SELECT a.attname FROM pg_constraint AS c"
                " CROSS JOIN unnest(c.conkey) WITH ORDINALITY AS k (number, place)"
                " JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number"
                " WHERE c.contype = 'p' AND NOT c.condeferrable AND c.conrelid = %s::regclass ORDER"
                " BY k.place",
                (name,),
            ).fetchall()
        )

    def _has_key(self, relation: str) -> bool:
        how = next(how for name, how in self.audited.items() if self._quoted(name) == relation)
        return bool(how.key or self._primary_key(self.looking(), relation))

    def _digest(self, value: str) -> str:
        ((secret,),) = self.superuser("SELECT secret FROM pgguard_audit.installation")
        known = hashlib.sha256(b"tag" + bytes(secret)).digest()
        return hashlib.sha256(known + hashlib.sha256(known + value.encode()).digest()).hexdigest()[:32]

    def differences(self, before: dict[str, list[Row]], after: dict[str, list[Row]]) -> Counter[Change]:
        """What came, went and changed, by key; rows without one are counted."""
        found: Counter[Change] = Counter()
        for name, how in self.audited.items():
            relation = self._quoted(name)
            was, now = before.get(name, []), after.get(name, [])
            told_apart = all(len({one[:2] for one in rows}) == len(rows) for rows in (was, now))
            if not told_apart:
                lost = Counter(one.key for one in was) - Counter(one.key for one in now)
                won = Counter(one.key for one in now) - Counter(one.key for one in was)
                for key, many in lost.items():
                    found[self._alone("gone", relation, how, next(one for one in was if one.key == key))] += (
                        many
                    )
                for key, many in won.items():
                    found[self._alone("came", relation, how, next(one for one in now if one.key == key))] += (
                        many
                    )
                continue
            old, new = {one[:2]: one for one in was}, {one[:2]: one for one in now}
            found.update(self._alone("gone", relation, how, old[one]) for one in old.keys() - new.keys())
            found.update(self._alone("came", relation, how, new[one]) for one in new.keys() - old.keys())
            for one in old.keys() & new.keys():
                names = [c for c in new[one].columns if old[one].columns.get(c) != new[one].columns[c]]
                if names:
                    found[self.changed(relation, how, old[one], new[one], names)] += 1
        return found

    def _quoted(self, name: str) -> str:
        ((quoted,),) = self.superuser(
            "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = %s::regclass",
            name,
        )
        return str(quoted)

    def _values(self, how: Audited, row: Row) -> tuple[tuple[str, str | None], ...]:
        return tuple(
            sorted((one, bounded(value)) for one, value in row.columns.items() if one in _plain(how))
        )

    def _alone(self, kind: str, relation: str, how: Audited, row: Row) -> Change:
        values = self._values(how, row)
        return Change(
            kind,
            relation,
            row.key,
            row.subject,
            old=values if kind == "gone" else (),
            new=values if kind == "came" else (),
        )

    def changed(self, relation: str, how: Audited, old: Row, new: Row, names: list[str]) -> Change:
        """A row that has the same key as before, and other values."""
        return Change(
            "changed",
            relation,
            new.key,
            new.subject,
            old.subject if how.subject in names else None,
            frozenset(names),
            tuple(one for one in self._values(how, old) if one[0] in names),
            tuple(one for one in self._values(how, new) if one[0] in names),
        )

    def recorded(self) -> Counter[Change]:
        """What the audit recorded since `begin`, in the same terms; and the verbs that it used."""
        found: Counter[Change] = Counter()
        halves: Counter[tuple[object, Change]] = Counter()
        for at, verb, relation, key, subject, before, names, old, new in self.superuser(
            "SELECT at, verb, relation, key, subject, subject_before, changed, old, new FROM"
            " pgguard_audit.change"
            " WHERE relation IS NOT NULL AND at > %s",
            self.start,
        ):
            self.verbs.add(verb)
            if verb == "TRUNCATE":
                continue
            kind = KINDS.get(verb, verb)
            shown = set(names or ()) if kind == "changed" else set()
            had = {k: v for k, v in (old or {}).items() if kind != "changed" or k in shown}
            has = {k: v for k, v in (new or {}).items() if kind != "changed" or k in shown}
            one = Change(
                kind,
                relation,
                key,
                subject,
                before if kind == "changed" else None,
                frozenset(shown),
                tuple(sorted(had.items())) if kind != "came" else (),
                tuple(sorted(has.items())) if kind != "gone" else (),
            )
            if verb.startswith("UPDATE ") and not self._has_key(relation):
                halves[at, one] += 1
            else:
                found[one] += 1
        # a row without a key that was written as it was: gone and come again
        for at, one in halves:
            other = one._replace(kind="came" if one.kind == "gone" else "gone")
            found[one] += max(halves[at, one] - halves[at, other], 0)
        return +found

    def compare(self) -> Counter[Change]:
        """Asserts that everything is recorded, once; what was written without being changed is returned."""
        recorded = self.recorded()
        unchanged = Counter(
            {one: many for one, many in recorded.items() if one.kind == "changed" and not one.changed}
        )
        recorded -= unchanged
        assert recorded == self.expected, (
            f"not recorded: {_told(self.expected - recorded)}; not written: {_told(recorded - self.expected)}"
        )
        return unchanged

    def all_audited(self) -> None:
        """Asserts that the audit itself says that nothing can be written without it."""
        wrong = self.superuser(
            "SELECT relation::text FROM pgguard_audit.audited AS a WHERE NOT"
            " pgguard_audit.is_audited(relation)"
            " AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = a.relation)"
        )
        assert not wrong, wrong


def _told(some: Counter[Change]) -> str:
    return "; ".join(f"{many} x {str(one)[7:400]}" for one, many in list(some.items())[:3])


def _plain(how: Audited) -> set[str]:
    return {one for one, kind in how.classes.items() if kind in ("plain", "cipher")}
