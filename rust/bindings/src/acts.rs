//! Acts that persons sign. A person's private key never leaves its object here.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use slotkeeper_engine::PersonKey as EnginePersonKey;
use slotkeeper_engine::signed_act::{self, SignedAct, Signers as EngineSigners};

use crate::enter::enter;
use crate::errors::Fault;

#[pyclass(frozen, module = "slotkeeper.acts")]
pub(crate) struct PersonKey(EnginePersonKey);

#[pymethods]
impl PersonKey {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        enter(py, || Ok(EnginePersonKey::load(&path)?)).map(Self)
    }

    #[getter]
    fn kid(&self) -> String {
        signed_act::kid(&self.0.public_key())
    }

    #[getter]
    fn algorithm(&self) -> &'static str {
        self.0.public_key().algorithm()
    }

    fn sign<'py>(
        &self,
        py: Python<'py>,
        typ: &str,
        incarnation: &str,
        payload: PyBackedBytes,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let act = enter(py, || {
            Ok(signed_act::sign(typ, incarnation, &payload, &self.0)?)
        })?;
        Ok(PyBytes::new(py, &act))
    }

    fn countersign<'py>(
        &self,
        py: Python<'py>,
        act: PyBackedBytes,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let act = enter(py, || Ok(signed_act::countersign(&act, &self.0)?))?;
        Ok(PyBytes::new(py, &act))
    }

    fn __repr__(&self) -> String {
        format!("<slotkeeper.acts.PersonKey {}>", self.kid())
    }
}

/// What was signed, by whom, and the signatures that count for nothing: their place, and why.
type Proven<'py> = (Bound<'py, PyBytes>, Vec<String>, Vec<(usize, &'static str)>);

#[pyclass(frozen, module = "slotkeeper.acts")]
pub(crate) struct Signers(EngineSigners);

#[pymethods]
impl Signers {
    #[new]
    fn new(named: &[u8]) -> PyResult<Self> {
        let signers = EngineSigners::from_json(named).map_err(Fault::Configuration)?;
        Ok(Self(signers))
    }

    fn all(&self) -> Vec<(&str, &'static str, &str)> {
        let told = self.0.all().iter();
        told.map(|signer| (signer.name(), signer.algorithm(), signer.kid()))
            .collect()
    }

    fn prove<'py>(
        &self,
        py: Python<'py>,
        act: PyBackedBytes,
        typ: &str,
        incarnations: Vec<String>,
    ) -> PyResult<Proven<'py>> {
        let (act, proof) = enter(py, || {
            let act = SignedAct::read(&act)?;
            let proof = act.prove(typ, &self.0, &incarnations);
            Ok((act, proof))
        })?;
        let persons = proof.persons().map(str::to_owned).collect();
        let payload = PyBytes::new(py, act.payload());
        Ok((payload, persons, proof.ignored().to_vec()))
    }
}

#[pyfunction]
pub(crate) fn describe_act(py: Python<'_>, act: PyBackedBytes) -> PyResult<Bound<'_, PyBytes>> {
    let json = enter(py, || Ok(signed_act::describe(&act)?))?;
    Ok(PyBytes::new(py, &json))
}
