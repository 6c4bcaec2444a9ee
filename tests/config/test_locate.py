"""Lines of settings, in every way TOML lets them be written."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from hub.config.locate import KeyPath, Lines, dotted

DOCUMENT = '''\
# a comment with [brackets] and = and "quotes
top = 1
a.b . "c.d" = "x"

[ sources . "odd name" ]
text = """
fake = 1
[fake]
\\""" still inside """
after = "# not a comment"   # a comment
lines = [
    "one",   # ] not the end
    { inner = 1, deep.er = [2,
        3] },
    """
    three""",
]
raw = \'\'\'
x = 'y' \'\'\'\'
inline = { k = "a, b = c }", list = [ {}, { z = 1 } ] }
date = 2024-01-01 10:00:00
number = -1.5e3

[[jobs]]
name = "a"
[jobs.steps.first]
run = 1
[[jobs]]
name = "b"
[[jobs.tasks]]
t = 1
[[jobs.tasks]]
t = 2
[later.child]
x = 1
[later]
y = 1'''


def lines_of_all(document: dict[str, object]) -> list[KeyPath]:
    def below(path: KeyPath, value: object) -> list[KeyPath]:
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path, *(deeper for key, part in parts for deeper in below((*path, key), part))]

    return below((), document)


def test_finds_the_line_of_each_way_to_write_a_key() -> None:
    lines, odd = Lines(DOCUMENT), ("sources", "odd name")
    expected: dict[KeyPath, int] = {
        ("top",): 2,
        ("a",): 3,
        ("a", "b", "c.d"): 3,
        odd: 5,
        (*odd, "text"): 6,
        (*odd, "after"): 10,
        (*odd, "lines"): 11,
        (*odd, "lines", 0): 12,
        (*odd, "lines", 1, "inner"): 13,
        (*odd, "lines", 1, "deep", "er"): 13,
        (*odd, "lines", 1, "deep", "er", 1): 14,
        (*odd, "lines", 2): 15,
        (*odd, "raw"): 18,
        (*odd, "inline", "k"): 20,
        (*odd, "inline", "list", 1, "z"): 20,
        (*odd, "date"): 21,
        (*odd, "number"): 22,
        ("jobs",): 24,
        ("jobs", 0, "name"): 25,
        ("jobs", 0, "steps", "first", "run"): 27,
        ("jobs", 1): 28,
        ("jobs", 1, "name"): 29,
        ("jobs", 1, "tasks", 0, "t"): 31,
        ("jobs", 1, "tasks", 1, "t"): 33,
        ("later", "child", "x"): 35,
        ("later",): 36,
        ("later", "y"): 37,
    }
    assert {path: lines.of(path) for path in expected} == expected


def test_knows_every_key_of_the_document() -> None:
    lines = Lines(DOCUMENT)._lines
    assert [path for path in lines_of_all(tomllib.loads(DOCUMENT)) if path and path not in lines] == []


def test_falls_back_to_the_nearest_ancestor() -> None:
    lines = Lines("[a]\n[a.b]\nc = 1\n")
    assert lines.of(("a", "b", "missing", "deeper")) == 2
    assert lines.of(("nothing",)) == 1


def test_windows_line_ends_do_not_move_lines() -> None:
    assert Lines("[a]\r\n\r\nb = 1\r\n").of(("a", "b")) == 3


def test_key_paths_are_shown_as_they_are_written_and_without_control_characters() -> None:
    assert dotted(("sources", "prod", "a b", 'q"\\', "x\ny\x1b", 0, "")) == (
        'sources.prod."a b"."q\\"\\\\"."x\\U0000000ay\\U0000001b".0.""'
    )


keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=6)
scalars = st.one_of(
    keys.map(lambda text: dotted((f"{text} ",))),  # a quoted text
    st.sampled_from(["1", "-2.5", "true", "[]", "{}", "1979-05-27", "'it = [x'", '"""\n[x]\ny = 1\n"""', "'''\n#'''"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # ]\n".join(items) + "\n]"),
        st.dictionaries(keys, inner, max_size=3).map(
            lambda items: "{ " + ", ".join(f"{dotted((key,))} = {item}" for key, item in items.items()) + " }"
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(keys, st.dictionaries(keys, values, max_size=4), max_size=4))
def test_every_setting_is_found_on_the_line_where_it_was_written(tables: dict[str, dict[str, str]]) -> None:
    text, expected = "", dict[KeyPath, int]()
    for table, settings in tables.items():
        text += f"[{dotted((table,))}]\n"
        for key, value in settings.items():
            expected[table, key] = text.count("\n") + 1
            text += f"{dotted((key,))} = {value}\n"
    document = tomllib.loads(text)
    lines = Lines(text)
    assert {path: lines.of(path) for path in expected} == expected
    assert all(path in lines._lines for path in lines_of_all(document) if path)
