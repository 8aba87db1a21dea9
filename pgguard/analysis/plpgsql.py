"""PL/pgSQL: what the parser gives, as a few kinds of steps with the trees of their SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgguard.analysis.expression import Unparsable, statements, target_list, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Tree

_EQUALS, _BRACKET = "ASCII_61", "ASCII_91"
_ERROR = 21


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable: the type as written, the expression that it begins with."""

    name: str
    type: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class Assign:
    """A value for variables; `part` for an element of an array or the like, whose rest stays."""

    targets: tuple[str, ...]
    value: Any
    part: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that stands in the text, and the variables that take its columns."""

    tree: Tree
    into: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Execute:
    """A statement that is built: the expression that gives its text, values bound, variables that take."""

    text: Any
    bound: tuple[Any, ...] = ()
    into: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """IF and CASE: conditions with what is done then; the last without a condition is ELSE."""

    arms: tuple[tuple[Any, tuple[Step, ...]], ...]
    subject: Any = None


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop; `header` is what it goes through, evaluated once before it."""

    header: Assign | Query | Execute | None
    condition: Any
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """BEGIN ... EXCEPTION ... END."""

    body: tuple[Step, ...]
    handlers: tuple[tuple[Step, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """RETURN, RETURN NEXT; `ends` the function or not."""

    value: Any
    ends: bool


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Expressions that are evaluated for their effect, as arguments of RAISE; `ends`: it is an error."""

    values: tuple[Any, ...]
    ends: bool = False


Step = Assign | Query | Execute | Branch | Loop | Block | Return | Evaluate


@dataclass(frozen=True, slots=True)
class Program:
    """A function: its declared variables, those of inner blocks too, and its steps."""

    variables: tuple[Variable, ...]
    steps: tuple[Step, ...]


def program(parsed: list[Tree]) -> Program:
    """What parse_plpgsql gives, as steps with the trees of their SQL.

    Raises `Unparsable` when a statement or expression in it is not understood.
    """
    function = parsed[0]["PLpgSQL_function"]
    return _Reader(function.get("datums", [])).read(function["action"])


class _Reader:
    def __init__(self, datums: list[Tree]) -> None:
        self.datums = datums

    def read(self, action: Tree) -> Program:
        variables = []
        for datum in self.datums:
            ((kind, fields),) = datum.items()
            if kind not in ("PLpgSQL_var", "PLpgSQL_rec"):
                continue
            written = fields.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", "record")
            default = self._expression(fields["default_val"]) if "default_val" in fields else None
            variables.append(Variable(fields["refname"], written, default))
        return Program(tuple(variables), self._steps([action]))

    def _steps(self, found: list[Tree] | None) -> tuple[Step, ...]:
        return tuple(
            step for one in found or () for kind, fields in one.items() for step in self._step(kind, fields)
        )

    def _step(self, kind: str, fields: Tree) -> Iterator[Step]:
        match kind.removeprefix("PLpgSQL_stmt_"):
            case "block":
                caught = fields.get("exceptions", {}).get("PLpgSQL_exception_block", {}).get("exc_list", ())
                handlers = [self._steps(one["PLpgSQL_exception"].get("action")) for one in caught]
                yield Block(self._steps(fields.get("body")), tuple(handlers))
            case "assign":
                yield self._assignment(fields)
            case "execsql" | "perform" | "call":
                expression = fields.get("sqlstmt", fields.get("expr"))
                yield from self._queries(expression, self._targets(fields.get("target")))
            case "dynexecute":
                yield self._execute(fields["query"], fields, self._targets(fields.get("target")))
            case "if":
                yield self._if(fields)
            case "case":
                yield self._case(fields)
            case "loop" | "while" | "fori" | "fors" | "forc" | "dynfors" | "foreach_a":
                yield self._loop(kind, fields)
            case "open":
                yield from self._open(fields)
            case "return" | "return_next":
                value = self._expression(fields["expr"]) if "expr" in fields else None
                yield Return(value, kind.endswith("return"))
            case "return_query":
                yield from self._return_query(fields)
            case "raise":
                values = [self._expression(one) for one in fields.get("params", ())]
                options = [one["PLpgSQL_raise_option"]["expr"] for one in fields.get("options", ())]
                yield Evaluate(
                    (*values, *map(self._expression, options)), fields.get("elog_level", _ERROR) >= _ERROR
                )
            case "assert":
                yield Evaluate((self._expression(fields["cond"]),))
            case "exit":
                if "cond" in fields:
                    yield Evaluate((self._expression(fields["cond"]),))
            case "fetch":
                # what a cursor gives is what its query gives, which is not followed
                yield Assign(self._targets(fields.get("target")), {"Fetched": {}})
            case "getdiag" | "close" | "commit" | "rollback":
                return
            case _:
                msg = f"it holds a statement that is not known here ({kind})"
                raise Unparsable(msg)

    def _assignment(self, fields: Tree) -> Assign:
        text = fields["expr"]["PLpgSQL_expr"]["query"]
        name = self._name(fields.get("varno", 0))
        plain, sign_, value = text.partition(":=")
        if sign_ and plain.strip().lower() == name:
            return Assign((name,), _values(value))
        found = tokens(text)
        sign = next((one for one in found if one.kind in ("COLON_EQUALS", _EQUALS)), None)
        if sign is None:
            msg = "it holds an assignment without a sign"
            raise Unparsable(msg)
        part = any(one.kind == _BRACKET for one in found if one.end <= sign.start)
        return Assign((name,), _values(text[sign.end :]), part)

    def _if(self, fields: Tree) -> Branch:
        arms = [(self._expression(fields["cond"]), self._steps(fields.get("then_body")))]
        for one in fields.get("elsif_list", ()):
            other = one["PLpgSQL_if_elsif"]
            arms.append((self._expression(other["cond"]), self._steps(other.get("stmts"))))
        if "else_body" in fields:
            arms.append((None, self._steps(fields["else_body"])))
        return Branch(tuple(arms))

    def _case(self, fields: Tree) -> Branch:
        arms = []
        for one in fields.get("case_when_list", ()):
            when = one["PLpgSQL_case_when"]
            arms.append((self._expression(when["expr"]), self._steps(when.get("stmts"))))
        if fields.get("have_else"):
            arms.append((None, self._steps(fields.get("else_stmts"))))
        else:
            # CASE without ELSE is an error where nothing fits
            arms.append((None, (Evaluate((), ends=True),)))
        subject = self._expression(fields["t_expr"]) if "t_expr" in fields else None
        return Branch(tuple(arms), subject)

    def _loop(self, kind: str, fields: Tree) -> Loop:
        body = self._steps(fields.get("body"))
        if kind.endswith("while"):
            return Loop(None, self._expression(fields["cond"]), body)
        header: Assign | Query | Execute | None = None
        if kind.endswith("_fors"):
            (header,) = self._queries(fields["query"], self._targets(fields.get("var")))
        elif kind.endswith("dynfors"):
            header = self._execute(fields["query"], fields, self._targets(fields.get("var")))
        elif kind.endswith("forc"):
            header = self._cursor(fields.get("curvar", 0), self._targets(fields.get("var")))
        elif kind.endswith("fori"):
            bounds = [self._expression(fields[one]) for one in ("lower", "upper", "step") if one in fields]
            header = Assign(self._targets(fields.get("var")), {"Number": {"args": bounds}})
        elif kind.endswith("foreach_a"):
            header = Assign((self._name(fields.get("varno", 0)),), self._expression(fields["expr"]))
        return Loop(header, None, body)

    def _cursor(self, number: int, into: tuple[str, ...]) -> Query | Assign:
        fields = self.datums[number].get("PLpgSQL_var", {})
        if "cursor_explicit_expr" in fields:
            (query,) = self._queries(fields["cursor_explicit_expr"], into)
            return query
        return Assign(into, {"Fetched": {}})

    def _open(self, fields: Tree) -> Iterator[Step]:
        if "dynquery" in fields:
            yield self._execute(fields["dynquery"], fields, ())
        elif "query" in fields:
            yield from self._queries(fields["query"], ())
        else:
            if "argquery" in fields:
                yield Evaluate((self._expression(fields["argquery"]),))
            yield self._cursor(fields.get("curvar", 0), ())

    def _return_query(self, fields: Tree) -> Iterator[Step]:
        if "dynquery" in fields:
            yield self._execute(fields["dynquery"], fields, ())
        else:
            yield from self._queries(fields["query"], ())

    def _execute(self, text: Tree, fields: Tree, into: tuple[str, ...]) -> Execute:
        bound = tuple(self._expression(one) for one in fields.get("params", ()))
        return Execute(self._expression(text), bound, into)

    def _queries(self, expression: Any, into: tuple[str, ...]) -> list[Query]:
        found = statements(expression["PLpgSQL_expr"]["query"])
        if not found:
            msg = "it holds an empty statement"
            raise Unparsable(msg)
        return [Query(one, into) for one in found]

    def _expression(self, expression: Tree) -> Any:
        return _values(expression["PLpgSQL_expr"]["query"])

    def _targets(self, target: Tree | None) -> tuple[str, ...]:
        """The names of variables that take something; a record's fields as record.field."""
        if target is None:
            return ()
        ((kind, fields),) = target.items()
        if kind == "PLpgSQL_row":
            return tuple(one["name"] for one in fields.get("fields", ()))
        return (fields.get("refname", ""),)

    def _name(self, number: int) -> str:
        ((kind, fields),) = self.datums[number].items()
        if kind == "PLpgSQL_recfield":
            return f"{self._name(fields.get('recparentno', 0))}.{fields['fieldname']}"
        return str(fields.get("refname", ""))


def _values(text: str) -> Any:
    found = target_list(text)
    return found[0] if len(found) == 1 else {"RowExpr": {"args": found}}


def trees(steps: tuple[Step, ...]) -> Iterator[Any]:
    """Every statement and expression that stands in some steps, in order; not what is built."""
    for step in steps:
        match step:
            case Assign(value=value):
                yield value
            case Query(tree=tree):
                yield tree
            case Execute(text=text, bound=bound):
                yield text
                yield from bound
            case Branch(arms=arms, subject=subject):
                yield subject
                for condition, body in arms:
                    yield condition
                    yield from trees(body)
            case Loop(header=header, condition=condition, body=body):
                yield condition
                yield from trees(() if header is None else (header,))
                yield from trees(body)
            case Block(body=body, handlers=handlers):
                yield from trees(body)
                for handler in handlers:
                    yield from trees(handler)
            case Return(value=value):
                yield value
            case Evaluate(values=values):
                yield from values


def executed(steps: tuple[Step, ...]) -> Iterator[Execute]:
    """Every EXECUTE and its like in some steps, in order."""
    for step in steps:
        match step:
            case Execute():
                yield step
            case Branch(arms=arms):
                for _, body in arms:
                    yield from executed(body)
            case Loop(header=header, body=body):
                if isinstance(header, Execute):
                    yield header
                yield from executed(body)
            case Block(body=body, handlers=handlers):
                yield from executed(body)
                for handler in handlers:
                    yield from executed(handler)


def assigned(steps: tuple[Step, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that variables get, in order: the names and the expression; None for what a query gives."""
    for step in steps:
        match step:
            case Assign(targets=targets, value=value, part=part):
                yield targets, None if part else value
            case Query(tree=tree, into=into) if into:
                yield from _selected(tree, into)
            case Execute(into=into) if into:
                yield into, None
            case Branch(arms=arms):
                for _, body in arms:
                    yield from assigned(body)
            case Loop(header=header, body=body):
                yield from assigned(() if header is None else (header,))
                yield from assigned(body)
            case Block(body=body, handlers=handlers):
                yield from assigned(body)
                for handler in handlers:
                    yield from assigned(handler)


def _selected(tree: Tree, into: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What SELECT ... INTO gives: the expressions themselves where there is no table."""
    query = tree.get("SelectStmt", {})
    targets = query.get("targetList", ())
    if "fromClause" in query or len(targets) != len(into):
        yield into, None
        return
    for name, target in zip(into, targets, strict=True):
        yield (name,), target["ResTarget"].get("val")


def results(steps: tuple[Step, ...]) -> Iterator[Any]:
    """Every value that is returned, in order."""
    for step in steps:
        match step:
            case Return(value=value):
                yield value
            case Branch(arms=arms):
                for _, body in arms:
                    yield from results(body)
            case Loop(body=body):
                yield from results(body)
            case Block(body=body, handlers=handlers):
                yield from results(body)
                for handler in handlers:
                    yield from results(handler)
