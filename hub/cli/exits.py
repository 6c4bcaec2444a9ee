"""How the command line ends. Scripts may rely on these numbers."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """An exit status of `hub`."""

    OK = 0  # done
    SOME_FAILED = 1  # it ran, and some items failed
    USAGE = 2  # wrong options or arguments; Typer's own
    CONFIG = 3  # hub.toml, a secret or a contacts file is wrong
    PLUGIN = 4  # a plugin that is needed is missing or broken
    REMOTE = 5  # a remote system refused or could not be reached
    BUG = 70  # a fault in the hub; the traceback is in the log
    INTERRUPTED = 130  # SIGINT
    TERMINATED = 143  # SIGTERM
