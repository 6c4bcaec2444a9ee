"""Adf: Atlassian's document format, and the plain text inside it."""

from __future__ import annotations

from typing import Any


def as_document(text: str) -> dict[str, Any]:
    """A document with one paragraph for each block of lines."""
    blocks = [block for block in text.split("\n\n") if block]
    return {"type": "doc", "version": 1, "content": [_paragraph(block) for block in blocks]}


def as_text(node: dict[str, Any]) -> str:
    """The words of a document, paragraphs apart."""
    if node.get("type") == "text":
        return str(node.get("text", ""))
    if node.get("type") == "hardBreak":
        return "\n"
    children = [as_text(child) for child in node.get("content", [])]
    return ("\n\n" if node.get("type") == "doc" else "").join(children)


def is_document(value: Any) -> bool:
    """Whether Jira would take this as a document: every node has a type, and text nodes have text."""
    if not (isinstance(value, dict) and value.get("type") == "doc" and value.get("version") == 1):
        return False
    return all(_is_node(child) for child in value.get("content", [None]))


def _is_node(node: Any) -> bool:
    if not (isinstance(node, dict) and isinstance(node.get("type"), str)):
        return False
    if node["type"] == "text":
        return isinstance(node.get("text"), str) and node["text"] != ""
    return all(_is_node(child) for child in node.get("content", []))


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for number, line in enumerate(block.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}
