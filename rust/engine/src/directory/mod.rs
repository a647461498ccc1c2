//! The inventory in memory: what decisions need of every device, and nothing more.

mod identifiers;
mod saved;

use slotkeeper_counters::{CompactIndex, CounterTable, Lane, Ledger, Role, RowId};
use slotkeeper_crypto::{CompressedPublicKey, PublicKey};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

use self::identifiers::{Identifiers, Place};
use crate::records::{DeviceRecord, DeviceStatus, DeviceType, SmetsVersion};
use crate::registers::PartyMark;

/// A row of the table that is known to be a GPF: 64 + 33 octets of keys and what stands beside them.
#[derive(Clone, Copy)]
pub(crate) struct Gpf {
    key_agreement: [u8; 64],
    digital_signing: [u8; 33],
    /// Among [`Directory::acb_identifiers`].
    acb_key_agreement: Place,
    /// The gas network party that the inventory names; zeros for none.
    network_party: PartyMark,
    flags: u8,
}

const IN_INVENTORY: u8 = 1;
const RETIRED: u8 = 1 << 1;
const SMETS1: u8 = 1 << 2;
const HAS_KEY_AGREEMENT: u8 = 1 << 3;
const HAS_DIGITAL_SIGNING: u8 = 1 << 4;

impl Default for Gpf {
    fn default() -> Self {
        Self {
            key_agreement: [0; 64],
            digital_signing: [0; 33],
            acb_key_agreement: Place::NONE,
            network_party: [0; 4],
            flags: 0,
        }
    }
}

impl Gpf {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.has(RETIRED)
    }

    pub(crate) fn is_smets1(&self) -> bool {
        self.has(SMETS1)
    }

    /// The gas network party that the inventory names.
    pub(crate) fn network_party(&self) -> Option<PartyMark> {
        (self.network_party != [0; 4]).then_some(self.network_party)
    }

    pub(crate) fn key_agreement(&self) -> Option<PublicKey> {
        self.has(HAS_KEY_AGREEMENT)
            .then(|| PublicKey::from_coordinates(&self.key_agreement))
    }

    pub(crate) fn digital_signing(&self) -> Option<CompressedPublicKey> {
        self.has(HAS_DIGITAL_SIGNING)
            .then_some(CompressedPublicKey(self.digital_signing))
    }
}

/// What the inventory says of a device.
pub(crate) enum Device<'a> {
    /// A GPF, also one that has left the inventory.
    Gpf(&'a Gpf),
    /// Another type.
    Other,
    Unknown,
}

/// Where a device stands in the inventory; holds until the next inventory record is applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// A GPF with this row.
    Gpf(RowId),
    Other,
    /// Not in the inventory, or not any more.
    Neither,
}

/// Set in the flags of a device's record when the inventory dropped it, since the inventory itself forgets it then.
pub(crate) const DROPPED: u16 = 1;
/// Set when the changelog's record of a device was damaged: a role's numbers are unknown until an adjustment names them.
pub(crate) const DAMAGED: u16 = damaged(Role::NetworkOperator) | damaged(Role::Supplier);
// Bit 3 was set by earlier releases once adjustments had named both roles' numbers.

/// Set once a certificate of the device was at hand that counts as proof. Where none is at hand any more, its messages
/// are believed as little as under `require`: a certificate that vanishes proves nothing.
pub(crate) const HAD_CERTIFICATE: u16 = 1 << 4;

/// Set when a message of the device was evicted before anybody could judge it, until an adjustment says what is known of
/// its slots.
pub(crate) const EVICTED: u16 = 1 << 5;

/// The part of [`DAMAGED`] that is about a role.
pub(crate) const fn damaged(role: Role) -> u16 {
    match role {
        Role::NetworkOperator => 1 << 1,
        Role::Supplier => 1 << 2,
    }
}

/// Every device of the partition, by EUI-64.
pub(crate) struct Directory {
    /// Parallel to the rows of the Originator Counter table.
    gpfs: Lane<Gpf>,
    others: CompactIndex,
    /// Parallel to `others`: whether the device is in the inventory.
    others_present: Lane<bool>,
    acb_identifiers: Identifiers,
    /// Rows that are a GPF's, also of one that has left the inventory since.
    known_rows: usize,
}

/// What an inventory record changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Applied {
    /// The device is, or is again, in the inventory.
    Present,
    /// A GPF left the inventory.
    Dropped,
    /// Another device left, or one that was never there.
    Nothing,
}

