"""Sections of a snapshot: tuples of rows, or a reason why they could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pgguard.errors import Unread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Missing:
    """A section that could not be read, with the server's own reason."""

    reason: str


class Sections:
    """An object whose attributes are sections; touching a missing one raises `Unread`.

    `database` is empty for what belongs to the whole cluster.
    """

    database: str
    _sections: Mapping[str, Sequence[Any] | Missing]

    def __init__(self, sections: Mapping[str, Sequence[Any] | Missing], database: str = "") -> None:
        self._sections = sections
        self.database = database
        self._memo: dict[Any, Any] = {}

    def rows(self, name: str) -> tuple[Any, ...]:
        """The rows of one section.

        Raises `Unread` when the section could not be read.
        """
        found = self._sections.get(name, Missing("it is not in the snapshot"))
        if isinstance(found, Missing):
            raise Unread(name, found.reason, self.database or None)
        return found if isinstance(found, tuple) else tuple(found)

    def missing(self) -> dict[str, str]:
        """The sections that could not be read, each with its reason."""
        return {
            name: found.reason
            for name in self.section_types()
            if isinstance(found := self._sections.get(name, Missing("it is not in the snapshot")), Missing)
        }

    @classmethod
    def section_types(cls) -> dict[str, type[Any]]:
        """The row type of every section that this kind of object has, in order of definition."""
        return {name: made.row for name, made in vars(cls).items() if isinstance(made, section)}


class section(Generic[Row]):  # noqa: N801 - reads as a declaration
    """Declares one section of rows of the given type."""

    def __init__(self, row: type[Row]) -> None:
        self.row = row
        self.name = ""

    def __set_name__(self, owner: type[Sections], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Sections]) -> section[Row]: ...
    @overload
    def __get__(self, instance: Sections, owner: type[Sections]) -> tuple[Row, ...]: ...
    def __get__(self, instance: Sections | None, owner: type[Sections]) -> section[Row] | tuple[Row, ...]:
        if instance is None:
            return self
        rows: tuple[Row, ...] = instance.rows(self.name)
        # a snapshot never changes: from now on the attribute is there by itself
        instance.__dict__[self.name] = rows
        return rows
