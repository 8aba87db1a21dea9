"""data/weights.toml: what each kind of evidence counts, and from which score on a column is sensitive."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pgguard.analysis.personal.seen import Reason


class Weights(NamedTuple):
    """Log-odds by feature, and the thresholds by who asks (discover, checks), scores from 0 to 1."""

    values: Mapping[str, float]
    thresholds: Mapping[str, float]

    def logit(self, reasons: Iterable[Reason]) -> float:
        """The log-odds that a column with these reasons is sensitive."""
        values = self.values
        total = values["bias"]
        for reason in reasons:
            total += values[reason.feature]
        return total


def probability(logit: float) -> float:
    """Log-odds as a number from 0 to 1."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


@cache
def weights() -> Weights:
    """The weights that come with pgguard: the fitted ones, else those expected beforehand."""
    text = resources.files("pgguard").joinpath("data/weights.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Weights({**data["prior"], **data.get("fitted", {})}, data["thresholds"])


@cache
def prior() -> Weights:
    """The weights that are expected beforehand, from which a fit departs."""
    text = resources.files("pgguard").joinpath("data/weights.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Weights(data["prior"], data["thresholds"])
