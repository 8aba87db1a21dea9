"""Precision and recall of the grades over scenarios."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def policy_text(policy: Mapping[str, Any]) -> str:
    """A scenario's policy as TOML."""
    lines: list[str] = []
    for name, value in policy.items():
        for table in value if isinstance(value, list) else [value]:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            lines += [f"{key} = {json.dumps(one)}" for key, one in table.items()]
    return "\n".join(lines)
