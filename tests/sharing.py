"""What several processes of tests need, made by the first of them that asks."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def locked(kept: Path) -> Iterator[None]:
    """Keep other processes from making this meanwhile: tests beside each other need it at once."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / f"{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """Give a folder of this run, for all its processes: nobody changes what is in it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    with locked(folder):
        # Beside it until it is whole: who fails leaves nothing that others would take for it.
        if not folder.exists():
            unfinished = tmp_path_factory.mktemp(name) / name
            make(unfinished)
            unfinished.rename(folder)
    return folder
