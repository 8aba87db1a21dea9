"""The register of processing as art. 30(1) and 30(2) of the GDPR ask for it: what is declared, what is not.

It repeats declarations. Whether a contract is valid, or a measure enough, is for people to judge.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.model.register import MENTIONS
from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.model.policy import Policy
    from pgguard.model.register import Activity, Contract, Controller, Document, Processor, Recorded
    from pgguard.store.policy_file import LoadedPolicy

NOT_DECLARED = "not declared"
_NOTE = (
    "What stands here is what the register declares, and where. Nothing here says that a contract is valid, "
    "or that what it declares is done."
)


class Item(NamedTuple):
    """One point of an entry: the article that asks for it (empty: none does), and what is declared."""

    article: str
    label: str
    values: tuple[str, ...]


class Entry(NamedTuple):
    """One activity of a controller, or what one processor does under one contract."""

    title: str
    items: tuple[Item, ...]


class View(NamedTuple):
    """One view of the register, from which files, with their digests."""

    article: str
    title: str
    files: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    recorded: Recorded | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether the database that was asked has this register as its last version; true where none was."""
        return self.recorded is None or self.recorded.sha256 in {digest for _, digest in self.files}


def controller_view(loaded: LoadedPolicy) -> View:
    """The record of art. 30(1): one entry for each activity."""
    policy = loaded.policy
    entries = tuple(Entry(one.name, tuple(_activity(policy, one))) for one in policy.activity)
    return View("30(1)", "Records of processing activities of the controller", files(loaded), entries)


def processor_view(loaded: LoadedPolicy, documents: Mapping[str, Document]) -> View:
    """The record of art. 30(2): one entry for each contract of a processor, and where 28(3) is answered."""
    policy = loaded.policy
    entries = []
    for processor in policy.processor:
        contracts = [one for one in policy.contract if one.processor == processor.name]
        if not contracts:
            items = (*_processor(policy, processor), Item("28(3)", "contract", ()))
            entries.append(Entry(processor.name, items))
        for one in contracts:
            items = (*_processor(policy, processor), *_contract(policy, one, documents))
            entries.append(Entry(f"{processor.name}: {one.name}", items))
    return View(
        "30(2)", "Records of the categories of processing by processors", files(loaded), tuple(entries)
    )


def render(view: View) -> str:
    """The view for a terminal."""
    lines = [f"{view.title} (GDPR art. {view.article})"]
    lines += [f"from {visible(file)}, sha256 {digest}" for file, digest in view.files]
    lines += [visible(one) for one in _recorded(view)]
    for entry in view.entries:
        lines += ["", visible(entry.title)]
        for item in entry.items:
            first, *others = item.values or (NOT_DECLARED,)
            lines.append(f"  {item.article:<9}  {item.label:<32}  {visible(first)}")
            lines += [f"  {'':<9}  {'':<32}  {visible(one)}" for one in others]
    if not view.entries:
        lines += ["", "The register has no such entry."]
    return "\n".join((*lines, "", _NOTE)) + "\n"


def render_markdown(view: View) -> str:
    """The view as Markdown with one table for each entry."""
    lines = [f"# {view.title} (GDPR art. {view.article})", ""]
    lines += [f"From {_markdown(file)}, sha256 `{digest}`." for file, digest in view.files]
    lines += [f"\n{_markdown(one)}." for one in _recorded(view)]
    for entry in view.entries:
        lines += ["", f"## {_markdown(entry.title)}", "", "| article | what | declared |", "|---|---|---|"]
        for item in entry.items:
            told = "<br>".join(_markdown(one) for one in item.values or (NOT_DECLARED,))
            lines.append(f"| {item.article} | {item.label} | {told} |")
    if not view.entries:
        lines += ["", "The register has no such entry."]
    return "\n".join((*lines, "", _NOTE)) + "\n"


