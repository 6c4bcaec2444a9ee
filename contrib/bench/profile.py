"""Where a running hub spends its time, by py-spy, which looks from outside."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SAMPLES_PER_S = 250
_ATTACHING_S = 1.5
_WHERE = re.compile(r" \((?:[^()]*/)?(?:site-packages|lib/python[0-9.]+)/")


@contextlib.contextmanager
def profiled(pid: int, file: Path | None) -> Iterator[None]:
    """Sample all threads of a process for the length of the block, into a file of collapsed stacks.

    :param file: None for no profile. speedscope and flame graph programs read it.
    """
    if file is None:
        yield
        return
    options = ["--format", "raw", "--full-filenames", "--rate", str(SAMPLES_PER_S), "--output", str(file)]
    py_spy = str(Path(sys.executable).with_name("py-spy"))
    sampler = subprocess.Popen([py_spy, "record", "--pid", str(pid), *options], stdout=subprocess.DEVNULL)
    time.sleep(_ATTACHING_S)
    try:
        yield
    finally:
        sampler.send_signal(signal.SIGINT)
        sampler.wait()


def own_time(stacks: str) -> list[tuple[str, float]]:
    """The functions that most samples were taken in, and the share of each, the largest first.

    :param stacks: lines such as "main (a.py:1);work (b.py:7) 42".
    """
    samples: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        samples[_function(stack.rpartition(";")[2])] += int(count)
    total = sum(samples.values())
    return [(name, count / total) for name, count in samples.most_common()]


def _function(frame: str) -> str:
    """A frame without its line number and with a short path, so that all lines of a function are counted together."""
    name, _, place = frame.rpartition(" (")
    path = _WHERE.sub(" (", f" ({place}").removeprefix(" (").rpartition(":")[0]
    return f"{name} ({'/'.join(path.split('/')[-3:])})"
