"""What `pgguard hba patch` and `pgguard hba apply` read and write."""

from __future__ import annotations

import os
import posixpath
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.analysis.hba.effect import Cut
    from pgguard.cli.source import Source
    from pgguard.errors import PgguardError
    from pgguard.model.snapshot import Snapshot
    from pgguard.plan.hba_patch import Patch
    from pgguard.server.hba_apply import Prepared


_MOST_PROPOSALS = 20


class Made(NamedTuple):
    """A patch, with the sessions that it would cut off and what could not be known."""

    patch: Patch
    cuts: tuple[Cut, ...]
    unknown: tuple[str, ...]


def made(source: Source, file: Path | None, policy: Path | None) -> Made:
    """The patch for a server or a snapshot's file.

    Raises `UsageError` when the text of pg_hba.conf cannot be had, `InputError` when a copy of it is not
    what the server reads.
    """
    from pgguard.analysis.hba.effect import as_if
    from pgguard.errors import InputError, UsageError
    from pgguard.plan.hba_patch import patch
    from pgguard.server.hba_file import difference, texts_of_file, texts_of_server
    from pgguard.store.policy_file import find, load

    declared = load(find(policy, Path.cwd(), os.environ)).policy
    if source.file is not None and file is None:
        msg = "a snapshot does not hold the text of pg_hba.conf: give a copy of it with --file"
        raise UsageError(msg)
    snapshot = source.snapshot()
    texts, account = texts_of_server(source.target) if file is None else (texts_of_file(file, snapshot), "")
    if "hba_rules" not in snapshot.missing():
        differs = difference(as_if(snapshot, texts).hba_rules, snapshot.hba_rules)
        if differs:
            what = file or texts.main
            msg = f"{what} is not what the server reads: {differs} differs; give the file as it is there"
            raise InputError(msg)
    found = patch(snapshot, texts, declared, account=account)
    return Made(found, _cuts(found.before, found.after), _unknown(snapshot, found.before))


def wrote(found: Made, folder: Path, columns: int | None) -> str:
    """Write the files of a patch that only their owner may read; what was written and what it does.

    Raises `UsageError` when they cannot be written.
    """
    from pgguard.cli.output import write
    from pgguard.errors import UsageError
    from pgguard.report import hba_patch as report
    from pgguard.server.hba_file import Base, digest, encoded, written_base

    patch = found.patch
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = []
        for changed in patch.files:
            name = _name(changed.path, [one.path for one in patch.files])
            _write(folder / f"{name}.patch", encoded(report.diff(changed, patch.before.major)))
            _write(folder / f"{name}.new", encoded(changed.after))
            base = Base(changed.path, digest(encoded(changed.before)))
            _write(folder / f"{name}.base", encoded(written_base(base)))
            lines.append(f"{folder / name}.new, .patch: {changed.path}")
            if report.holds_secret(changed.after):
                lines.append(f"{folder / name}.new holds a directory's password, as the file does: mode 0600")
    except OSError as error:
        msg = f"{error.filename or folder}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None
    write(report.document(patch, found.cuts, found.unknown), folder / "pg_hba.md")
    if not lines:
        lines.append("nothing to change")
    if patch.proposals:
        lines += [
            "For you to decide (comments in the new file):",
            report.proposals(patch.proposals, _MOST_PROPOSALS).rstrip(),
        ]
    return "\n".join(lines) + "\n\n" + report.table(patch.effects, found.cuts, found.unknown, width=columns)


def judged(
    source: Source, new: Path, policy: Path | None, allowed: Sequence[str], columns: int | None
) -> tuple[Prepared, str, PgguardError | None]:
    """What a new file would do, in words, and the error that refuses it where it must not be put in force."""
    from pgguard.analysis.hba.effect import effects, lock_outs
    from pgguard.cli.output import progress
    from pgguard.errors import InputError
    from pgguard.report import hba_patch as report
    from pgguard.server.hba_apply import prepare
    from pgguard.store.policy_file import find, load

    declared = load(find(policy, Path.cwd(), os.environ)).policy
    with progress() as say:
        prepared = prepare(source.target, new, progress=say)
    found = effects(prepared.before, prepared.after)
    cuts = _cuts(prepared.before, prepared.after)
    unknown = _unknown(prepared.snapshot, prepared.before)
    told = report.table(found, cuts, unknown, width=columns)
    account = pwd.getpwuid(os.geteuid()).pw_name
    reasons = lock_outs(
        prepared.before, prepared.after, declared, found, prepared.way, frozenset(allowed), account
    )
    if not reasons:
        return prepared, told, None
    msg = "refused, and nothing was changed:\n" + "\n".join(f"    {text}" for text in reasons)
    return prepared, told, InputError(msg)


def _cuts(before: Snapshot, after: Snapshot) -> tuple[Cut, ...]:
    from pgguard.analysis.hba.effect import cut_sessions

    return () if "sessions" in before.missing() else cut_sessions(before, after)


def _unknown(snapshot: Snapshot, before: Snapshot) -> tuple[str, ...]:
    from pgguard.analysis.hba.ask import unknowns
    from pgguard.analysis.hba.rules import doubt

    # what the server has loaded, as the snapshot saw it; the quotes are read from the text
    loaded = "" if "hba_rules" in snapshot.missing() else doubt(snapshot)
    found = [f"which rules are in force: {loaded}"] if loaded else []
    missing = snapshot.missing()
    if "sessions" in missing:
        found.append(f"who is connected now ({missing['sessions']})")
    return tuple(dict.fromkeys((*found, *unknowns(before))))


def _name(path: str, paths: Sequence[str]) -> str:
    name = posixpath.basename(path)
    alike = [one for one in paths if posixpath.basename(one) == name]
    return name if len(alike) == 1 else f"{name}.{alike.index(path) + 1}"


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
