"""Reads what the code says of itself: docstrings of fields and constants, and comments of enum members.

Python keeps neither at run time, so the source is parsed.
"""

from __future__ import annotations

import ast
import enum
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import hub.api
import hub.hookspecs


@dataclass(frozen=True)
class Definition:
    """One named thing of a module."""

    node: ast.stmt
    doc: str


def definitions(body: list[ast.stmt]) -> dict[str, Definition]:
    """What a module or a class defines, by name, in order. A string after an assignment is its docstring."""
    found: dict[str, Definition] = {}
    for position, node in enumerate(body):
        following = body[position + 1] if position + 1 < len(body) else None
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = Definition(node, ast.get_docstring(node) or "")
        elif name := _assigned(node):
            found[name] = Definition(node, _string(following))
    return found


def plugin_api() -> dict[str, Definition]:
    """Everything that the modules behind `hub` define."""
    folder = Path(next(iter(hub.api.__path__)))
    files = [*sorted(folder.glob("*.py")), Path(hub.__file__), Path(hub.hookspecs.__file__)]
    found: dict[str, Definition] = {}
    for file in files:
        found |= definitions(ast.parse(file.read_text(encoding="utf-8")).body)
    return found


def functions_of(module: ModuleType) -> dict[str, Definition]:
    """The functions and classes that a module defines."""
    return definitions(ast.parse(inspect.getsource(module)).body)


def members(kind: type[enum.Enum]) -> list[tuple[str, str]]:
    """Value and comment of each member of an enum."""
    comments = dict(re.findall(r"^    (\w+) = .*?  # (.+)$", inspect.getsource(kind), re.MULTILINE))
    return [(str(member.value), comments.get(member.name, "")) for member in kind]


def _assigned(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _string(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return inspect.cleandoc(node.value.value)
    return ""