def render_json(view: View) -> str:
    """The view as JSON; what is not declared is an empty list."""
    document: dict[str, Any] = {
        "article": view.article,
        "files": [{"file": file, "sha256": digest} for file, digest in view.files],
        **_recorded_document(view),
        "note": _NOTE,
        "entries": [
            {
                "title": entry.title,
                "items": [
                    {"article": one.article or None, "label": one.label, "declared": list(one.values)}
                    for one in entry.items
                ],
            }
            for entry in view.entries
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def files(loaded: LoadedPolicy) -> tuple[tuple[str, str], ...]:
    """The file that the register stands in, with its digest: its own, else the policy's; none without one."""
    if loaded.register_file:
        return ((loaded.register_file, loaded.register_sha256),)
    return ((loaded.file, loaded.sha256),) if loaded.file else ()


def _recorded(view: View) -> Iterator[str]:
    found = view.recorded
    if found is None:
        return
    if not found.sha256:
        yield f"database {found.database} has recorded no version of the register"
    elif view.is_recorded:
        yield f"database {found.database} has recorded this version, on {found.at} by {found.by}"
    else:
        yield (
            f"database {found.database} has recorded another version: {found.file}, sha256 {found.sha256}, "
            f"on {found.at} by {found.by}"
        )


def _recorded_document(view: View) -> dict[str, Any]:
    found = view.recorded
    if found is None:
        return {}
    return {
        "recorded": {
            "database": found.database,
            "sha256": found.sha256 or None,
            "file": found.file or None,
            "by": found.by or None,
            "at": found.at or None,
            "is_this": view.is_recorded,
        }
    }


def _activity(policy: Policy, one: Activity) -> Iterator[Item]:
    yield from _controllers(policy, one.controllers, "30(1)(a)")
    yield Item("30(1)(b)", "purposes", _some(one.purpose))
    yield Item("6, 9", "legal basis", _some(one.legal_basis))
    yield Item("30(1)(c)", "categories of persons", one.persons)
    yield Item("30(1)(c)", "categories of personal data", one.data_types)
    yield Item("30(1)(d)", "categories of recipients", one.recipients)
    yield Item("30(1)(e)", "transfers to third countries", one.transfers)
    yield Item("30(1)(f)", "time limits for erasure", (*_some(one.retention), *_rules(policy, one)))
    yield Item("30(1)(g)", "security measures", _some(one.measures))
    yield Item("", "databases", one.databases)
    yield Item("", "tables and columns", (*one.tables, *one.columns) or ("all of them",))
    yield Item("", "roles of the recipients", one.recipient_roles)
    under = [contract.name for contract in policy.contract if one.name in contract.activities]
    yield Item("28(3)", "contracts with processors", tuple(under))


def _rules(policy: Policy, one: Activity) -> Iterator[str]:
    for rule in policy.retention:
        if not (one.tables or one.columns) or rule.table in one.tables:
            if rule.database and rule.database not in one.databases:
                continue
            basis = f" ({rule.basis})" if rule.basis else ""
            yield f"{rule.table}: {rule.months} months by {rule.age_column}{basis}"


def _processor(policy: Policy, one: Processor) -> Iterator[Item]:
    yield Item("30(2)(a)", "processor", (_told(one),))
    if one.engaged_by:
        yield Item("28(4)", "sub-processor, engaged by", (one.engaged_by,))
    below = tuple(_told(other) for other in policy.processor if other.engaged_by == one.name)
    yield Item("28(2)", "sub-processors", below)
    held = [other for other in policy.certificate if other.processor == one.name]
    yield Item(
        "",
        "certificates",
        tuple(f"{other.name}, until {other.until}{_after(other.reference)}" for other in held),
    )


def _contract(policy: Policy, one: Contract, documents: Mapping[str, Document]) -> Iterator[Item]:
    yield from _controllers(policy, _some(one.controller), "30(2)(a)")
    yield Item("30(2)(b)", "categories of processing", (*_some(one.subject), *one.activities))
    yield Item("30(2)(c)", "transfers to third countries", one.transfers)
    yield Item("30(2)(d)", "security measures", _some(one.measures))
    yield Item("28(3)", "nature and purpose", _some(one.purpose))
    yield Item("28(3)", "duration", tuple(_duration(one)))
    yield Item("28(3)", "types of data", one.data_types)
    yield Item("28(3)", "categories of persons", one.persons)
    for letter, clause in one.clauses.items():
        declared = (f"declared in {clause}",) if clause.strip() else ()
        yield Item(f"28(3)({letter})", MENTIONS[letter], declared)
    yield Item("28(9)", "text", tuple(_text(one, documents)))
    yield Item("", "roles in the databases", one.roles)


def _controllers(policy: Policy, names: Sequence[str], article: str) -> Iterator[Item]:
    known = {one.name: one for one in policy.controller}
    # with one controller it need not be named again and again
    chosen = names or (tuple(known) if len(known) == 1 else ())
    yield Item(article, "controller", tuple(_told(known[name]) for name in chosen if name in known))


def _told(one: Controller | Processor) -> str:
    representative = f"represented by {one.representative}" if one.representative else ""
    dpo = f"data protection officer: {one.dpo}" if one.dpo else ""
    return ", ".join(part for part in (one.name, one.contact, representative, dpo) if part)


def _duration(one: Contract) -> Iterator[str]:
    if one.start or one.end:
        yield " ".join(
            part
            for part in (f"from {one.start}" if one.start else "", f"to {one.end}" if one.end else "")
            if part
        )
    yield from _some(one.duration)


def _text(one: Contract, documents: Mapping[str, Document]) -> Iterator[str]:
    if not one.document:
        return
    yield one.document
    if one.sha256:
        yield f"sha256 {one.sha256} as registered"
        found = documents.get(one.document)
        if found is None or found.reason:
            yield f"it cannot be compared: {found.reason if found else 'nobody looked at it'}"
        else:
            same = found.sha256 == one.sha256
            yield "the file has this digest" if same else "the file has another digest: it is another text"


def _some(text: str) -> tuple[str, ...]:
    return (text,) if text.strip() else ()


def _after(text: str) -> str:
    return f", {text}" if text else ""


def _markdown(text: str) -> str:
    shown = visible(text)
    return "".join(f"\\{one}" if one in "\\`*_[]<>|#" else one for one in shown)
