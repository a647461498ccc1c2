//! `CoreSealed` and `CoreOutputBatch`: what a batch writes, one by one or packed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use slotkeeper_engine::{EngineError, OutputRecord, Staged, Tally};
use slotkeeper_kafka::{Entry, Pack, Producer};

use crate::audit::{Head, to_python};
use crate::enter::{Guarded, enter};
use crate::errors::Fault;
use crate::records::hand_over;
use crate::stored::{Fingerprint, fingerprint};

/// A sealed batch: its records, and everything that was counted, so that nothing more needs to be asked.
#[pyclass(frozen, get_all, module = "slotkeeper._core")]
pub(crate) struct CoreSealed {
    outputs: Py<CoreOutputBatch>,
    void: Vec<u64>,
    reasons: Py<PyDict>,
    written: BTreeMap<&'static str, usize>,
    faults: BTreeMap<String, usize>,
    stored: Fingerprint,
    audit_head: Option<Head>,
}

impl CoreSealed {
    pub(crate) fn new(py: Python<'_>, staged: &Arc<Guarded<Staged>>) -> PyResult<Self> {
        let outputs = Py::new(py, CoreOutputBatch(Arc::clone(staged)))?;
        let (void, tally, written, faults, stored, audit_head) = staged.enter(py, |staged| {
            staged.seal()?;
            Ok((
                staged.void(),
                staged.tally().clone(),
                staged.written(),
                staged.faults(),
                fingerprint(staged.stored(), staged.stored_parked()),
                staged.audit_head().map(to_python),
            ))
        })?;
        let reasons = reasons(py, &tally)?.unbind();
        Ok(Self {
            outputs,
            void,
            reasons,
            written,
            faults,
            stored,
            audit_head,
        })
    }
}

/// How often each `"DISPOSITION REASON"` was decided.
pub(crate) fn reasons<'py>(py: Python<'py>, tally: &Tally) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (disposition, reason, times) in tally.iter() {
        dict.set_item(format!("{} {}", disposition.name(), reason.name()), times)?;
    }
    Ok(dict)
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreOutputBatch(Arc<Guarded<Staged>>);

#[pymethods]
impl CoreOutputBatch {
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.0.look(py, |staged| {
            Ok(parts(staged)?.iter().map(|part| part.len()).sum())
        })
    }

    fn records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        self.0.look(py, |staged| {
            for part in parts(staged)? {
                hand_over(&list, part)?;
            }
            Ok(())
        })?;
        Ok(list)
    }

    fn packed(
        &self,
        py: Python<'_>,
        octets: usize,
    ) -> PyResult<Vec<(Py<PyString>, u32, CorePack)>> {
        let packed = self
            .0
            .enter(py, |staged| Ok(packed(&parts(staged)?, octets)))?;
        Ok(packed
            .into_iter()
            .map(|(stream, partition, pack)| {
                (PyString::intern(py, stream).unbind(), partition, pack)
            })
            .collect())
    }
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CorePack(Mutex<Pack>);

#[pymethods]
impl CorePack {
    fn __len__(&self) -> usize {
        self.0.lock().len()
    }

    fn encode<'py>(
        &self,
        py: Python<'py>,
        producer_id: i64,
        producer_epoch: i16,
        base_sequence: i32,
        timestamp_ms: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let producer = Producer {
            id: producer_id,
            epoch: producer_epoch,
            base_sequence,
        };
        let batch = enter(py, || Ok(self.0.lock().encode(producer, timestamp_ms)?))?;
        Ok(PyBytes::new(py, &batch))
    }
}

/// Everything to be written, the changelog last.
fn parts(staged: &Staged) -> Result<Vec<&[OutputRecord]>, Fault> {
    match staged.commands() {
        Some(commands) => Ok(vec![staged.records(), commands, staged.changes()]),
        None if staged.command_count() == 0 => Ok(vec![staged.records(), staged.changes()]),
        None => Err(Fault::Engine(EngineError::NotSealed)),
    }
}

fn packed(parts: &[&[OutputRecord]], octets: usize) -> Vec<(&'static str, u32, CorePack)> {
    let mut places: BTreeMap<_, Vec<&OutputRecord>> = BTreeMap::new();
    for record in parts.iter().copied().flatten() {
        let place = (record.stream, record.partition);
        places.entry(place).or_default().push(record);
    }
    places
        .into_iter()
        .flat_map(|((stream, partition), records)| {
            Pack::split(records.into_iter().map(entry), octets)
                .into_iter()
                .map(move |pack| (stream.name(), partition, CorePack(Mutex::new(pack))))
        })
        .collect()
}

fn entry(record: &OutputRecord) -> Entry {
    Entry {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| (*name, Bytes::copy_from_slice(value)))
            .collect(),
    }
}
