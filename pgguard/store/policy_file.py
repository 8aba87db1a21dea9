"""pgguard.toml: found, read, and every mistake in it named with its line.

The keys are the fields of `pgguard.model.policy`; a key that is not one of them is an error, because
a misspelt exception would silently not be one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.errors import PolicyError
from pgguard.model.policy import Policy
from pgguard.model.register import REGISTER_SECTIONS, Register
from pgguard.store.mandate_mistakes import mandate_contracts, mandate_mistakes
from pgguard.store.policy_mistakes import MOST, accepted, adapter, dotted, mistakes, texts
from pgguard.store.register_mistakes import contract_names, foreign, misplaced, register_mistakes
from pgguard.store.toml_lines import lines, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pgguard.store.policy_mistakes import Mistake

NAME = "pgguard.toml"
SCHEMA = "pgguard.schema.json"
_SYNTAX = re.compile(r"(.*) \(at line (\d+), column \d+\)")
# so many lines may be no TOML before the rest is not looked at
_BAD_LINES = 10


class LoadedPolicy(NamedTuple):
    """A policy with where it came from: the file's name and the digest of its bytes, empty without one.

    The same of the register, where that is a file of its own.
    """

    policy: Policy
    file: str
    sha256: str
    register_file: str = ""
    register_sha256: str = ""


def find(chosen: Path | None, folder: Path, environment: Mapping[str, str]) -> Path | None:
    """The policy file that counts: the one chosen, else of the folder, the user, the machine.

    Raises `PolicyError` when the chosen one is not there.
    """
    if chosen is not None:
        if not chosen.exists():
            msg = f"{chosen}: there is no such policy file"
            raise PolicyError(msg)
        return chosen
    home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "/")) / ".config")
    for place in (folder, Path(home) / "pgguard", Path("/etc/pgguard")):
        if (place / NAME).exists():
            return place / NAME
    return None


def load(path: Path | None) -> LoadedPolicy:
    """The policy of a file; the safe defaults without one.

    Raises `PolicyError` for a file that cannot be read and for every mistake in it at once.
    """
    if path is None:
        return LoadedPolicy(Policy(), "", "")
    written = read_written(path)
    if said := written.said():
        raise PolicyError("\n".join(said))
    # beside the file that names them, from wherever we are called
    folder = (written.register_path or path).parent
    policy = _mandates_placed(placed(accepted(written.data), folder), path.parent)
    if written.register is None:
        return LoadedPolicy(policy, str(path), written.sha256)
    # its file is named below, and what it says stands in the policy now
    return LoadedPolicy(
        dataclasses.replace(policy, register=Register()),
        str(path),
        written.sha256,
        str(written.register_path),
        written.register_sha256,
    )


def placed(policy: Policy, folder: Path) -> Policy:
    """The policy with the paths of documents of the register from that folder on."""
    contracts = tuple(
        dataclasses.replace(one, document=str(folder / one.document)) if one.document else one
        for one in policy.contract
    )
    return dataclasses.replace(policy, contract=contracts)


def _mandates_placed(policy: Policy, folder: Path) -> Policy:
    """The policy with the instructions and the recipients' keys of its mandates from that folder on."""
    mandates = tuple(
        dataclasses.replace(
            one,
            document=str(folder / one.document),
            recipients=tuple(key if key.startswith("age1") else str(folder / key) for key in one.recipients),
        )
        for one in policy.mandate
    )
    return dataclasses.replace(policy, mandate=mandates)


def read(path: Path, what: str = "policy") -> tuple[bytes, str]:
    """The bytes and the text of a policy file, or of a register's.

    Raises `PolicyError` when it cannot be read or is not UTF-8.
    """
    try:
        content = path.read_bytes()
        return content, content.decode("utf-8-sig")
    except OSError as error:
        msg = f"{path}: the {what} cannot be read: {error.strerror}"
        raise PolicyError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: the {what} is not UTF-8 text (byte {error.start + 1})"
        raise PolicyError(msg) from None


