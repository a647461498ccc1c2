//! `Authority`: the ACB's keys, which never leave it.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use slotkeeper_engine::Authority as EngineAuthority;
use slotkeeper_gbcs::Eui64;

use crate::enter::enter;
use crate::errors::Fault;

type Files = Vec<(PathBuf, Option<PathBuf>)>;

#[pyclass(frozen, module = "slotkeeper")]
pub(crate) struct Authority(pub(crate) Arc<EngineAuthority>);

#[pymethods]
impl Authority {
    #[new]
    #[pyo3(signature = (acb_id, *, digital_signature, key_agreement))]
    fn new(
        py: Python<'_>,
        acb_id: &str,
        digital_signature: Files,
        key_agreement: Files,
    ) -> PyResult<Self> {
        let id = Eui64::parse(acb_id.as_bytes())
            .ok_or_else(|| Fault::Configuration(format!("acb.id: `{acb_id}` is no EUI-64")))?;
        let authority = enter(py, || {
            let signatures: Vec<_> = digital_signature
                .iter()
                .map(|(c, k)| (c.as_path(), k.as_deref()))
                .collect();
            let agreements: Vec<_> = key_agreement
                .iter()
                .map(|(c, k)| (c.as_path(), k.as_deref()))
                .collect();
            Ok(EngineAuthority::load(id, &signatures, &agreements)?)
        })?;
        Ok(Self(Arc::new(authority)))
    }

    #[getter]
    fn id(&self) -> String {
        self.0.id().to_string()
    }

    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for (usage, identifier, held) in self.0.describe() {
            let entry = PyDict::new(py);
            entry.set_item("key_usage", usage.name())?;
            entry.set_item("key_identifier", identifier.to_string())?;
            entry.set_item("key_held", held)?;
            list.append(entry)?;
        }
        Ok(list)
    }

    fn __repr__(&self) -> String {
        format!("<slotkeeper.Authority {}>", self.0.id())
    }
}
