"""A folder of migrations: written whole, and read back only when nothing in it was changed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.plan.checked import without_secret
from pgguard.plan.document import document
from pgguard.plan.layouts import for_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pgguard.model.plan import Migration, Plan

MANIFEST = "plan.json"
FORMAT = 1
PSQL = "psql"
_NAME = re.compile(r"(?!0000)(?:[0-9]{4}|[1-9][0-9]{4,8})_[A-Za-z0-9_]+")


class Digests(msgspec.Struct):
    """SHA-256 of the three files of a migration."""

    up: str
    down: str
    verify: str


class Entry(msgspec.Struct):
    """One migration of the manifest; `database` empty for any of the cluster."""

    name: str
    title: str
    database: str
    phase: str
    transactional: bool
    undoable: bool
    sha256: Digests
    answers: list[str]


class Manifest(msgspec.Struct):
    """plan.json: what the folder holds and what it was made for.

    `cluster` is the number that initdb gave it, empty where it was not known; `files` has the SHA-256 of
    every file but the manifest; `tool` is the version that made it, `layout` the tool that it is for.
    """

    format: int
    target: str
    server_version: str
    planned_at: str
    planned_as: str
    migrations: list[Entry]
    by_hand: list[str]
    cluster: str = ""
    tool: str = ""
    layout: str = PSQL
    files: dict[str, str] = {}


class Folder(NamedTuple):
    """A folder of migrations that was found as it was written; `digest` is the SHA-256 of its manifest."""

    path: Path
    manifest: Manifest
    digest: str

    def text(self, entry: Entry, kind: str) -> str:
        """The SQL of one file: up, down or verify.

        Raises `InputError` when it was edited or removed since the folder was read.
        """
        if wrong := list(_wrong(self.path, entry, kind)):
            msg = f"{self.path}: {wrong[0]}"
            raise InputError(msg)
        return _file(self.path, entry.name, kind).read_text(encoding="utf-8")


def write(
    path: Path, plan: Plan, files: Sequence[Migration], *, layout: str = PSQL, force: bool = False
) -> None:
    """Write plan.md, the SQL files as the layout names them, and plan.json last.

    A folder that holds the same plan stays as it is, whenever that was made. Raises `UsageError` when it
    holds something else, or another plan and not `force`; then the message says what differs.
    """
    known = _known(path)
    if known is not None:
        again = replace(plan, planned_at=known.planned_at)
        if not list(_differences(path, known, contents(again, files, layout))):
            return
    wanted = contents(plan, files, layout)
    if known is not None and not force:
        told = "".join(f"\n  {one}" for one in _differences(path, known, wanted))
        msg = f"{path}: there is another plan in it: --force replaces it, or name another folder{told}"
        raise UsageError(msg)
    try:
        for name in set(_files(known) if known else ()) - set(wanted):
            (path / name).unlink(missing_ok=True)
        for name, text in wanted.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        msg = f"{path}: the plan cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def contents(plan: Plan, files: Sequence[Migration], layout: str = PSQL) -> dict[str, str]:
    """The files of a plan by name, the manifest last.

    Raises `UnsafeMigrationError` when a text holds a secret, `UsageError` when a name in the plan cannot be
    said in that layout.
    """
    found = {"plan.md": document(plan, files, layout)}
    if layout == PSQL:
        for one in files:
            for kind in ("up", "down", "verify"):
                found[_name(one.name, kind)] = getattr(one, kind)
    else:
        found |= for_tool(plan, files, layout)
    digests = {name: _digest(without_secret(text, name)) for name, text in found.items()}
    manifest = msgspec.to_builtins(_manifest(plan, files, layout, digests))
    found[MANIFEST] = without_secret(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", MANIFEST)
    return found


def _differences(path: Path, known: Manifest, wanted: dict[str, str]) -> Iterator[str]:
    """What differs between the plan that the folder holds and the one that is to be written."""
    there = _files(known)
    for name in sorted(there.keys() | wanted.keys()):
        if name not in there:
            yield f"{name}: new"
        elif name not in wanted:
            yield f"{name}: no longer planned"
        elif (found := _digest_of(path / name)) is None:
            yield f"{name}: missing"
        elif found != _digest(wanted[name]):
            edited = name != MANIFEST and found != there[name]
            yield f"{name}: {'edited by hand' if edited else 'different'}"


def _files(manifest: Manifest) -> dict[str, str]:
    return {**manifest.files, MANIFEST: ""}


def _digest_of(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def read(path: Path) -> Folder:
    """A folder as it was written.

    Raises `InputError` for one that is no plan, and for every file that is missing or was edited.
    """
    folder, wrong = look(path)
    if wrong:
        told = "\n".join(f"{path}: {text}" for text in wrong.values())
        msg = f"{told}\nnothing was done: make a new plan"
        raise InputError(msg)
    return folder


def look(path: Path) -> tuple[Folder, dict[str, str]]:
    """A folder, and what is wrong with its files, by the name of the migration or of the foreign file.

    Raises `InputError` for one that is no plan.
    """
    try:
        written = (path / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(written, type=Manifest)
    except OSError as error:
        msg = f"{path}: there is no plan in it ({MANIFEST}: {error.strerror})"
        raise InputError(msg) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{path / MANIFEST}: it is damaged: {error}; make a new plan"
        raise InputError(msg) from None
    if manifest.format != FORMAT:
        msg = f"{path / MANIFEST}: it was made by another version of pgguard: make a new plan"
        raise InputError(msg)
    if manifest.layout != PSQL:
        msg = f"{path}: this plan was made for {manifest.layout}, which applies it and keeps its own ledger"
        raise InputError(msg)
    names = [entry.name for entry in manifest.migrations]
    numbers = [int(name.partition("_")[0]) if _NAME.fullmatch(name) else 0 for name in names]
    if 0 in numbers or any(one >= other for one, other in pairwise(numbers)):
        msg = f"{path / MANIFEST}: it is damaged: the files are not numbered in order; make a new plan"
        raise InputError(msg)
    wrong = {
        entry.name: "; ".join(found) for entry in manifest.migrations if (found := list(_wrong(path, entry)))
    }
    known = {_name(name, kind) for name in names for kind in ("up", "down", "verify")}
    for one in sorted(path.glob("*.sql")):
        if one.name not in known:
            wrong[one.name] = f"{one.name} is not of this plan"
    return Folder(path, manifest, hashlib.sha256(written).hexdigest()), wrong


def _manifest(plan: Plan, files: Sequence[Migration], layout: str, digests: dict[str, str]) -> Manifest:
    return Manifest(
        FORMAT,
        plan.target,
        plan.server_version,
        plan.planned_at,
        plan.planned_as,
        [
            Entry(
                one.name,
                one.step.title,
                one.step.database or "",
                one.step.phase,
                one.step.transactional,
                one.undoable,
                Digests(_digest(one.up), _digest(one.down), _digest(one.verify)),
                [answer.fingerprint for answer in one.step.answers],
            )
            for one in files
        ],
        list(plan.by_hand),
        plan.cluster,
        version("pgguard"),
        layout,
        digests,
    )


def _wrong(path: Path, entry: Entry, *kinds: str) -> Iterable[str]:
    for kind in kinds or ("up", "down", "verify"):
        file = _file(path, entry.name, kind)
        try:
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            yield f"{file.name} cannot be read: {error.strerror}"
            continue
        if found != getattr(entry.sha256, kind):
            yield f"{file.name} was edited after the plan was made"


def _known(path: Path) -> Manifest | None:
    """The manifest of the plan that the folder holds; None when it is empty or not there.

    Raises `UsageError` for a folder that holds something else.
    """
    try:
        present = sorted(one.name for one in path.iterdir())
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{path}: it cannot be read: {error.strerror}"
        raise UsageError(msg) from None
    if not present:
        return None
    try:
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        msg = f"{path}: it is not empty, and what is in it is no plan of pgguard: name another folder"
        raise UsageError(msg) from None
    if any(PurePath(name).is_absolute() or ".." in PurePath(name).parts for name in manifest.files):
        msg = f"{path / MANIFEST}: it names files outside of the folder: name another folder"
        raise UsageError(msg)
    return manifest


def _file(path: Path, name: str, kind: str) -> Path:
    return path / _name(name, kind)


def _name(name: str, kind: str) -> str:
    return f"{name}.sql" if kind == "up" else f"{name}.{kind}.sql"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
