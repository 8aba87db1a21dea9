"""The errors of pgguard, one tree; each class knows its exit code.

::

    PgguardError            2  something the user can put right, said in one sentence
    |-- UsageError          2  wrong options or arguments
    |-- PolicyError         2  mistakes in pgguard.toml, all at once, each with its line
    |-- InputError          2  a file we were given is corrupt, foreign or newer than we are
    |-- SetupError          2  a tool that the demo or the tests need is missing
    |-- ConnectError        3  no connection, or not a PostgreSQL that we can inspect
    |-- HistoryError        3  the history of nightly runs cannot be reached, read or written
    |-- Unread              3  a part of the snapshot that was needed could not be read
    `-- ApplyStopped        4  a change was refused halfway; the message says what is done and what is not

The exit codes are those of the design: 0 clean, 1 findings, 2 bad input, 3 could not
connect or could not evaluate, 4 an apply stopped.
"""


class PgguardError(Exception):
    """An error with a message for people: what, where, what next."""

    exit_code = 2


class UsageError(PgguardError):
    """Options or arguments that cannot be honoured."""


class PolicyError(PgguardError):
    """One or more mistakes in a policy file; the message has one line for each."""


class InputError(PgguardError):
    """A file that we were given cannot be used."""


class SetupError(PgguardError):
    """A tool that the demo or the tests need is not there; the message says what to install."""


class ConnectError(PgguardError):
    """The server could not be reached, refused us, or cannot be inspected."""

    exit_code = 3


class HistoryError(PgguardError):
    """The history of nightly runs cannot be reached, read or written just now.

    One that is corrupt, foreign or newer than we are is an `InputError`.
    """

    exit_code = 3


class Unread(PgguardError):  # noqa: N818 - reads as the state of the section
    """A section of the snapshot was touched that could not be read.

    A check that lets this pass through it answers `unknown`, never `pass`.
    """

    exit_code = 3

    def __init__(self, section: str, reason: str, database: str | None = None) -> None:
        self.section = section
        self.reason = reason
        self.database = database
        where = f"{section} of database {database}" if database else section
        super().__init__(f"{where} could not be read: {reason}")


class ApplyStopped(PgguardError):  # noqa: N818 - reads as what happened
    """Changes to a server stopped before the last one; the message says what is applied and what is not."""

    exit_code = 4
