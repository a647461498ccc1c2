"""Runs commands, each in a process of its own, without the time in which an interpreter begins.

`python -m tests.cli.forked FILE` has imported the program and forks for each task of the file. What
a child does from there on is what the installed command does: its standard streams, environment,
account and signals are its own, and its interpreter ends as every interpreter ends.
"""

import io
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path

import slotkeeper
from slotkeeper import cli

CLOSED = ""
"""Of a standard stream: there is none."""

MUTE = "|"
"""Of a standard stream that is written to: a pipe whose reader has gone."""

PATIENCE = 300
"""Seconds after which a command that does not end is killed by SIGALRM, also on a busy machine."""

_NAMES = ("stdin", "stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Task:
    """A command and where it runs.

    Attributes:
        arguments: Without the program's name.
        streams: By descriptor, the path of a file, CLOSED or MUTE; else nothing is read, and what
            is written is kept.
        environment: Variables that are set, or not set where the value is None.
        folder: The working directory.
        account: The number of a user and a group without rights; else the tests' own.
    """

    arguments: Sequence[str]
    streams: Mapping[int, str] = field(default_factory=dict)
    environment: Mapping[str, str | None] = field(default_factory=dict)
    folder: str = "."
    account: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, or the negative number of the signal that killed it."""

    task: Task
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"slotkeeper {self.task}: {self.status}\n{self.out[-500:]}\n{self.err[-3_000:]}"


def forked(tasks: Iterable[Task]) -> list[Ended]:
    """Run each task, one after the other."""
    given = list(tasks)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tasks.json")
        file.write_text(json.dumps([asdict(task) for task in given]))
        root = str(Path(__file__).parents[2])
        subprocess.run(
            [sys.executable, "-m", "tests.cli.forked", file],
            env={**os.environ, "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{root}"},
            stdin=subprocess.DEVNULL,
            check=True,
        )
        statuses = json.loads(Path(folder, "ended.json").read_text())
        return [
            Ended(task, status, *(_text(Path(folder, f"{number}-{stream}")) for stream in (1, 2)))
            for number, (task, status) in enumerate(zip(given, statuses, strict=True))
        ]


def _text(file: Path) -> str:
    return file.read_bytes().decode(errors="surrogateescape") if file.exists() else ""


def _run(task: Task, kept: Path) -> None:
    """Become the command: this process does nothing else from here on."""
    signal.alarm(PATIENCE)
    os.chdir(task.folder)
    for name, value in task.environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    for descriptor in range(3):
        _redirect(descriptor, task.streams.get(descriptor), f"{kept}-{descriptor}")
    if task.account is not None:
        os.setgroups([])
        os.setgid(task.account)
        os.setuid(task.account)
    sys.argv = ["slotkeeper", *task.arguments]
    cli.main()


def _redirect(descriptor: int, where: str | None, kept: str) -> None:
    """Put a file where a standard stream is, as a shell and the interpreter's beginning do."""
    setattr(sys, _NAMES[descriptor], None)
    setattr(sys, f"__{_NAMES[descriptor]}__", None)
    if where == CLOSED:
        os.close(descriptor)
        return
    if where == MUTE:
        reader, opened = os.pipe()
        os.close(reader)
    elif descriptor == 0:
        opened = os.open(where or os.devnull, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(opened, True)
    else:
        opened = os.open(where or kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(opened, descriptor)
    os.close(opened)
    raw = open(descriptor, "wb" if descriptor else "rb", closefd=False)  # noqa: SIM115
    errors = "backslashreplace" if descriptor == 2 else "strict"  # its number
    stream = io.TextIOWrapper(
        raw,
        encoding="utf-8",
        errors=errors,
        line_buffering=descriptor == 2,
    )
    setattr(sys, _NAMES[descriptor], stream)


if __name__ == "__main__":
    _file = Path(sys.argv[1])
    # All of it, and what is looked up by name: another account may not be let into its folders.
    for _found in pkgutil.walk_packages(slotkeeper.__path__, "slotkeeper."):
        if not _found.name.endswith("__main__"):
            import_module(_found.name)
    for _name in ("_strptime", "encodings.ascii", "encodings.idna", "encodings.utf_8_sig"):
        import_module(_name)
    _ended = []
    for _number, _told in enumerate(json.loads(_file.read_text())):
        _streams = {int(number): where for number, where in _told.pop("streams").items()}
        _child = os.fork()
        if not _child:
            _run(Task(**_told, streams=_streams), _file.with_name(str(_number)))
        _ended.append(os.waitstatus_to_exitcode(os.waitpid(_child, 0)[1]))
    _file.with_name("ended.json").write_text(json.dumps(_ended))
