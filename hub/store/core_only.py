"""SQLAlchemy without its object-relational mapper, which the hub does not use and which is large."""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from typing import Any

_PACKAGE = "sqlalchemy.ext.asyncio"
_FOR_ALL = ("AsyncConnection", "AsyncEngine", "create_async_engine")


def load() -> None:
    """Load engines and connections, and the rest of their package only once somebody asks for it.

    The package itself would load the mapper for its sessions at once: 6 MB for as long as the daemon runs, and a tenth
    of a second at start. Does nothing where it is loaded already.
    """
    if _PACKAGE in sys.modules or (spec := find_spec(_PACKAGE)) is None or (loader := spec.loader) is None:
        return
    package = module_from_spec(spec)

    def load_rest(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        del package.__dict__["__getattr__"]
        loader.exec_module(package)
        return getattr(package, name)

    sys.modules[_PACKAGE] = package
    from sqlalchemy.ext.asyncio import engine

    for name in _FOR_ALL:
        setattr(package, name, getattr(engine, name))
    package.__dict__["__getattr__"] = load_rest
