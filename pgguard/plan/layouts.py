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
from pgguard.plan.document import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pgguard.model.plan import Migration, Plan

_ANY = "cluster"
# what text() of SQLAlchemy would take for a parameter, and how it is kept from it
_COLON = re.compile(r"(?<![:\w\\]):(?=\w)")
_ESCAPED = r"\\:"


def write_layout(
    path: Path, plan: Plan, files: Sequence[Migration], layout: str, *, force: bool = False
) -> None:
    """Write the plan for flyway, liquibase, alembic, sqitch or dbmate.

    Raises `UsageError` for a folder that is not empty, unless `force`.
    """
    try:
        if path.exists() and any(path.iterdir()) and not force:
            msg = f"{path}: it is not empty: --force writes into it, or name another folder"
            raise UsageError(msg)
        for name, text in {"plan.md": document(plan, files), **contents(plan, files, layout)}.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{path}: the plan cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def contents(plan: Plan, files: Sequence[Migration], layout: str) -> dict[str, str]:
    """The files by name, those of each database in its folder; cluster-wide steps are in the first's."""
    databases = list(dict.fromkeys(one.step.database for one in files if one.step.database)) or [_ANY]
    found: dict[str, str] = {}
    for database in databases:
        own = [one for one in files if (one.step.database or databases[0]) == database]
        folder = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in database)
        for name, text in _LAYOUTS[layout](plan, own):
            found[f"{folder}/{name}"] = text
    return found


def _flyway(plan: Plan, files: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    # V<version>__<description>.sql, U for undo; a file beside it says where no transaction is to be opened
    for one in files:
        version, _, slug = one.name.partition("_")
        yield f"V{version}__{slug}.sql", _bare(one.up)
        yield f"U{version}__{slug}.sql", _bare(one.down)
        if not one.step.transactional:
            yield f"V{version}__{slug}.sql.conf", "executeInTransaction=false\n"
            yield f"U{version}__{slug}.sql.conf", "executeInTransaction=false\n"


def _liquibase(plan: Plan, files: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    for one in files:
        # a blank line would not matter, but a semicolon inside a DO block would end the statement
        options = "splitStatements:true endDelimiter:--;;" + (
            "" if one.step.transactional else " runInTransaction:false"
        )
        up = "\n--;;\n".join(_statements(one.up))
        down = "\n".join(f"--rollback {line}" for line in "\n--;;\n".join(_statements(one.down)).splitlines())
        head = f"--liquibase formatted sql\n\n--changeset pgguard:{one.name} {options}\n"
        yield f"{one.name}.sql", f"{head}{up}\n--;;\n{down}\n"


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
        statements = list(_statements(text))
        indent = "    "
        if not one.step.transactional:
            lines.append("    with op.get_context().autocommit_block():")
            indent = "        "
        lines += [f"{indent}op.execute(sa.text({_COLON.sub(_ESCAPED, each)!r}))" for each in statements]
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
    for number, one in enumerate(files):
        stamp = (moment + datetime.timedelta(seconds=number)).strftime("%Y%m%d%H%M%S")
        slug = one.name.partition("_")[2]
        option = "" if one.step.transactional else " transaction:false"
        yield (
            f"{stamp}_{slug}.sql",
            f"-- migrate:up{option}\n{_bare(one.up)}\n-- migrate:down{option}\n{_bare(one.down)}",
        )


_LAYOUTS: dict[str, Callable[[Plan, Sequence[Migration]], Iterator[tuple[str, str]]]] = {
    "flyway": _flyway,
    "liquibase": _liquibase,
    "alembic": _alembic,
    "sqitch": _sqitch,
    "dbmate": _dbmate,
}
_OWN_TRANSACTION = re.compile(r"^(BEGIN|COMMIT);\n", re.MULTILINE)


def _bare(text: str) -> str:
    """The file without its own transaction: the tool has opened one."""
    return _OWN_TRANSACTION.sub("", text)


def _statements(text: str) -> Iterator[str]:
    """The statements of a file one by one, without its own transaction and without comments before them."""
    from pgguard.analysis.expression import split

    for one in split(text):
        if one.upper() not in ("BEGIN", "COMMIT"):
            yield f"{one};"


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