class Written(NamedTuple):
    """A policy's file as it is written, and the register's beside it where it names one."""

    path: Path
    policy: Examined
    sha256: str
    register_path: Path | None = None
    register: Examined | None = None
    register_sha256: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """What both say together."""
        return {**self.policy.data, **(self.register.data if self.register else {})}

    def said(self, more: Iterable[Mistake] = ()) -> list[str]:
        """The mistakes of both, and more of them that were found in `data`, as lines for people."""
        more = list(more)
        if self.register is None:
            return self.policy.said(str(self.path), [*more, *mandate_contracts(self.data)])
        named = next((name for _, name in texts(self.policy.data, "register", "file")), "")
        mine = [one for one in more if one.place[0] not in REGISTER_SECTIONS]
        theirs = [one for one in more if one.place[0] in REGISTER_SECTIONS]
        # with mistakes of its own in it, what it does not declare says nothing
        if not self.register.broken:
            mine += [*contract_names(self.data), *mandate_contracts(self.data)]
        mine += misplaced(self.policy.data, named)
        theirs += foreign(self.register.data)
        return [
            *self.policy.said(str(self.path), mine),
            *self.register.said(str(self.register_path), theirs),
        ]


def read_written(path: Path) -> Written:
    """The files of a policy with every mistake in them.

    Raises `PolicyError` when one cannot be read or is not UTF-8.
    """
    content, text = read(path)
    examined, digest = examine(text), hashlib.sha256(content).hexdigest()
    named = next((name for _, name in texts(examined.data, "register", "file")), "")
    if not named:
        return Written(path, examined, digest)
    beside = path.parent / named
    content, text = read(beside, "register")
    return Written(path, examined, digest, beside, examine(text), hashlib.sha256(content).hexdigest())


def parse(text: str, file: str) -> Policy:
    """The policy that a TOML text declares.

    Raises `PolicyError` with one line for each mistake: file, line, key, what is expected.
    """
    examined = examine(text)
    if said := examined.said(file):
        raise PolicyError("\n".join(said))
    return accepted(examined.data)


class Examined(NamedTuple):
    """A policy's text as data, and what is wrong with it.

    Where `broken` (line and what) holds something the text is not TOML; `data` and `text` are then what is
    left of it without those lines, empty when that is not TOML either.
    """

    data: dict[str, Any]
    text: str
    broken: tuple[tuple[int, str], ...]
    mistakes: tuple[Mistake, ...]

    def said(self, file: str, more: Iterable[Mistake] = ()) -> list[str]:
        """The mistakes and more of them as lines for people, in the order of the file."""
        said = set(self.broken)
        wrong = (*self.mistakes, *more)
        known = lines(self.text) if wrong else {}
        for place, what, other in wrong:
            where = f" (line {nearest(known, other)})" if other else ""
            said.add((nearest(known, place), f"{dotted(place)}: {what}{where}"))
        return [f"{file}:{line}: {printable(what)}" for line, what in sorted(said)]


def examine(text: str) -> Examined:
    """What a policy's text says and what is wrong with it, as far as it can be told without a server."""
    text = text.replace("\r\n", "\n")
    written = text.split("\n")
    broken: list[tuple[int, str]] = []
    while True:
        try:
            data = tomllib.loads("\n".join(written))
        except tomllib.TOMLDecodeError as error:
            said = _SYNTAX.fullmatch(str(error))
            line, what = (int(said[2]), said[1]) if said else (len(written), str(error))
            # without a header, what follows would be taken for another table's
            header = line <= len(written) and written[line - 1].lstrip().startswith("[")
            again = line in {number for number, _ in broken} or len(broken) >= _BAD_LINES
            if not again:
                broken.append((min(line, len(written)), f"this is not TOML: {what}"))
            if header or again or line > len(written):
                return Examined({}, "", tuple(broken if not again else broken[:1]), ())
            written[line - 1] = ""
        else:
            return Examined(
                data,
                "\n".join(written),
                tuple(broken),
                (*mistakes(data), *register_mistakes(data), *mandate_mistakes(data)),
            )


def printable(text: str) -> str:
    """The text without what a terminal would act on, which a name in a file can hold."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors that check TOML by one."""
    schema: dict[str, Any] = adapter().json_schema()
    _tidy(schema)
    schema["title"] = NAME
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _tidy(schema: dict[str, Any]) -> None:
    if schema.get("type") in ("integer", "number"):
        schema.update(minimum=0, maximum=MOST)
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    # the titles that pydantic makes up are the keys' names once more
    schema.pop("title", None)
    for part in schema.values():
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            if isinstance(one, dict):
                _tidy(one)
    if isinstance(schema.get("items"), dict):
        _tidy(schema["items"])
