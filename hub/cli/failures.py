"""How a command that failed ends: a message on stderr, and an exit code that scripts can rely on."""

from __future__ import annotations

import sys
import traceback

from hub.api.errors import ConfigError, HubError, PluginError, RemoteError
from hub.cli.exits import Exit


def exit_code_of(error: Exception) -> Exit:
    """Tell the user what went wrong, and give the code to end with."""
    from hub.store import failures

    if failures.is_of_the_store(error):
        print(f"hub.store: {failures.words(error)}", file=sys.stderr)  # noqa: T201
        return Exit.REMOTE
    if isinstance(error, OSError):
        print(f"hub: {error.strerror or type(error).__name__}", file=sys.stderr)  # noqa: T201
        return Exit.SOME_FAILED
    if not isinstance(error, HubError):
        traceback.print_exc()
        print("hub: this is a fault in the hub, not yours; please report the lines above", file=sys.stderr)  # noqa: T201
        return Exit.BUG
    print(str(error), file=sys.stderr)  # noqa: T201 - typer.echo would need typer here
    if isinstance(error, ConfigError):
        return Exit.CONFIG
    if isinstance(error, PluginError):
        return Exit.PLUGIN
    return Exit.REMOTE if isinstance(error, RemoteError) else Exit.SOME_FAILED
