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

/// The Access Control Broker's identity: certificates, and private keys that never leave it.
///
/// Authority(acb_id, *, digital_signature, key_agreement) loads certificates and keys from PEM files, newest first: pairs of
/// a certificate's path and the path of its key (PKCS#8 or SEC1), or None where that key is not held. A file that cannot be
/// used is a ConfigurationError, whose text says which one and why and quotes nothing of it.
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

    /// The ACB's EUI-64, canonical.
    #[getter]
    fn id(&self) -> String {
        self.0.id().to_string()
    }

    /// `key_usage`, `key_identifier` and `key_held` of each certificate, newest first within a usage.
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
        let all = self.0.describe();
        let held = all.iter().filter(|(_, _, held)| *held).count();
        format!(
            "<slotkeeper.Authority {}, {held} of {} keys held>",
            self.0.id(),
            all.len()
        )
    }
}
