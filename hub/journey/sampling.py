"""Which closures a rule that asks only some of them asks about. Pure, and the same on every machine and every day."""

from __future__ import annotations

import hashlib
import json


def drawn(source: str, ticket_id: str, closure_key: str, rule: str, share: float) -> bool:
    """Whether this closure is among the share (0 to 1) that the rule asks about.

    The closure's own names decide, through SHA-256 as a uniform number from 0 up to, not including, 1: the same
    closure is always decided alike, two rules draw independently, and a larger share keeps all that a smaller one had.
    """
    closure = json.dumps([source, ticket_id, closure_key, rule]).encode()  # where one name ends is part of it
    number = int.from_bytes(hashlib.sha256(closure).digest()[:8], "big") >> 11  # 53 bits: a float holds them exactly
    return number * 2**-53 < share
