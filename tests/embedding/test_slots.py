"""What a host gets of its engine's slots."""

from pathlib import Path

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from .host import Host


def test_slots_come_as_an_arrow_stream(tmp_path: Path) -> None:
    """The same by two readers, of whom one knows nothing of the other's library."""
    host = Host(tmp_path)
    engine = host.engine()
    recorded = engine.stage(host.hand_backs)
    before = pa.table(engine.slots()).to_pylist()
    assert {(row["ds_source"], row["ds_eui"]) for row in before} == {("NONE", None)}
    recorded.fold()
    slots = engine.slots()
    assert len(slots) == len(host.hand_backs)
    rows = pa.table(slots).to_pylist()
    told = engine.device(rows[0]["device"])
    assert told is not None
    acb = {row["ds_eui"] for row in rows}
    assert acb == {str(host.fleet.pki.acb.eui).upper()}
    assert {(row["ds_source"], row["ds_verified"], row["readable"]) for row in rows} == {
        ("OUTCOME", True, True)
    }
    with duckdb.connect() as connection:
        connection.register("slots", slots)
        devices = connection.execute("SELECT device FROM slots ORDER BY device").fetchall()
    assert [device for (device,) in devices] == sorted(row["device"] for row in rows)
