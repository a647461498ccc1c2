//! `CoreEngine` and `CoreStaged`: the four steps of a batch.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList};
use slotkeeper_engine::{
    BatchContext, Engine, OutputRecord, Partition, RESERVED, Settings, SnapshotCursor, Staged,
    Stream, describe,
};
use slotkeeper_gbcs::Eui64;
use slotkeeper_tables::CellsTable;

use crate::audit::{Head, from_python, to_python};
use crate::authority::Authority;
use crate::enter::Guarded;
use crate::errors::Fault;
use crate::outputs::{CoreSealed, reasons};
use crate::records::{hand_over, read_back, receive};
use crate::stored::{Fingerprint, Told, fingerprint};
use crate::tables::ArrowRows;

/// The seed where the caller names none, who serves no strangers then: whoever does takes one from its own source of
/// randomness.
const SEED: u64 = 0x5107_6b65_6570_6572;

/// Rows of a batch of [`CoreEngine::slots`], as many as readers of Arrow like to have at once.
const SLOTS_A_BATCH: usize = 65_536;

/// A [`SnapshotCursor`] as Python keeps it.
type Cursor = (u8, u64);

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreEngine {
    guarded: Arc<Guarded<Engine>>,
    /// Outside the guard, since it is asked for after a failure, when the engine cannot be.
    #[pyo3(get)]
    dead_letter_bytes: usize,
}

#[pymethods]
impl CoreEngine {
    #[new]
    #[pyo3(signature = (authority, *, partition = 0, partitions = 1, settings = None, threads = 0, seed = SEED))]
    fn new(
        authority: &Authority,
        partition: u32,
        partitions: u32,
        settings: Option<&[u8]>,
        threads: usize,
        seed: u64,
    ) -> PyResult<Self> {
        if partition >= partitions {
            return Err(Fault::Configuration(format!(
                "partition {partition} of {partitions} does not exist"
            ))
            .into());
        }
        let settings = Settings::from_json(settings.unwrap_or(b"{}")).map_err(Fault::from)?;
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            threads => threads,
        };
        let partition = Partition {
            index: partition,
            count: partitions,
        };
        let dead_letter_bytes = settings.dead_letter_bytes();
        let engine = Engine::new(settings, Arc::clone(&authority.0), partition, threads, seed);
        Ok(Self {
            guarded: Arc::new(Guarded::new(engine)),
            dead_letter_bytes,
        })
    }

    #[pyo3(signature = (records, *, in_order = false))]
    fn restore<'py>(
        &self,
        records: &Bound<'py, PyAny>,
        in_order: bool,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut others = Vec::new();
        let mut own = Vec::new();
        for record in records.try_iter()? {
            let record = record?;
            match read_back(&record)? {
                (Some(key), value) if key.first() != Some(&RESERVED) => own.push((key, value)),
                _ => others.push(record),
            }
        }
        self.guarded.enter(records.py(), |engine| {
            for (key, value) in &own {
                if in_order {
                    engine.replay(key, value.as_deref())?;
                } else {
                    engine.restore(key, value.as_deref())?;
                }
            }
            Ok(())
        })?;
        Ok(others)
    }

    fn load_inventory(&self, records: &Bound<'_, PyAny>) -> PyResult<usize> {
        let read: Vec<_> = records
            .try_iter()?
            .map(|record| read_back(&record?))
            .collect::<PyResult<_>>()?;
        self.guarded
            .enter(records.py(), |engine| Ok(engine.load_inventory(&read)))
    }

    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.guarded.enter(py, |engine| Ok(engine.clear()?))
    }

    #[pyo3(signature = (cursor = None))]
    fn snapshot_part<'py>(
        &self,
        py: Python<'py>,
        cursor: Option<Cursor>,
    ) -> PyResult<(Bound<'py, PyBytes>, Option<Cursor>)> {
        let cursor = match cursor {
            None => SnapshotCursor::BEGIN,
            Some((kind, at)) => SnapshotCursor { kind, at },
        };
        let (part, next) = self
            .guarded
            .enter(py, |engine| Ok(engine.snapshot_part(cursor)?))?;
        let next = next.map(|cursor| (cursor.kind, cursor.at));
        Ok((PyBytes::new(py, &part), next))
    }

    fn slots(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.guarded.enter(py, |engine| {
            let mut table = CellsTable::new(engine.partition().index, engine.partition().count);
            let mut batches = Vec::new();
            for (number, (device, role)) in engine.slots().enumerate() {
                if number > 0 && number.is_multiple_of(SLOTS_A_BATCH) {
                    batches.push(table.rows());
                }
                table.add_device(device.to_u64(), &role);
            }
            batches.push(table.rows());
            let batches = batches
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(|error| Fault::Configuration(error.to_string()))?;
            Ok(ArrowRows::new(CellsTable::schema(), batches))
        })
    }

    fn load_part(&self, py: Python<'_>, part: PyBackedBytes) -> PyResult<()> {
        self.guarded
            .enter(py, |engine| Ok(engine.load_part(&part)?))
    }

    #[pyo3(
        signature = (*, stored = None, rollbacks = 0, incarnations = Vec::new()),
        text_signature = "($self, *, stored=None, rollbacks=0, incarnations=())"
    )]
    fn open<'py>(
        &self,
        py: Python<'py>,
        stored: Option<Told>,
        rollbacks: u32,
        incarnations: Vec<String>,
    ) -> PyResult<Bound<'py, PyDict>> {
        statistics(py, &self.guarded, |engine| {
            if let Some(stored) = stored {
                engine.check_stored(stored.devices())?;
                if let Some(parked) = stored.parked() {
                    engine.check_parked(parked)?;
                }
            }
            engine.set_rollbacks(rollbacks);
            engine.set_incarnations(incarnations);
            Ok(engine.open()?)
        })
    }

    fn follow_registers(&self, py: Python<'_>, records: &Bound<'_, PyAny>) -> PyResult<()> {
        let received = receive(records, Stream::register)?;
        self.guarded.enter(py, |engine| {
            let inputs: Vec<_> = received.iter().map(|record| record.input()).collect();
            engine.follow_registers(&inputs);
            Ok(())
        })
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.guarded.enter(py, |engine| {
            engine.close();
            Ok(())
        })
    }

    fn abandon(&self, py: Python<'_>) -> PyResult<bool> {
        self.guarded.enter(py, |engine| Ok(engine.abandon()))
    }

    #[pyo3(signature = (records, *, now_ms, decided_after = None, audit_head = None))]
    fn stage(
        &self,
        py: Python<'_>,
        records: &Bound<'_, PyAny>,
        now_ms: u64,
        decided_after: Option<HashMap<String, u64>>,
        audit_head: Option<Head>,
    ) -> PyResult<CoreStaged> {
        let received = receive(records, Stream::input)?;
        let mut decided_after: Vec<_> = decided_after.unwrap_or_default().into_iter().collect();
        decided_after.sort();
        let context = BatchContext {
            now_ms,
            decided_after,
            audit_head: audit_head.map(from_python),
        };
        let staged = self.guarded.enter(py, |engine| {
            let inputs: Vec<_> = received.iter().map(|record| record.input()).collect();
            Ok(engine.stage(&inputs, &context)?)
        })?;
        let batch = staged.batch();
        Ok(CoreStaged {
            engine: Arc::clone(&self.guarded),
            batch,
            staged: Arc::new(Guarded::new(staged)),
        })
    }

    fn device<'py>(
        &self,
        py: Python<'py>,
        device_id: &str,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let device = Eui64::parse(device_id.as_bytes())
            .ok_or_else(|| Fault::Configuration(format!("`{device_id}` is no EUI-64")))?;
        let json = self.guarded.enter(py, |engine| {
            Ok(engine.device(device).map(|image| describe::device(&image)))
        })?;
        Ok(json.map(|json| PyBytes::new(py, &json)))
    }

    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        statistics(py, &self.guarded, |_| Ok(()))
    }
}

