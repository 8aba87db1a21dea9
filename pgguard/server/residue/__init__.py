"""Whether clear values of encrypted columns are left anywhere on a server.

Values are drawn from the encrypted columns with the session's key, and looked for byte by byte in the files
of the server: of relations and of what used to be relations, WAL, logs, temporary files; and in what SQL
shows of statistics and statements. What could not be searched is told; it is never taken for clean.
"""

from __future__ import annotations

from pgguard.server.residue.search import Wanted, search

__all__ = ["Wanted", "search"]
