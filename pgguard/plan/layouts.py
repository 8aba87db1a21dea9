"""The same migrations in the form of the tool that a site already uses.

Each tool names files in its own way and keeps its own ledger. What a file does is the same SQL; where
the tool opens the transaction itself, our BEGIN and COMMIT are left out. A tool works on one database, so
that each database gets a folder of its own.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from typing import TYPE_CHECKING

from pgguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.plan import Migration, Plan

_ANY = "cluster"


def for_tool(plan: Plan, files: Sequence[Migration], layout: str) -> dict[str, str]:
    """The files by name, those of each database in its folder; cluster-wide steps are in the first's.

    Raises `UsageError` when a name in a statement would end the statement for that tool.
    """
    databases = list(dict.fromkeys(one.step.database for one in files if one.step.database)) or [_ANY]
    found: dict[str, str] = {}
    folders: set[str] = set()
    for database in databases:
        own = [one for one in files if (one.step.database or databases[0]) == database]
        folder = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in database)
        while folder in folders:
            folder += "_"
        folders.add(folder)
        for name, text in LAYOUTS[layout](plan, own):
            found[f"{folder}/{name}"] = text
    return found


def _flyway(plan: Plan, files: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    # V<version>__<description>.sql, U for undo; beside it what holds for this file alone
    for one in files:
        version, _, slug = one.name.partition("_")
        # ${name} is a placeholder to Flyway, and can be part of a name of ours
        options = "placeholderReplacement=false\n"
        options += "" if one.step.transactional else "executeInTransaction=false\n"
        for letter, text in (("V", one.up), ("U", one.down)):
            yield f"{letter}{version}__{slug}.sql", _bare(text)
            yield f"{letter}{version}__{slug}.sql.conf", options


def _liquibase(plan: Plan, files: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    # the driver parts statements as the server does; Liquibase knows no dollar-quoted strings
    whole = "splitStatements:false rollbackSplitStatements:false stripComments:false"
    for one in files:
        lines = ["--liquibase formatted sql"]
        options = whole if one.step.transactional else f"{whole} runInTransaction:false"
        pairs = [(one.name, _bare(one.up), _bare(one.down))]
        if not one.step.transactional:
            pairs = [(f"{one.name}_{number}", *pair) for number, pair in enumerate(_singly(one), 1)]
        for name, up, down in pairs:
            _refuse_directives(up + "\n" + down, r"\s*--\s*(liquibase|changeset|rollback|property|ignore)")
            back = [f"--rollback {line}" for line in down.split("\n") if line]
            lines += ["", f"--changeset pgguard:{name} {options}", up.strip("\n"), *back]
        yield f"{one.name}.sql", "\n".join(lines) + "\n"


def _alembic(plan: Plan, files: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    before: str | None = None
    for one in files:
        # alembic_version has 32 characters
        digest = hashlib.sha256(one.up.encode()).hexdigest()
        revision = f"pgguard_{one.name.partition('_')[0]}_{digest[:12]}"
        yield f"versions/{one.name}.py", _revision(one, revision, before)
        before = revision


def _revision(one: Migration, revision: str, before: str | None) -> str:
    title = one.step.title.replace("\\", " ").replace('"', "'")
    lines = [
        f'"""{title}"""',
        "",
        "import sqlalchemy as sa",
        "from alembic import op",
        "",
        f"revision = {revision!r}",
        f"down_revision = {before!r}",
        "branch_labels = None",
        "depends_on = None",
        "",
    ]
    for function, text in (("upgrade", one.up), ("downgrade", one.down)):
        lines += ["", f"def {function}() -> None:"]
        statements = list(_statements(_bare(text)))
        indent = "    "
        if not one.step.transactional:
            lines.append("    with op.get_context().autocommit_block():")
            indent = "        "
        # DDL takes no colon for a parameter, and a percent sign for itself when it is there twice
        lines += [f"{indent}op.execute(sa.DDL({each.replace('%', '%%')!r}))" for each in statements]
        lines += [] if statements else [f"{indent}pass"]
        lines.append("")
    return "\n".join(lines)


def _sqitch(plan: Plan, files: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    moment = datetime.datetime.fromisoformat(plan.planned_at).astimezone(datetime.UTC)
    lines = ["%syntax-version=1.0.0", "%project=pgguard", ""]
    before = ""
    for one in files:
        needs = f" [{before}]" if before else ""
        at = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{one.name}{needs} {at} pgguard <pgguard@localhost> # {_one_line(one.step.title)}")
        before = one.name
        yield f"deploy/{one.name}.sql", one.up
        yield f"revert/{one.name}.sql", one.down
        yield f"verify/{one.name}.sql", f"BEGIN;\n\n{one.verify}\nROLLBACK;\n"
    yield "sqitch.plan", "\n".join(lines) + "\n"
    yield "sqitch.conf", "[core]\n\tengine = pg\n"


def _dbmate(plan: Plan, files: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    moment = datetime.datetime.fromisoformat(plan.planned_at).astimezone(datetime.UTC)
    number = 0
    for one in files:
        slug = one.name.partition("_")[2]
        # without a transaction dbmate still sends a file as one string, which is one transaction
        pairs = [(_bare(one.up), _bare(one.down))] if one.step.transactional else list(_singly(one))
        for place, (up, down) in enumerate(pairs, 1):
            _refuse_directives(up + "\n" + down, r"\s*--\s*migrate:")
            stamp = (moment + datetime.timedelta(seconds=number)).strftime("%Y%m%d%H%M%S")
            number += 1
            option = "" if one.step.transactional else " transaction:false"
            name = slug if len(pairs) == 1 else f"{slug}_{place}"
            yield (
                f"{stamp}_{name}.sql",
                f"-- migrate:up{option}\n{up.strip()}\n\n-- migrate:down{option}\n{down.strip()}\n",
            )


def _singly(one: Migration) -> Iterator[tuple[str, str]]:
    """What no transaction can hold, each statement with its undo: first what is asserted, last the reload.

    The undo goes from the last to the first, so that what it asserts is with the last, its reload with the
    first.
    """
    ups, downs = list(_statements(one.up)), list(_statements(one.down))
    guards = [next(text for text in texts if text.startswith("DO ")) for texts in (ups, downs)]
    reload = next((text for text in ups if "pg_reload_conf" in text), _NOTHING)
    yield guards[0], reload
    for change in one.step.changes:
        yield change.sql, change.undo or _NOTHING
    yield reload, guards[1]


_NOTHING = "SELECT 1;"


LAYOUTS: dict[str, Callable[[Plan, Sequence[Migration]], Iterator[tuple[str, str]]]] = {
    "flyway": _flyway,
    "liquibase": _liquibase,
    "alembic": _alembic,
    "sqitch": _sqitch,
    "dbmate": _dbmate,
}


def _bare(text: str) -> str:
    """The file without its own transaction: the tool has opened one, and goes on in it with its ledger."""
    if "\nBEGIN;\n" not in text:
        return text
    inside = text.replace("\nBEGIN;\n", "\n", 1).removesuffix("COMMIT;\n")
    return inside.replace(_PATH, f"{_KEEP}{_PATH}", 1) + _BACK


_PATH = "SET LOCAL search_path = '';\n"
_KEEP = (
    "SELECT pg_catalog.set_config('pgguard.search_path', pg_catalog.current_setting('search_path'), true);\n"
)
_BACK = (
    "SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.search_path'), true);\n"
)


def _refuse_directives(text: str, directive: str) -> None:
    # only a line inside a quoted name can begin like that
    if re.search(f"^{directive}", text, re.MULTILINE | re.IGNORECASE):
        msg = "a name in this plan holds a line that is a directive to that tool: use --layout psql"
        raise UsageError(msg)


def _statements(text: str) -> Iterator[str]:
    """The statements of a file one by one, without its own transaction and without comments before them."""
    from pgguard.analysis.expression import split

    for one in split(text):
        if one.upper() not in ("BEGIN", "COMMIT"):
            yield f"{one};"


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
