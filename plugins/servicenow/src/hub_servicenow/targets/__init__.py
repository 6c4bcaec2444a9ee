"""The places on an instance that take answers."""

from __future__ import annotations
