//! What the changelog holds, as Python keeps it with its positions.

use pyo3::prelude::*;
use slotkeeper_engine::{Stored, StoredParked};

/// Count and sum of device records, then of parked ones.
pub(crate) type Fingerprint = (u64, u64, u64, u64);

/// What was kept of it: earlier releases did not count parked records.
#[derive(FromPyObject)]
pub(crate) enum Told {
    All(Fingerprint),
    DevicesAlone((u64, u64)),
}

impl Told {
    pub(crate) fn devices(&self) -> Stored {
        let (Self::All((devices, fingerprint, ..)) | Self::DevicesAlone((devices, fingerprint))) =
            *self;
        Stored {
            devices,
            fingerprint,
        }
    }

    pub(crate) fn parked(&self) -> Option<StoredParked> {
        match *self {
            Self::All((_, _, records, fingerprint)) => Some(StoredParked {
                records,
                fingerprint,
            }),
            Self::DevicesAlone(_) => None,
        }
    }
}

pub(crate) fn fingerprint(devices: Stored, parked: StoredParked) -> Fingerprint {
    (
        devices.devices,
        devices.fingerprint,
        parked.records,
        parked.fingerprint,
    )
}
