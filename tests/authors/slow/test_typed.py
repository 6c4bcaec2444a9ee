"""What `hub plugins new` writes holds under strict type checking."""

from __future__ import annotations

from pathlib import Path

from hub.cli.plugins_new import Kind
from tests.authors.projects import ROOT, make, run


def test_all_of_it_is_typed_strictly(tmp_path: Path) -> None:
    projects = [make(f"typed-{kind}", kind, tmp_path) for kind in Kind]
    sources = [str(project / "src") for project in projects]
    settings = ["--config-file", str(projects[0] / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
    packages = [option for kind in Kind for option in ("-p", f"hub_typed_{kind}")]
    result = run(["mypy", *settings, *packages], ROOT, *map(Path, sources))
    assert result.returncode == 0, result.stdout + result.stderr
