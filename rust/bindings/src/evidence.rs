//! `EvidenceKey` and `EvidenceVerifier`: who vouches for audit trail and evidence packages, and who checks that.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use slotkeeper_engine::package::{SignError, sign_detached};
use slotkeeper_engine::{
    EvidenceKey as EngineKey, EvidenceKeyError, EvidenceVerifier as EngineVerifier, SealError,
};

use crate::authority::Authority;
use crate::enter::enter;
use crate::errors::Fault;

fn unusable(error: &EvidenceKeyError) -> Fault {
    Fault::Configuration(format!("evidence key: {error}"))
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct EvidenceKey(EngineKey);

#[pymethods]
impl EvidenceKey {
    #[new]
    #[pyo3(signature = (path, *, authority))]
    fn new(py: Python<'_>, path: PathBuf, authority: Py<Authority>) -> PyResult<Self> {
        let authority = &authority.get().0;
        let load = || EngineKey::load(&path, authority).map_err(|error| unusable(&error));
        enter(py, load).map(Self)
    }

    #[getter]
    fn identifier(&self) -> [u8; 32] {
        self.0.identifier()
    }

    fn sign(&self, py: Python<'_>, statement: PyBackedBytes) -> PyResult<[u8; 64]> {
        let sign = || {
            let signature = self.0.sign(&statement);
            signature.map_err(|_| Fault::from(SealError::KeysUnavailable))
        };
        enter(py, sign)
    }

    fn sign_detached<'py>(
        &self,
        py: Python<'py>,
        content: PyBackedBytes,
        certificate: PathBuf,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let sign = || {
            sign_detached(&content, &certificate, &self.0).map_err(|error| match error {
                SignError::Unavailable(_) => Fault::from(SealError::KeysUnavailable),
                SignError::Certificate(_) => Fault::Configuration(error.to_string()),
            })
        };
        Ok(PyBytes::new(py, &enter(py, sign)?))
    }
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct EvidenceVerifier(EngineVerifier);

#[pymethods]
impl EvidenceVerifier {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let load = || EngineVerifier::load(&path).map_err(|error| unusable(&error));
        enter(py, load).map(Self)
    }

    #[getter]
    fn identifier(&self) -> [u8; 32] {
        self.0.identifier()
    }

    fn verifies(
        &self,
        py: Python<'_>,
        statement: PyBackedBytes,
        signature: PyBackedBytes,
    ) -> PyResult<bool> {
        enter(py, || Ok(self.0.verifies(&statement, &signature)))
    }
}
