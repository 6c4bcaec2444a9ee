"""Reads a TOML file, and shows where it is not TOML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from hub.config.messages import ConfigProblems, Problem, sentence

_OTHER_FILE = (
    "Start from the example in the README or from the hub.toml of the source checkout, "
    "or name another file with --config FILE or the variable HUB_CONFIG."
)
_RIGHTS = "Give the user that runs the hub the right to read it."
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TEXTS = {
    "Cannot overwrite a value": "this setting is written twice",
    "Illegal character '\\n'": "the text in quotes does not end on this line",
    "Unterminated string": "the text in quotes does not end",
    'Expected "\'"': "the text in quotes does not end",
    "Invalid value": 'this is not a value. Text stands in quotes: name = "value"',
    "Expected '=' after a key in a key/value pair": "a setting is written as: name = value",
    "Invalid statement": "this is neither a setting nor a [table]",
    "Unescaped '\\' in a string": "write a backslash twice, or put the text in single quotes",
}
_TWICE = re.compile(r"Cannot declare \((.*?),?\) twice")
_SHOWN = re.compile(r"\s*[\w.-]+\s*=(?=\s*[^\s=])|\s*\[\[?[\w. -]+\]?\]?\s*$")
"""What certainly is a key or a header, and not the end of a secret that spans lines."""


def read_text(path: Path, *, next_step: str = _OTHER_FILE) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    :raises ConfigProblems: it is missing, cannot be read, or is in another encoding.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigProblems(path, [Problem(None, "", "there is no such file.")], next_step=next_step) from None
    except OSError as error:
        problem = Problem(None, "", f"cannot be read: {error.strerror}.")
        raise ConfigProblems(path, [problem], next_step=_RIGHTS) from None
    except ValueError:
        problem = Problem(None, "", "no file can have this name.")
        raise ConfigProblems(path, [problem], next_step=next_step) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigProblems(path, [Problem(line, "", "this is not UTF-8. Save the file as UTF-8.")]) from None


def parse(path: Path, text: str) -> dict[str, Any]:
    """The document that the text of the file at `path` holds.

    :raises ConfigProblems: it is not TOML; the message shows the line with its values masked.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        problem = Problem(None, "", "arrays or tables are nested too deeply.")
    except tomllib.TOMLDecodeError as error:
        problem = _syntax_problem(str(error), text.replace("\r\n", "\n").split("\n"))
    except ValueError:  # Python refuses to read numbers of thousands of digits
        problem = Problem(None, "", "a number is too long.")
    raise ConfigProblems(path, [problem]) from None


def _syntax_problem(message: str, lines: list[str]) -> Problem:
    position = _POSITION.search(message)
    what = _POSITION.sub("", message)
    if position and position[1]:
        line, column = int(position[1]), int(position[2])
    else:
        line = max((number for number, text in enumerate(lines, 1) if text.strip()), default=1)
        column = len(lines[line - 1].rstrip()) + 1
    source = _masked(lines[line - 1].rstrip())
    return Problem(line, "", f"{sentence(_explain(what))}\n    {source}\n    {' ' * (column - 1)}^")


def _explain(what: str) -> str:
    if twice := _TWICE.fullmatch(what):
        table = ".".join(part.strip("'\" ") for part in twice[1].split(","))
        return f"the table [{table}] is written twice"
    return _TEXTS.get(what, what[:1].lower() + what[1:])


def _masked(line: str) -> str:
    """The line with its key or header readable and its value masked: it may be a secret."""
    shown = _SHOWN.match(line)
    end = shown.end() if shown else 0
    masked = line[:end] + re.sub(r"[^\s\"'\[\]{},=#]", "*", line[end:])
    return "".join(c if c.isprintable() else " " for c in masked)
