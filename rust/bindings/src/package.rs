//! Evidence packages: their tree, their signature, and whether they are what was signed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList};
use slotkeeper_engine::HashTree;
use slotkeeper_engine::package;

use crate::enter::{Guarded, enter};
use crate::functions::to_json;

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct EvidenceTree(Guarded<HashTree>);

#[pymethods]
impl EvidenceTree {
    #[new]
    fn new() -> Self {
        Self(Guarded::new(HashTree::new()))
    }

    fn add<'py>(&self, py: Python<'py>, lines: Vec<PyBackedBytes>) -> PyResult<Bound<'py, PyList>> {
        let digests = self.0.enter(py, |tree| {
            let digests = lines.iter().map(|line| tree.push(line.to_vec()));
            Ok(digests.collect::<Vec<_>>())
        })?;
        PyList::new(py, digests.iter().map(|digest| PyBytes::new(py, digest)))
    }

    #[getter]
    fn root(&self, py: Python<'_>) -> PyResult<[u8; 32]> {
        self.0.enter(py, |tree| Ok(tree.root()))
    }

    fn path(&self, py: Python<'_>, index: u64) -> PyResult<Option<Vec<[u8; 32]>>> {
        self.0.enter(py, |tree| Ok(tree.path(index)))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let leaves = self.0.enter(py, |tree| Ok(tree.len()))?;
        Ok(usize::try_from(leaves)?)
    }
}

/// DER of the signer's certificate, or why the signature does not hold.
type Opened<'py> = (Option<Bound<'py, PyBytes>>, Option<String>);

#[pyfunction]
pub(crate) fn open_detached(
    py: Python<'_>,
    content: PyBackedBytes,
    signature: PyBackedBytes,
) -> PyResult<Opened<'_>> {
    let opened = enter(py, || Ok(package::open_detached(&content, &signature)))?;
    Ok(match opened {
        Ok(opened) => (Some(PyBytes::new(py, &opened.certificate)), None),
        Err(fault) => (None, Some(fault.to_string())),
    })
}

#[pyfunction]
pub(crate) fn check_package(py: Python<'_>, folder: PathBuf) -> PyResult<Bound<'_, PyBytes>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let json = enter(py, || to_json(&package::check(&folder, threads)))?;
    Ok(PyBytes::new(py, &json))
}
