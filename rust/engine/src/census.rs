//! Whether a changelog still has every device record that was committed to it.

use std::collections::{BTreeSet, HashMap};

use slotkeeper_counters::{DEFAULT_CEILING, DeviceImage, Stored};
use slotkeeper_gbcs::Eui64;

use crate::changelog::{ChangeKey, RESERVED};
use crate::engine::RestoreError;

/// Counts the device records of a changelog without an engine, for those who have no keys: 16 octets a device.
#[derive(Debug, Default)]
pub struct Census {
    newest: HashMap<Eui64, u32>,
    damaged: BTreeSet<Eui64>,
    foreign: bool,
}

impl Census {
    /// Takes a record, in any order.
    pub fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        match (ChangeKey::read(key), value) {
            (Some(ChangeKey::Device(device)), Some(value)) => {
                // The version alone is wanted, which no ceiling changes.
                match DeviceImage::decode(value, DEFAULT_CEILING) {
                    Ok(image) => {
                        let newest = self.newest.entry(device).or_default();
                        *newest = image.version.max(*newest);
                    }
                    Err(_) => {
                        self.damaged.insert(device);
                    }
                }
            }
            (None, _) if key.first() != Some(&RESERVED) => self.foreign = true,
            _ => {}
        }
    }

    /// Compares what was counted with [`Staged::stored`](crate::Staged::stored) of the last committed batch. A changelog
    /// with records of somebody else is not judged: no engine restores from it.
    ///
    /// # Errors
    /// [`RestoreError::Lost`] and [`RestoreError::Older`].
    pub fn check(&self, expected: Stored) -> Result<(), RestoreError> {
        if self.foreign {
            return Ok(());
        }
        let damaged = !self.damaged.is_empty();
        compare(self.whole(), self.without_record(), damaged, expected)
    }

    /// What a restore is to find from here on if what was counted is accepted as it is; [`None`] beside records of
    /// somebody else.
    pub fn stored(&self) -> Option<Stored> {
        let whole = self.whole();
        (!self.foreign).then_some(Stored {
            devices: whole.devices + self.without_record() as u64,
            ..whole
        })
    }

    fn whole(&self) -> Stored {
        let mut found = Stored::default();
        for (device, version) in &self.newest {
            found.replace(device.to_u64(), 0, *version);
        }
        found
    }

    /// Devices of which there is a damaged record and no other.
    fn without_record(&self) -> usize {
        let only_damaged = |device: &&Eui64| !self.newest.contains_key(device);
        self.damaged.iter().filter(only_damaged).count()
    }
}

/// Compares what was restored with what was committed. Where a record is damaged, its version is not known, and the
/// records are only counted, `without_record` among them of which nothing else is there.
pub(crate) fn compare(
    restored: Stored,
    without_record: usize,
    damaged: bool,
    expected: Stored,
) -> Result<(), RestoreError> {
    let found = restored.devices.saturating_add(without_record as u64);
    if found != expected.devices {
        return Err(RestoreError::Lost { expected, found });
    }
    if !damaged && restored != expected {
        return Err(RestoreError::Older { devices: found });
    }
    Ok(())
}