/// What the engine holds after a call, which is made at the same crossing.
fn statistics<'py>(
    py: Python<'py>,
    engine: &Guarded<Engine>,
    call: impl FnOnce(&mut Engine) -> Result<(), Fault> + Send,
) -> PyResult<Bound<'py, PyDict>> {
    let held = engine.enter(py, |engine| {
        call(engine)?;
        Ok(engine.statistics())
    })?;
    let dict = PyDict::new(py);
    dict.set_item("devices", held.devices)?;
    dict.set_item("strangers", held.strangers)?;
    dict.set_item("table_bytes", held.table_bytes)?;
    dict.set_item("directory_bytes", held.directory_bytes)?;
    dict.set_item("parked", held.parked)?;
    dict.set_item("parked_unjudged", held.parked_unjudged)?;
    dict.set_item("parked_bytes", held.parked_bytes)?;
    dict.set_item("parked_stranger_bytes", held.parked_stranger_bytes)?;
    dict.set_item("burned", held.burned)?;
    dict.set_item("damaged", held.damaged)?;
    Ok(dict)
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreStaged {
    engine: Arc<Guarded<Engine>>,
    batch: u64,
    staged: Arc<Guarded<Staged>>,
}

#[pymethods]
impl CoreStaged {
    fn seal(&self, py: Python<'_>) -> PyResult<CoreSealed> {
        CoreSealed::new(py, &self.staged)
    }

    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.list(py, Staged::changes)
    }

    fn commands<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.list(py, |staged| staged.commands().unwrap_or_default())
    }

    fn records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.audit_head(py)?;
        self.list(py, Staged::records)
    }

    /// Links the records where that is not done yet, which takes a while.
    #[getter]
    fn audit_head(&self, py: Python<'_>) -> PyResult<Option<Head>> {
        self.staged
            .enter(py, |staged| Ok(staged.audit_head().map(to_python)))
    }

    #[getter]
    fn stored(&self, py: Python<'_>) -> PyResult<Fingerprint> {
        self.staged.enter(py, |staged| {
            Ok(fingerprint(staged.stored(), staged.stored_parked()))
        })
    }

    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tally = self.staged.enter(py, |staged| Ok(staged.tally().clone()))?;
        reasons(py, &tally)
    }

    fn fold<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        statistics(py, &self.engine, |engine| Ok(engine.fold(self.batch)?))
    }

    fn discard<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        statistics(py, &self.engine, |engine| Ok(engine.discard(self.batch)?))
    }

    fn in_doubt(&self, py: Python<'_>) -> PyResult<()> {
        self.engine
            .enter(py, |engine| Ok(engine.in_doubt(self.batch)?))
    }
}

impl CoreStaged {
    fn list<'py>(
        &self,
        py: Python<'py>,
        part: impl for<'s> FnOnce(&'s Staged) -> &'s [OutputRecord],
    ) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        self.staged
            .look(py, |staged| hand_over(&list, part(staged)))?;
        Ok(list)
    }
}
