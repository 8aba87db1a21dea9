"""Prints docs/ from the code: the checks, the controls they cite, the command line, the policy, its schema.

`python -m tools.generate_docs` writes; with `--check` it writes nothing, names each file that is not
what the code says, and exits 1 when there is one.
"""

from __future__ import annotations

import dataclasses
import datetime
import inspect
import json
import re
import sys
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgguard.checks import all_checks
from pgguard.model import policy
from pgguard.store.policy_file import SCHEMA, json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.checks import Check

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NOTICE = "<!-- Printed from the code by `make docs`: change the code, not this file. -->\n"
# docs/ also holds pages written by hand; everything in this folder is printed
PRINTED_FOLDER = "checks"


def main(arguments: Sequence[str]) -> int:
    """Writes the pages, or with --check compares them; the exit code."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m tools.generate_docs [--check]", file=sys.stderr)
        return 2
    wanted = pages()
    superfluous = sorted(set(_printed_files()) - set(wanted))
    if not arguments:
        for name in superfluous:
            (DOCS / name).unlink()
        for name, text in wanted.items():
            (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
            (DOCS / name).write_text(text, encoding="utf-8")
        return 0
    complaints = [f"docs/{name} is about nothing that exists" for name in superfluous]
    for name, text in wanted.items():
        path = DOCS / name
        if not path.is_file():
            complaints.append(f"docs/{name} is missing")
        elif path.read_bytes() != text.encode():
            complaints.append(f"docs/{name} is not what the code says")
    for complaint in complaints:
        print(f"{complaint}: run make docs", file=sys.stderr)
    return 1 if complaints else 0


def pages() -> dict[str, str]:
    """The text of every printed page by its path below docs/."""
    checks = all_checks()
    named = {f"{PRINTED_FOLDER}/{check.id}.md": check_page(check) for check in checks}
    named[f"{PRINTED_FOLDER}/README.md"] = catalogue_page(checks)
    named["controls.md"] = controls_page(checks)
    named["cli.md"] = cli_page()
    named["policy.md"] = policy_page()
    printed = {name: NOTICE + "\n" + text for name, text in named.items()}
    printed[SCHEMA] = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    return printed


def check_page(check: Check) -> str:
    """One check as its docstring explains it."""
    paragraphs = [
        f"# {check.id}",
        _prose(check.title),
        f"**Severity:** {check.severity.label}",
        f"**Why it matters:** {_prose(check.why)}",
        f"**How to fix:** {_prose(check.fix)}",
        f"**Silent when:** {_prose(check.silent)}",
        "**References:**",
        "\n".join(f"* [{_prose(one)}](../controls.md#{_anchor(one)})" for one in check.references),
    ]
    return "\n\n".join(paragraphs) + "\n"


def catalogue_page(checks: Sequence[Check]) -> str:
    """The table of all checks, most serious first."""
    rows = [
        (check.severity.label, f"[{check.id}]({check.id}.md)", _prose(check.title))
        for check in sorted(checks, key=lambda one: (-one.severity, one.id))
    ]
    return f"# The {len(checks)} checks\n\n" + _table(("severity", "check", "what it finds"), rows)


def controls_page(checks: Sequence[Check]) -> str:
    """Every control that a check cites, with the checks that cite it."""
    citing: dict[str, list[str]] = {}
    for check in checks:
        for reference in check.references:
            citing.setdefault(reference, []).append(f"* [{check.id}](checks/{check.id}.md)")
    sections = [
        "# Controls and the checks that cite them",
        "A check that passes shows that it found nothing against the control, not that the control is met.",
    ]
    for reference in sorted(citing, key=_natural):
        sections.append(f"## {_prose(reference)}\n\n" + "\n".join(citing[reference]))
    return "\n\n".join(sections) + "\n"


def cli_page() -> str:
    """Every command with its arguments and options, as `--help` tells them."""
    # imported here, so that a broken command line does not keep the other pages from being tested
    from typer.main import get_command

    from pgguard.cli.main import app

    return "# The command line\n\n" + "\n\n".join(_commands(get_command(app), "pgguard", None)) + "\n"


def policy_page() -> str:
    """Every section of the policy file with its keys, types and defaults."""
    sections = [
        "# The policy file",
        "`pgguard.toml`, in the working directory, else in `$XDG_CONFIG_HOME/pgguard/`, else in "
        "`/etc/pgguard/`, or named with `--policy FILE`. Every section is optional, and so is every key "
        "that has a default.",
    ]
    hints = typing.get_type_hints(policy.Policy)
    for section in dataclasses.fields(policy.Policy):
        hint = hints[section.name]
        repeated = typing.get_origin(hint) is tuple
        entry = typing.get_args(hint)[0] if repeated else hint
        heading = f"[[{section.name}]]" if repeated else f"[{section.name}]"
        sections.append(f"## `{heading}`\n\n{_prose(inspect.getdoc(entry) or '')}\n\n{_keys(entry).rstrip()}")
    categories = typing.get_args(policy.Category)
    named = ", ".join(f"`{one}`" for one in categories if one not in policy.NOT_SENSITIVE)
    others = ", ".join(f"`{one}`" for one in categories if one in policy.NOT_SENSITIVE)
    sections.append(f"## Categories of columns\n\nSensitive: {named}.\n\nNot sensitive: {others}.")
    return "\n\n".join(sections) + "\n"


def _printed_files() -> Iterator[str]:
    for path in (DOCS / PRINTED_FOLDER).rglob("*"):
        if path.is_file():
            yield path.relative_to(DOCS).as_posix()


def _prose(text: str) -> str:
    """Plain text as Markdown: what would be markup there is escaped, except in `code`."""
    parts = text.split("`")
    return "`".join(part if at % 2 else re.sub(r"[<*\\]", r"\\\g<0>", part) for at, part in enumerate(parts))


def _anchor(heading: str) -> str:
    """The fragment that GitHub and GitLab give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _natural(text: str) -> list[tuple[int, str]]:
    """A sorting key that puts CIS 9 before CIS 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _commands(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=name.rpartition(" ")[2], parent=parent)
    parts = [
        "#" * min(len(name.split()) + 1, 6) + f" {name}",
        _prose(inspect.cleandoc(command.help or "")),
        f"```\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```",
    ]
    for kind in ("argument", "option"):
        ours = [one for one in command.params if one.param_type_name == kind]
        records = [record for one in ours if (record := one.get_help_record(context))]
        rows = [(f"`{spelling}`", _prose(" ".join(text.split()))) for spelling, text in records]
        if rows:
            parts.append(_table((kind, "what it is"), rows).rstrip())
    yield "\n\n".join(part for part in parts if part)
    for child, one in sorted(getattr(command, "commands", {}).items()):
        if not one.hidden:
            yield from _commands(one, f"{name} {child}", context)


def _keys(entry: Any) -> str:
    hints = typing.get_type_hints(entry)
    rows = [
        (f"`{key.name}`", _type_words(hints[key.name]), _default(key)) for key in dataclasses.fields(entry)
    ]
    return _table(("key", "type", "default"), rows)


def _type_words(hint: Any) -> str:
    """A type in the words of TOML."""
    if hint == policy.Category:
        return "a category, see below"
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(f'`"{one}"`' for one in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"list of {_type_words(typing.get_args(hint)[0])}s"
    known = {str: "string", bool: "boolean", int: "integer", float: "number", datetime.date: "date"}
    # what may be left out shows in the column of defaults
    (one,) = [part for part in typing.get_args(hint) or (hint,) if part is not type(None)]
    return known[one] if one in known else _type_words(one)


def _default(key: dataclasses.Field[Any]) -> str:
    if key.default is dataclasses.MISSING:
        return "must be given"
    if key.default is None:
        return "none"
    text = json.dumps(key.default, default=str, ensure_ascii=False)
    return f"`{text}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
