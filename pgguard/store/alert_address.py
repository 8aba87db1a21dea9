"""Addresses of alert channels, as far as the policy is concerned."""

from __future__ import annotations

import re


def secret_in(url: str) -> bool:
    """Whether an address holds a password, or what looks like a token: then the policy is no place for it."""
    authority = url.partition("://")[2].partition("/")[0]
    user = authority.rpartition("@")[0]
    token = re.search(r"[0-9A-Za-z_-]{24,}|[?&](?:pass|token|key|secret)[a-z]*=", url, re.IGNORECASE)
    return ":" in user or token is not None
