"""Writes the generated parts of the documentation anew: python -m tests.docs.generate

A page marks them with a comment that names the part, and `<!-- end -->`. What stands between is replaced.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from typing import Any

import typer

from hub.api import errors
from hub.cli import app
from hub.cli.exits import Exit
from hub.store.tables import AnswerState, InvitationState, WriteBackState
from hub.testing.rigs import Fault
from tests.docs import api, pages, source, surveys

WIDTH = 88
"""Columns of help texts, whatever the terminal has."""


def commands() -> Iterator[tuple[str, typer.Context]]:
    """Every command with its full name, groups before what is in them."""
    yield from _commands(typer.main.get_command(app), None, "hub")


def _commands(command: Any, parent: typer.Context | None, name: str) -> Iterator[tuple[str, typer.Context]]:
    context = typer.Context(command, parent=parent, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    yield context.command_path, context
    for each, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, context, each)


def command_help() -> str:
    """The help of every command."""
    parts = []
    for name, context in commands():
        text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        parts.append(f"{'#' * min(len(name.split()) + 1, 3)} `{name}`\n\n```text\n{text}\n```")
    return "\n\n".join(parts)


def exit_codes() -> str:
    """What scripts can rely on."""
    return pages.table(("code", "meaning"), [(value, words) for value, words in source.members(Exit)])


def states(kind: type[Enum]) -> str:
    """The states of a row and what they mean."""
    return pages.table(("state", "meaning"), [(f"`{value}`", words) for value, words in source.members(kind)])


PARTS: dict[str, Callable[[], str]] = {
    "commands": command_help,
    "exit_codes": exit_codes,
    "invitation_states": lambda: states(InvitationState),
    "answer_states": lambda: states(AnswerState),
    "write_back_states": lambda: states(WriteBackState),
    "hooks": api.hooks,
    "faults": lambda: states(Fault).replace("| state |", "| fault |"),
    "surveys": surveys.survey_table,
    "survey_questions": surveys.question_table,
    "survey_options": surveys.option_table,
    "survey_texts": surveys.text_table,
    "sms_parts": surveys.sms_table,
    "error_tree": lambda: f"```text\n{_tree(inspect.getdoc(errors) or '')}\n```",
    **{name: partial(api.group, name) for name in api.GROUPS},
}


def _tree(doc: str) -> str:
    return inspect.cleandoc("\n".join(line for line in doc.splitlines() if line.startswith("    ")))


def current(text: str) -> str:
    """A page with its generated parts as they should be."""
    return pages.replace_generated(text, {name: PARTS[name]() for name, _ in pages.generated(text)})


if __name__ == "__main__":
    for page in pages.pages():
        page.write_text(current(pages.read(page)), encoding="utf-8")
