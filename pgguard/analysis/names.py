"""How findings name what they are about."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pgguard.model.finding import Subject
from pgguard.model.quote import ident, qualified
from pgguard.model.rows import HbaRule

if TYPE_CHECKING:
    from pgguard.model.rows import Column, Function, IdentRule, Relation
    from pgguard.model.snapshot import DatabaseSnapshot


def relation_name(relation: Relation) -> str:
    """schema.table, quoted where SQL needs it."""
    return qualified(relation.schema, relation.name)


def function_name(function: Function) -> str:
    """schema.function(argument types), quoted where SQL needs it."""
    return f"{qualified(function.schema, function.name)}({function.arguments})"


def cluster_subject() -> Subject:
    """The cluster as a whole."""
    return Subject("cluster", "cluster")


def database_subject(name: str) -> Subject:
    """One database."""
    return Subject("database", ident(name))


def role_subject(name: str) -> Subject:
    """One role."""
    return Subject("role", ident(name))


def setting_subject(name: str) -> Subject:
    """One configuration parameter of the cluster."""
    return Subject("setting", name)


def schema_subject(database: DatabaseSnapshot, schema: str) -> Subject:
    """One schema of a database."""
    return Subject("schema", ident(schema), database.name)


def relation_subject(database: DatabaseSnapshot, relation: Relation) -> Subject:
    """One table, view, materialized view, sequence or foreign table."""
    return Subject("relation", relation_name(relation), database.name)


def column_subject(database: DatabaseSnapshot, relation: Relation, column: Column) -> Subject:
    """One column."""
    return Subject("column", qualified(relation.schema, relation.name, column.name), database.name)


def function_subject(database: DatabaseSnapshot, function: Function) -> Subject:
    """One function, with its argument types."""
    return Subject("function", function_name(function), database.name)


def extension_subject(database: DatabaseSnapshot, name: str) -> Subject:
    """One extension as installed in a database."""
    return Subject("extension", ident(name), database.name)


def rule_subject(rule: HbaRule | IdentRule) -> Subject:
    """One line of pg_hba.conf or pg_ident.conf: file:line (before PostgreSQL 16 the file is not shown)."""
    if isinstance(rule, HbaRule):
        return Subject("hba-rule", f"{_file_name(rule.file, 'pg_hba.conf')}:{rule.line}")
    return Subject("ident-rule", f"{_file_name(rule.file, 'pg_ident.conf')}:{rule.line}")


def shorten(names: list[str], most: int = 5) -> str:
    """A list in prose, cut after `most` names with the count of the rest."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _file_name(path: str, default: str) -> str:
    return PurePosixPath(path).name or default
