"""Statements at random over the laboratory: single ones, and short scenarios of one session."""

from __future__ import annotations

import random  # noqa: TC003 - the dice are made by the tests

from tests.analysis.usage.laboratory import readable

_FUNCTIONS = (
    "SELECT lab.patients(1)",
    "SELECT * FROM lab.named('ada') AS n",
    "SELECT lab.phone_of(1)",
    "SELECT take_ticket()",
    "SELECT nextval('lab.ticket')",
    "SELECT nextval('ticket'::regclass)",
    "SELECT setval('lab.ticket', 5)",
    "SELECT nextval(pg_get_serial_sequence('lab.patient', 'id'))",
    "SELECT last_value FROM lab.ticket",
)
_WRITES = (
    "INSERT INTO patient (name) VALUES ('Eve')",
    "INSERT INTO patient (id, name) VALUES (100, 'Eve')",
    "INSERT INTO patient VALUES (101, 'Eve')",
    "INSERT INTO patient (id, name) VALUES (DEFAULT, 'Eve') RETURNING id",
    "INSERT INTO lab.patient DEFAULT VALUES",
    "INSERT INTO visit (patient, result) VALUES (1, 3)",
    "INSERT INTO word VALUES ('x')",
    "INSERT INTO visit (patient, doctor) VALUES (1, 1) RETURNING *",
    "INSERT INTO thing SELECT id, name FROM doctor",
    "INSERT INTO thing SELECT * FROM (SELECT id, name FROM doctor) AS d",
    "INSERT INTO thing (id) SELECT id FROM patient WHERE name = 'Ada' RETURNING amount",
    "INSERT INTO doctor (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    "INSERT INTO doctor (id) VALUES (1) ON CONFLICT (id) DO NOTHING",
    "INSERT INTO doctor (id) VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT INTO doctor AS d (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'y' WHERE d.phone = '1'",
    "INSERT INTO doctor (id, phone) VALUES (9, '1') ON CONFLICT ON CONSTRAINT doctor_phone_key DO NOTHING",
    "INSERT INTO sample VALUES (3, 'a')",
    "INSERT INTO sample_b (id, kind) VALUES (3, 'b')",
    "INSERT INTO open_patient (name) VALUES ('Eve')",
    "INSERT INTO inbox VALUES ('x')",
    "INSERT INTO child (id, extra) VALUES (1, 2)",
    "UPDATE patient SET note = 'x'",
    "UPDATE patient SET note = name WHERE id = 1",
    "UPDATE patient p SET note = d.name FROM doctor d WHERE d.id = p.doctor",
    "UPDATE visit SET doctor = DEFAULT",
    "UPDATE thing SET (id, name) = (SELECT id, name FROM doctor LIMIT 1) RETURNING thing.id",
    "UPDATE thing SET amount = amount + 1",
    "UPDATE open_patient SET name = 'z' WHERE id = 1",
    "UPDATE open_patient SET name = 'z'",
    "UPDATE phone_book SET name = 'z' WHERE id = 1",
    "UPDATE ward SET name = 'z'",
    "UPDATE ward SET name = 'z' WHERE id = 1",
    "UPDATE base SET name = 'z'",
    "DELETE FROM thing",
    "DELETE FROM thing WHERE id = 1",
    "DELETE FROM thing t USING doctor d WHERE d.id = t.id RETURNING d.name",
    "DELETE FROM lab.audit WHERE what IS NULL",
    "DELETE FROM open_patient WHERE id = 99",
    "DELETE FROM sample_a",
    "TRUNCATE thing",
    "TRUNCATE sample",
    "TRUNCATE doctor, thing",
    "TRUNCATE patient CASCADE",
    "WITH gone AS (DELETE FROM thing RETURNING id, name) "
    "INSERT INTO doctor (id, name) SELECT id + 50, name FROM gone",
    "WITH x AS (INSERT INTO lab.history VALUES ('x') RETURNING what) SELECT * FROM x",
    "COPY thing TO STDOUT",
    "COPY thing (id, name) TO STDOUT",
    "COPY (SELECT phone FROM doctor) TO STDOUT",
)
_LOCKS = (
    "LOCK TABLE thing IN ACCESS SHARE MODE",
    "LOCK thing IN ROW SHARE MODE",
    "LOCK TABLE thing IN ROW EXCLUSIVE MODE",
    "LOCK thing",
    "LOCK sample",
    "LOCK base IN SHARE MODE",
)
_OTHER = (
    "CREATE TEMP TABLE z AS SELECT id FROM patient",
    "CREATE TABLE lab.z (a integer REFERENCES doctor)",
    "CREATE TABLE z (a text REFERENCES lab.doctor (phone))",
    "CREATE TABLE other.z (LIKE thing)",
    "CREATE VIEW lab.z AS SELECT name FROM patient",
    "SELECT id, name INTO TEMP z FROM doctor",
    "CREATE SEQUENCE other.z",
    "EXPLAIN SELECT nir FROM patient",
    "EXPLAIN ANALYZE UPDATE thing SET name = 'x'",
    "DO $$ BEGIN PERFORM count(phone) FROM lab.doctor; END $$",
    "DO $$ DECLARE n integer; BEGIN SELECT amount INTO n FROM other.thing; "
    "INSERT INTO lab.history VALUES (n); END $$",
    "SELECT pg_catalog.count(*) FROM pg_class",
    "SELECT d.phone FROM doctor d, pg_roles r WHERE r.rolname = d.name",
    "SELECT 'blood'::kind",
    "SELECT 'blood'::lab.kind",
    "SELECT kind FROM visit WHERE kind = ANY (ARRAY['blood']::lab.kind[])",
    "SELECT 1; SELECT phone FROM doctor; UPDATE thing SET id = 1",
)
_SCENARIOS = (
    ("PREPARE q (integer) AS SELECT name FROM patient WHERE id = $1", "EXECUTE q (1)", "DEALLOCATE q"),
    ("PREPARE q AS UPDATE thing SET name = 'x'", "EXECUTE q", "DEALLOCATE q"),
    ("CREATE TEMP TABLE doctor (id integer, x text)", "TABLE doctor", "INSERT INTO doctor VALUES (1)"),
    ("SET LOCAL search_path = other", "SELECT amount FROM thing"),
    ("SET search_path TO other, 'lab'", "SELECT phone FROM doctor", "RESET search_path", "TABLE thing"),
    ("SELECT set_config('search_path', 'other', true)", "SELECT amount FROM thing"),
    ("DECLARE c CURSOR FOR SELECT amount FROM thing FOR UPDATE", "FETCH 1 FROM c",
     "UPDATE thing SET name = 'q' WHERE CURRENT OF c"),
    ("DECLARE c CURSOR FOR SELECT phone FROM doctor", "FETCH ALL FROM c", "CLOSE c"),
    ("CREATE TEMP TABLE z (id integer)", "SELECT p.note FROM z, patient p WHERE p.id = z.id", "DROP TABLE z"),
)  # fmt: skip
_SINCE = {
    11: ("CALL lab.record('x')",),
    12: (
        "INSERT INTO computed (a) VALUES (1)",
        "INSERT INTO computed VALUES (1)",
        "UPDATE computed SET a = 2",
        "COPY computed TO STDOUT",
    ),
    14: ("SELECT lab.atomic()",),
    15: (
        "MERGE INTO thing t USING doctor d ON d.id = t.id WHEN MATCHED THEN UPDATE SET name = d.name "
        "WHEN NOT MATCHED THEN INSERT VALUES (d.id, d.name)",
        "MERGE INTO thing USING doctor d ON d.id = thing.id WHEN MATCHED AND amount > 1 THEN DELETE "
        "WHEN NOT MATCHED THEN DO NOTHING",
        "UPDATE mine SET name = 'x' WHERE id = 1",
        "INSERT INTO mine (id) VALUES (77)",
        "DELETE FROM mine WHERE id = 77",
        "SELECT id FROM mine FOR UPDATE",
    ),
    17: ("MERGE INTO thing t USING doctor d ON d.id = t.id WHEN MATCHED THEN DELETE RETURNING t.amount",),
    18: (
        "UPDATE thing SET name = 'x' RETURNING old.amount, new.id",
        "UPDATE thing SET name = 'x' RETURNING WITH (OLD AS o) o.amount",
    ),
}


