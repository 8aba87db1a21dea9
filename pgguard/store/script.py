"""The script that makes a snapshot with plain psql, for machines where nothing may be installed."""

from __future__ import annotations

from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
from pgguard.server.queries import FIRST, OUTSIDE, STATEMENTS, variants

_TAG = "$pgguard$"
# psql has no loops: each of these asks for the next database, and does nothing when there is none left.
_DATABASES = 500
_NEXT = """:next_database
\\if :connects
\\connect -reuse-previous=on :target
:open_database
:database_sections
\\endif"""
_OUTSIDE_REASON = "only pgguard itself looks at it, and this snapshot was made by psql"


def script() -> str:
    """One self-contained script for `psql -XAt -f`, for every supported version of psql and PostgreSQL.

    What it prints is what `pgguard.store.snapshot_file.load` reads, with the sections that only a client
    can give (guessed passwords, modes of files, certificates) missing. It is ASCII throughout, so that
    any server can take it.
    """
    return "\n".join(
        (
            _file("head"),
            "-- The queries, each in a variable of its own, by version.",
            *(
                _variable(f"sql_{name}", variants("snapshot", name))
                for name in _sections()
                if name not in OUTSIDE
            ),
            *(
                _variable(f"ask_{name}", variants("ask", name))
                for name in _sections()
                if variants("ask", name)
            ),
            _variable(
                "limits", {since: text + b";" for since, text in variants("session", "limits").items()}
            ),
            _variable("statements_schema_query", variants("session", "statements_schema")),
            _file("macros"),
            "-- The sections of the cluster, and of a database.",
            _macro("cluster_sections", _lines(Snapshot)),
            _macro("database_sections", _lines(DatabaseSnapshot)),
            _file("run"),
            *[_NEXT] * _DATABASES,
            _file("end"),
        )
    )


def _sections() -> tuple[str, ...]:
    return (*Snapshot.section_types(), *DatabaseSnapshot.section_types())


def _lines(kind: type[Snapshot] | type[DatabaseSnapshot]) -> str:
    lines = []
    for name in kind.section_types():
        header = f'{{"section": "{name}"}}'
        if name in OUTSIDE:
            lines.append(f"\\qecho '{header}' \\qecho '{{\"missing\": \"{_OUTSIDE_REASON}\"}}' \\\\")
        elif name != FIRST:
            asked = bool(variants("ask", name))
            if name == STATEMENTS:
                lines.append(":statements_schema_query \\gset \\\\")
            query = "statements_query" if name == STATEMENTS else f"sql_{name}"
            ask = f"\\set ask :ask_{name} " if asked else ""
            macro = "asked_section" if asked else "section"
            lines.append(f"\\set header '{header}' \\set query :{query} {ask}\\\\ :{macro}")
    return "\n".join(lines)


def _variable(name: str, texts: dict[int, bytes]) -> str:
    # the newest version first; a variable that no version sets is one that nothing uses there
    lines = []
    for place, since in enumerate(sorted(texts, reverse=True)):
        if since:
            lines.append(f"\\{'elif' if place else 'if'} :pg{since}")
        elif place:
            lines.append("\\else")
        lines.append(_macro(name, texts[since].decode()))
    if max(texts):
        lines.append("\\endif")
    return "\n".join(lines)


def _macro(name: str, text: str) -> str:
    return f"SELECT {_TAG}\n{text}\n{_TAG} AS {name} \\gset\n"


def _file(name: str) -> str:
    return variants("script", name)[0].decode() + "\n"
