"""Dynamic SQL that somebody else may word: what EXECUTE gets, followed through a function's body.

The body is run with taints for values: assignments, branches, loops and handlers in their order. A test
against a fixed list (`IF x NOT IN ('a', 'b') THEN RAISE`) ends the taint of what was tested. What a
function of the database does with its arguments is found in its own body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import catalog, plpgsql
from pgguard.analysis.constants import constants
from pgguard.analysis.function_bodies import body, named
from pgguard.analysis.names import function_name
from pgguard.analysis.narrowing import found_by, narrowed
from pgguard.analysis.plpgsql_source import arguments
from pgguard.analysis.references import relations_named
from pgguard.analysis.search_path import of_function
from pgguard.analysis.sqltree import called, words
from pgguard.analysis.taint import CLEAN, Environment, Expressions, Source, Taint, calls_of

if TYPE_CHECKING:
    from pgguard.analysis.sqltree import Called
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

# functions that run the SQL they are given: which arguments hold it, none for all of them
_RUNNING: dict[str, tuple[int, ...]] = {
    "query_to_xml": (0,),
    "query_to_xmlschema": (0,),
    "query_to_xml_and_xmlschema": (0,),
    "ts_stat": (0,),
    "ts_rewrite": (1,),
    "crosstab": (0, 1),
    "crosstab2": (0,),
    "crosstab3": (0,),
    "crosstab4": (0,),
    "connectby": (),
    "dblink": (),
    "dblink_exec": (),
    "dblink_open": (),
    "dblink_send_query": (),
}
_ROWS = frozenset({"new", "old"})
_TURNS = 4


class Sink(NamedTuple):
    """A place where SQL is run that somebody may word: what runs it, and where the text comes from."""

    what: str
    taint: Taint


class Effects(NamedTuple):
    """What a function does with its arguments: those that its result holds, those that it runs as SQL.

    `unknown` is why that could not be told; empty otherwise.
    """

    passes: frozenset[str]
    runs: frozenset[str]
    sinks: tuple[Sink, ...]
    unknown: str = ""


def effects(database: DatabaseSnapshot, function: Function) -> Effects:
    """What a function does with text that it is given, by its body.

    Nothing but why when the body is not read. Raises `Unread` when functions,
    definitions, relations or columns could not be read.
    """
    memo: dict[int, Effects] = database._memo.setdefault("effects", {})
    known = memo.get(function.oid)
    if known is None:
        # while a function calls itself, its inner call adds nothing that the outer one does not show
        memo[function.oid] = Effects(frozenset(), frozenset(), ())
        try:
            known = _Run(database, function).effects()
        except RecursionError:
            known = Effects(frozenset(), frozenset(), (), "it is nested too deeply")
        memo[function.oid] = known
    return known


class _Narrowing(Expressions):
    def narrowed(self, condition: Any, *, holds: bool) -> Environment:
        return narrowed(self, condition, holds=holds)


class _Run:
    def __init__(self, database: DatabaseSnapshot, function: Function) -> None:
        self.database = database
        self.subject = function
        self.program, self.unknown = body(database, function)
        settings = frozenset(item.partition("=")[0] for item in function.config)
        path = of_function(function)
        known = constants(database, function)
        self.expressions = _Narrowing(database, path, settings, known, self._called)
        self.search_path = path
        self.sinks: dict[Sink, None] = {}
        self.returned: Taint = CLEAN
        self.ever: Environment = {}
        declared: dict[str, bool] = {}
        for variable in self.program.variables:
            safe = self._is_safe(variable.type)
            declared[variable.name] = declared.get(variable.name, True) and safe
        self.safe = {name for name, safe in declared.items() if safe}

    def effects(self) -> Effects:
        if self.unknown:
            return Effects(frozenset(), frozenset(), (), self.unknown)
        start = self._start()
        # inner blocks' variables begin with what is known only later
        for _ in range(_TURNS):
            before = dict(self.ever)
            self.sinks.clear()
            self.returned = CLEAN
            environment = self._defaults(_join([start, self.ever]) if self.ever else dict(start), start)
            self._steps(self.program.steps, environment)
            if self.ever == before:
                break
        if self.subject.language == "sql" and self.program.steps:
            last = self.program.steps[-1]
            if isinstance(last, plpgsql.Query):
                for taint in self.expressions.outputs(last.tree):
                    self.returned |= taint
        sinks = tuple(self.sinks)
        return Effects(
            _arguments(self.returned), _arguments(frozenset().union(*(sink.taint for sink in sinks))), sinks
        )

    def _start(self) -> Environment:
        found: Environment = {}
        for one in arguments(self.subject):
            if not one.input:
                found[one.name] = CLEAN
                continue
            name = one.name or one.place
            taint = CLEAN if self._is_safe(one.type) else frozenset({Source("argument", name)})
            relation = self._row_type(one.type)
            if relation is not None:
                self.expressions.rows[name] = (relation, "argument")
            self.safe -= {name}
            found[one.place] = taint
            if one.name:
                found[one.name] = taint
        if self.subject.returns == "trigger":
            for row in _ROWS:
                found[row] = frozenset({Source("row", row.upper())})
            tables = {one.relation for one in catalog.triggers_calling(self.database, self.subject.oid)}
            if len(tables) == 1:
                relation = catalog.relations(self.database).get(tables.pop())
                if relation is not None:
                    self.expressions.rows.update(dict.fromkeys(_ROWS, (relation, "row")))
        return found

    def _defaults(self, environment: Environment, start: Environment) -> Environment:
        self.expressions.environment = environment
        for variable in self.program.variables:
            if variable.default is not None:
                self._evaluate(variable.default)
                self._set(environment, variable.name, self.expressions.of(variable.default))
            elif variable.name not in start:
                # ALIAS FOR an argument has no variable of its own
                environment.setdefault(variable.name, CLEAN)
        return environment

    def _steps(self, steps: tuple[plpgsql.Step, ...], environment: Environment) -> Environment | None:
        """The taints after some steps; None when they do not come to their end."""
        here: Environment | None = environment
        for step in steps:
            if here is None:
                break
            self.expressions.environment = here
            here = self._step(step, here)
        return here

    def _step(self, step: plpgsql.Step, here: Environment) -> Environment | None:
        match step:
            case plpgsql.Assign():
                self._evaluate(step.value)
                self._assign(here, step)
            case plpgsql.Query():
                self._evaluate(step.tree)
                self.expressions.last_found = found_by(self.expressions, step.tree)
                self._take(here, step)
            case plpgsql.Execute():
                self._evaluate([step.text, *step.bound])
                self._sink("EXECUTE", self.expressions.of(step.text))
                for name in step.into:
                    self._set(here, name, CLEAN)
            case plpgsql.Branch():
                return self._branch(step, here)
            case plpgsql.Loop():
                return self._loop(step, here)
            case plpgsql.Block():
                return self._block(step, here)
            case plpgsql.Return():
                self._evaluate(step.value)
                self.returned |= self.expressions.of(step.value)
                return None if step.ends else here
            case plpgsql.Evaluate():
                self._evaluate(list(step.values))
                return None if step.ends else here
        return here

    def _assign(self, here: Environment, step: plpgsql.Assign) -> None:
        taint = self.expressions.of(step.value)
        for name in step.targets:
            self._set(here, name, taint | here.get(name, CLEAN) if step.part else taint)

    def _take(self, here: Environment, step: plpgsql.Query) -> None:
        """What SELECT INTO and loops over a query give to variables."""
        if not step.into:
            return
        outputs = self.expressions.named_outputs(step.tree)
        if len(step.into) > 1:
            taints = [taint for _, taint in outputs] + [CLEAN] * len(step.into)
            for name, taint in zip(step.into, taints, strict=False):
                self._set(here, name, taint)
            return
        (name,) = step.into
        self._set(here, name, frozenset().union(*(taint for _, taint in outputs)))
        star = self.expressions.star(step.tree)
        if len(star) == 1 and len(outputs) == 1:
            self.expressions.rows[name] = (star[0], "column")
            return
        self.expressions.rows.pop(name, None)
        for column, taint in outputs:
            if column:
                here[f"{name}.{column}"] = taint

    def _branch(self, step: plpgsql.Branch, here: Environment) -> Environment | None:
        self._evaluate(step.subject)
        ends: list[Environment | None] = []
        for condition, steps in step.arms:
            self.expressions.environment = here
            if condition is None:
                ends.append(self._steps(steps, dict(here)))
                here = {}
                break
            self._evaluate(condition)
            known = _subject(condition, step.subject)
            inside = {**here, **narrowed(self.expressions, known, holds=True)}
            here = {**here, **narrowed(self.expressions, known, holds=False)}
            ends.append(self._steps(steps, inside))
        else:
            ends.append(here)
        return _join_if_any(ends)

    def _loop(self, step: plpgsql.Loop, here: Environment) -> Environment | None:
        for _ in range(_TURNS):
            self.expressions.environment = here
            if step.header is not None:
                self._step(step.header, here)
            self._evaluate(step.condition)
            after = _join_if_any([here, self._steps(step.body, dict(here))]) or here
            if after == here:
                break
            here = after
        return here

    def _block(self, step: plpgsql.Block, here: Environment) -> Environment | None:
        before = dict(here)
        ends = [self._steps(step.body, here)]
        for handler in step.handlers:
            # an error may come after any of the assignments
            ends.append(self._steps(handler, _join([before, here, self.ever])))
        return _join_if_any(ends)

    def _set(self, here: Environment, name: str, taint: Taint) -> None:
        if name in self.safe:
            taint = CLEAN
        if "." not in name:
            for field in [one for one in here if one.startswith(f"{name}.")]:
                del here[field]
        here[name] = taint
        self.ever[name] = self.ever.get(name, CLEAN) | taint

    def _evaluate(self, tree: Any) -> None:
        """Looks for functions that run what they are given."""
        for fields in calls_of(tree):
            call = called(fields)
            places = _RUNNING.get(call.name)
            given = [self.expressions.of(one) for one in (*call.arguments, *call.named.values())]
            if places is not None and not any(True for _ in named(self.database, call)):
                run = [one for number, one in enumerate(given) if not places or number in places]
                self._sink(f"{call.name}()", frozenset().union(*run))
            self._called(call, tuple(given))

    def _called(self, call: Called, given: tuple[Taint, ...]) -> Taint | None:
        """What a call of a function of this database gives; None when it is none of its."""
        found: Taint | None = None
        for function in named(self.database, call):
            found = found or CLEAN
            everything: Taint = frozenset().union(*given)
            inner = effects(self.database, function)
            if inner.unknown:
                found |= CLEAN if self._is_safe(function.returns) else everything
                continue
            names = [one.name or one.place for one in arguments(function) if one.input]
            taints = dict(zip(names, given[: len(call.arguments)], strict=False))
            taints |= dict(zip(call.named, given[len(call.arguments) :], strict=False))
            # a definer function answers for itself
            if not function.definer:
                run = frozenset().union(*(taints.get(name, CLEAN) for name in inner.runs))
                self._sink(function_name(function), run)
            if not self._is_safe(function.returns):
                found |= frozenset().union(*(taints.get(name, CLEAN) for name in inner.passes))
        return found

    def _sink(self, what: str, taint: Taint) -> None:
        if taint:
            self.sinks[Sink(what, taint)] = None

    def _is_safe(self, written: str) -> bool:
        if not written.endswith("%TYPE"):
            return self.expressions.is_safe(written)
        parts = written.removesuffix("%TYPE").split(".")
        for relation in self._relations(parts[:-1]):
            column = catalog.column_named(self.database, relation.oid, parts[-1])
            return column is not None and self.expressions.is_safe(column.type)
        return False

    def _row_type(self, written: str) -> Relation | None:
        return next(iter(self._relations(written.replace('"', "").split("."))), None)

    def _relations(self, parts: list[str]) -> list[Relation]:
        if not parts:
            return []
        schema = parts[-2] if len(parts) > 1 else ""
        return relations_named(self.database, schema, parts[-1], self.search_path)


def _subject(condition: Any, subject: Any) -> Any:
    """The condition of a CASE arm, with what is compared in place of the parser's own variable."""
    fields = condition.get("A_Expr") if isinstance(condition, dict) else None
    if subject is None or not fields:
        return condition
    name = words(fields.get("lexpr", {}).get("ColumnRef", {}).get("fields"))
    return (
        {"A_Expr": {**fields, "lexpr": subject}} if name[:1] and name[0].startswith("__Case__") else condition
    )


def _arguments(taint: Taint) -> frozenset[str]:
    return frozenset(one.name for one in taint if one.kind == "argument")


def _join(ends: list[Environment]) -> Environment:
    found: Environment = {}
    for one in ends:
        for name, taint in one.items():
            found[name] = found.get(name, CLEAN) | taint
    return found


def _join_if_any(ends: list[Environment | None]) -> Environment | None:
    reached = [one for one in ends if one is not None]
    return _join(reached) if reached else None
