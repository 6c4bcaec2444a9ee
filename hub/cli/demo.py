"""`hub demo`: the hub at work, against simulated desks, phones and mailboxes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from hub.cli.exits import Exit

CONTEXT_SETTINGS = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
"""The sandbox reads the options itself, `--help` too."""

_NEEDED = ("aiosmtpd", "pymap", "rich")


def demo(context: typer.Context) -> None:
    """Watch the hub work against simulated desks and phones; --once ends by itself, --json prints the outcome."""
    sandbox = Path(__file__).resolve().parents[2] / "contrib" / "sandbox"
    if not (sandbox / "__main__.py").is_file():
        _refuse(
            "the demo comes with the source checkout, not with the package. Clone the repository and run: make demo"
        )
    if missing := _missing():
        _refuse(f"the demo needs {' and '.join(missing)}. Run: pip install 'itsm-hub[demo]'")
    sys.stdout.flush()
    # In the place of this process, so that signals and the exit status need no passing on.
    os.execv(sys.executable, [sys.executable, str(sandbox), *context.args])  # noqa: S606 - no shell is meant


def _missing() -> list[str]:
    from importlib.util import find_spec

    return [name for name in _NEEDED if find_spec(name) is None]


def _refuse(problem: str) -> None:
    typer.echo(f"hub demo: {problem}", err=True)
    raise typer.Exit(Exit.USAGE)
