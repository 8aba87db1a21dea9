"""A folder of migrations: written whole, and read back only when nothing in it was changed."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.plan.document import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pgguard.model.plan import Migration, Plan

MANIFEST = "plan.json"
FORMAT = 1
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

    `cluster` is the number that initdb gave it, empty where it was not known.
    """

    format: int
    target: str
    server_version: str
    planned_at: str
    planned_as: str
    migrations: list[Entry]
    by_hand: list[str]
    cluster: str = ""


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


def write(path: Path, plan: Plan, files: Sequence[Migration], *, force: bool = False) -> None:
    """Write plan.md, plan.json and the SQL files.

    Raises `UsageError` when the folder holds something else, or another plan and not `force`.
    """
    known = _ours(path)
    wanted = contents(plan, files)
    if known is not None and not force:
        same = all(
            (path / name).is_file() and (path / name).read_text(encoding="utf-8") == text
            for name, text in wanted.items()
        )
        if same and set(known) == set(wanted):
            return
        msg = f"{path}: there is another plan in it: --force replaces it, or name another folder"
        raise UsageError(msg)
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name in set(known or ()) - set(wanted):
            (path / name).unlink(missing_ok=True)
        for name, text in wanted.items():
            (path / name).write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{path}: the plan cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def contents(plan: Plan, files: Sequence[Migration]) -> dict[str, str]:
    """The files of a plan by name, the manifest last."""
    found = {"plan.md": document(plan, files)}
    for one in files:
        for kind in ("up", "down", "verify"):
            found[_name(one.name, kind)] = getattr(one, kind)
    found[MANIFEST] = (
        json.dumps(msgspec.to_builtins(_manifest(plan, files)), indent=1, ensure_ascii=False) + "\n"
    )
    return found


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


def _manifest(plan: Plan, files: Sequence[Migration]) -> Manifest:
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


def _ours(path: Path) -> list[str] | None:
    """The files of the plan that the folder holds; None when it is empty or not there."""
    try:
        present = sorted(one.name for one in path.iterdir())
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{path}: it cannot be read: {error.strerror}"
        raise UsageError(msg) from None
    if not present:
        return None
    if MANIFEST not in present:
        msg = f"{path}: it is not empty, and what is in it is no plan of pgguard: name another folder"
        raise UsageError(msg)
    return [name for name in present if name in (MANIFEST, "plan.md") or name.endswith(".sql")]


def _file(path: Path, name: str, kind: str) -> Path:
    return path / _name(name, kind)


def _name(name: str, kind: str) -> str:
    return f"{name}.sql" if kind == "up" else f"{name}.{kind}.sql"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
