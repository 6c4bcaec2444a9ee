"""Who may come in, and what the access rules keep from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo


@dataclass(slots=True)
class Account:
    """The hub's user on the instance, with every way to sign in, and its preferences."""

    username: str = "xm.hub"
    password: str = "correct-horse"
    client_id: str = "hub-client"
    client_secret: str = "hub-client-secret"
    api_key: str = "now-api-key"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """For display values and `gs.dateGenerate`."""
    date_format: str = "%m/%d/%Y %H:%M:%S"
    language: str = "en"


@dataclass(slots=True)
class AccessRules:
    """What the hub's user does not get to see or may not change."""

    hidden: set[str] = field(default_factory=set)
    """Records, by sys_id. They are taken out of a page after the query, its limit and its count."""
    hidden_fields: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Table and column; whether the key is absent, and not merely empty."""
    protected_fields: set[tuple[str, str]] = field(default_factory=set)
    """Table and column that are read, and that a write leaves alone without a word."""
    denied_tables: set[str] = field(default_factory=set)
    """Tables that answer 403."""
    closed_locked: bool = False
    """Whether records that are over can no longer be changed: 403."""
