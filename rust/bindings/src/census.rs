//! `CoreCensus`: whether a changelog has every device record, for those who have no engine.

use pyo3::prelude::*;
use slotkeeper_engine::{Census, Stored};

use crate::enter::Guarded;
use crate::records::read_back;

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

    fn check(&self, py: Python<'_>, stored: (u64, u64)) -> PyResult<()> {
        let (devices, fingerprint) = stored;
        let expected = Stored {
            devices,
            fingerprint,
        };
        self.0.enter(py, |census| Ok(census.check(expected)?))
    }

    fn stored(&self, py: Python<'_>) -> PyResult<Option<(u64, u64)>> {
        let pair = |stored: Stored| (stored.devices, stored.fingerprint);
        self.0.enter(py, |census| Ok(census.stored().map(pair)))
    }
}
