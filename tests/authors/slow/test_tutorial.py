"""The plugin tutorial, read and carried out from top to bottom in an environment of its own.

What a block is for stands in the line before it: "`PATH`:" writes a file, "Add to `PATH`:" adds to it, "From `PATH`:"
shows a part of it, "In `PATH`:" changes lines, and with "for once" only until the next console has been read. A console
block is run line by line, in a terminal of its own after "In a second terminal"; "After a moment" it may take a while.
In its output a line `...` stands for any lines, and `...` within a line for any text.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.cli.plugins_new import Kind, render
from tests.authors.projects import LEAN, PATIENCE_S, ROOT, own_environment
from tests.daemon.running import free_ports

PAGE = ROOT / "docs" / "plugin-tutorial.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PATH = re.compile(r"`([^`]+\.[a-z]+)`")
_QUIET = {"PYTHONWARNINGS": "", "PYTEST_ADDOPTS": LEAN, "COLUMNS": "300"}
_OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
"""pip spells "no build isolation" as the value of a switch that it then turns round."""


@dataclass
class Reader:
    """Somebody at a few terminals."""

    folder: Path
    environment: dict[str, str]
    ports: Mapping[str, str]
    terminals: list[subprocess.Popen[str]] = field(default_factory=list)
    spoilt: dict[Path, str] = field(default_factory=dict)
    """Files with a mistake that was made for once, and how they were."""

    def follow(self, intro: str, language: str, text: str) -> None:
        """Do what one block is for."""
        text = re.sub("|".join(self.ports), lambda found: self.ports[found[0]], text)
        if language == "console":
            self.console(intro, text)
        elif intro.startswith("From "):
            assert text in self.path(intro).read_text(encoding="utf-8"), f"{intro} does not hold the part that is shown"
        elif intro.startswith("Add to "):
            with self.path(intro).open("a", encoding="utf-8") as file:
                file.write(f"\n{text}" if text.startswith(" ") else f"\n\n{text}")
        elif language == "diff":
            self.change(self.path(intro), text, for_once="for once" in intro)
        else:
            self.path(intro).write_text(text, encoding="utf-8")

    def path(self, intro: str) -> Path:
        (name,) = _PATH.findall(intro)
        return self.folder / name

    def change(self, path: Path, diff: str, *, for_once: bool) -> None:
        before = path.read_text(encoding="utf-8")
        old, new = ("".join(f"{line[1:]}\n" for line in diff.splitlines() if line[0] == sign) for sign in "-+")
        assert before.count(old) == 1, f"{path.name} holds this {before.count(old)} times:\n{old}"
        if for_once:
            self.spoilt[path] = before
        path.write_text(before.replace(old, new), encoding="utf-8")

    def console(self, intro: str, text: str) -> None:
        """Run the commands of a block and compare what they say."""
        for command, expected in _commands(text):
            if intro.startswith("In a "):
                self.start(command, expected)
            elif command.startswith("cd "):
                self.folder = (self.folder / command[3:]).resolve()
            elif command.startswith("export "):
                name, _, value = command[7:].partition("=")
                self.environment[name] = value
            else:
                self.say(command, expected, patient=intro.startswith("After a moment"))
        for path, before in self.spoilt.items():
            path.write_text(before, encoding="utf-8")
        self.spoilt.clear()

    def say(self, command: str, expected: list[str], *, patient: bool) -> None:
        deadline = time.monotonic() + (PATIENCE_S if patient else 0)
        while True:
            done = self.run(command)
            ended_well = (done.returncode == 0) is not bool(self.spoilt)
            if (ended_well and _matches(done.stdout, expected)) or time.monotonic() >= deadline:
                break
            time.sleep(0.2)
        assert ended_well, f"$ {command}\n{done.stdout}"
        assert _matches(done.stdout, expected), f"$ {command}\n{done.stdout}\n--- the page says:\n" + "\n".join(
            expected
        )

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            shlex.split(command),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def start(self, command: str, expected: list[str]) -> None:
        """Run something in a terminal of its own, and read its first lines as far as the page shows them."""
        process = subprocess.Popen(
            shlex.split(command),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.terminals.append(process)
        assert process.stdout is not None
        for line in expected:
            if line != "...":
                assert _line(line).fullmatch(" ".join(process.stdout.readline().split())), line

    def leave(self) -> None:
        """Close all terminals."""
        for process in self.terminals:
            process.terminate()
        for process in self.terminals:
            process.communicate()


def _commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines of its output that are shown."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, [" ".join(line.split()) for line in shown if line.strip()]


def _matches(output: str, expected: list[str]) -> bool:
    """Whether the output is as shown; a command without shown output may say what it likes."""
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    pattern = "".join(r"(?:[^\n]*\n)*?" if line == "..." else _line(line).pattern + r"\n" for line in expected)
    return not expected or re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


def _line(shown: str) -> re.Pattern[str]:
    return re.compile("[^\n]*".join(map(re.escape, re.split(" *[.]{3} *", shown))))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    path = os.pathsep.join([str(own_environment(tmp_path / "env")), os.environ["PATH"]])
    desk = tmp_path / "desk"
    desk.mkdir()
    ports = dict(zip(("8700", "8710", "8720"), map(str, free_ports(3)), strict=True))
    reader = Reader(desk, os.environ | _QUIET | _OFFLINE | {"PATH": path}, ports)
    yield reader
    reader.leave()


@pytest.mark.timeout(300)
def test_the_tutorial_can_be_followed_to_its_end(reader: Reader) -> None:
    start = reader.folder
    page = PAGE.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(page):
        reader.follow(page[: block.start()].rstrip().rpartition("\n")[2], block[1], block[2])
    made = render("pulpit", Kind.SOURCE)
    for name in ("source", "mapping", "__init__"):
        path = f"src/hub_pulpit/{name}.py"
        written = (start / "hub-pulpit" / path).read_text(encoding="utf-8")
        assert written == made[path], f"{path} is not what hub plugins new writes"
    assert len(made["src/hub_pulpit/source.py"].splitlines()) < 150
