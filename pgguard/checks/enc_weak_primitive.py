"""Stored SQL uses a broken or weak cipher, digest or password hash.

Why it matters: what looks encrypted or pseudonymous can be opened or recomputed: DES falls in hours, MD5 of
all national numbers is computed in minutes, and without an IV equal values stay equal for everybody to see.

How to fix: pgp_sym_encrypt with cipher-algo=aes256, or encrypt_iv with AES and a random IV; hmac with sha256
and a secret key for pseudonyms; crypt with gen_salt('bf', 12) for passwords. Then convert what is stored.

Silent when: AES by pgp_* or encrypt_iv, SHA-2, bcrypt; md5() of what is no secret and no identifier. Low for
digests of what does not look like one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.bodies import calls
from pgguard.analysis.crypto import pgcrypto_calls
from pgguard.analysis.embedded import is_secret_name
from pgguard.analysis.places import place
from pgguard.analysis.plpgsql_source import arguments
from pgguard.analysis.reading import complete
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.analysis.sqltree import HIDDEN, walk, words
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.bodies import Argument, Call
    from pgguard.model.finding import Subject
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "ANSSI RGS, annexe B1",
    "NIST SC-13",
    "PostgreSQL manual, F.26 pgcrypto",
)
_PGP = frozenset({
    "pgp_sym_encrypt", "pgp_sym_encrypt_bytea", "pgp_pub_encrypt", "pgp_pub_encrypt_bytea",
})  # fmt: skip
_RAW = frozenset({"encrypt", "decrypt", "encrypt_iv", "decrypt_iv"})
_OTHERS = frozenset({"digest", "hmac", "gen_salt"})
_WEAK_CIPHERS = frozenset({"des", "3des", "bf", "blowfish", "cast5"})
_WEAK_DIGESTS = frozenset({"md5", "sha1", "sha-1"})
_WEAK_SALTS = frozenset({"des", "xdes", "md5"})
_WEAK_OPTIONS = {
    ("disable-mdc", "1"): "without protection against changes (disable-mdc)",
    ("s2k-mode", "0"): "with a key made from the passphrase without salt (s2k-mode=0)",
    ("s2k-mode", "1"): "with a key made from the passphrase in one round (s2k-mode=1)",
    ("s2k-digest-algo", "md5"): "with a key made from the passphrase by MD5",
}
# parts of a function's name that say what it makes digests of
_PURPOSES = ("anonym", "chiffr", "crypt", "empreinte", "mdp", "passw", "pseudonym", "secret", "token")
Judged = tuple[Severity, str]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        names = {one.column.name for one in sensitive_columns(database, policy)}
        found: dict[Subject, list[Judged]] = {}
        for call in pgcrypto_calls(database, _PGP | _RAW | _OTHERS):
            for judged in _weaknesses(database, call, names):
                found.setdefault(place(database, call.definition)[0], []).append(judged)
        for call in calls(database, ["md5"]):
            about = _about(database, call, names)
            if about:
                text = f"md5() of {about}: whoever tries all values finds it"
                found.setdefault(place(database, call.definition)[0], []).append((severity, text))
        for subject, some in found.items():
            worst = max(one for one, _ in some)
            texts = dict.fromkeys(text for _, text in some)
            yield Finding(subject, "; ".join(texts), severity=None if worst is severity else worst)
        complete(database, _PGP | _RAW | _OTHERS | {"md5("})


def _weaknesses(database: DatabaseSnapshot, call: Call, names: set[str]) -> Iterator[Judged]:
    given = call.arguments
    if call.name in _PGP:
        for text in _options(_text(given, 2)):
            yield severity, f"{call.name}() {text}"
    elif call.name in _RAW:
        yield from _raw(call)
    elif call.name == "gen_salt":
        if _text(given, 0) in _WEAK_SALTS:
            yield severity, f"passwords hashed by crypt() with {_text(given, 0).upper()}"
    elif call.name == "digest" and _text(given, 1) in _WEAK_DIGESTS:
        about = _about(database, call, names)
        text = f"digest() by {_text(given, 1).upper()}" + (f" of {about}" if about else "")
        yield severity if about else Severity.LOW, text
    elif call.name == "hmac" and _text(given, 2) == "md5":
        yield Severity.LOW, "hmac() by MD5"


def _raw(call: Call) -> Iterator[Judged]:
    with_iv = call.name.endswith("_iv")
    # algorithm-mode/pad:padding (manual, F.26.4 Raw Encryption Functions)
    cipher = _text(call.arguments, 3 if with_iv else 2).partition("/")[0]
    algorithm, _, mode = cipher.partition("-")
    if algorithm in _WEAK_CIPHERS:
        yield severity, f"{call.name}() by {algorithm.upper()}"
    if mode == "ecb":
        yield severity, f"{call.name}() in ECB mode: equal blocks stay equal"
    elif call.name == "encrypt":
        yield severity, "encrypt() without an IV: equal values stay equal"
    elif call.name == "encrypt_iv" and len(call.arguments) > 2 and call.arguments[2].constant:
        yield severity, "encrypt_iv() with an IV that is always the same: equal values stay equal"


def _options(options: str) -> Iterator[str]:
    for option in options.split(","):
        name, _, value = (part.strip() for part in option.partition("="))
        if name == "cipher-algo" and value in _WEAK_CIPHERS:
            yield f"by {value.upper()}"
        elif (name, value) in _WEAK_OPTIONS:
            yield _WEAK_OPTIONS[name, value]


def _text(given: tuple[Argument, ...], place_: int) -> str:
    """The text of an argument as far as it is known, in lower case."""
    if place_ >= len(given) or not given[place_].constant or given[place_].text.startswith(HIDDEN):
        return ""
    return given[place_].text.lower()


def _about(database: DatabaseSnapshot, call: Call, names: set[str]) -> str:
    """What sensitive or secret thing the first argument is, by its name; empty when it is none."""
    for name in _names(database, call):
        # p_nir, v_nir, _nir: an argument or variable for the column
        plain = name.removeprefix("p_").removeprefix("v_").removeprefix("in_").lstrip("_")
        if not names.isdisjoint((name, plain)) or is_secret_name(name):
            return ident(name)
    function = catalog.functions(database).get(call.definition.oid)
    if function is not None and any(part in function.name.lower() for part in _PURPOSES):
        return f"what {ident(function.name)}() is given"
    return ""


def _names(database: DatabaseSnapshot, call: Call) -> Iterator[str]:
    function = catalog.functions(database).get(call.definition.oid)
    inputs = [one for one in arguments(function) if one.input] if function is not None else []
    for kind, fields in walk(list(call.nodes[:1])):
        if kind == "ColumnRef":
            yield words(fields.get("fields"))[-1]
        elif kind == "ParamRef" and 0 < fields.get("number", 0) <= len(inputs):
            yield inputs[fields["number"] - 1].name
