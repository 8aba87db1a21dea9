"""`pgguard incident`: the file of a personal data breach, as art. 33 of the GDPR asks for it."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import ObservationsFile, PolicyFile
from pgguard.cli.output import Output, progress, write
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from pgguard.analysis.incident import Facts
    from pgguard.model.incident import Asked, Incident
    from pgguard.nightly.incident import Sources

_NOT_KNOWN = 3
_ISO = "%Y-%m-%dT%H:%M:%SZ"


class Form(enum.Enum):
    """How the file is written."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


_ENDINGS = {Form.TERMINAL: "txt", Form.MARKDOWN: "md", Form.JSON: "json"}


@reads_snapshot
def incident(
    source: Source,
    since: Annotated[
        str,
        typer.Option(
            "--from", metavar="TIME", help="Beginning of the window: 2026-03-01T22:00+01:00, 36h or 7d ago."
        ),
    ],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="End of the window, not after now.")],
    file: Annotated[
        Path | None,
        typer.Option(
            "--from-snapshot",
            metavar="FILE",
            help="A file made by `pgguard snapshot` instead of a server: nothing is counted, no audit read.",
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="Only this login, or members of this role (repeat)."),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="TABLE", help="Only this table (schema.name; repeat for more)."),
    ] = None,
    person: Annotated[
        str,
        typer.Option(
            "--person", metavar="NAME", help="Only logins and identities of this person of the staff."
        ),
    ] = "",
    address: Annotated[
        list[str] | None,
        typer.Option("--address", metavar="CIDR", help="Only from this network, or local (repeat for more)."),
    ] = None,
    controller: Annotated[
        str, typer.Option("--controller", metavar="NAME", help="Only what is this controller's.")
    ] = "",
    all_controllers: Annotated[
        bool, typer.Option("--all-controllers", help="A file for each controller, in the folder of --output.")
    ] = False,
    noticed_at: Annotated[
        str,
        typer.Option(
            "--noticed-at", metavar="TIME", help="When the breach was noticed: 72 hours run from it."
        ),
    ] = "",
    observations: ObservationsFile = None,
    anchor: Annotated[
        Path | None,
        typer.Option("--anchor", metavar="FILE", help="Anchors of the audit kept outside the database."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Count no rows: the planner's estimates, which are no bound.")
    ] = False,
    policy: PolicyFile = None,
    output_format: Annotated[Form, typer.Option("--format", help="How to write the file.")] = Form.TERMINAL,
    output: Output = None,
) -> None:
    """Make the breach file of a window: who was there, what was read or within reach, of how many persons.

    Exit code 0: all that was asked is covered. 3: the file is made, and says what could not be known. 2:
    bad usage or input. See docs/incident.md.
    """
    from pgguard.nightly.incident import each, files, gather

    source = dataclasses.replace(source, file=file)
    asked = _asked(since, until, role, table, person, address, noticed_at)
    sources = _sources(source, policy, observations, anchor, estimate=estimate)
    _require(sources, controller, output, all_controllers=all_controllers)
    with progress() as say:
        facts = gather(asked, sources, now=_now(), progress=say)
    made = dict(each(facts)) if all_controllers else {controller: files(facts, controller)}
    if all_controllers and output is not None:
        _write_each(made, facts, output, output_format)
    else:
        write(_rendered(made[controller], output_format), output)
    raise typer.Exit(_NOT_KNOWN if any(one.unknown for one in made.values()) else 0)


def _asked(
    since: str,
    until: str,
    roles: list[str] | None,
    tables: list[str] | None,
    person: str,
    addresses: list[str] | None,
    noticed_at: str,
) -> Asked:
    from pgguard.errors import UsageError
    from pgguard.model.incident import Asked

    times = {"--from": since, "--to": until, "--noticed-at": noticed_at}
    found = {name: _moment(name, text) for name, text in times.items() if text or name != "--noticed-at"}
    now = datetime.datetime.now(datetime.UTC)
    for name, at in found.items():
        if at > now:
            msg = f"{name} {times[name]} is in the future: nothing is known of it"
            raise UsageError(msg)
    if found["--from"] >= found["--to"]:
        msg = f"--from {since} has to be before --to {until}"
        raise UsageError(msg)
    if found.get("--noticed-at", now) < found["--from"]:
        msg = f"--noticed-at {noticed_at} is before --from {since}: a breach is noticed after it began"
        raise UsageError(msg)
    given = (*(roles or ()), *(tables or ()), *(addresses or ()))
    if not all(given):
        msg = "a name to look for is empty: everything would be found; leave the option out for that"
        raise UsageError(msg)
    said = {name: one.strftime(_ISO) for name, one in found.items()}
    return Asked(
        said["--from"],
        said["--to"],
        tuple(roles or ()),
        tuple(tables or ()),
        person,
        tuple(addresses or ()),
        said.get("--noticed-at", ""),
        any(_lacks_zone(text) for text in times.values()),
    )


