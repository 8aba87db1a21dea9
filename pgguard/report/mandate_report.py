"""A mandate's life for those who answer for it: instruction, scope, what was done when and by whom, the end.

It holds names, counts and digests, and no value of a row.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pgguard.model.quote import ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.extraction import Checked, Erasure, Life, Manifest

_NOTE = (
    "It says what this tool did and found, by the journal in the mandate's folder. Whoever may write that "
    "folder could have written another one: what vouches for it is the signature, kept elsewhere."
)


class _Part(NamedTuple):
    title: str
    lines: tuple[str, ...]


def render(life: Life) -> str:
    """As text."""
    return _written(life, "", "  ")


def render_markdown(life: Life) -> str:
    """As Markdown."""
    return _written(life, "## ", "- ")


def render_json(life: Life) -> str:
    """As JSON: every field, manifest and record of the erasure included."""
    return json.dumps(msgspec.to_builtins(life._asdict()), indent=1, ensure_ascii=False) + "\n"


def render_checked(checked: Sequence[Checked]) -> str:
    """What `verify` found, a line each."""
    return "".join(f"{one.verdict:8}{visible(one.subject)}: {visible(one.said)}\n" for one in checked)


def render_erasure(erasure: Erasure) -> str:
    """What was erased and what was not, as text."""
    return "\n".join(["Erased:", *(f"  {visible(one)}" for one in _erased(erasure)), ""])


def _written(life: Life, head: str, item: str) -> str:
    title = f"{'# ' if head else ''}Mandate {life.mandate}, as of {life.made_at}"
    lines = [title, "", _NOTE]
    for part in _parts(life):
        lines += ["", f"{head}{part.title}"]
        if head:
            lines.append("")
        lines += [f"{item}{_plain(one) if head else visible(one)}" for one in part.lines]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    # what people wrote must not become markup
    return "".join(f"\\{one}" if one in "\\`*[]<>|" else one for one in visible(text))


def _parts(life: Life) -> Iterator[_Part]:
    doubts = life.doubts or ("nothing: every step is there, in its time",)
    yield _Part("Missing, late or in doubt", doubts)
    yield _Part("Instruction", tuple(_instruction(life)))
    yield _Part("Scope", tuple(_scope(life)))
    yield _Part("What was done", tuple(_events(life)) or ("nothing yet",))
    if life.manifest is not None:
        yield _Part("What left", tuple(_left(life.manifest, life.manifest_sha256)))
    if life.erasure is not None:
        yield _Part("Erasure", tuple(_erased(life.erasure)))


def _instruction(life: Life) -> Iterator[str]:
    yield f"by {life.instructed_by} on {life.instructed_on}: {life.purpose}"
    yield f"document {life.document}, sha256 {life.instruction_sha256}"
    yield f"contract {life.contract}"
    yield f"from {life.start} to {life.until}, to be erased by {life.erase_by}"


def _scope(life: Life) -> Iterator[str]:
    for table, columns, narrowed, ceiling in life.scope:
        rows = "rows by a condition" if narrowed else "all rows"
        most = f", at most {ceiling}" if ceiling is not None else ""
        yield f"{table} ({', '.join(map(ident, columns))}): {rows}{most}"
    yield f"at most {life.ceiling} rows in all, read by role {ident(life.role)}"


def _events(life: Life) -> Iterator[str]:
    for one in life.events:
        told = ", ".join(f"{name} {text}" for name, text in one.details.items() if name != "files")
        yield f"{one.at} {one.event} by {one.account}{': ' if told else ''}{told}"
    if life.journal:
        yield f"digest of the journal's last line: {life.journal}"


def _left(manifest: Manifest, digest: str) -> Iterator[str]:
    origin = manifest.origin
    role = origin.role if origin.login == origin.role else f"{origin.role} (login {origin.login})"
    cluster = f"cluster {origin.cluster}" if origin.cluster else "a cluster whose number the role may not see"
    where = f"{origin.server}, database {ident(origin.database)}, {cluster}, PostgreSQL {origin.version}"
    yield f"{plural(manifest.rows, 'row')} from {where}{', a standby' if origin.standby else ''}"
    lsn = f"WAL position {origin.lsn}" if origin.lsn else "a WAL position that the role may not see"
    yield f"read by {role} in one snapshot of {origin.at}, {lsn}"
    for kind, name in manifest.recipients:
        yield f"encrypted to {kind} {name}"
    for table in manifest.tables:
        yield f"{table.table}: {plural(table.rows, 'row')} of {plural(len(table.columns), 'column')}"
    for file in manifest.files:
        yield f"{file.file}: {file.bytes} bytes, sha256 {file.sha256}"
    yield f"manifest: sha256 {digest}"


def _erased(erasure: Erasure) -> Iterator[str]:
    yield f"at {erasure.at}, answered for by {erasure.by}"
    if erasure.without_receipt:
        yield f"without a receipt: {erasure.without_receipt}"
    elif erasure.receipt_sha256:
        yield f"after the receipt with sha256 {erasure.receipt_sha256}"
    else:
        yield f"after the receipt of {erasure.receipt_of}"
    for table in erasure.tables:
        paths = f", in {table.paths}" if table.paths else ""
        yield (
            f"staging table {table.table} dropped (DROP TABLE): {plural(table.rows, 'row')} before, none "
            f"after, {table.bytes} bytes{paths}"
        )
    for file in erasure.files:
        others = f"; NOT gone: {plural(file.links, 'other name')} of it elsewhere" if file.links else ""
        yield f"file {file.file} removed (unlink): {file.bytes} bytes, sha256 {file.sha256 or '?'}{others}"
    if not erasure.tables and not erasure.files:
        yield "nothing was there to erase"
    if erasure.unseen:
        yield f"the server was not asked: {erasure.unseen}: staging tables may still be there"
    for one in erasure.beyond:
        yield f"not erased by this: {one}"
    for what, said in erasure.held:
        yield f"the server may still hold it: {what}: {said}"
