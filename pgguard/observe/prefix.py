"""log_line_prefix: the lines of a stderr log taken apart (manual, log_line_prefix)."""

from __future__ import annotations

import re
from functools import cache

_NAME = r".*?"
_STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_ZONE = r"[A-Za-z+\-0-9:<>]{1,10}"
# what an escape may write, and the field that it is
_ESCAPES: dict[str, tuple[str, str]] = {
    "a": ("application", _NAME),
    "u": ("role", _NAME),
    "d": ("database", _NAME),
    "r": ("", r"(?:\[local\]|\[unknown\]|(?P<host>[^\s()]+)\(\d+\))?"),
    "h": ("host", r"(?:\[local\]|\[unknown\]|[^\s()]*)"),
    "L": ("", r"\S*"),
    "b": ("backend_type", r"[a-zA-Z ]*?"),
    "p": ("pid", r"\d+"),
    "P": ("", r"\d*"),
    "t": ("time", rf"{_STAMP} {_ZONE}"),
    "m": ("time", rf"{_STAMP}\.\d{{3}} {_ZONE}"),
    "n": ("epoch", r"\d+\.\d{3}"),
    "Q": ("", r"-?\d+"),
    "i": ("", _NAME),
    "e": ("sqlstate", r"[0-9A-Z]{5}"),
    "c": ("session", r"[0-9a-f]+\.[0-9a-f]+"),
    "l": ("", r"\d+"),
    "s": ("session_start", rf"{_STAMP} {_ZONE}"),
    "v": ("", r"(?:-?\d+/\d+)?"),
    "x": ("", r"\d+"),
}
_PART = re.compile(r"%(-?\d+)?([a-zA-Z%])")
# in English, French, Spanish, German, Italian and Swedish, as the server's translations have them; csvlog and
# jsonlog have the translated word too
SEVERITIES: dict[str, str] = {
    "LOG": "LOG", "ERROR": "ERROR", "FATAL": "FATAL", "PANIC": "PANIC", "WARNING": "WARNING",
    "NOTICE": "NOTICE", "INFO": "INFO", "DEBUG": "DEBUG", "DEBUG1": "DEBUG", "DEBUG2": "DEBUG",
    "DEBUG3": "DEBUG", "DEBUG4": "DEBUG", "DEBUG5": "DEBUG",
    "DETAIL": "DETAIL", "HINT": "HINT", "CONTEXT": "CONTEXT", "STATEMENT": "STATEMENT", "QUERY": "QUERY",
    "LOCATION": "LOCATION", "BACKTRACE": "BACKTRACE",
    "ERREUR": "ERROR", "ATTENTION": "WARNING", "DÉTAIL": "DETAIL", "ASTUCE": "HINT", "CONTEXTE": "CONTEXT",
    "INSTRUCTION": "STATEMENT", "REQUÊTE": "QUERY", "EMPLACEMENT": "LOCATION", "PANIQUE": "PANIC",
    "FEHLER": "ERROR", "WARNUNG": "WARNING", "HINWEIS": "NOTICE", "TIPP": "HINT", "ZUSAMMENHANG": "CONTEXT",
    "ANWEISUNG": "STATEMENT", "ANFRAGE": "QUERY", "ORT": "LOCATION", "PANIK": "PANIC",
    "REGISTRO": "LOG", "ADVERTENCIA": "WARNING", "AVISO": "NOTICE", "PÁNICO": "PANIC", "DETALLE": "DETAIL",
    "SUGERENCIA": "HINT", "CONTEXTO": "CONTEXT", "SENTENCIA": "STATEMENT", "CONSULTA": "QUERY",
    "UBICACIÓN": "LOCATION", "DEPURACIÓN": "DEBUG", "PILE D'APPEL": "BACKTRACE",
    "ERRORE": "ERROR", "FATALE": "FATAL", "PANICO": "PANIC", "ATTENZIONE": "WARNING", "NOTIFICA": "NOTICE",
    "DETTAGLI": "DETAIL", "SUGGERIMENTO": "HINT", "CONTESTO": "CONTEXT", "ISTRUZIONE": "STATEMENT",
    "POSIZIONE": "LOCATION",
    "LOGG": "LOG", "FEL": "ERROR", "FATALT": "FATAL", "VARNING": "WARNING", "NOTIS": "NOTICE",
    "DETALJ": "DETAIL", "TIPS": "HINT", "KONTEXT": "CONTEXT", "SATS": "STATEMENT", "FRÅGA": "QUERY",
    "PLATS": "LOCATION",
}  # fmt: skip
# French sets a no-break space before the colon
_SEVERITY = rf"(?P<severity>{'|'.join(SEVERITIES)})[ \u00a0\u202f]?:\s{{1,2}}(?P<message>.*)"
# prefixes in use, the most telling first: the server's default, pgBadger's, the distributions'
_USUAL = (
    "%m [%p] %q%u@%d ",
    "%m [%p] ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p] %u@%d ",
    "%m [%p] %u@%d/%a ",
    "%m [%c] %q%u@%d ",
    "%m %u@%d[%p] ",
    "%t:%r:%u@%d:[%p]:",
    "%t [%p] %u@%d %r ",
    "%m:%r:%u@%d:[%p]:",
    "%t %u %d %r %p ",
    "%m %p %u %d %r ",
    "%m [%p-%l] %u@%d ",
    "%t [%p-%l] %q%u@%d ",
    "< %m > ",
    "<%m [%p] %u@%d %r> ",
    "%t ",
    "%m ",
    "",
)


class Prefix:
    """One log_line_prefix; `match` takes a line apart."""

    def __init__(self, written: str) -> None:
        self.written = written
        self._line = re.compile(_pattern(written) + _SEVERITY, re.DOTALL)

    def match(self, line: str) -> tuple[dict[str, str], str] | None:
        """The fields of a line by name (see `LogRecord`), and its message; None when it does not fit."""
        found = self._line.match(line)
        if found is None:
            return None
        fields = {name: value.strip() for name, value in found.groupdict().items() if value is not None}
        fields["severity"] = SEVERITIES[fields["severity"]]
        return fields, found["message"]


def guess(lines: list[str]) -> Prefix | None:
    """The usual prefix that fits most of the lines; None when none fits any.

    Of two that fit as many lines the one earlier in the list tells more.
    """
    best: Prefix | None = None
    most = 0
    for written in _USUAL:
        prefix = _usual(written)
        fitting = sum(1 for line in lines if prefix.match(line))
        if fitting > most:
            best, most = prefix, fitting
    return best


@cache
def _usual(written: str) -> Prefix:
    return Prefix(written)


def _pattern(written: str) -> str:
    parts: list[str] = []
    seen: set[str] = set()
    optional = 0
    position = 0
    for escape in _PART.finditer(written):
        parts.append(re.escape(written[position : escape.start()]))
        position = escape.end()
        letter = escape[2]
        if letter == "%":
            parts.append("%")
        elif letter == "q":
            # processes without a session write nothing of what follows
            parts.append("(?:")
            optional += 1
        elif letter in _ESCAPES:
            name, what = _ESCAPES[letter]
            if letter == "r" and not _fresh("host", seen):
                what = what.replace("(?P<host>", "(?:")
            padded = rf" *{what} *" if escape[1] else what
            parts.append(rf"(?P<{name}>{padded})" if name and _fresh(name, seen) else padded)
    parts.append(re.escape(written[position:]))
    return "".join(parts) + ")?" * optional


def _fresh(name: str, seen: set[str]) -> bool:
    if name in seen:
        return False
    seen.add(name)
    return True