def _moment(name: str, text: str) -> datetime.datetime:
    from pgguard.cli.audit_search import moment
    from pgguard.errors import UsageError

    try:
        found = moment(text)
    except UsageError as error:
        msg = f"{name}: {error}"
        raise UsageError(msg) from None
    if found is None:
        msg = f"{name} is empty: give a time"
        raise UsageError(msg)
    return found.astimezone(datetime.UTC)


def _lacks_zone(text: str) -> bool:
    try:
        return bool(text) and datetime.datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        # so long ago
        return False


def _sources(
    source: Source, policy: Path | None, observations: Path | None, anchor: Path | None, *, estimate: bool
) -> Sources:
    from pgguard.errors import ConnectError
    from pgguard.nightly.incident import Sources
    from pgguard.store.audit_anchor import read
    from pgguard.store.history import default_place
    from pgguard.store.policy_file import find, load

    loaded = load(find(policy, Path.cwd(), os.environ))
    declared = loaded.policy
    snapshot, reason = None, ""
    try:
        snapshot = source.snapshot()
    except ConnectError as error:
        # a server that was shut down for the breach is no reason to have no file
        reason = str(error)
    store = observations or (Path(declared.observation.store) if declared.observation.store else None)
    default = default_place(os.environ)
    history = declared.history.store or (default if Path(default).exists() else "")
    live = snapshot is not None and source.file is None
    name = declared.history.target or (
        source.target.name if source.file is None else snapshot.target if snapshot else ""
    )
    return Sources(
        loaded,
        snapshot,
        reason,
        source.target if live else None,
        store,
        history,
        name,
        tuple(read(anchor)[0]) if anchor else (),
        estimate,
    )


def _require(sources: Sources, controller: str, output: Path | None, *, all_controllers: bool) -> None:
    from pgguard.analysis.incident_controllers import require_controller
    from pgguard.errors import UsageError

    policy = sources.loaded.policy
    if controller and all_controllers:
        msg = "give --controller or --all-controllers, not both"
        raise UsageError(msg)
    if controller:
        require_controller(policy, controller)
    if all_controllers and (output is None or (output.exists() and not output.is_dir())):
        msg = "--all-controllers writes several files: give a folder by --output"
        raise UsageError(msg)
    if all_controllers and not policy.controller:
        msg = "--all-controllers: the register declares no [[controller]]"
        raise UsageError(msg)
    if (controller or all_controllers) and sources.snapshot is None:
        msg = f"whose data they are cannot be told without a server or --from-snapshot: {sources.no_snapshot}"
        raise UsageError(msg)


def _write_each(made: dict[str, Incident], facts: Facts, folder: Path, form: Form) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names: dict[str, str] = {}
    for name, one in made.items():
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "controller"
        number = sum(1 for other in names.values() if other == plain or other.startswith(f"{plain}-"))
        names[name] = plain if not number else f"{plain}-{number + 1}"
        path = folder / f"{names[name]}.{_ENDINGS[form]}"
        write(_rendered(one, form), path)
        print(f"{path}: {name}")
    for other in facts.policy.controller:
        if other.name not in made:
            print(f"no file for {other.name}: nothing of theirs is known to have been within reach")


def _rendered(made: Incident, form: Form) -> str:
    from pgguard.report.incident import render, render_json, render_markdown

    renders = {Form.TERMINAL: render, Form.MARKDOWN: render_markdown, Form.JSON: render_json}
    return renders[form](made)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime(_ISO)
