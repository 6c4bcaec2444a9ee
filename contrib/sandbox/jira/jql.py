"""The part of JQL that connectors use: clauses, AND, OR, NOT, parentheses and ORDER BY.

What makes it Jira: date literals have minutes only and are read in the profile zone of the caller, bare words are a
text search, and anything misspelt is a 400 with a position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sandbox.jira.clauses import WITH_HISTORY, Clause, Matches, Setting, Token, clause_named, date_of
from sandbox.jira.model import Issue
from sandbox.jira.wire import Problem

_TOKEN = re.compile(
    r"\s*(?:(?P<quote>[\"'])|(?P<symbol>>=|<=|!=|!~|[()=<>~,])|(?P<word>[^\s()=!<>~,\"']+)|(?P<bad>\S))"
)
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"'), "'": re.compile(r"'((?:[^'\\]|\\.)*)'")}
_ORDER_FIELDS = 7


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. `order` holds fields and whether they descend; `clauses` the fields it restricts."""

    matches: Matches
    order: tuple[tuple[Clause, bool], ...]
    clauses: frozenset[str]
    bounded: bool


def parse(text: str, setting: Setting) -> Query:
    """Read a query.

    :raises Problem: 400 in Jira's words.
    """
    tokens = _tokens(text)
    if _is_text(tokens):
        return _text_search(tokens)
    return _Parser(tokens, setting).query()


