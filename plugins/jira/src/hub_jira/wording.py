"""An experience as a comment for agents, and how to recognise it afterwards.

Jira's API knows no key against repetition, so the last line of each comment names the experience and its revision.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from hub import Experience, QuestionKind, Score, tell_details, tell_score, tell_words

LONGEST_WORDS = 12_000
"""Characters of the customer's words in a comment; Jira takes 32,767, and each may need an escape."""
MOST_ITEMS = 30
"""Things that are shown apart; who writes more of them gets one quotation."""
LONGEST_DETAILS = 2_000

_PLAIN_ID = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_ZERO_WIDTH_JOINER = "\N{ZERO WIDTH JOINER}"  # holds emoji together
_MARKUP = re.compile(
    r"""
      [{}\[\]|!]                                    # macros, links and mentions, tables, images
    | (?<![^\W_])[*_+^~-] | [*_+^~-](?![^\W_])      # emphasis and lists; not inside a word such as wi-fi
    | \?(?=\?) | (?<=\?)\?                          # citation
    | (?m:^)\# | (?m:(?<=^h[1-6])|(?<=^bq))\.       # numbered lists, headings, quotations
    | (?<![0-9]):(?=\S) | :(?=[^\s0-9])            # addresses and smileys; not 10:30
    | (?<=\S)@(?=\S) | (?i:(?<=www))\.             # addresses without a colon
    | ;(?=-?\)) | \((?=(?i:[nyix/?]|on|off|flag|flagoff)\))  # smileys and signs
    """,
    re.VERBOSE,
)


def reference(item: Experience) -> str:
    """The line that marks the comment of this revision. Without anything that Jira could take for markup."""
    known = item.id if _PLAIN_ID.fullmatch(item.id) else hashlib.sha256(item.id.encode()).hexdigest()[:32]
    return f"Ref {known}.{item.revision}"


def as_document(item: Experience) -> dict[str, Any]:
    """The comment in Atlassian's document format, where text is text and cannot format, link or mention."""
    content = [_paragraph(_headline(item))]
    if details := _details(item):
        content.append(_paragraph(details))
    for label, words in _words(item):
        content += [_paragraph(label)] if label else []
        content.append({"type": "blockquote", "content": [_paragraph(words)]})
    return {"type": "doc", "version": 1, "content": [*content, _paragraph(reference(item))]}


def as_wiki(item: Experience) -> str:
    """The comment in wiki markup, in which the customer's words are escaped."""
    parts = [escape(_headline(item))]
    if details := _details(item):
        parts.append(escape(details))
    for label, words in _words(item):
        parts += [escape(label)] if label else []
        parts.append(f"{{quote}}\n{escape(words)}\n{{quote}}")
    return "\n\n".join([*parts, reference(item)])


def document(text: str) -> dict[str, Any] | None:
    """Plain text in Atlassian's document format; None for no text."""
    cleaned = clean(text)
    return {"type": "doc", "version": 1, "content": [_paragraph(cleaned)]} if cleaned else None


def escape(text: str) -> str:
    """Text for wiki markup, shown as it is. A backslash becomes a wide one: no other way works in all Jiras."""
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return _MARKUP.sub(lambda match: "\\" + match[0], lines.replace("\\", "\N{FULLWIDTH REVERSE SOLIDUS}"))


def clean(text: str) -> str:
    """Text without control characters, and without space around it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_printable(line) for line in lines).strip()


def is_of(body: Any, item: Experience) -> bool:
    """Whether this is the body of the comment of this revision.

    Only the last line counts: a customer may quote another one's reference.
    """
    lines = [line.strip() for line in text_of(body).splitlines() if line.strip()]
    return bool(lines) and lines[-1] == reference(item)


def text_of(body: Any) -> str:
    """The text of a comment: its wiki markup, or the words of a document, each block on lines of its own."""
    parts: list[str] = []
    pending = [body]
    while pending:  # not by recursion: a document may be nested deeper than Python likes
        match pending.pop():
            case str(text) | {"type": "text", "text": str(text)}:
                parts.append(text)
            case {"type": "hardBreak"}:
                parts.append("\n")
            case {"content": list(content)}:
                parts.append("\n")
                pending.extend(reversed([*content, "\n"]))
    return "".join(parts)


def _headline(item: Experience) -> str:
    scores = ", ".join(_score(score) for score in item.scores) or "no rating"
    said = "the customer withdrew the answer" if item.withdrawn else scores
    return _one_line(f"Customer survey: {said} ({item.channel}, {item.answered_at:%Y-%m-%d %H.%M} UTC)")


def _score(score: Score) -> str:
    name = score.question.upper()
    if score.kind is QuestionKind.YES_NO:
        return f"{name} {tell_score(score)}"
    note = "" if score.higher_is_better else ", lower is better"
    about = "about " if score.approximate else ""
    return f"{name} {about}{score.value:g} on a scale of {score.minimum:g} to {score.maximum:g}{note}"


def _details(item: Experience) -> str:
    return "\n".join(_one_line(line) for line in tell_details(item))[:LONGEST_DETAILS]


def _words(item: Experience) -> list[tuple[str, str]]:
    """What the customer wrote with its kinds; all in one, and shortened, where a comment has no room for more."""
    told = [(label, cleaned) for label, words in tell_words(item) if (cleaned := clean(words))]
    if len(told) <= MOST_ITEMS and sum(len(words) for _, words in told) <= LONGEST_WORDS:
        return told
    words = clean(item.comment or "")
    return [("", words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]} … (shortened)")]


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() or letter == _ZERO_WIDTH_JOINER else " " for letter in line)


def _paragraph(text: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}
