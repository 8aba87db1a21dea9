"""The kinds of impact: what is said of each, and what to write instead.

The figures were measured with 40-byte texts: opening a value 5 microseconds, a lookup through a blind index
1.5 times one through an index, INSERT through the view 3 to 5 times and UPDATE 3 to 4 times those on the
table.
"""

from __future__ import annotations

from typing import NamedTuple

from pgguard.analysis.encryption_impact.facts import Form, Impact, Target, Verdict
from pgguard.model.quote import ident

_WORKS, _SLOWER = Verdict.WORKS, Verdict.SLOWER
_BREAKS, _WRONG, _UNKNOWN = Verdict.BREAKS, Verdict.SILENTLY_WRONG, Verdict.NOT_UNDERSTOOD


class _Told(NamedTuple):
    verdict: Verdict
    why: str
    instead: str = ""


_COST = "about 5 microseconds a row and value (5 seconds a million)"
_SEALS = "sealing a value costs some microseconds, as opening one does, and nothing is read more"
_NOTHING = "no encrypted column is touched"

_VIEW: dict[str, _Told] = {
    "read": _Told(_WORKS, f"{_NOTHING}: the view costs nothing"),
    "delete": _Told(_WORKS, "the view passes DELETE on to the rows"),
    "lock-rows": _Told(_WORKS, "the rows are locked below the view"),
    "lock-table": _Told(_WORKS, "the view and the table below it are locked"),
    "rename-table": _Told(_WORKS, "the view is renamed or moved; the rows stay in {storage}"),
    "set-default": _Told(_WORKS, "the view has the default, and INSERT through it takes it from there"),
    "create-rule": _Told(_WORKS, "the rule is that of the view: what goes to {storage} does not meet it"),
    "statement-trigger": _Told(
        _WORKS, "the trigger is that of the view: what goes to {storage} does not fire it"
    ),
    "decrypt-value": _Told(_SLOWER, f"opening {{columns}} costs {_COST}"),
    "decrypt-scan": _Told(
        _SLOWER,
        f"a condition on {{columns}} opens every row that other conditions leave, {_COST}, whatever index "
        f"there was",
        "{find}",
    ),
    "like-search": _Told(
        _SLOWER,
        f"a pattern on {{columns}} opens every row that other conditions leave, {_COST}; no index serves it",
        "search the whole value, or narrow the rows by another column",
    ),
    "join-on-encrypted": _Told(
        _SLOWER,
        f"joining on {{columns}} opens every row before the join, {_COST}, and no index serves it",
        "join on the primary key; {find}",
    ),
    "sort-by-encrypted": _Told(
        _SLOWER,
        f"every row is opened before the first is shown, {_COST}; LIMIT saves nothing, for no index has "
        f"this order",
        "sort by another column, or narrow the rows first",
    ),
    "group-by-encrypted": _Told(
        _SLOWER,
        f"every row is opened to group or tell apart by {{columns}}, {_COST}",
        "group by another column",
    ),
    "insert-through-view": _Told(
        _SLOWER,
        "INSERT through the view takes 3 to 5 times as long a row",
        "where many rows come at once: INSERT INTO {storage}, which encrypts as well",
    ),
    "copy-into-view": _Told(
        _SLOWER,
        "COPY FROM through the view takes 3 to 5 times as long a row",
        "COPY {storage} (...) FROM, which encrypts as well",
    ),
    "update-through-view": _Told(
        _SLOWER,
        "UPDATE through the view takes 3 to 4 times as long a row; where the table would have waited for "
        "another "
        "session that changes the same row, it fails (SQLSTATE 40001: try again)",
    ),
    "merge-through-view": _Told(
        _SLOWER, "MERGE through the view takes 3 to 5 times as long a row", "MERGE INTO {storage}"
    ),
    "update-own-value": _Told(_SLOWER, f"the value before is opened and the new one sealed, {_COST} each"),
    "clear-copy": _Told(
        _SLOWER,
        f"opening {{columns}} costs {_COST}, and the values lie in clear in what they are copied to",
        "copy without {columns}, or encrypt the copy as well",
    ),
    "concurrent-update": _Told(
        _BREAKS,
        "it counts on the row as it is then (a counter, a version, a state), and sessions that do this at "
        "once fail "
        "but for one (SQLSTATE 40001), where the table would have let them wait",
        "try again on SQLSTATE 40001, or SELECT ... FOR UPDATE first in the same transaction",
    ),
    "on-conflict": _Told(
        _BREAKS,
        "a view has no unique constraint: ON CONFLICT (...) fails, and without a column a duplicate is an "
        "error",
        "INSERT INTO {storage} ... ON CONFLICT; EXCLUDED of an encrypted column is NULL there",
    ),
    "copy-view-to": _Told(_BREAKS, "COPY ... TO does not take a view", "COPY (SELECT ... FROM {table}) TO"),
    "truncate": _Told(_BREAKS, "TRUNCATE does not take a view", "TRUNCATE {storage}"),
    "merge": _Told(
        _BREAKS,
        "MERGE does not take a view before PostgreSQL 17, and from 17 on not this one when it deletes "
        "beside other "
        "actions",
        "MERGE INTO {storage}, or INSERT, UPDATE and DELETE by themselves",
    ),
    "new-foreign-key": _Told(
        _BREAKS,
        "a foreign key cannot refer to a view",
        "REFERENCES {storage}; the foreign keys there are go on",
    ),
    "alter-table": _Told(
        _BREAKS,
        "this ALTER TABLE does not take a view",
        "ALTER TABLE {storage}, and have the view planned again",
    ),
    "rename-column": _Told(
        _WRONG,
        "only the view's column is renamed: its triggers look for the old name, and the next INSERT or "
        "UPDATE fails",
        "ALTER TABLE {storage} RENAME COLUMN, and have the view planned again",
    ),
    "change-owner": _Told(
        _WRONG,
        "only the view changes its owner: {storage} keeps its own",
        "ALTER TABLE {storage} OWNER TO as well",
    ),
    "create-index": _Told(_BREAKS, "a view has no indexes", "CREATE INDEX ON {storage}"),
    "create-trigger": _Told(
        _BREAKS,
        "a view has no row triggers BEFORE and AFTER, and no transition tables",
        "CREATE TRIGGER ON {storage}: AFTER triggers find NULL in {all}",
    ),
    "drop-of-table": _Told(
        _BREAKS, "triggers and policies are those of {storage}", "DROP TRIGGER, DROP POLICY ON {storage}"
    ),
    "drop-if-exists": _Told(
        _WRONG,
        "triggers and policies are those of {storage}: nothing is dropped",
        "DROP TRIGGER, DROP POLICY ON {storage}",
    ),
    "create-policy": _Told(_BREAKS, "policies are for tables", "CREATE POLICY, ALTER POLICY ON {storage}"),
    "comment-on-table": _Told(_BREAKS, "it is a view: COMMENT ON TABLE refuses it", "COMMENT ON VIEW"),
    "drop-table": _Told(_BREAKS, "it is a view: DROP TABLE refuses it", "DROP TABLE {storage} CASCADE"),
    "create-like": _Told(
        _WRONG,
        "LIKE takes the view's columns without NOT NULL, keys, checks and indexes; values put there lie in "
        "clear",
        "LIKE {storage}",
    ),
    "inherit": _Told(
        _BREAKS, "a table cannot inherit from a view or be its partition", "INHERITS ({storage})"
    ),
    "vacuum-analyze": _Told(
        _WRONG, "VACUUM and ANALYZE pass over a view with a warning", "VACUUM (ANALYZE) {storage}"
    ),
    "cluster-reindex": _Told(_BREAKS, "a view has no indexes", "the same command on {storage}"),
    "create-statistics": _Told(_BREAKS, "a view has no statistics", "CREATE STATISTICS ... FROM {storage}"),
    "publication": _Told(
        _BREAKS,
        "a view cannot be published",
        "FOR TABLE {storage}: subscribers get ciphertext, in columns that they need",
    ),
    "grant": _Told(
        _WRONG,
        "the right is given or taken on the view alone, and {storage} has rights of its own: whoever reads "
        "or writes "
        "through the view needs them, whoever keeps them goes past it to what is not encrypted",
        "the same GRANT or REVOKE on {storage}, too",
    ),
    "group-by-primary-key": _Told(
        _BREAKS,
        "GROUP BY the primary key allows other columns of a table and not of a view, which has no primary "
        "key",
        "GROUP BY every column that is shown, or group in a subquery",
    ),
    "system-columns": _Told(
        _BREAKS, "a view has no ctid, xmin or other system columns", "take them from {storage}"
    ),
    "tablesample": _Told(_BREAKS, "TABLESAMPLE does not take a view", "FROM {storage} TABLESAMPLE"),
    "cursor-where-current-of": _Told(
        _BREAKS, "WHERE CURRENT OF does not work on a view", "WHERE with the primary key"
    ),
    "row-type": _Told(
        _BREAKS,
        "functions that were made for rows of {table} take those of {storage}: for the view's rows they are "
        "not found",
        "create the function again after the switch",
    ),
    "primary-key-introspection": _Told(
        _WRONG,
        "asked in the catalog, {table} has no primary key, no constraint and no index any more",
        "tell the program the key, or have it ask for {storage}",
    ),
    "table-introspection": _Told(
        _WRONG,
        "in the catalog {table} is a view with columns that may be NULL and no defaults of their own, and "
        "{storage} "
        "stands beside it",
        "list views as well",
    ),
    "serial-sequence": _Told(
        _WRONG,
        "pg_get_serial_sequence gives NULL for a view, and setval or currval of it do nothing",
        "pg_get_serial_sequence('{storage}', ...)",
    ),
    "relation-size": _Told(
        _WRONG, "a view has no rows of its own: its size and number of rows are 0", "ask for {storage}"
    ),
    "row-security": _Told(
        _WRONG,
        "before PostgreSQL 15 a view is under the policies of its owner and not of its reader: rows are "
        "shown that "
        "were hidden",
        "put the policies' conditions into the view, choose the form in-place, or upgrade",
    ),
}

