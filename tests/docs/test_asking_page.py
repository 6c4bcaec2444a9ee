"""What the page about asking shows can be copied into hub.toml."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.config.asking import Asking
from hub.config.load import load
from hub.config.survey import Match
from tests.docs import pages

PAGE = pages.DOCS / "how-to/asking.md"


@pytest.mark.parametrize("table", pages.code(PAGE, "toml"))
def test_each_table_goes_with_the_hub_toml_of_the_readme(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base,) = pages.code(pages.ROOT / "README.md", "toml")
    for name in re.findall(r'env = "(\w+)"', base):
        monkeypatch.setenv(name, "a-secret-of-some-length")
    (tmp_path / "contacts.csv").write_text("email\na@b.example\n")
    (tmp_path / "hub.toml").write_text(f"{base}\n{table}")
    assert load(tmp_path / "hub.toml")


def test_every_condition_of_a_rule_and_every_built_in_exclusion_is_told() -> None:
    text = pages.read(PAGE)
    assert [name for name in Match.model_fields if f"`{name}`" not in text] == []
    built_in = Asking({}, (), (), lambda model, table, _path: model.model_validate(table), print, survey=None).read()
    assert [name for name in built_in["exclusions"] if f"| `{name}` |" not in text] == []
