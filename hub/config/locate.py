"""On which line of a TOML file each setting stands. The parsers that are at hand give values without positions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""Keys from the top of the document down; a number is an index into an array."""

_TOKEN = re.compile(
    r'''
    (?P<string> """ (?: \\. | [^\\] )*? "{3,5} | \'{3} .*? '{3,5} | " (?: \\. | [^"\\] )* " | ' [^']* ' )
  | (?P<ignored> \# [^\n]* | [^\S\n]+ )
  | (?P<mark> [][{}=,.\n] )
  | (?P<bare> [^][{}=,.\s"'#]+ )
    ''',
    re.VERBOSE | re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int


class Lines:
    """The line of every key path in a document that `tomllib` accepts."""

    def __init__(self, text: str) -> None:
        self._lines = _Scan(_tokens(text)).document()

    def of(self, path: KeyPath) -> int:
        """The line of the setting, or of its nearest ancestor when it is not written; 1 when there is none."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def dotted(path: KeyPath) -> str:
    """Write a key path as an admin would: `sources.prod."odd key".0`."""
    return ".".join(part if _is_bare(part) else _quoted(part) for part in map(str, path))


def _is_bare(key: str) -> bool:
    return _BARE_KEY.fullmatch(key) is not None


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _tokens(text: str) -> list[_Token]:
    found, line = list[_Token](), 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "ignored":
            found.append(_Token(match.group(), line))
        line += match.group().count("\n")
    return [*found, _Token("\n", line)]


class _Scan:
    """Walks over the tokens once. It relies on the document being valid, so it checks nothing."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._entries: dict[KeyPath, int] = {}
        """How many `[[path]]` headers were seen for each path."""

    def document(self) -> Mapping[KeyPath, int]:
        table: KeyPath = ()
        while self._at < len(self._tokens):
            if self._peek() == "\n":
                self._at += 1
            elif self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _peek(self) -> str:
        return self._tokens[self._at].text

    def _header(self) -> KeyPath:
        line = self._tokens[self._at].line
        is_entry = self._tokens[self._at + 1].text == "["
        brackets = 2 if is_entry else 1
        self._at += brackets
        *parents, last = self._key(until="]")
        self._at += brackets - 1
        path: KeyPath = ()
        for key in parents:
            path = self._newest((*path, key))
        path = (*path, last)
        if is_entry:
            self._note(path, line)
            self._entries[path] = self._entries.get(path, 0) + 1
        path = self._newest(path)
        self._note(path, line)
        self._lines[path] = line  # also when a header below it stood earlier
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        """The entry of an array of tables that a header below it means: the last one so far."""
        return (*path, self._entries[path] - 1) if path in self._entries else path

    def _key(self, until: str) -> list[str]:
        start = self._at
        while self._peek() != until:
            self._at += 1
        written = "".join(token.text for token in self._tokens[start : self._at])
        self._at += 1
        return _split(written)

    def _pair(self, table: KeyPath) -> None:
        line = self._tokens[self._at].line
        path = (*table, *self._key(until="="))
        self._note(path, line)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opening = self._peek()
        if opening not in ("{", "["):
            while self._peek() not in (",", "}", "]", "\n"):
                self._at += 1
            return
        self._at += 1
        entry = 0
        while (mark := self._peek()) not in ("}", "]"):
            if mark in (",", "\n"):
                entry += mark == ","
                self._at += 1
            elif opening == "{":
                self._pair(path)
            else:
                self._note((*path, entry), self._tokens[self._at].line)
                self._value((*path, entry))
        self._at += 1

    def _note(self, path: KeyPath, line: int) -> None:
        for length in range(len(path), 0, -1):
            if self._lines.setdefault(path[:length], line) != line:
                return


def _split(key: str) -> list[str]:
    """Split a dotted key that may have quoted parts. `tomllib` knows the rules."""
    parts, level = [], tomllib.loads(f"{key} = 0")
    while isinstance(level, dict):
        ((part, level),) = level.items()
        parts.append(part)
    return parts