impl Directory {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            gpfs: Lane::new(Gpf::default()),
            others: CompactIndex::new(seed),
            others_present: Lane::new(false),
            acb_identifiers: Identifiers::default(),
            known_rows: 0,
        }
    }

    /// What is known of a device; `flags` are those of its row.
    pub(crate) fn device(&self, device: Eui64, row: Option<RowId>, flags: u16) -> Device<'_> {
        self.of_class(self.class(device.to_u64(), row), flags)
    }

    /// What is known of a device of that class; `flags` are those of its row.
    pub(crate) fn of_class(&self, class: Class, flags: u16) -> Device<'_> {
        const GONE: Gpf = Gpf {
            key_agreement: [0; 64],
            digital_signing: [0; 33],
            acb_key_agreement: Place::NONE,
            network_party: [0; 4],
            flags: RETIRED,
        };
        match class {
            Class::Gpf(row) => Device::Gpf(self.gpfs.get(row)),
            Class::Other => Device::Other,
            Class::Neither if flags & DROPPED != 0 => Device::Gpf(const { &GONE }),
            Class::Neither => Device::Unknown,
        }
    }

    /// The classes of many devices, whose rows in the table are `rows`. Memory is fetched for many at once, not for one
    /// after the other.
    pub(crate) fn classes(&self, devices: &[u64], rows: &[Option<RowId>]) -> Vec<Class> {
        let mut others = Vec::new();
        self.others.find_many(devices, &mut others);
        rows.iter()
            .zip(others)
            .map(|(row, other)| match (self.gpf_row(*row), other) {
                (Some(row), _) => Class::Gpf(row),
                (None, Some(other)) if *self.others_present.get(other) => Class::Other,
                (None, _) => Class::Neither,
            })
            .collect()
    }

    fn class(&self, device: u64, row: Option<RowId>) -> Class {
        if let Some(row) = self.gpf_row(row) {
            return Class::Gpf(row);
        }
        match self.others.find(device) {
            Some(other) if *self.others_present.get(other) => Class::Other,
            _ => Class::Neither,
        }
    }

    fn gpf_row(&self, row: Option<RowId>) -> Option<RowId> {
        row.filter(|row| self.gpfs.get(*row).has(IN_INVENTORY))
    }

    /// Whether a digital-signature certificate of that row's device is at hand.
    pub(crate) fn has_certificate(&self, row: Option<RowId>) -> bool {
        row.is_some_and(|row| self.gpfs.get(row).has(HAS_DIGITAL_SIGNING))
    }

    /// The ACB's certificate that the record of a GPF names, whose row that is.
    pub(crate) fn acb_key_agreement(&self, gpf: &Gpf, row: Option<RowId>) -> Option<KeyIdentifier> {
        self.acb_identifiers.get(row?, gpf.acb_key_agreement)
    }

    pub(crate) fn apply(
        &mut self,
        ledger: &mut Ledger,
        device: Eui64,
        record: &DeviceRecord,
    ) -> Applied {
        if record.device_type == DeviceType::Other {
            if let Some(row) = ledger.table().find(device.to_u64()) {
                let before = self.gpfs.get(row).acb_key_agreement;
                self.acb_identifiers.replace(row, before, None);
                self.set_gpf(row, Gpf::default());
            }
            let row = self.others.ensure(device.to_u64());
            self.others_present.set(row, true);
            return Applied::Present;
        }
        self.forget_other(device);
        let row = ledger.ensure(device.to_u64());
        let before = self.gpfs.get(row).acb_key_agreement;
        let named = record.acb_key_agreement;
        let mut gpf = Gpf {
            acb_key_agreement: self.acb_identifiers.replace(row, before, named),
            network_party: record.network_party,
            flags: IN_INVENTORY,
            ..Gpf::default()
        };
        if record.status == DeviceStatus::Retired {
            gpf.flags |= RETIRED;
        }
        if record.smets == SmetsVersion::Smets1 {
            gpf.flags |= SMETS1;
        }
        if let Some(key) = &record.key_agreement {
            gpf.key_agreement = *key.coordinates();
            gpf.flags |= HAS_KEY_AGREEMENT;
        }
        if let Some(key) = &record.digital_signing {
            gpf.digital_signing = key.0;
            gpf.flags |= HAS_DIGITAL_SIGNING;
        }
        self.set_gpf(row, gpf);
        Applied::Present
    }

    /// How many rows of a table are those of devices that no inventory record names.
    pub(crate) fn strangers(&self, table: &CounterTable) -> usize {
        table.len().saturating_sub(self.known_rows)
    }

    fn set_gpf(&mut self, row: RowId, gpf: Gpf) {
        self.known_rows += usize::from(gpf.has(IN_INVENTORY));
        self.known_rows -= usize::from(self.gpfs.get(row).has(IN_INVENTORY));
        self.gpfs.set(row, gpf);
    }

    /// A tombstone. A GPF keeps its keys, so that late outcomes can still be verified.
    pub(crate) fn remove(&mut self, table: &CounterTable, device: Eui64) -> Applied {
        self.forget_other(device);
        let Some(row) = table.find(device.to_u64()) else {
            return Applied::Nothing;
        };
        let gpf = *self.gpfs.get(row);
        if !gpf.has(IN_INVENTORY) {
            return Applied::Nothing;
        }
        self.gpfs.set(
            row,
            Gpf {
                flags: gpf.flags | RETIRED,
                ..gpf
            },
        );
        Applied::Dropped
    }

    fn forget_other(&mut self, device: Eui64) {
        if let Some(row) = self.others.find(device.to_u64()) {
            self.others_present.set(row, false);
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.gpfs.memory_bytes()
            + self.others.memory_bytes()
            + self.others_present.memory_bytes()
            + self.acb_identifiers.memory_bytes()
    }
}
