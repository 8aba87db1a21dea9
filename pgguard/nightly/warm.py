"""What a process that looks at servers has to have read, read when this is imported.

For the process that the workers of a fleet are forked from, so that none of them reads it again.
"""

from __future__ import annotations

from pgguard.analysis.personal.lexicon import lexicon
from pgguard.analysis.personal.weights import weights
from pgguard.checks import all_checks
from pgguard.nightly import beside, run
from pgguard.report import changes
from pgguard.server import read
from pgguard.store import fleet_file, history_file

# modules that are imported for what importing them does
READ = (beside, run, changes, read, fleet_file, history_file)
all_checks()
lexicon()
weights()