def bounded(query: Query) -> Query:
    """The query itself.

    :raises Problem: it has no restriction.
    """
    if not query.bounded:
        raise Problem(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    return query


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while match := _TOKEN.match(text, at):
        start = match.start(match.lastgroup or 0)
        if match["quote"]:
            quoted = _QUOTED[match["quote"]].match(text, start)
            if quoted is None:
                rest = text[start + 1 :]
                raise _wrong(f"The quoted string '{rest}' has not been completed.", start + 1)
            found.append(Token(re.sub(r"\\(.)", r"\1", quoted[1]), "quoted", start + 1))
            at = quoted.end()
            continue
        if match["bad"]:
            raise _wrong(f"The character '{match['bad']}' is a reserved JQL character.", start + 1)
        found.append(Token(match[match.lastgroup or 0], match.lastgroup or "", start + 1))
        at = match.end()
    return found


def _wrong(what: str, position: int) -> Problem:
    return Problem(400, f"Error in the JQL Query: {what} (line 1, character {position})")


def _is_text(tokens: list[Token]) -> bool:
    """Whether there are only bare words that make no clause, such as `this is not jql`."""
    clause_like = any(token.kind != "word" or token.says("EMPTY", "NULL", "CHANGED") for token in tokens)
    return bool(tokens) and not clause_like and not tokens[0].says("ORDER")


def _text_search(tokens: list[Token]) -> Query:
    words = [token.text.lower() for token in tokens]

    def matches(issue: Issue) -> bool:
        text = issue.summary.lower().split()
        return all(word in text for word in words)

    return Query(matches, (), frozenset({"text"}), bounded=True)


class _Parser:
    def __init__(self, tokens: list[Token], setting: Setting) -> None:
        self._tokens = tokens
        self._next = 0
        self._setting = setting
        self._clauses: set[str] = set()

    def query(self) -> Query:
        matches: Matches | None = None
        if self._tokens and not self._peek("ORDER"):
            matches = self._either()
        order = self._order() if self._peek("ORDER") else ()
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            raise _wrong(f"Expecting either 'OR' or 'AND' but got '{token.text}'.", token.position)
        return Query(matches or (lambda issue: True), order, frozenset(self._clauses), matches is not None)

    def _peek(self, *words: str) -> bool:
        return self._next < len(self._tokens) and self._tokens[self._next].says(*words)

    def _take(self, expected: str) -> Token:
        if self._next >= len(self._tokens):
            raise Problem(400, f"Error in the JQL Query: Expecting {expected} before the end of the query.")
        self._next += 1
        return self._tokens[self._next - 1]

    def _keyword(self, word: str) -> None:
        token = self._take(f"'{word}'")
        if not token.says(word):
            raise _wrong(f"Expecting '{word}' but got '{token.text}'.", token.position)

    def _either(self) -> Matches:
        parts = [self._both()]
        while self._peek("OR", "||", "|"):
            self._next += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda issue: any(part(issue) for part in parts)

    def _both(self) -> Matches:
        parts = [self._one()]
        while self._peek("AND", "&&", "&"):
            self._next += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda issue: all(part(issue) for part in parts)

    def _one(self) -> Matches:
        if self._peek("NOT"):
            self._next += 1
            inner = self._one()
            return lambda issue: not inner(issue)
        if self._peek("("):
            self._next += 1
            inner = self._either()
            self._keyword(")")
            return inner
        return self._clause()

    def _clause(self) -> Matches:
        token = self._take("a field name")
        if token.kind == "symbol":
            raise _wrong(f"Expecting a field name but got '{token.text}'.", token.position)
        clause = self._field(token)
        self._clauses.add(clause.name)
        if self._peek("CHANGED"):
            self._next += 1
            return self._changed(clause)
        operator = self._operator()
        if operator in {"IS", "IS NOT"}:
            word = self._take("'EMPTY'")
            if not word.says("EMPTY", "NULL"):
                raise _wrong(f"Expecting 'EMPTY' but got '{word.text}'.", word.position)
            return clause.emptiness(wanted=operator == "IS")
        values = self._values() if operator in {"IN", "NOT IN"} else [self._value()]
        return clause.compare(operator, values, self._setting)

    def _changed(self, clause: Clause) -> Matches:
        """A search of histories, with AFTER and BEFORE of its predicates."""
        if clause.name not in WITH_HISTORY:
            raise Problem(400, f"History searches do not support the '{clause.name}' field.")
        bounds: list[tuple[bool, datetime]] = []
        while self._peek("AFTER", "BEFORE"):
            after = self._peek("AFTER")
            self._next += 1
            bounds.append((after, date_of(self._value(), self._setting)))

        def matches(issue: Issue) -> bool:
            times = [change.at for change in issue.history if any(item.field == clause.name for item in change.items)]
            return any(all(at > bound if after else at < bound for after, bound in bounds) for at in times)

        return matches

    def _field(self, token: Token) -> Clause:
        clause = clause_named(token.text, self._setting.site)
        if clause is None:
            raise Problem(400, f"Field '{token.text}' does not exist or you do not have permission to view it.")
        return clause

    def _operator(self) -> str:
        token = self._take("operator")
        if token.says("=", "!=", ">", ">=", "<", "<=", "~", "!~", "IN"):
            return token.text.upper()
        if token.says("NOT"):
            self._keyword("IN")
            return "NOT IN"
        if token.says("IS"):
            if self._peek("NOT"):
                self._next += 1
                return "IS NOT"
            return "IS"
        raise _wrong(f"Expecting operator but got '{token.text}'.", token.position)

    def _values(self) -> list[Token]:
        self._keyword("(")
        values = [self._value()]
        while self._peek(","):
            self._next += 1
            values.append(self._value())
        self._keyword(")")
        return values

    def _value(self) -> Token:
        token = self._take("a value")
        if token.kind == "symbol":
            raise _wrong(f"Expecting either a value, list or function but got '{token.text}'.", token.position)
        if token.kind == "word" and self._peek("("):
            self._next += 1
            self._keyword(")")
            return Token(token.text.lower(), "function", token.position)
        return token

    def _order(self) -> tuple[tuple[Clause, bool], ...]:
        self._keyword("ORDER")
        self._keyword("BY")
        order: list[tuple[Clause, bool]] = []
        while True:
            clause = self._field(self._take("a field name"))
            descending = self._peek("DESC")
            if self._peek("ASC", "DESC"):
                self._next += 1
            order.append((clause, descending))
            if not self._peek(","):
                break
            self._next += 1
        if len(order) > _ORDER_FIELDS:
            raise Problem(400, f"The maximum number of fields to order by is {_ORDER_FIELDS}.")
        return tuple(order)
