"""Generated plugin projects, and an environment in which they are installed as a reader would install them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from hub.cli.plugins_new import Kind, render

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
LEAN = "-p no:cacheprovider -p no:hypothesispytest"
"""Options for a pytest that starts fast: hypothesis alone takes a second, and generated projects do not use it."""


def make(name: str, kind: Kind, folder: Path) -> Path:
    """What `hub plugins new` writes, without starting it."""
    project = folder / f"hub-{name}"
    for path, text in render(name, kind).items():
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return project


def enlist(project: Path) -> Path:
    """Make the plugin of a project known to whoever has the returned folder on the path. Faster than pip."""
    name = project.name.removeprefix("hub-")
    module = project.name.replace("-", "_")
    info = project / "src" / f"{module}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project.name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[hub.plugins]\n{name} = {module}\n")
    return project / "src"


def run(command: Sequence[str], folder: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run a Python module in a folder, with further folders first on Python's path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTEST_ADDOPTS": LEAN}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def own_environment(folder: Path) -> Path:
    """A virtual environment that has what this one has, and can take more; its `bin`.

    Nothing is fetched: pip finds everything that is needed in this environment.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "everything.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name, code in {
        "hub": "from hub.cli import main\nmain()\n",
        "pip": "import runpy\nrunpy.run_module('pip', run_name='__main__')\n",
        "pytest": "import sys\nimport pytest\nsys.exit(pytest.main())\n",
    }.items():
        script = folder / "bin" / name
        script.write_text(f"#!{folder}/bin/python\n{code}")
        script.chmod(0o755)
    return folder / "bin"
