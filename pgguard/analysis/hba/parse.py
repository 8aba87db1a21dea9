"""The rules that a server would read from the text of pg_hba.conf, without giving it to one.

What a file names with @ or include has to be given with it. The result is held equal to
pg_hba_file_rules by a test; whether a line really loads, the server says (manual, 20.1).
"""

from __future__ import annotations

import contextlib
import ipaddress
import posixpath
import re
import socket
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.hba.text import Line, Token, lines
from pgguard.model.rows import HbaQuotes, HbaRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INCLUDES_FROM = 16
TYPES = ("local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
_GSS_TYPES_FROM = 12
_METHODS = frozenset(
    {"trust", "reject", "md5", "scram-sha-256", "password", "gss", "sspi", "ident", "peer", "ldap"}
    | {"radius", "cert", "pam", "bsd"}
)
_SECRETS = frozenset({"ldapbindpasswd", "radiussecrets"})
_INCLUDES = frozenset({"include", "include_if_exists", "include_dir"})
_DEEPEST = 10
_HIDDEN = re.compile(r'[^\s",#@\\]+')
_SECRET = re.compile(r"(ldapbindpasswd|radiussecrets).*", re.IGNORECASE | re.DOTALL)


class Texts(NamedTuple):
    """Files of a configuration: `main` is the path of pg_hba.conf.

    `files` holds texts by path, None for one that is not there; `folders` the names in a folder that
    include_dir reads. Paths are the server's.
    """

    main: str
    files: Mapping[str, str | None]
    folders: Mapping[str, tuple[str, ...] | None]

    def replaced(self, path: str, text: str) -> Texts:
        """The same files, one of them with another text."""
        return self._replace(files={**self.files, path: text})


class Wanted(Exception):  # noqa: N818 - a question, not an error
    """A file (or with `folder` the list of a folder's files) is named that was not given."""

    def __init__(self, path: str, *, folder: bool = False) -> None:
        self.path = path
        self.folder = folder
        super().__init__(path)


class Rules(NamedTuple):
    """What a configuration comes to: its rules in order, and the quotes in its files."""

    rules: tuple[HbaRule, ...]
    quotes: tuple[HbaQuotes, ...]


class Placed(NamedTuple):
    """A line with words, and the file that it is in; `error` where an include failed."""

    file: str
    line: Line
    error: str = ""


def parse_rules(texts: Texts, major: int, unusable: Mapping[str, str]) -> Rules:
    """The rules of the files, as the rows of a snapshot; a line that cannot load has an error and no method.

    `unusable` has the types that match nobody on this server (hostssl where ssl is off), each with the
    reason. Raises `Wanted` for a file that is named and not given.
    """
    found: list[HbaRule] = []
    files: dict[str, None] = {}
    number = 0
    for file, line, error in rule_lines(texts, major):
        files[file] = None
        # before, the server does not say which file
        shown = file if major >= INCLUDES_FROM else ""
        rule = _broken(shown, line.number, error) if error else _rule(texts, shown, file, line, major)
        if not rule.error and rule.type in unusable:
            rule = rule._replace(error=unusable[rule.type])
        if not rule.error:
            number += 1
            rule = rule._replace(number=number)
        found.append(rule)
    quotes = tuple(one for file in sorted(files) for one in _quotes(texts, file, major))
    return Rules(tuple(found), quotes)


def rule_lines(texts: Texts, major: int) -> Iterator[Placed]:
    """The lines with words, those of included files (16 and later) where they are included.

    Raises `Wanted` for a file that is named and not given.
    """
    yield from _lines_of(texts, texts.main, major, 0)


def _lines_of(texts: Texts, path: str, major: int, depth: int) -> Iterator[Placed]:
    text = _text(texts, path)
    for line in lines(text or "", major):
        if not line.fields:
            continue
        words = line.fields
        keyword = words[0][0].text
        is_include = major >= INCLUDES_FROM and keyword in _INCLUDES and len(words) == 2
        if not is_include or len(words[0]) != 1 or len(words[1]) != 1:
            yield Placed(path, line)
            continue
        if depth == _DEEPEST:
            yield Placed(path, line, "files are included too deeply")
            continue
        named = _absolute(words[1][0].text, path)
        if keyword == "include_dir":
            if named not in texts.folders:
                raise Wanted(named, folder=True)
            names = texts.folders[named]
            if names is None:
                yield Placed(path, line, "the folder could not be read")
            inside = [posixpath.join(named, name) for name in sorted(names or ())]
        elif _text(texts, named) is None:
            if keyword == "include":
                yield Placed(path, line, "the included file could not be read")
            continue
        else:
            inside = [named]
        for one in inside:
            yield from _lines_of(texts, one, major, depth + 1)


def included_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a folder's files that include_dir reads (manual, 20.1)."""
    return tuple(one for one in names if one.endswith(".conf") and not one.startswith("."))


def _text(texts: Texts, path: str) -> str | None:
    if path not in texts.files:
        raise Wanted(path)
    return texts.files[path]


def _absolute(name: str, outer: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(outer), name))


