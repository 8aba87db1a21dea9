"""Effective privileges against the server's own answers: random role graphs and grants, every triple."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis import membership
from pgguard.analysis.privileges import (
    PRIVILEGES,
    Securable,
    holder_names,
    holders,
    of_cluster,
    of_column,
    of_function,
    of_other,
    of_relation,
    of_schema,
)
from pgguard.server.read import read_open
from tests.analysis.random_privileges import Maker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

ROUNDS = 40 if os.environ.get("PGGUARD_LONG") else 2
_ASK = {
    "table": "has_table_privilege",
    "column": "has_column_privilege",
    "sequence": "has_sequence_privilege",
    "function": "has_function_privilege",
    "schema": "has_schema_privilege",
    "database": "has_database_privilege",
    "language": "has_language_privilege",
    "foreign data wrapper": "has_foreign_data_wrapper_privilege",
    "foreign server": "has_server_privilege",
    "tablespace": "has_tablespace_privilege",
    "parameter": "has_parameter_privilege",
    # the server has the question from 18 on
    "large object": "has_largeobject_privilege",
}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_engine_answers_as_the_server_does(number: int, cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        maker = Maker(connection, random.Random(f"privileges {number}"))  # noqa: S311
        maker.make()
        snapshot = read_open(connection)
        things = list(_things(snapshot, snapshot.inspected[0]))
        wrong = [*_privileges(connection, snapshot, things), *_roles(connection, snapshot)]
        connection.rollback()
    assert wrong == []


def _things(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[tuple[Securable, tuple[Any, ...]]]:
    """Every object, with what the server's functions want to be told about it."""
    relations = {relation.oid: relation for relation in database.relations}
    for relation in relations.values():
        yield of_relation(database, relation), (relation.oid,)
    for column in database.columns:
        relation = relations[column.relation]
        yield of_column(database, relation, column), (column.relation, column.number)
    for function in database.functions:
        yield of_function(database, function), (function.oid,)
    for schema in database.schemas:
        yield of_schema(database, schema.name, schema.owner, schema.acl), (schema.oid,)
    for language in database.languages:
        named = of_other(database, "language", language.name, language.owner, language.acl)
        yield named, (language.oid,)
    for wrapper in database.foreign_data_wrappers:
        named = of_other(database, "foreign data wrapper", wrapper.name, wrapper.owner, wrapper.acl)
        yield named, (wrapper.name,)
    for server in database.foreign_servers:
        named = of_other(database, "foreign server", server.name, server.owner, server.acl)
        yield named, (server.name,)
    for row in snapshot.databases:
        if row.name == database.name:
            yield of_cluster(snapshot, "database", row.name, row.owner, row.acl), (row.oid,)
    for tablespace in snapshot.tablespaces:
        named = of_cluster(snapshot, "tablespace", tablespace.name, tablespace.owner, tablespace.acl)
        yield named, (tablespace.name,)
    for group in database.large_objects if snapshot.major >= 18 else ():
        named = of_other(database, "large object", str(group.example), group.owner, group.acl)
        yield named, (group.example,)
    if snapshot.major >= 15:
        for parameter in snapshot.parameter_acls:
            named = of_cluster(snapshot, "parameter", parameter.name, "", parameter.acl)
            yield named, (parameter.name,)


def _privileges(
    connection: psycopg.Connection, snapshot: Snapshot, things: list[tuple[Securable, tuple[Any, ...]]]
) -> list[str]:
    wrong = []
    asked: Counter[bool] = Counter()
    for kind, function in _ASK.items():
        questions = [
            (number, privilege)
            for number, (thing, _) in enumerate(things)
            if thing.kind == kind
            for privilege in PRIVILEGES[kind]
            if privilege != "MAINTAIN" or snapshot.major >= 17
        ]
        if not questions:
            continue
        for number, privilege in questions:
            thing, key = things[number]
            first = "%s::oid" if isinstance(key[0], int) else "%s::text"
            marks = first if len(key) == 1 else f"{first}, %s::int2"
            rows = connection.execute(
                f"SELECT rolname, {function}(oid, {marks}, %s) FROM pg_roles".encode(), [*key, privilege]
            ).fetchall()
            found = holders(snapshot, thing, privilege)
            names = holder_names(snapshot, thing, privilege)
            for role, truth in rows:
                asked[truth] += 1
                if truth != (role in found) or truth != (role in names):
                    wrong.append(f"{role} {privilege} on {kind} {thing.name}: the server says {truth}")
    # a test that asks only what is false would prove nothing
    assert min(asked[True], asked[False]) > sum(asked.values()) / 10, asked
    print(f"{sum(asked.values())} triples, {asked[True]} of them true")
    return wrong


def _roles(connection: psycopg.Connection, snapshot: Snapshot) -> list[str]:
    wrong = []
    database = snapshot.inspected[0].name
    ways = {"USAGE": membership.inherited_roles, "MEMBER": membership.all_roles}
    if snapshot.major >= 16:
        ways["SET"] = membership.settable_roles
    for how, reached in ways.items():
        rows = connection.execute(
            "SELECT m.rolname, r.rolname, pg_has_role(m.oid, r.oid, %s) FROM pg_roles AS m, pg_roles AS r",
            [how],
        ).fetchall()
        upward = membership.heirs if how == "USAGE" else None
        for member, role, truth in rows:
            super_ = member in membership.superusers(snapshot)
            ours = super_ or role in reached(snapshot, member, database)
            if ours != truth or (upward and truth != (super_ or member in upward(snapshot, role, database))):
                wrong.append(f"pg_has_role({member}, {role}, {how}): the server says {truth}")
        becoming = membership.becomers_by_path if how == "SET" else None
        for role in {row[1] for row in rows} if becoming else ():
            able = set(becoming(snapshot, [role], database)) | membership.superusers(snapshot)  # type: ignore[misc]
            if able != {member for member, other, truth in rows if other == role and truth}:
                wrong.append(f"who can SET ROLE to {role}")
    print(f"{len(rows) * len(ways)} pairs of roles")
    return wrong
