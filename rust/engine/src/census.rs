//! Whether a changelog still has every device record that was committed to it.

use std::collections::{BTreeMap, HashMap, HashSet};

use slotkeeper_counters::{DEFAULT_CEILING, DeviceImage, Stored};
use slotkeeper_gbcs::Eui64;

use crate::changelog::{ChangeKey, DIGEST_START, RESERVED, claimed_version};
use crate::engine::RestoreError;
use crate::parking::StoredParked;

/// Counts the records of a changelog without an engine, for those who have no keys: 16 octets a device or parked record.
#[derive(Debug, Default)]
pub struct Census {
    newest: HashMap<Eui64, u32>,
    /// With the highest version that a damaged record claims, where no whole one came later.
    damaged: BTreeMap<Eui64, u32>,
    parked: HashSet<(Eui64, [u8; DIGEST_START])>,
    foreign: bool,
    /// The versions of the damaged records, in their order, where what was committed proved them.
    proven: Vec<u32>,
}

impl Census {
    /// Takes a record, in the log's order: what comes later makes up for what was damaged, and removes what it says.
    pub fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.proven.clear();
        match (ChangeKey::read(key), value) {
            (Some(ChangeKey::Device(device)), Some(value)) => {
                // The version alone is wanted, which no ceiling changes.
                if let Ok(image) = DeviceImage::decode(value, DEFAULT_CEILING) {
                    self.damaged.remove(&device);
                    let newest = self.newest.entry(device).or_default();
                    *newest = image.version.max(*newest);
                } else {
                    let highest = self.damaged.entry(device).or_default();
                    *highest = claimed_version(value).max(*highest);
                }
            }
            (Some(ChangeKey::Parked(device, start)), Some(_)) => {
                self.parked.insert((device, start));
            }
            (Some(ChangeKey::Parked(device, start)), None) => {
                self.parked.remove(&(device, start));
            }
            (None, _) if key.first() != Some(&RESERVED) => self.foreign = true,
            _ => {}
        }
    }

    /// Compares what was counted with [`Staged::stored`](crate::Staged::stored) of the last committed batch. A changelog
    /// with records of somebody else is not judged: no engine restores from it. What is right tells the versions of
    /// damaged records, which [`Self::stored`] then counts.
    ///
    /// # Errors
    /// [`RestoreError::Lost`] and [`RestoreError::Older`].
    pub fn check(&mut self, expected: Stored) -> Result<(), RestoreError> {
        if !self.foreign {
            self.proven = compare(self.whole(), &self.damaged(), expected)?;
        }
        Ok(())
    }

    /// Compares the parked records with [`Staged::stored_parked`](crate::Staged::stored_parked), likewise.
    ///
    /// # Errors
    /// [`RestoreError::Parked`].
    pub fn check_parked(&self, expected: StoredParked) -> Result<(), RestoreError> {
        let found = self.stored_parked();
        if self.foreign || found == expected {
            Ok(())
        } else {
            Err(RestoreError::Parked { expected, found })
        }
    }

    /// The parked records that were counted.
    pub fn stored_parked(&self) -> StoredParked {
        let mut stored = StoredParked::default();
        for (device, start) in &self.parked {
            stored.add(device.to_u64(), *start);
        }
        stored
    }

    /// What a restore is to find from here on if what was counted is accepted as it is; [`None`] beside records of
    /// somebody else.
    pub fn stored(&self) -> Option<Stored> {
        let mut stored = self.whole();
        for (place, damaged) in self.damaged().iter().enumerate() {
            let proven = self.proven.get(place).copied();
            let version = proven.unwrap_or_else(|| damaged.likely());
            stored.replace(damaged.device, damaged.held, version);
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

    fn damaged(&self) -> Vec<DamagedRecord> {
        let held = |device| self.newest.get(device).copied().unwrap_or_default();
        (self.damaged.iter())
            .map(|(device, claimed)| DamagedRecord {
                device: device.to_u64(),
                held: held(device),
                claimed: *claimed,
            })
            .collect()
    }
}

/// A device of which some record is damaged.
pub(crate) struct DamagedRecord {
    pub(crate) device: u64,
    /// The version of another record of it that is whole, 0 if there is none.
    pub(crate) held: u32,
    /// The one that the damaged record claims, where that is not damaged as well.
    pub(crate) claimed: u32,
}

impl DamagedRecord {
    /// The version that its newest record most likely has. It is never 0, which stands for no record.
    fn likely(&self) -> u32 {
        self.held.max(self.claimed).max(1)
    }
}

/// Compares what was restored with what was committed, `damaged` apart.
///
/// The others are compared all the same where all damaged records but one are of the version that they are likely to be:
/// the fingerprint gives back that one's. It cannot give back two. Gives the versions of all damaged ones, in their order.
pub(crate) fn compare(
    restored: Stored,
    damaged: &[DamagedRecord],
    expected: Stored,
) -> Result<Vec<u32>, RestoreError> {
    let mut likely = restored;
    for record in damaged {
        likely.replace(record.device, record.held, record.likely());
    }
    let found = likely.devices;
    if found != expected.devices {
        return Err(RestoreError::Lost { expected, found });
    }
    let mut versions: Vec<_> = damaged.iter().map(DamagedRecord::likely).collect();
    if likely == expected {
        return Ok(versions);
    }
    for (record, version) in damaged.iter().zip(&mut versions) {
        if let Some(proven) = likely.version_in(expected, record.device, *version) {
            *version = proven;
            return Ok(versions);
        }
    }
    Err(RestoreError::Older { devices: found })
}
