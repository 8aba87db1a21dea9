"""What decides how the columns of a table can be encrypted, and what is wanted of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Form = Literal["view", "in-place"]
NoKey = Literal["raise", "mask"]
NormalForm = Literal["exact", "identifier", "phone", "name"]


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column as the catalog describes it.

    `type` has its modifier, `base` is the type below all domains without one; the kinds are typtype
    (manual, pg_type), `collation` is empty where it is that of the type. `distinct` and `null_fraction` are
    those of pg_stats, None before ANALYZE. `settings` are actions of ALTER COLUMN that a new column needs to
    be like this one; `not_null_name` is that of its NOT NULL, from 18 on.
    """

    name: str
    type: str
    base: str
    kind: str
    base_kind: str
    base_schema: str
    not_null: bool
    domain_not_null: bool
    default: str
    generated: str
    identity: str
    sequence: str
    collation: str
    comment: str
    distinct: float | None = None
    null_fraction: float | None = None
    settings: tuple[str, ...] = ()
    not_null_name: str = ""


@dataclass(frozen=True, slots=True)
class CheckShape:
    """A CHECK constraint; `foreign_code` when it calls what is not PostgreSQL's own."""

    name: str
    expression: str
    definition: str
    foreign_code: bool
    columns: tuple[str, ...] | None = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class IndexShape:
    """An index; `constraint` is the definition of the constraint it serves; `uses` what expressions read."""

    name: str
    definition: str
    unique: bool
    primary: bool
    constraint: str
    plain: bool
    columns: tuple[str, ...]
    uses: tuple[str, ...]
    comment: str = ""
    constraint_comment: str = ""
    clustered: bool = False
    replica_identity: bool = False


@dataclass(frozen=True, slots=True)
class StatisticsShape:
    """Extended statistics; names as SQL needs them."""

    name: str
    definition: str
    owner: str
    comment: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublishedShape:
    """A publication that has a list of columns of the table (manual, CREATE PUBLICATION)."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForeignKeyShape:
    """A foreign key of the table, or to it; `update` is confupdtype (manual, pg_constraint)."""

    name: str
    outgoing: bool
    update: str
    columns: tuple[str, ...] | None = ()
    from_: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class TriggerShape:
    """A trigger of the table."""

    name: str
    before: bool
    row: bool
    insert: bool
    update: bool
    delete: bool
    enabled: str
    definition: str
    condition: bool
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewShape:
    """A view (kind v) or materialized view (m) over the table; `direct` when it names the table itself."""

    name: str
    kind: str
    direct: bool
    columns: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class GrantShape:
    """A privilege on the table, or on one of its columns."""

    grantee: str
    privilege: str
    column: str
    grantable: bool


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table, and everything that hangs on it."""

    schema: str
    name: str
    kind: str
    owner: str
    persistence: str
    is_partition: bool
    typed: bool
    row_security: bool
    rows: float
    pages: int
    encoding: str
    primary_key: tuple[str, ...]
    columns: tuple[ColumnShape, ...]
    checks: tuple[CheckShape, ...]
    indexes: tuple[IndexShape, ...]
    foreign_keys: tuple[ForeignKeyShape, ...]
    triggers: tuple[TriggerShape, ...]
    rules: tuple[str, ...]
    policy_columns: tuple[str, ...]
    generated_from: tuple[str, ...]
    partition_key: tuple[str, ...]
    inherits: bool
    children: tuple[str, ...]
    leaves: tuple[str, ...]
    foreign_leaves: tuple[str, ...]
    views: tuple[ViewShape, ...]
    row_type_functions: tuple[str, ...]
    bound_functions: tuple[str, ...]
    publications: tuple[str, ...]
    grants: tuple[GrantShape, ...]
    comment: str
    statistics: tuple[StatisticsShape, ...] = ()
    published: tuple[PublishedShape, ...] = ()

    def column(self, name: str) -> ColumnShape | None:
        """The column of that name, or None."""
        return next((one for one in self.columns if one.name == name), None)


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """A column that is to be encrypted, and how.

    `readers` are the roles that see the value; None: those that may read the column now. `mask` is what the
    others see: null, year (of a date or timestamp), or last:N characters. `padding` is the multiple of bytes
    to which values are filled up, 0 for none.
    """

    name: str
    key_group: str = "main"
    searchable: bool = False
    normal_form: NormalForm = "exact"
    mask: str = "null"
    readers: tuple[str, ...] | None = None
    padding: int = 0


@dataclass(frozen=True, slots=True)
class EncryptedTable:
    """A table with the columns that are to be encrypted.

    `subject` is the column that tells whose a row is: values then have a key for each person. Tables of one
    `subject_kind` share the keys of their persons; empty: the table has its own.
    """

    database: str
    shape: TableShape
    columns: tuple[EncryptedColumn, ...]
    form: Form = "view"
    no_key: NoKey = "raise"
    acknowledged: frozenset[str] = field(default_factory=frozenset)
    subject: str = ""
    subject_kind: str = ""


@dataclass(frozen=True, slots=True)
class BlindIndex:
    """The blind index of a column as the register of a database has it.

    `key` is the number of the key that it is made with, None where that is the current one of its group;
    `current` and `waiting` are those of the group (None: there is none). `second` is the index column that is
    there beside the first while the key is replaced, or empty. `subject` and `subject_kind` are those of the
    table, where each person has a key.
    """

    schema: str
    table: str
    column: str
    key_group: str
    storage: str
    index: str
    key: int | None
    current: int | None
    waiting: int | None
    second: str
    subject: str = ""
    subject_kind: str = ""

    @property
    def made_with(self) -> int | None:
        """The number of the key that values are indexed with now."""
        return self.key if self.key is not None else self.current

    @property
    def newest(self) -> int | None:
        """The number of the key that they should be indexed with."""
        return self.waiting if self.waiting is not None else self.current


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table that stores encrypted columns, with those whose blind index gets another key."""

    table: EncryptedTable
    indexes: tuple[BlindIndex, ...]