_IN_PLACE: dict[str, _Told] = {
    "read": _Told(_WORKS, _NOTHING),
    "delete": _Told(_WORKS, "DELETE is as before"),
    "lock-rows": _Told(_WORKS, "the table keeps its name"),
    "lock-table": _Told(_WORKS, "the table keeps its name"),
    "insert-plain": _Told(_WORKS, _NOTHING),
    "update-plain": _Told(_WORKS, f"{_NOTHING}: about as fast as before"),
    "merge-plain": _Told(_WORKS, _NOTHING),
    "plain": _Told(_WORKS, "the table keeps its name, and this does not touch what was encrypted"),
    "insert-seals": _Told(_SLOWER, _SEALS),
    "update-seals": _Told(
        _SLOWER,
        f"{_SEALS}; a NULL that is bound leaves the value as it is",
        "SET {erased}, to erase it",
    ),
    "create-index": _Told(
        _SLOWER, "an index on {columns} holds nothing but NULL and is never used", "make {columns} searchable"
    ),
    "select-null": _Told(_WRONG, "{columns} reads as NULL", f"{{open}}, {_COST}"),
    "search-null": _Told(
        _WRONG,
        "{columns} is NULL for every condition, join, order and group: rows are missed",
        f"{{find}}; or compare {{open}}, {_COST}",
    ),
    "update-own-value": _Told(
        _WRONG,
        "{columns} reads as NULL: what is made from it is NULL, and NULL leaves an encrypted value as it was",
        "{open} in the place of {columns}",
    ),
    "erase-by-null": _Told(
        _WRONG,
        "{columns} is NULL already: setting it to NULL leaves the value where it is, and erases nothing",
        "SET {erased}",
    ),
    "excluded-null": _Told(
        _WRONG,
        "EXCLUDED of {columns} is NULL, for it was sealed before: the row keeps the value it had",
        "bind the value once more in the place of EXCLUDED",
    ),
    "on-conflict": _Told(
        _BREAKS,
        "the unique constraint on {columns} is now on its blind index",
        "ON CONFLICT with the blind index's column",
    ),
    "positional-insert": _Told(
        _BREAKS,
        "the table has other columns in another order: without a list of columns a value for {columns} is "
        "refused where a sealed one belongs, and what has none there may go elsewhere without an error",
        "INSERT INTO {table} (columns) ...",
    ),
    "positional-copy": _Told(
        _BREAKS,
        "the table has more columns, in another order: COPY FROM without a list of columns fails",
        "COPY {table} (columns) FROM",
    ),
    "star-columns": _Told(
        _BREAKS, "* gives more columns than before: the other side does not take them", "name the columns"
    ),
    "new-foreign-key": _Told(
        _BREAKS,
        "the unique constraint on {columns} is now on its blind index",
        "refer to the primary key",
    ),
    "alter-table": _Told(
        _BREAKS,
        "{columns} is an inlet that is always NULL, and triggers depend on it",
        "have the plan undo the encryption of the column first",
    ),
    "rename-column": _Told(
        _WRONG,
        "triggers look for {columns} by its name: the next write fails",
        "have the plan undo the encryption of the column first",
    ),
    "constraint-on-null": _Told(
        _WRONG,
        "{columns} is NULL when constraints are looked at: this one never refuses anything",
        "check in a BEFORE trigger that fires before the one that seals; for UNIQUE make the column "
        "searchable",
    ),
    "create-trigger": _Told(
        _UNKNOWN,
        "what its function does is not known here: AFTER triggers find NULL in {all}",
        "read {open} in the function",
    ),
    "create-like": _Told(
        _WRONG,
        "LIKE takes the columns that hold ciphertext, too, and none of the triggers: nothing is sealed there",
        "name the columns",
    ),
    "inherit": _Told(
        _WRONG, "a child has no trigger that seals: values put there are refused", "encrypt the child as well"
    ),
    "row-type": _Told(
        _BREAKS,
        "rows of {table} have more columns, in another order",
        "name the columns: jsonb_populate_record does",
    ),
    "table-introspection": _Told(
        _WRONG,
        "in the catalog {table} has columns, constraints and triggers that pgguard made",
        "leave out columns that end in _pgg1 and _find",
    ),
    "publication": _Told(
        _WRONG, "subscribers get ciphertext, in columns that they need", "name the columns to be published"
    ),
}


