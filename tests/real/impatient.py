"""The hub, with less patience for a gateway that gives no answer or fails: a test need not wait for minutes.

Run as `python -m tests.real.impatient`, with the arguments of `hub`.
"""

from __future__ import annotations

from datetime import timedelta

from hub.cli import main
from hub.daemon import health
from hub.journey import deliver, outcome

_LIMITS = ((deliver, "SEND_LIMIT", 3), (health, "_LONGEST", 5), (outcome, "_BACKOFF_LAST", 5))
"""In seconds: the longest a send may take, a component is left alone, and a survey is put off."""

if __name__ == "__main__":
    for module, name, seconds in _LIMITS:
        if not isinstance(getattr(module, name), timedelta):
            raise TypeError(f"{module.__name__}.{name} is not what it was")
        setattr(module, name, timedelta(seconds=seconds))
    main()
