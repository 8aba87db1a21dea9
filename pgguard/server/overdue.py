"""Counting rows that are overdue, for a nightly check: bounded in rows and in time, and holding nobody up."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.analysis.erasure import by_rules
from pgguard.analysis.erasure_order import Circular
from pgguard.analysis.erasure_rows import Rows
from pgguard.analysis.erasure_shape import Shape
from pgguard.errors import ConnectError, InputError
from pgguard.model.overdue import MOST, Overdue
from pgguard.server.erase_read import asked, cutoff, read_catalog, rows
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.erasure import Catalog, Erasure, Work
    from pgguard.model.policy import Policy
    from pgguard.model.retention import Retention
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]


def read_overdue(target: Target, policy: Policy, databases: Sequence[str]) -> tuple[Overdue, ...]:
    """What every retention rule comes to in these databases; nothing where the policy has no rules.

    What cannot be counted has the reason in its place: no exception for a database that is out of reach.
    """
    found: list[Overdue] = []
    for database in databases:
        rules = [one for one in policy.retention if one.database in ("", database)]
        if not rules:
            continue
        try:
            with contextlib.closing(target.connect(database)) as connection:
                found += _database(connection, policy, rules)
        except ConnectError as error:
            found += _failed(database, rules, str(error))
        except psycopg.Error as error:
            found += _failed(database, rules, refusal(error))
        except InputError as error:
            found += _failed(database, rules, str(error))
    return tuple(found)


def _failed(database: str, rules: Sequence[Retention], why: str) -> list[Overdue]:
    return [Overdue(database, one.table, one.action, one.months, one.age_column, 0, why) for one in rules]


def _database(connection: Connection, policy: Policy, rules: Sequence[Retention]) -> Iterator[Overdue]:
    with connection.transaction():
        rows(connection, "overdue_limits")
        catalog = read_catalog(connection, standby=True)
        shape = Shape(catalog)
        for rule in rules:
            if any(shape.named(name) is not None for name in (rule.table, *rule.copies)):
                yield from _rule(connection, catalog, policy, rule)
            elif rule.database:
                yield from _failed(catalog.database, [rule], "there is no such table")


def _rule(connection: Connection, catalog: Catalog, policy: Policy, rule: Retention) -> Iterator[Overdue]:
    alone = dataclasses.replace(policy, retention=(rule,))
    try:
        erasure = by_rules(catalog, alone, cutoff(connection), reads=True)
    except InputError as error:
        why = "; ".join(str(error).splitlines()[1:])
        yield from _failed(catalog.database, [rule], why)
        return
    for work in erasure.works:
        number, why = 0, ""
        try:
            with connection.transaction():
                number = _count(connection, erasure, work)
        except psycopg.errors.QueryCanceled:
            why = "counting took more than 15 s: an index on the age column makes it quick"
        except Circular as error:
            why = str(error)
        except psycopg.Error as error:
            if connection.closed:
                raise
            why = refusal(error)
        yield Overdue(
            catalog.database, work.name, work.method, rule.months, rule.age_column, min(number, MOST), why
        )


def _count(connection: Connection, erasure: Erasure, work: Work) -> int:
    shape = Shape(erasure.catalog)
    found = 0
    for leaf in work.leaves:
        if found >= MOST:
            break
        made = Rows(shape, erasure, live=False)
        condition = f"({made.due(work, 't')}) AND ({made.held(leaf, 't')}) IS NOT TRUE"
        # names are quoted and values are parameters in all that Rows writes
        inner = f"SELECT FROM ONLY {shape.tables[leaf].sql} AS t WHERE {condition} LIMIT {MOST - found}"
        text = f"SELECT count(*) FROM ({inner}) AS due"  # noqa: S608
        ((number,),) = asked(connection, text, made.values)
        found += int(number)
    return found
