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
        compare(self.whole(), &self.damaged(), expected)
    }

    /// What a restore is to find from here on if what was counted is accepted as it is; [`None`] beside records of
    /// somebody else.
    pub fn stored(&self) -> Option<Stored> {
        let mut stored = self.whole();
        for (device, held) in self.damaged() {
            // Whatever stands for its version: with damage in it the record is not compared.
            stored.replace(device, 0, u32::from(held == 0));
        }
        (!self.foreign).then_some(stored)
    }

    fn whole(&self) -> Stored {
        let mut found = Stored::default();
        for (device, version) in &self.newest {
            found.replace(device.to_u64(), 0, *version);
        }
        found
    }

    /// The devices of damaged records, and the version of the newest whole one.
    fn damaged(&self) -> Vec<(u64, u32)> {
        let held = |device| self.newest.get(device).copied().unwrap_or_default();
        let damaged = self.damaged.iter();
        damaged
            .map(|device| (device.to_u64(), held(device)))
            .collect()
    }
}

/// Compares what was restored with what was committed, `damaged` apart: of these devices some record is damaged, and
/// the version is that of another one that is whole, 0 if there is none.
///
/// With one of them the others are compared all the same. With several they are only counted, since the versions that
/// were damaged are not known.
pub(crate) fn compare(
    restored: Stored,
    damaged: &[(u64, u32)],
    expected: Stored,
) -> Result<(), RestoreError> {
    let without_record = damaged.iter().filter(|(_, held)| *held == 0).count() as u64;
    let found = restored.devices.saturating_add(without_record);
    if found != expected.devices {
        return Err(RestoreError::Lost { expected, found });
    }
    let same = match damaged {
        [] => restored == expected,
        [(device, held)] => restored.is_but_for(expected, *device, *held),
        _ => true,
    };
    if same {
        Ok(())
    } else {
        Err(RestoreError::Older { devices: found })
    }
}
