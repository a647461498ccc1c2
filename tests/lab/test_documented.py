"""The page of the laboratory: its programs run, its tables are complete."""

import re
import runpy
from pathlib import Path

import pytest

from slotkeeper.lab import FaultRates
from slotkeeper.lab.emulated.handover import Handover
from slotkeeper.lab.gpf import Refusal

PAGE = (Path(__file__).parents[2] / "docs" / "lab.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_run(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "program.py"
    file.write_text(program)
    runpy.run_path(str(file))


def test_there_are_programs() -> None:
    assert len(PROGRAMS) == 2


def test_every_fault_is_explained() -> None:
    for name in FaultRates.__dataclass_fields__:
        assert f"`{name}`" in PAGE, name


def test_every_result_and_cause_is_explained() -> None:
    source = Path(Handover.__module__.replace(".", "/") + ".py")
    text = (Path(__file__).parents[2] / "pycore" / source).read_text()
    words = set(re.findall(r'"([A-Z][A-Z_]{3,})"', text)) | {Refusal.NOT_THE_OCCUPANT.name}
    assert "NUMBER_TOO_LOW" in words
    for word in words:
        assert word in PAGE, word
