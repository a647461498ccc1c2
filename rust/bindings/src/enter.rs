//! The one door from Python into the engine: without the GIL, and with panics turned into an exception.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::errors::{EngineFaultError, Fault};

/// Something behind a lock that a panic closes for good: half-made state is never looked at again.
pub(crate) struct Guarded<T>(Mutex<Option<T>>);

impl<T: Send> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    /// Runs `work` on it with other Python threads running meanwhile.
    pub(crate) fn enter<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> Result<R, Fault> + Send,
    ) -> PyResult<R> {
        py.detach(|| {
            let mut slot = self.0.lock();
            let mut value = slot.take().ok_or(Fault::Poisoned)?;
            match catch_unwind(AssertUnwindSafe(|| work(&mut value))) {
                Ok(result) => {
                    *slot = Some(value);
                    result.map_err(PyErr::from)
                }
                // What the panic says may quote a record: it stays in the process's own standard error.
                Err(_) => Err(EngineFaultError::new_err(
                    "the engine met a defect and serves no more; restart and restore",
                )),
            }
        })
    }
}

impl<T: Send> Guarded<T> {
    /// Looks at it with the GIL held, to make Python objects of it. While another thread works with it, this one waits
    /// without the GIL.
    pub(crate) fn look<R>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&T) -> PyResult<R>,
    ) -> PyResult<R> {
        let slot = loop {
            match self.0.try_lock() {
                Some(slot) => break slot,
                // A lock that is taken here cannot be kept, since its owner would then wait for the GIL.
                None => py.detach(|| drop(self.0.lock())),
            }
        };
        match &*slot {
            Some(value) => look(value),
            None => Err(Fault::Poisoned.into()),
        }
    }
}

/// Runs `work` that holds no state, with other Python threads running meanwhile.
pub(crate) fn enter<R: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<R, Fault> + Send,
) -> PyResult<R> {
    Guarded::new(()).enter(py, |()| work())
}
