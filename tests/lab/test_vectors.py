"""The project's own vectors, read back by the lab's codec."""

from pathlib import Path

import pytest
from tests.lab.test_codec import decode_payload

from slotkeeper.lab import vectors
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.terms import Cra, MessageCode, Mode
from slotkeeper.lab.vectors import Vector

ALL = vectors.make()


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.name)
def test_a_vector_comes_back_octet_for_octet(vector: Vector) -> None:
    envelope = Envelope.decode(vector.message)
    assert envelope.encode() == vector.message
    assert decode_payload(envelope).encode() == envelope.payload


def test_modes_that_the_public_vectors_lack_are_there() -> None:
    commands = {
        envelope.message_code
        for envelope in (Envelope.decode(vector.message) for vector in ALL)
        if envelope.cra is Cra.COMMAND
    }
    wanted = (2, 3, 4, 7, 8, 9)
    assert commands == {MessageCode.CS02A, *(Mode(mode).message_code for mode in wanted)}


def test_files_are_shaped_like_the_public_ones(tmp_path: Path) -> None:
    vectors.write(tmp_path)
    vectors.write(tmp_path / "again")
    files = sorted((tmp_path / "vectors").iterdir())
    assert len(files) == len(ALL)
    for file in files:
        assert bytes.fromhex(file.read_text()) in {vector.message for vector in ALL}
        assert file.read_bytes() == (tmp_path / "again" / "vectors" / file.name).read_bytes()
    assert len(list((tmp_path / "keystore").glob("*.key"))) == 16
    assert (tmp_path / "duis" / "Handover_6.21_REQUEST_DUIS.XML").stat().st_size > 1_000
