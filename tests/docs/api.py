"""The reference of the plugin API, written from the code's own docstrings."""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Iterator

import hub
from hub import hookspecs
from tests.docs import pages, source
from tests.docs.source import Definition

HOOKS = [name for name in vars(hookspecs) if name.startswith("hub_")]

GROUPS: dict[str, tuple[str, ...]] = {
    "components": ("Component", "Source", "SourceType", "Gateway", "GatewayType", "Sink", "SinkType"),
    "settings": (
        "PluginConfig", "Duration", "Secret", "ExistingFile", "Capability", "RateLimit", "hookimpl", "API_VERSION",
    ),
    "lent": (
        "Context", "HttpClient", "Vault", "Clock", "Log", "Webhook", "CheckResult", "AccessTokens", "Grant",
    ),
    "records": (
        "Channel", "Milestone", "DeliveryStatus", "Cursor", "UtcDatetime", "Customer", "Ticket", "Page", "Fetched",
        "Hint", "Message", "Receipt", "Reply", "DeliveryReport", "Inbound", "Experience", "QuestionKind", "Score",
        "Choice", "Remark", "ItemKind", "Item", "TicketSnapshot", "tell_score", "tell_details", "tell_words",
    ),
    "errors": (
        "HubError", "ConfigError", "PluginError", "NotSupported", "WebhookRefused", "RemoteError", "AuthFailed",
        "RateLimited", "Unavailable", "OutcomeUnknown", "Rejected", "Unexpected",
    ),
}  # fmt: skip
"""The names of `hub` in the order of the page. A test sees to it that none is left out."""

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_UNWRITTEN = {"hookimpl": "The decorator that marks a function as this plugin's implementation of a hook."}
_FIELD_LIST = re.compile(r"^:(param|returns|raises)\s?([\w.]*): ", re.MULTILINE)


def hooks() -> str:
    """The hooks with their exact signatures."""
    defined = source.plugin_api()
    return "\n\n".join(_function(name, name, defined[name]) for name in HOOKS)


def group(name: str) -> str:
    """The reference of one group."""
    defined = source.plugin_api()
    return "\n\n".join(part for each in GROUPS[name] for part in _entry(each, defined))


def _entry(name: str, defined: dict[str, Definition]) -> Iterator[str]:
    yield f"### `{name}`"
    found = defined[name]
    if doc := found.doc or _UNWRITTEN.get(name, ""):
        yield _markdown(doc)
    if isinstance(found.node, ast.ClassDef):
        yield from _class(name, found.node)
    elif isinstance(found.node, FUNCTION):
        yield _python(_signature(found.node))
    elif name == "API_VERSION":
        yield f"Now `{hub.API_VERSION}`."


def _class(name: str, node: ast.ClassDef) -> Iterator[str]:
    kind = getattr(hub, name)
    if issubclass(kind, enum.Enum):
        yield pages.table(("value", "meaning"), [(f"`{value}`", comment) for value, comment in source.members(kind)])
        return
    inside = source.definitions(node.body)
    if fields := [_field(field, found) for field, found in inside.items() if isinstance(found.node, ast.AnnAssign)]:
        yield pages.table(("field", "type", "default", "meaning"), fields)
    methods = {each: found for each, found in inside.items() if isinstance(found.node, FUNCTION) and each[0] != "_"}
    if silent := [_signature(found.node) for found in methods.values() if not found.doc]:
        yield _python("\n".join(silent))
    for each, found in methods.items():
        if found.doc:
            yield _function(each, f"{name}.{each}", found)


def _function(name: str, title: str, found: Definition) -> str:
    level = "####" if "." in title else "###"
    note = "\n\nA plugin must write it." if _decorated(found.node, "abstractmethod") else ""
    return f"{level} `{title}`\n\n{_python(_signature(found.node))}\n\n{_markdown(found.doc)}{note}"


def _signature(node: ast.stmt) -> str:
    assert isinstance(node, FUNCTION)
    result = ast.unparse(node.returns) if node.returns else "None"
    if _decorated(node, "property"):
        return f"{node.name}: {result}  # property"
    start = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    line = f"{start} {node.name}({ast.unparse(node.args)}) -> {result}"
    if len(line) <= 100:
        return line
    parts = "".join(f"    {part},\n" for part in _parameters(node.args))
    return f"{start} {node.name}(\n{parts}) -> {result}"


def _parameters(args: ast.arguments) -> Iterator[str]:
    """One text a parameter, for functions without defaults before the star."""
    yield from (ast.unparse(argument) for argument in args.args)
    if args.kwonlyargs:
        yield "*"
    for argument, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _decorated(node: ast.stmt, name: str) -> bool:
    assert isinstance(node, FUNCTION)
    return any(isinstance(each, ast.Name) and each.id == name for each in node.decorator_list)


def _field(name: str, found: Definition) -> tuple[str, str, str, str]:
    assert isinstance(found.node, ast.AnnAssign)
    default, doc = _default(found.node.value), found.doc
    if isinstance(found.node.value, ast.Call) and ast.unparse(found.node.value.func) in ("field", "Field"):
        given = {each.arg: each.value for each in found.node.value.keywords}
        default = _default(given.get("default") or given.get("default_factory"))
        if isinstance(description := given.get("description"), ast.Constant):
            doc = str(description.value)
    return f"`{name}`", f"`{ast.unparse(found.node.annotation)}`", default, doc


def _default(value: ast.expr | None) -> str:
    if value is None:
        return "required"
    text = ast.unparse(value)
    return {"frozenset": "empty", "dict": "empty", "()": "empty", "''": "empty", "b''": "empty"}.get(text, f"`{text}`")


def _markdown(doc: str) -> str:
    """A docstring with its field list as a list."""
    text, *rest = re.split(r"\n+(?=:(?:param|returns|raises))", doc)
    return "\n".join([text, *([""] if rest else []), *(f"* {_item(each)}" for each in rest)]).strip()


def _item(text: str) -> str:
    match = _FIELD_LIST.match(text)
    assert match, text
    words = " ".join(text[match.end() :].split())
    if match[1] == "returns":
        return f"returns {words}"
    return f"`{match[2]}`: {words}" if match[1] == "param" else f"raises `{match[2]}`: {words}"


def _python(text: str) -> str:
    return f"```python\n{text}\n```"