def impact(kind: str, target: Target, columns: tuple[str, ...], statement: str) -> Impact:
    """An impact in words."""
    told = (_VIEW if target.form is Form.VIEW else _IN_PLACE)[kind]
    named = columns or target.columns
    given = {
        "table": target.name,
        "storage": target.storage,
        "columns": _listed(named),
        "all": _listed(target.columns),
        "erased": ", ".join(target.erased(one) for one in named),
        "open": ", ".join(target.opened(one) for one in named),
        "find": _found(target, named),
    }
    return Impact(told.verdict, kind, told.why.format(**given), told.instead.format(**given), statement)


def kinds_of(form: Form) -> frozenset[str]:
    """The kinds of impact that a form has."""
    return frozenset(_VIEW if form is Form.VIEW else _IN_PLACE)


def verdict(kind: str, form: Form) -> Verdict:
    """The verdict of a kind; raises `KeyError` for one that the form does not have."""
    return (_VIEW if form is Form.VIEW else _IN_PLACE)[kind].verdict


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(ident(one) for one in columns)


def _found(target: Target, columns: tuple[str, ...]) -> str:
    searchable = [one for one in columns if one in target.searchable]
    if not searchable:
        return f"narrow the rows by another column, or make {_listed(columns)} searchable"
    calls = ", ".join(f"FROM {target.found(one)}" for one in searchable)
    return f"{calls}: about 1.5 times a lookup by index"
