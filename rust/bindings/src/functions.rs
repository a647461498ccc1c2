//! Functions without state, and the keystore of `inspect`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList};
use slotkeeper_engine::{
    Cause, Keystore as EngineKeystore, Settings, Stream, describe, device_of_key, inspect,
    partition_of_key,
};

use crate::enter::enter;
use crate::errors::Fault;
use crate::records::{hand_over, receive};

#[pyfunction]
pub(crate) fn partition_for(key: &[u8], partitions: u32) -> u32 {
    match device_of_key(key) {
        Some(device) => partition_of_key(&device.canonical(), partitions),
        None => partition_of_key(key, partitions),
    }
}

#[pyfunction]
pub(crate) fn canonical_key<'py>(py: Python<'py>, key: &[u8]) -> Option<Bound<'py, PyBytes>> {
    device_of_key(key).map(|device| PyBytes::new(py, &device.canonical()))
}

#[pyfunction]
pub(crate) fn describe_change(
    py: Python<'_>,
    key: PyBackedBytes,
    value: PyBackedBytes,
) -> PyResult<Bound<'_, PyBytes>> {
    let json = enter(py, || Ok(describe::change(&key, &value)))?;
    Ok(PyBytes::new(py, &json))
}

#[pyfunction]
pub(crate) fn default_settings(py: Python<'_>) -> PyResult<Bound<'_, PyBytes>> {
    let json = enter(py, || to_json(&Settings::defaults()))?;
    Ok(PyBytes::new(py, &json))
}

#[pyfunction]
#[pyo3(signature = (record, *, partition, now_ms, detail, dead_letter_bytes, reason = "ENGINE_FAULT"))]
pub(crate) fn quarantine<'py>(
    py: Python<'py>,
    record: &Bound<'py, PyAny>,
    partition: u32,
    now_ms: u64,
    detail: &str,
    dead_letter_bytes: usize,
    reason: &str,
) -> PyResult<Bound<'py, PyList>> {
    let cause = Cause::named(reason).ok_or_else(|| {
        Fault::Configuration(format!("`{reason}` puts no record into quarantine"))
    })?;
    let list = PyList::empty(py);
    for received in receive(PyList::new(py, [record])?.as_any(), Stream::input)? {
        let input = received.input();
        let records = enter(py, || {
            Ok(slotkeeper_engine::quarantine(
                &input,
                partition,
                now_ms,
                cause,
                detail,
                dead_letter_bytes,
            ))
        })?;
        hand_over(&list, &records)?;
    }
    Ok(list)
}

#[pyclass(frozen, module = "slotkeeper")]
pub(crate) struct Keystore(EngineKeystore);

#[pymethods]
impl Keystore {
    #[new]
    fn new(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let open = || {
            EngineKeystore::open(&folder).map_err(|error| Fault::Configuration(error.to_string()))
        };
        enter(py, open).map(Self)
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.0.warnings().map(ToString::to_string).collect()
    }

    fn __repr__(&self) -> String {
        let certificates = self.0.entries().count();
        format!("<slotkeeper Keystore of {certificates} certificates>")
    }
}

#[pyfunction]
#[pyo3(signature = (data, keystore = None))]
pub(crate) fn inspect_message(
    py: Python<'_>,
    data: PyBackedBytes,
    keystore: Option<Py<Keystore>>,
) -> PyResult<Bound<'_, PyBytes>> {
    let keystore = keystore.as_ref().map(|keystore| &keystore.get().0);
    let json = enter(py, || {
        to_json(&inspect::message(&inspect::read_form(&data), keystore))
    })?;
    Ok(PyBytes::new(py, &json))
}

#[pyfunction]
#[pyo3(signature = (data, keystore = None))]
pub(crate) fn inspect_duis(
    py: Python<'_>,
    data: PyBackedBytes,
    keystore: Option<Py<Keystore>>,
) -> PyResult<Bound<'_, PyBytes>> {
    let keystore = keystore.as_ref().map(|keystore| &keystore.get().0);
    let json = enter(py, || to_json(&inspect::duis(&data, keystore)))?;
    Ok(PyBytes::new(py, &json))
}

#[pyfunction]
pub(crate) fn duis_payloads(
    py: Python<'_>,
    data: PyBackedBytes,
) -> PyResult<Vec<Bound<'_, PyBytes>>> {
    let found = enter(py, || Ok(inspect::payloads(&data)))?;
    Ok(found
        .iter()
        .map(|octets| PyBytes::new(py, octets))
        .collect())
}

pub(crate) fn to_json(report: &impl serde::Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(report).map_err(|error| Fault::Configuration(error.to_string()))
}
