//! `CoreCensus`: whether a changelog has every device record, for those who have no engine.

use pyo3::prelude::*;
use slotkeeper_engine::Census;

use crate::enter::Guarded;
use crate::records::read_back;
use crate::stored::{Fingerprint, Told, fingerprint};

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreCensus(Guarded<Census>);

#[pymethods]
impl CoreCensus {
    #[new]
    fn new() -> Self {
        Self(Guarded::new(Census::default()))
    }

    fn take(&self, records: &Bound<'_, PyAny>) -> PyResult<()> {
        let read: Vec<_> = records
            .try_iter()?
            .map(|record| read_back(&record?))
            .collect::<PyResult<_>>()?;
        self.0.enter(records.py(), |census| {
            for (key, value) in &read {
                if let Some(key) = key {
                    census.take(key, value.as_deref());
                }
            }
            Ok(())
        })
    }

    fn check(&self, py: Python<'_>, stored: Told) -> PyResult<()> {
        self.0.enter(py, |census| {
            census.check(stored.devices())?;
            if let Some(parked) = stored.parked() {
                census.check_parked(parked)?;
            }
            Ok(())
        })
    }

    fn stored(&self, py: Python<'_>) -> PyResult<Option<Fingerprint>> {
        self.0.enter(py, |census| {
            let stored = census.stored();
            Ok(stored.map(|stored| fingerprint(stored, census.stored_parked())))
        })
    }
}
