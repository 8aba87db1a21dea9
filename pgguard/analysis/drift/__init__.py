"""Drift: what changed between two snapshots in terms of access, not of text.

`comparison.py` pairs what is the same on both sides; `reach.py` says who reaches what, as sets, and
`shifts.py` whose access moved; `causes.py` finds the link that is new, `access.py` tells it. `roles.py`,
`superuser.py`, `authentication.py` (pg_hba.conf), `code.py` (triggers, functions), `row_security.py`,
`settings.py`,
`sensitive.py`, `data_flows.py` and `objects.py` are the other areas; `whole.py` runs them all.

What is not seen: constants in stored SQL, which snapshots hide; what changed and was changed back between the
two; what SECURITY DEFINER functions do that build their SQL at run time.
"""

from pgguard.analysis.drift.difference import Difference, Direction, Drift, Look, Uncompared
from pgguard.analysis.drift.whole import drift

__all__ = ["Difference", "Direction", "Drift", "Look", "Uncompared", "drift"]
