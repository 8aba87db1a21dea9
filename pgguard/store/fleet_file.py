"""fleet.toml: the clusters that one run looks at.

```toml
workers = 8
[[target]]
name = "lab-north"
dsn = "host=db1.example.org dbname=lab user=pgguard_auditor"
databases = ["lab"]          # default: all
policy = "north.toml"        # over the policy of all
```
"""

from __future__ import annotations

import dataclasses
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from pgguard.errors import InputError, PgguardError
from pgguard.model.policy import Policy
from pgguard.server.connect import Target
from pgguard.store.policy_file import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST = 5_000


class FleetTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cluster, or some databases of one: the name it is remembered by, and how to connect, without
    password."""

    name: str
    dsn: str
    databases: tuple[str, ...] = ()
    policy: str = ""


class Fleet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The targets, and how many are looked at at the same time."""

    target: tuple[FleetTarget, ...]
    workers: int = 4


def read_fleet(path: Path) -> Fleet:
    """The fleet that a file declares.

    Raises `InputError` with everything that is wrong in it: every target whose name comes twice, whose
    connection string cannot be read or holds a password, or whose policy is not there.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        fleet = msgspec.convert(data, Fleet)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise InputError(msg) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path}: this is not TOML: {error}"
        raise InputError(msg) from None
    except msgspec.ValidationError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from None
    if wrong := [*_mistakes(path, fleet)]:
        raise InputError("\n".join(f"{path}: {one}" for one in wrong))
    return fleet


def _mistakes(path: Path, fleet: Fleet) -> Iterator[str]:
    if not fleet.target:
        yield "it names no [[target]]"
    if len(fleet.target) > _MOST:
        yield f"it names {len(fleet.target)} targets, and {_MOST} are the most"
    if not 1 <= fleet.workers <= 64:
        yield "workers is a number from 1 to 64"
    seen: set[str] = set()
    for number, one in enumerate(fleet.target, 1):
        if not one.name or one.name in seen:
            yield f"target {number}: it needs a name of its own, and has {one.name!r}"
        seen.add(one.name)
        try:
            Target.from_options(one.dsn)
        except PgguardError as error:
            yield f"target {one.name}: {error}"
        if one.policy and not (path.parent / one.policy).exists():
            yield f"target {one.name}: there is no policy file {one.policy}"


def overlaid(base: Policy, path: Path | None) -> Policy:
    """The policy with another file over it: its settings in place of those that they differ from, its
    entries besides those that are there.

    Raises `PolicyError` for mistakes in that file.
    """
    if path is None:
        return base
    over, default = load(path).policy, Policy()
    changes: dict[str, Any] = {}
    for one in dataclasses.fields(Policy):
        mine, theirs, usual = (getattr(each, one.name) for each in (base, over, default))
        if theirs == usual:
            continue
        if isinstance(theirs, tuple):
            changes[one.name] = (*mine, *theirs)
            continue
        changes[one.name] = dataclasses.replace(
            mine,
            **{
                field.name: getattr(theirs, field.name)
                for field in dataclasses.fields(theirs)
                if getattr(theirs, field.name) != getattr(usual, field.name)
            },
        )
    return dataclasses.replace(base, **changes)