def _rule(texts: Texts, shown: str, file: str, line: Line, major: int) -> HbaRule:
    fields = line.fields
    problem = _shape(line, major)
    databases: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    if not problem:
        try:
            databases, users = (_names(texts, fields[at], file, major) for at in (1, 2))
        except FileNotFoundError as missing:
            problem = f"could not read the file that @{missing} names"
    if problem:
        return _broken(shown, line.number, problem)
    address, netmask, rest = "", "", 3
    if fields[0][0].text != "local":
        address, netmask, rest = read_address(line)
    return HbaRule(
        0,
        shown,
        line.number,
        fields[0][0].text,
        databases,
        users,
        address,
        netmask,
        fields[rest][0].text,
        tuple(sorted(_shown(word.text) for field in fields[rest + 1 :] for word in field)),
        "",
    )


def _shape(line: Line, major: int) -> str:
    """What is wrong with a line; empty where it can be read."""
    fields = line.fields
    kind = fields[0][0].text
    if len(fields[0]) > 1:
        return "multiple values specified for connection type"
    if kind not in TYPES or (major < _GSS_TYPES_FROM and kind.endswith("gssenc")):
        return "invalid connection type"
    if len(fields) < 3:
        return "end-of-line before " + ("database" if len(fields) < 2 else "role") + " specification"
    at = 3
    if kind != "local":
        if len(fields) < 4:
            return "end-of-line before IP address specification"
        if len(fields[3]) > 1:
            return "multiple values specified for host address"
        try:
            _, _, at = read_address(line)
        except ValueError as error:
            return str(error)
    if len(fields) <= at:
        return "end-of-line before authentication method"
    if len(fields[at]) > 1:
        return "multiple values specified for authentication type"
    method = fields[at][0].text
    if method not in _METHODS and not (method == "oauth" and major >= 18):
        return "invalid authentication method"
    if (kind == "local" and method in ("gss", "sspi", "cert")) or (kind != "local" and method == "peer"):
        return f"{method} authentication does not go with {kind}"
    if kind != "hostssl" and method == "cert":
        return "cert authentication is only supported on hostssl connections"
    options = [word.text for field in fields[at + 1 :] for word in field]
    if any("=" not in option for option in options):
        return "authentication option not in name=value format"
    return ""


def read_address(line: Line) -> tuple[str, str, int]:
    """Address and mask of a line that is not local, and the number of the field of its method.

    Raises `ValueError` for what the server would not read.
    """
    token = line.fields[3][0]
    if not token.quoted and token.text in ("all", "samehost", "samenet"):
        return token.text, "", 4
    text, slash, prefix = token.text.partition("/")
    address = _numeric(text)
    if address is None:
        if slash:
            msg = "specifying both host name and CIDR mask is invalid"
            raise ValueError(msg)
        return token.text, "", 4
    if slash:
        if not prefix.isascii() or not prefix.isdigit() or int(prefix) > address.max_prefixlen:
            msg = "invalid CIDR mask in address"
            raise ValueError(msg)
        # without the scope of an address such as fe80::1%eth0
        network = ipaddress.ip_network((address.packed, int(prefix)), strict=False)
        return text, str(network.netmask), 4
    if len(line.fields) < 5 or len(line.fields[4]) > 1:
        msg = "end-of-line before netmask specification"
        raise ValueError(msg)
    mask = _numeric(line.fields[4][0].text)
    if mask is None or mask.version != address.version:
        msg = "invalid IP mask"
        raise ValueError(msg)
    return text, str(mask), 5


def _numeric(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(text)
    # as the server's getaddrinfo does, this also takes 127.1
    with contextlib.suppress(OSError, UnicodeError):
        if text and not text[-1].isspace():
            return ipaddress.IPv4Address(socket.inet_aton(text))
    return None


def _names(texts: Texts, field: tuple[Token, ...], file: str, major: int) -> tuple[str, ...]:
    found: list[str] = []
    for word in field:
        if not word.includes:
            found.append(word.text)
            continue
        inner = _absolute(word.text[1:], file)
        text = _text(texts, inner)
        if text is None:
            raise FileNotFoundError(word.text[1:])
        for line in lines(text, major):
            for one in line.fields:
                found.extend(_names(texts, one, inner, major))
    return tuple(found)


def _shown(option: str) -> str:
    name, _, _ = option.partition("=")
    return f"{name}=***" if name.lower() in _SECRETS else option


def _broken(file: str, line: int, error: str) -> HbaRule:
    return HbaRule(0, file, line, "", (), (), "", "", "", (), error)


def _quotes(texts: Texts, file: str, major: int) -> Iterator[HbaQuotes]:
    # as sql/snapshot/hba_quotes.sql shows them
    text = texts.files.get(file) or ""
    if not any(word in text for word in '"@'):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not (line.lstrip().startswith("#") and not line.rstrip("\r").endswith("\\")):
            shape = _HIDDEN.sub("x", _SECRET.sub("", line.rstrip("\r")))
            yield HbaQuotes(file if major >= INCLUDES_FROM else "", number, shape)
