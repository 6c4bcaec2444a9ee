"""Programs from Debian packages. Servers are unpacked into a folder of their own instead of being installed.

The mail servers of Debian exclude each other, and an installed server would start by itself. Unpacked, they leave the
machine as it was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def why_not() -> str | None:
    """Tell why packages cannot be unpacked and servers not be started here; None when they can."""
    if os.geteuid() != 0:
        return "only root can fetch Debian's packages"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return "there is no apt-get here to fetch Debian's packages"
    return None


def install(packages: Sequence[str]) -> None:
    """Install packages as usual.

    :raises RuntimeError: apt could not; the message holds what it said.
    """
    command = ("install", "--no-install-recommends", "-y", *packages)
    done = _apt(*command)
    if done.returncode != 0:
        _apt("update")
        done = _apt(*command)
    if done.returncode != 0:
        raise RuntimeError(f"apt-get could not install {', '.join(packages)}:\n{done.stdout}")


def unpack(packages: Sequence[str], folder: Path) -> Path:
    """Fetch packages and those of their dependencies that the machine lacks, and unpack all of them.

    :returns: the folder that stands for `/`.
    :raises RuntimeError: apt could not fetch them; the message holds what it said.
    """
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    fetched = _fetch(packages, archives)
    if fetched.returncode != 0:
        _apt("update")
        fetched = _fetch(packages, archives)
    if fetched.returncode != 0:
        raise RuntimeError(f"apt-get could not fetch {', '.join(packages)}:\n{fetched.stdout}")
    root = folder / "root"
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
    shutil.rmtree(archives)
    return root


def library_path(root: Path, *folders: str) -> str:
    """Give the `LD_LIBRARY_PATH` with which unpacked programs find their libraries, and those in further folders."""
    found = [*root.glob("lib/*-linux-gnu"), *root.glob("usr/lib/*-linux-gnu"), *(root / name for name in folders)]
    return ":".join(map(str, found))


def _fetch(packages: Sequence[str], archives: Path) -> subprocess.CompletedProcess[str]:
    # --reinstall fetches a package also where it is installed already
    return _apt(
        "install", "--download-only", "--reinstall", "--no-install-recommends", "-y", *packages,
        options=(f"Dir::Cache::archives={archives}", "APT::Sandbox::User=root"),
    )  # fmt: skip


def _apt(*arguments: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    settings = [part for option in ("DPkg::Lock::Timeout=300", *options) for part in ("-o", option)]
    return subprocess.run(
        ["apt-get", "-q", *settings, *arguments],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
    )
