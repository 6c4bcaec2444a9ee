"""What holds for all tests, also those of the plugins."""

from __future__ import annotations

import os
import sys

from hypothesis import settings

# httpx asks for it at every request to an application in the same process, and Python looks everywhere each time
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

# No deadline: a busy machine is no failure. Few examples where many run: `make test-thorough` tries more of them.
settings.register_profile("hub", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "hub"))