class Statements:
    """Makes scenarios: each a tuple of statements for one transaction."""

    def __init__(self, dice: random.Random, major: int) -> None:
        self.dice = dice
        self.major = major
        self.tables = readable(major)
        more = [one for since, some in _SINCE.items() if major >= since for one in some]
        self.fixed = [*_FUNCTIONS, *_WRITES, *_LOCKS, *_OTHER, *more]

    def everything(self) -> list[tuple[str, ...]]:
        """Every statement that is not made at random, and every scenario."""
        return [*((one,) for one in self.fixed), *_SCENARIOS]

    def scenario(self) -> tuple[str, ...]:
        """One scenario."""
        chance = self.dice.random()
        if chance < 0.1:
            return self.dice.choice(_SCENARIOS)
        if chance < 0.4:
            return (self.dice.choice(self.fixed),)
        return (self.select(),)

    def _table(self) -> tuple[str, tuple[str, ...]]:
        name = self.dice.choice(sorted(self.tables))
        return name, self.tables[name]

    def _often(self, chance: float) -> bool:
        return self.dice.random() < chance

    def _expression(self, alias: str, columns: tuple[str, ...], depth: int) -> str:
        column = f"{alias}.{self.dice.choice(columns)}"
        return self.dice.choice(
            [
                column,
                column,
                f"{column}::text",
                f"coalesce({column}::text, 'x')",
                f"CASE WHEN {column} IS NULL THEN 1 END",
                f"({column}, 1)",
                # the planner takes outputs away that nothing needs, and does not ask who may call them
                f"{'lower' if depth else 'lab.folded'}({column}::text)",
                f"{alias}",
                f"row_to_json({alias})",
                f"max({column}::text) OVER (PARTITION BY {alias}.{self.dice.choice(columns)})",
            ]
        )

    def select(self, depth: int = 0) -> str:
        """A SELECT, perhaps with others inside."""
        name, columns = self._table()
        alias = self.dice.choice(["x", "y", "patient", "t1"])
        source = f"{name} AS {alias}"
        outputs = [self._expression(alias, columns, depth) for _ in range(self.dice.randint(1, 3))]
        if self._often(0.15):
            outputs = [self.dice.choice(["*", f"{alias}.*", "1", "count(*)"])]
        plain = outputs[0] not in ("count(*)",)
        prefix = where = suffix = ""
        if self._often(0.35):
            other, columns_of_other = self._table()
            shared = sorted(set(columns) & set(columns_of_other))
            how = self.dice.choice(["cross", "on", "using", "natural", "lateral"])
            if how == "on":
                left, right = self.dice.choice(columns), self.dice.choice(columns_of_other)
                source += f" JOIN {other} AS b ON {alias}.{left}::text = b.{right}::text"
            elif how == "using" and shared:
                source += f" JOIN (SELECT {shared[0]} FROM {other}) AS b USING ({shared[0]})"
            elif how == "natural" and other != name and shared == ["id"]:
                source += f" NATURAL LEFT JOIN {other} AS b"
            elif how == "lateral":
                source += (
                    f", LATERAL (SELECT {alias}.{columns[0]}::text || {columns_of_other[-1]}::text AS q "
                    f"FROM {other}) AS b"
                )
            else:
                source += f", {other} AS b"
        if self._often(0.4):
            inner, columns_of_inner = self._table()
            where = " WHERE " + self.dice.choice(
                [
                    f"{alias}.{self.dice.choice(columns)} IS NOT NULL",
                    f"EXISTS (SELECT 1 FROM {inner} AS i)",
                    f"EXISTS (SELECT FROM {inner} AS i "
                    f"WHERE i.{columns_of_inner[0]}::text = {alias}.{columns[0]}::text)",
                    f"{alias}.{columns[0]}::text IN (SELECT {columns_of_inner[-1]}::text FROM {inner})",
                    f"(SELECT count(*) FROM {inner}) > 0",
                    f"lab.is_positive({len(columns)})",
                ]
            )
        if plain and self._often(0.2):
            outputs[0] += " AS first"
            suffix = self.dice.choice(
                [" ORDER BY first::text", f" ORDER BY {alias}.{columns[-1]}", " LIMIT 3"]
            )
            if suffix.startswith(" ORDER BY first"):
                suffix = f" ORDER BY {alias}.{columns[0]}::text"
        elif "OVER" not in "".join(outputs) and plain and self._often(0.1) and "b" not in source.split():
            suffix = self.dice.choice([" FOR UPDATE", f" FOR SHARE OF {alias}"])
        if depth < 2 and self._often(0.15):
            return f"WITH w AS ({self.select(depth + 1)}) SELECT count(*) FROM w"
        text = f"{prefix}SELECT {', '.join(outputs)} FROM {source}{where}{suffix}"
        if depth < 2 and "lab.folded" not in text and self._often(0.1):
            return f"SELECT count(*) FROM ({text}) AS inside"
        return text
