"""Passwords and the like that stand in stored SQL: each is found once, and belongs to one check.

A string that goes into a pgcrypto call as a key is `crypto`'s; one that goes into a dblink call with a
password is a stored secret; a key that a parameter is set to is a key; all others are embedded secrets.
The strings are masked: what is known of them is what kind of thing they were (see `rows.Definition`), and
the name of what they are given to.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import holding, parsed
from pgguard.analysis.constants import constants
from pgguard.analysis.crypto import KEYS, key_uses
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.function_bodies import body
from pgguard.analysis.plpgsql import Program, assigned
from pgguard.analysis.sqltree import HIDDEN, called, constant, function_calls, words
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Called, Constant, Tree
    from pgguard.model.rows import Column, Definition, Function
    from pgguard.model.snapshot import DatabaseSnapshot

Check = Literal["embedded", "stored", "key"]
PASSWORD, KEY, LABEL, PLACEHOLDER = (f"***{one}***" for one in ("password", "key", "label", "placeholder"))
SECRET = "***secret***"  # noqa: S105 - the mark of one
_IN_COMMENT = "/****password***"
_DBLINK = frozenset({
    "dblink", "dblink_connect", "dblink_connect_u", "dblink_exec", "dblink_open", "dblink_send_query",
})  # fmt: skip
_NAMES = (
    "password", "passwd", "passphrase", "pwd", "mot_de_passe", "motdepasse", "mdp", "kennwort", "passwort",
    "contrasena", "secret", "secret_key", "api_key", "apikey", "access_key", "private_key", "encryption_key",
    "auth_token", "access_token", "api_token", "bearer_token", "cle_api", "cle_secrete", "cle_privee",
    "cle_chiffrement", "cle_de_chiffrement", "aes_key", "crypto_key", "hmac_key", "master_key", "signing_key",
    "pass", "pw",
)  # fmt: skip
# password_error, mdp_longueur: about a secret, not one
_ABOUT = (
    "age", "algo", "changed", "column", "count", "days", "encryption", "err", "error", "erreur", "expired",
    "expires", "expiry", "field", "file", "format", "hash", "hashed", "hint", "id", "label", "len", "length",
    "longueur", "max", "message", "method", "min", "msg", "name", "ok", "path", "pattern", "policy", "prompt",
    "regex", "regexp", "required", "reset", "rule", "rules", "set", "status", "table", "type", "url", "valid",
)  # fmt: skip
_SECRET_NAME = re.compile(rf"(?:^|.*_)(?:{'|'.join(_NAMES)})(?:_(?!(?:{'|'.join(_ABOUT)})(?:_|$))\w+)?$")
_KEY_NAME = re.compile(r"(?:^|[._])(?:key|cle|crypt\w*)(?:$|[._])")
# a text without any of these words (lower case) holds no secret that is found here
SECRET_WORDS = (PASSWORD, KEY, LABEL, _IN_COMMENT, "crypt", "dblink", ".key", ".cle", "_key", "_cle", *_NAMES)
# where it holds them as words by themselves
SECRET_PATTERN = re.compile(
    rf"{'|'.join(map(re.escape, (PASSWORD, KEY, LABEL)))}|crypt|dblink|\.(?:\w*_)?(?:key|cle)"
    rf"|(?<![a-z0-9])(?:{'|'.join(_NAMES)})(?![a-z0-9])"
)


class Secret(NamedTuple):
    """A secret in a stored text: the check that it belongs to, and what it is, in words."""

    check: Check
    definition: Definition
    what: str


def is_secret_name(name: str) -> bool:
    """Whether what bears this name is a password or a key of an application."""
    return _SECRET_NAME.match(name.lower()) is not None


def is_key_name(parameter: str) -> bool:
    """Whether a configuration parameter of this name holds a key to data."""
    return _KEY_NAME.search(parameter.lower()) is not None


def secrets(database: DatabaseSnapshot) -> tuple[Secret, ...]:
    """The secrets that stored SQL and comments hold, keys of pgcrypto calls aside.

    Raises `Unread` when functions, columns or definitions could not be read.
    """
    known: tuple[Secret, ...] | None = database._memo.get("embedded secrets")
    if known is None:
        known = database._memo["embedded secrets"] = tuple(_secrets(database))
    return known


def config_secrets(database: DatabaseSnapshot) -> Iterator[tuple[Function, str]]:
    """The functions whose SET clauses hold what looks like a key or password, and the parameter."""
    for function in database.functions:
        for item in () if function.extension or function.system else function.config:
            name, _, value = item.partition("=")
            if value == SECRET:
                yield function, name


def _secrets(database: DatabaseSnapshot) -> Iterator[Secret]:
    for definition in database.definitions:
        if definition.kind == "comment":
            yield Secret("embedded", definition, "a password")
    claimed = {
        (use.argument.origin.function, use.argument.origin.name)
        for use in key_uses(database)
        if use.argument.origin is not None
    }
    some = holding(database, SECRET_WORDS, pattern=SECRET_PATTERN)
    for definition in dict.fromkeys((*some, *_named_secrets(database))):
        try:
            yield from _Reader(database, definition, claimed).read()
        except (Unparsable, RecursionError):
            # `bodies.unparsed` tells
            continue


def _named_secrets(database: DatabaseSnapshot) -> Iterator[Definition]:
    """Defaults that show only by the name of their column or argument what they are."""
    functions = catalog.functions(database)
    for definition in database.definitions:
        if definition.kind == "default":
            column = _column_of(database, definition)
            if column is not None and is_secret_name(column.name):
                yield definition
        elif definition.kind == "argument" and definition.oid in functions:
            names = functions[definition.oid].argument_names
            if any(map(is_secret_name, names)):
                yield definition


def _column_of(database: DatabaseSnapshot, definition: Definition) -> Column | None:
    for column in catalog.columns(database, definition.oid):
        if column.number == definition.number:
            return column
    return None


class _Reader:
    def __init__(
        self, database: DatabaseSnapshot, definition: Definition, claimed: set[tuple[int, str]]
    ) -> None:
        self.database = database
        self.definition = definition
        self.claimed = set(claimed)
        in_function = definition.kind in ("function", "argument")
        function = catalog.functions(database).get(definition.oid) if in_function else None
        self.variables: dict[str, Constant] = dict(constants(database, function)) if function else {}
        is_body = function is not None and definition.kind == "function"
        self.program = body(database, function).program if function and is_body else Program((), ())

    def read(self) -> Iterator[Secret]:
        if _IN_COMMENT in self.definition.text:
            yield self._secret("a password in a comment of its code")
        trees = list(parsed(self.database, self.definition))
        yield from self._given_to_dblink(trees)
        # what a variable holds that is told of elsewhere
        skipped = {id(value) for name, value in self._values() if (self.definition.oid, name) in self.claimed}
        yield from self._walk(trees, skipped)
        yield from self._named()

    def _secret(self, what: str, check: Check = "embedded") -> Secret:
        return Secret(check, self.definition, what)

    def _named(self) -> Iterator[Secret]:
        """Variables, arguments' defaults and columns' defaults with the name of a secret.

        A string that shows what it is was told of where it stands.
        """
        oid = self.definition.oid
        given: list[tuple[str, str, Constant | None]] = []
        for name, value in self._values():
            if (oid, name) not in self.claimed:
                given.append((name, f"a literal for variable {ident(name)}", constant(value)))
        if self.definition.kind == "argument":
            for name, known in self.variables.items():
                is_default = known.origin is not None and known.origin.kind == "argument"
                if is_default and (oid, name) not in self.claimed:
                    given.append((name, f"a literal for argument {ident(name)}", known))
        column = _column_of(self.database, self.definition) if self.definition.kind == "default" else None
        if column is not None:
            (tree,) = parsed(self.database, self.definition)
            given.append((column.name, "a literal", constant(tree)))
        for name, what, known_value in given:
            is_hidden = known_value is not None and _is_text(known_value) and not _is_shown(known_value)
            if is_hidden and is_secret_name(name):
                yield self._secret(what)

    def _values(self) -> Iterator[tuple[str, Any]]:
        """The values that variables begin with or are given, one by one."""
        for one in self.program.variables:
            if one.default is not None:
                yield one.name, one.default
        for names, value in assigned(self.program.steps):
            if len(names) == 1:
                yield names[0].rpartition(".")[2], value

    def _given_to_dblink(self, trees: list[Any]) -> Iterator[Secret]:
        for tree in trees:
            for call in function_calls(tree):
                values = [self._constant(one) for one in (*call.arguments, *call.named.values())]
                for value in values if call.name in _DBLINK else ():
                    if value is not None and PASSWORD in value.text:
                        if value.origin is not None:
                            self.claimed.add((value.origin.function, value.origin.name))
                        yield self._secret(f"{call.name}() is given a password", "stored")

    def _walk(self, trees: list[Any], skipped: set[int]) -> Iterator[Secret]:
        todo: list[tuple[Any, str]] = [(tree, "") for tree in reversed(trees)]
        while todo:
            here, around = todo.pop()
            if id(here) in skipped:
                continue
            if isinstance(here, list):
                todo.extend((one, around) for one in reversed(here))
            elif isinstance(here, dict):
                for kind, fields in here.items():
                    inside = around
                    if kind == "FuncCall":
                        call = called(fields)
                        inside = call.name
                        yield from self._called(call)
                    elif kind[:1].isupper():
                        yield from self._node(kind, fields, around)
                    todo.append((fields, inside))

    def _node(self, kind: str, fields: Tree, around: str) -> Iterator[Secret]:
        match kind:
            case "A_Const":
                value = constant({kind: fields})
                if value is not None and _is_shown(value) and around not in _DBLINK and around not in KEYS:
                    yield self._secret(_shown(value))
            case "A_Expr" if words(fields.get("name"))[-1:] in (("=",), ("<>",)):
                sides = (fields.get("lexpr"), fields.get("rexpr"))
                for side, other in (sides, sides[::-1]):
                    yield from self._given(_column(side), constant(other), "compared with")
            case "ResTarget":
                yield from self._given(fields.get("name", ""), constant(fields.get("val")), "given to")
            case "InsertStmt":
                yield from self._inserted(fields)
            case "DefElem":
                text = fields.get("arg", {}).get("String", {}).get("sval", "")
                if is_secret_name(fields.get("defname", "")) and _is_hidden(text):
                    yield self._secret(f"a literal for {fields['defname'].upper()}")
            case "CopyStmt":
                program = fields.get("filename", "")
                if PASSWORD in program or KEY in program:
                    yield self._secret("a password in the command line of COPY ... PROGRAM")
            case "CreateSubscriptionStmt" | "AlterSubscriptionStmt":
                if PASSWORD in fields.get("conninfo", ""):
                    yield self._secret("the password of a subscription")
            case "VariableSetStmt":
                values = [constant(one) for one in fields.get("args", ())]
                yield from self._set(fields.get("name", ""), values[0] if values else None)
            case "CreateTrigStmt":
                if any(PASSWORD in one or KEY in one for one in words(fields.get("args"))):
                    yield self._secret("an argument of its function with a password")

    def _called(self, call: Called) -> Iterator[Secret]:
        values = [self._constant(one) for one in (*call.arguments, *call.named.values())]
        if call.name == "crypt" and values and values[0] is not None and _is_text(values[0]):
            yield self._secret("a literal password for crypt()")
        elif call.name == "set_config" and len(values) > 1 and values[0] is not None:
            yield from self._set(values[0].text, values[1])
        elif call.name not in KEYS and call.name not in _DBLINK:
            for name, value in pairwise(values):
                is_pair = name is not None and name.text == LABEL
                if is_pair and value is not None and _is_text(value) and value.text != LABEL:
                    yield self._secret(f"a literal behind the word for it in {call.name}()")

    def _constant(self, node: Any) -> Constant | None:
        return constant(node, lambda name: self.variables.get(name[-1]))

    def _set(self, name: str, value: Constant | None) -> Iterator[Secret]:
        if value is None or not _is_text(value):
            return
        if is_key_name(name):
            yield self._secret(f"parameter {name} is set to a literal", "key")
        elif is_secret_name(name.replace(".", "_")):
            yield self._secret(f"a literal for parameter {name}")

    def _given(self, name: str, value: Constant | None, how: str) -> Iterator[Secret]:
        if name and is_secret_name(name) and value is not None and _is_text(value) and not _is_shown(value):
            yield self._secret(f"a literal {how} {ident(name)}")

    def _inserted(self, fields: Tree) -> Iterator[Secret]:
        names = [one["ResTarget"].get("name", "") for one in fields.get("cols", ()) if "ResTarget" in one]
        query = fields.get("selectStmt", {}).get("SelectStmt", {})
        rows = [one.get("List", {}).get("items", ()) for one in query.get("valuesLists", ())]
        rows.append([one.get("ResTarget", {}).get("val") for one in query.get("targetList", ())])
        for row in rows:
            for name, value in zip(names, row, strict=False):
                yield from self._given(name, constant(value), "given to")


def _column(node: Any) -> str:
    name = words(node.get("ColumnRef", {}).get("fields")) if isinstance(node, dict) else ()
    return name[-1] if name else ""


def _is_hidden(text: str) -> bool:
    return text.startswith(HIDDEN) and text != PLACEHOLDER


def _is_text(value: Constant) -> bool:
    """Whether a constant is a string that was hidden: no placeholder, not empty, no switch."""
    return _is_hidden(value.text)


def _is_shown(value: Constant) -> bool:
    """Whether the string itself shows that it is a secret."""
    return PASSWORD in value.text or KEY in value.text


def _shown(value: Constant) -> str:
    if KEY in value.text:
        return "a key or token of a known form"
    return "a connection string, address or document with a password"
