"""The HTTP client that the hub lends to plugins, and what keeps it polite.

    LentClient ── one per component: encodes, waits its turn, sends, repeats, turns failures into `RemoteError`s
    ├─ Pauses     shared by all components: a service that asks one for a pause gets it from all with that credential
    ├─ Limiter    one per component whose service states a limit
    └─ transport  one per process: the connections

Import it where it is used: httpx is too slow to load for a command that sends nothing. aiohttp comes with
`transport()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.http.calls import Timeouts
from hub.http.client import LentClient
from hub.http.limits import Limiter, Pauses

if TYPE_CHECKING:
    import httpx

__all__ = ["LentClient", "Limiter", "Pauses", "Timeouts", "transport"]


def transport() -> httpx.AsyncBaseTransport:
    """Make the connections for one process. Close them with `aclose()`.

    Certificates are always verified: against SSL_CERT_FILE or SSL_CERT_DIR if set, otherwise against the system's
    store and certifi's. HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY are kept to.

    :raises ConfigError: a proxy variable names something that is not an HTTP proxy.
    """
    from hub.http.connections import AiohttpTransport

    return AiohttpTransport()
