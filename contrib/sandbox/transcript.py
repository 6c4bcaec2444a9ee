"""Conversations as a person reads them, one of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

_STYLES = {"hub": "cyan", "customer": "yellow"}
_LANGUAGES = {"fi": "Finnish", "sv": "Swedish", "en": "English"}


def print_conversations(console: Console, conversations: Iterable[Mapping[str, Any]]) -> None:
    """Show one conversation of each kind, the languages taking turns."""
    held = [one for one in conversations if any(line["from"] == "customer" for line in one["lines"])]
    if chosen := _one_of_each(held):
        console.print(f"\n{len(chosen)} of {len(held)} conversations:")
    for one in chosen:
        print_conversation(console, one)


def print_conversation(console: Console, one: Mapping[str, Any]) -> None:
    """Show who said what and when, and what stands on the ticket."""
    told = f"{one['desk']} {one['ticket']}, {one['customer']}, {_LANGUAGES[one['language']]}"
    console.print(Text.assemble("\n  ", (told, "bold"), (f"  {one['kind'].replace('_', ' ')}", "dim")), soft_wrap=True)
    for line in one["lines"]:
        said = " ".join(line["text"].split())
        speaker = f"{line['from']:<9}"
        when = (f"  {line['seconds']:5.1f} s  {line['by']:<5}", "dim")
        console.print(Text.assemble(when, (speaker + said, _STYLES[line["from"]])), soft_wrap=True)
    if one["scores"] or one["words"]:
        console.print(Text.assemble(("           ticket   ", "dim"), (on_the_ticket(one), "green")), soft_wrap=True)


def on_the_ticket(one: Mapping[str, Any]) -> str:
    """What stands on the ticket, in one line."""
    parts = [f"{question} {value}" for question, value in one["scores"].items()]
    parts += [f"{part}: {words}" for part, words in one["items"].items()]
    parts += [f'"{words}"' for words in one["words"] if words not in one["items"].values()]
    return ", ".join(parts)


def _one_of_each(conversations: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for one in conversations:
        by_kind.setdefault(one["kind"], []).append(one)
    shown: Counter[str] = Counter()
    chosen = []
    for found in by_kind.values():
        one = min(found, key=lambda each: shown[each["language"]])
        shown[one["language"]] += 1
        chosen.append(one)
    return chosen
