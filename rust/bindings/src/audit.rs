//! The chain of audit records, as Python has it.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use slotkeeper_engine::AuditHead;

use crate::enter::enter;

/// An [`AuditHead`]: its number, and the digest.
pub(crate) type Head = (u64, [u8; 32]);

pub(crate) fn from_python((number, digest): Head) -> AuditHead {
    AuditHead { number, digest }
}

pub(crate) fn to_python(head: AuditHead) -> Head {
    (head.number, head.digest)
}

#[pyfunction]
#[pyo3(signature = (record, head))]
pub(crate) fn link_audit(
    py: Python<'_>,
    record: PyBackedBytes,
    head: Option<Head>,
) -> PyResult<(Bound<'_, PyBytes>, Head)> {
    let (linked, head) = enter(py, || {
        Ok(slotkeeper_engine::link_audit(
            &record,
            head.map(from_python),
        ))
    })?;
    Ok((PyBytes::new(py, &linked), to_python(head)))
}
