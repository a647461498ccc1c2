//! The engine of one partition: what it knows, and the four steps of a batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use slotkeeper_counters::{
    CounterTable, DeviceImage, ImageError, Ledger, Role, RoleImage, Stored, VoidNote,
};
use slotkeeper_gbcs::Eui64;

use crate::authority::Authority;
use crate::census::{DamagedRecord, compare};
use crate::changelog::{self, ChangeKey};
use crate::directory::{Device, Directory};
use crate::parking::{Parking, Standing, StoredParked};
use crate::paths::PathCache;
use crate::records::DeviceRecord;
use crate::registers::Registers;
use crate::settings::{DeviceSignatures, Settings};
use crate::stage::LeftOver;
use crate::staged::Progress;
use crate::stream::{Partition, device_of_key};
use crate::workers;

/// Why a batch cannot be staged or resolved now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// A staged batch is open.
    #[error(
        "a batch is open: fold it, discard it or declare it in doubt before the next is staged"
    )]
    BatchOpen,
    /// The partition is closed.
    #[error("the partition is closed: restore it from the committed changelog and open it")]
    Closed,
    /// Commands are waiting for their signatures.
    #[error("seal the batch before its outputs are taken and before it is folded")]
    NotSealed,
    /// The batch was resolved before, or belongs to an engine that was closed since.
    #[error("this batch is not open any more")]
    NotOpen,
}

/// Why a store cannot be restored from.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Not a key of a changelog.
    #[error("`{0}` is no key of an originator-counters changelog; is this another stream?")]
    ForeignKey(String),
    /// Written by a newer version.
    #[error("the record of {device} has a format of a newer version: {error}")]
    Newer {
        /// Whose record.
        device: Eui64,
        /// What was found.
        error: ImageError,
    },
    /// The engine is open.
    #[error("the engine is open: declare the batch in doubt, or make a new engine")]
    Open,
    /// Records of devices are gone from the changelog.
    #[error("{} device records were committed and {found} are there: the numbers in the others are lost", expected.devices)]
    Lost {
        /// What was committed.
        expected: Stored,
        /// How many devices have a record.
        found: u64,
    },
    /// As many records as were committed are there, and some are not the newest.
    #[error(
        "{devices} device records are there, and some are older than those that were committed, or others"
    )]
    Older {
        /// How many devices have a record.
        devices: u64,
    },
    /// Parked records are gone from the changelog, or are there again.
    #[error(
        "{} parked records were committed and {} are there, or others: what waited in them is lost",
        expected.records,
        found.records
    )]
    Parked {
        /// What was committed.
        expected: StoredParked,
        /// What is there.
        found: StoredParked,
    },
}

/// How changelog records come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    Any,
    /// What comes later was written later.
    Log,
}

/// The damaged images of a device that no record makes up for yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Damage {
    /// The highest version that they claim, which may itself be damaged.
    pub(crate) claimed: u32,
    /// That of the newest of them, as the last commit proves it.
    pub(crate) proven: Option<u32>,
    /// What a record must name to make up for them.
    pub(crate) images: BTreeSet<VoidNote>,
}

impl Damage {
    /// Up to which version the device's record had come: what is written in their place is newer.
    pub(crate) fn reached(&self) -> u32 {
        self.proven.unwrap_or(self.claimed)
    }
}

/// What names a damaged image.
fn void_note(value: &[u8]) -> VoidNote {
    let digest = slotkeeper_crypto::sha256(value);
    digest.first_chunk().copied().unwrap_or_default()
}

/// What may be asked of a partition now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Being restored.
    Closed,
    Open,
    /// The batch of that number is staged.
    Staged(u64),
}

/// Decides, for one partition, what each record means, and what the commands that follow contain.
///
/// One batch: [`Engine::stage`], [`Staged::seal`](crate::Staged::seal), the host's own commit, then
/// [`Engine::fold`], [`Engine::discard`] or [`Engine::in_doubt`].
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) authority: Arc<Authority>,
    pub(crate) partition: Partition,
    pub(crate) threads: usize,
    /// Of the hash tables, and of the order in which strangers go.
    seed: u64,
    pub(crate) ledger: Ledger,
    pub(crate) directory: Directory,
    pub(crate) parking: Parking,
    pub(crate) paths: PathCache,
    /// As far as they were followed; a restore leaves them.
    pub(crate) registers: Registers,
    pub(crate) state: State,
    pub(crate) batches: u64,
    /// Of the batch that was staged last.
    pub(crate) progress: Progress,
    /// The store's, and after it those that acknowledgements have ended; signed acts name one.
    pub(crate) incarnations: Vec<String>,
    /// Devices of damaged images, to be marked with the next batch.
    pub(crate) damaged: BTreeMap<u64, Damage>,
    /// Parked records that were damaged, by device and digest; the next batch drops them and marks their devices.
    pub(crate) damaged_parked: BTreeSet<(u64, [u8; 8])>,
    /// Devices whose certificate went with an inventory record, as no committed batch has written down yet: the
    /// directory forgets it at once, also for a batch that is lost.
    pub(crate) uncertified: BTreeSet<u64>,
    /// The least EUI-64 whose parked records are still to be judged again since the partition was opened.
    pub(crate) rejudge_from: Option<u64>,
    /// What is still to be judged again once the staged batch is folded.
    pub(crate) left_over: LeftOver,
    /// Whether nothing is known yet but what parts of a snapshot told.
    pub(crate) cleared: bool,
}

/// Figures for metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Statistics {
    /// Devices with a record.
    pub devices: usize,
    /// Of these, rows of devices that no inventory record names.
    pub strangers: usize,
    /// Octets of the table, notes included.
    pub table_bytes: usize,
    /// Octets of keys and of other devices.
    pub directory_bytes: usize,
    /// Parked records.
    pub parked: usize,
    /// Of these, at most so many that are still to be judged again, since the partition was opened or a register was read.
    pub parked_unjudged: usize,
    /// Octets they occupy.
    pub parked_bytes: usize,
    /// Of these, octets of devices that the inventory does not name.
    pub parked_stranger_bytes: usize,
    /// (device, role) pairs with numbers that an aborted batch had allocated.
    pub burned: usize,
    /// Devices whose stored record was found damaged and that no committed batch has marked yet.
    pub damaged: usize,
}

impl Engine {
    /// A closed engine that knows nothing. `threads` is how many seal and verify at once, at least 1; `seed` is that of
    /// its hash tables, and of the order in which strangers are evicted, so that nobody outside may know it.
    pub fn new(
        settings: Settings,
        authority: Arc<Authority>,
        partition: Partition,
        threads: usize,
        seed: u64,
    ) -> Self {
        let paths = PathCache::new(settings.issuing_certificates.clone());
        let mut ledger = Ledger::new(CounterTable::new(seed, settings.ceiling));
        if settings.device_signatures == DeviceSignatures::Off {
            ledger.hear_unverified();
        }
        Self {
            settings,
            authority,
            partition,
            threads: threads.max(1),
            seed,
            ledger,
            directory: Directory::new(seed),
            parking: Parking::new(seed),
            paths,
            registers: Registers::default(),
            state: State::Closed,
            batches: 0,
            progress: Progress::ended(),
            incarnations: Vec::new(),
            damaged: BTreeMap::new(),
            damaged_parked: BTreeSet::new(),
            uncertified: BTreeSet::new(),
            rejudge_from: Some(0),
            left_over: LeftOver::default(),
            cleared: true,
        }
    }

    /// Takes one committed changelog record; the newest version of a device wins in whatever order they come, and no
    /// mark is ever lowered. A damaged image does not fail: its device is marked, and gets no command until an
    /// adjustment names its number (D12). What is not damaged makes up for it only if it names it.
    ///
    /// # Errors
    /// [`RestoreError`]: nothing may be issued from such a store.
    pub fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), RestoreError> {
        self.take(key, value, Order::Any)
    }

    /// As [`Self::restore`], of a log that is read in its order, from the point up to which it was restored or from a
    /// point before: what comes later makes up for what was damaged.
    ///
    /// # Errors
    /// [`RestoreError`]: nothing may be issued from such a store.
    pub fn replay(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), RestoreError> {
        self.take(key, value, Order::Log)
    }

    fn take(&mut self, key: &[u8], value: Option<&[u8]>, order: Order) -> Result<(), RestoreError> {
        if self.state != State::Closed {
            return Err(RestoreError::Open);
        }
        self.cleared = false;
        let foreign = || RestoreError::ForeignKey(String::from_utf8_lossy(key).into_owned());
        match (ChangeKey::read(key).ok_or_else(foreign)?, value) {
            (ChangeKey::Foreign, _) | (ChangeKey::Device(_), None) => {}
            (ChangeKey::Device(device), Some(value)) => {
                self.restore_device(device, value, order)?;
            }
            (ChangeKey::Parked(device, start), None) => {
                self.damaged_parked.remove(&(device.to_u64(), start));
                self.parking.forget(device, start);
            }
            (ChangeKey::Parked(device, start), Some(value)) => {
                self.restore_parked(device, start, value)?;
            }
        }
        Ok(())
    }

    /// Takes inventory records below the restored position, `(key, value)` in their order, without decisions; they are
    /// read on all threads. How many could be read.
    pub fn load_inventory<T>(&mut self, records: &[(Option<T>, Option<T>)]) -> usize
    where
        T: AsRef<[u8]> + Sync,
    {
        let read = workers::for_each(self.threads, records, |(key, value)| {
            let key = key.as_ref().map(AsRef::as_ref);
            let value = value.as_ref().map(AsRef::as_ref);
            inventory_record(key, value, &self.settings)
        });
        let mut known = 0;
        for (device, record) in read.into_iter().flatten() {
            self.know(device, record.as_ref());
            known += 1;
        }
        known
    }

    /// Keeps the numbers that are issued from here on so far above all that is known, because commits were lost so many
    /// times and an operator let the partition go on: [`ROLLBACK_MARGIN`](slotkeeper_counters::ROLLBACK_MARGIN) for each.
    pub fn set_rollbacks(&mut self, rollbacks: u32) {
        self.ledger.set_rollbacks(rollbacks);
    }

    /// Names the store, since a signed act counts only in the one that it was signed for: its incarnation first, and
    /// after it those that acknowledgements have ended. Without a name no signed act counts.
    pub fn set_incarnations(&mut self, incarnations: Vec<String>) {
        self.incarnations = incarnations;
    }

    /// Compares what was restored with what [`Staged::stored`](crate::Staged::stored) told of the last committed batch:
    /// a changelog that lost records looks like one that never had them (D6). Where records of several devices are
    /// damaged, all but one must be of the versions that they claim to be: else nobody can tell whether the others are the
    /// newest. Of damaged ones it tells the versions, above which their marks are written.
    ///
    /// # Errors
    /// [`RestoreError::Lost`] and [`RestoreError::Older`]: nothing may be issued from such a store.
    pub fn check_stored(&mut self, expected: Stored) -> Result<(), RestoreError> {
        let table = self.ledger.table();
        let damaged: Vec<_> = (self.damaged.iter())
            .map(|(device, damage)| DamagedRecord {
                device: *device,
                held: table.view(*device).version(),
                claimed: damage.claimed,
            })
            .collect();
        let proven = compare(table.stored(), &damaged, expected)?;
        for (damage, version) in self.damaged.values_mut().zip(proven) {
            damage.proven = Some(version);
        }
        Ok(())
    }

    /// As [`Self::check_stored`], of parked records and [`Staged::stored_parked`](crate::Staged::stored_parked). One that
    /// is damaged is there.
    ///
    /// # Errors
    /// [`RestoreError::Parked`]: nothing may be issued from such a store, since numbers that messages carried are gone.
    pub fn check_parked(&self, expected: StoredParked) -> Result<(), RestoreError> {
        let mut found = self.parking.stored();
        for (device, start) in &self.damaged_parked {
            if !self.parking.has_key(*device, *start) {
                found.add(*device, *start);
            }
        }
        if found == expected {
            Ok(())
        } else {
            Err(RestoreError::Parked { expected, found })
        }
    }

    /// Opens the partition once everything committed has been restored.
    ///
    /// # Errors
    /// [`EngineError::BatchOpen`] while a batch is.
    pub fn open(&mut self) -> Result<(), EngineError> {
        match self.state {
            State::Staged(_) => Err(EngineError::BatchOpen),
            State::Closed => {
                let waiting: Vec<_> = self.parking.devices_from(0).collect();
                for device in waiting {
                    let standing = self.standing(device);
                    self.parking.set_standing(device, standing);
                }
                self.state = State::Open;
                self.rejudge_from = Some(0);
                self.cleared = false;
                Ok(())
            }
            State::Open => Ok(()),
        }
    }

    /// The batch was committed: it becomes the table.
    ///
    /// # Errors
    /// [`EngineError::NotOpen`] if it was resolved before; [`EngineError::NotSealed`] if it has commands and was not
    /// sealed: whatever was committed lacked them.
    pub fn fold(&mut self, batch: u64) -> Result<(), EngineError> {
        self.expect_staged(batch)?;
        if !self.progress.is_sealed() {
            return Err(EngineError::NotSealed);
        }
        self.progress.end();
        self.parking.keep();
        self.ledger.fold();
        self.state = State::Open;
        self.rejudge_from = self.left_over.since_opening;
        self.registers.keep_news_from(self.left_over.by_registers);
        self.damaged.clear();
        self.damaged_parked.clear();
        self.uncertified.clear();
        Ok(())
    }

    /// The batch was aborted for certain: it is dropped, its numbers stay burned as long as the engine lives.
    ///
    /// # Errors
    /// [`EngineError::NotOpen`] if it was resolved before.
    pub fn discard(&mut self, batch: u64) -> Result<(), EngineError> {
        self.expect_staged(batch)?;
        self.drop_batch();
        self.state = State::Open;
        Ok(())
    }

    /// Drops whatever batch is staged, as [`Self::discard`] does, for a caller that never got hold of it: of such a
    /// batch nothing was committed. Whether there was one.
    pub fn abandon(&mut self) -> bool {
        let staged = matches!(self.state, State::Staged(_));
        if staged {
            self.drop_batch();
            self.state = State::Open;
        }
        staged
    }

    /// Nobody knows whether the batch was committed: it is dropped and the partition closed, as by [`Self::close`].
    ///
    /// # Errors
    /// [`EngineError::NotOpen`] if it was resolved before.
    pub fn in_doubt(&mut self, batch: u64) -> Result<(), EngineError> {
        self.expect_staged(batch)?;
        self.close();
        Ok(())
    }

    /// Closes the partition, whatever is open. What was committed is kept: before it serves again it is restored from
    /// the position up to which it knows the changelog, in the changelog's order and with its tombstones, since others
    /// may have served it meanwhile. A host that cannot do that clears it first.
    pub fn close(&mut self) {
        self.drop_batch();
        self.state = State::Closed;
    }

    /// Forgets everything but burned numbers, so that the partition can be restored from everything that the store
    /// kept, in any order: what others decided meanwhile no longer waits, and a store without tombstones does not say
    /// so.
    ///
    /// # Errors
    /// [`RestoreError::Open`] unless the partition is closed.
    pub fn clear(&mut self) -> Result<(), RestoreError> {
        if self.state != State::Closed {
            return Err(RestoreError::Open);
        }
        *self.ledger.table_mut() = CounterTable::new(self.seed, self.settings.ceiling);
        self.directory = Directory::new(self.seed);
        self.parking = Parking::new(self.seed);
        self.damaged.clear();
        self.damaged_parked.clear();
        self.uncertified.clear();
        self.cleared = true;
        Ok(())
    }

    /// Figures for metrics.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            devices: self.ledger.table().len(),
            strangers: self.directory.strangers(self.ledger.table()),
            table_bytes: self.ledger.table().memory_bytes(),
            directory_bytes: self.directory.memory_bytes(),
            parked: self.parking.len(),
            parked_unjudged: self.parked_unjudged(),
            parked_bytes: self.parking.bytes(),
            parked_stranger_bytes: self.parking.stranger_bytes(),
            burned: self.ledger.burned().len(),
            damaged: self.damaged.len() + self.damaged_parked.len(),
        }
    }

    fn parked_unjudged(&self) -> usize {
        let by_registers =
            (self.registers.news).map(|news| if news.begins_again { 0 } else { news.from });
        let least = [self.rejudge_from, by_registers]
            .into_iter()
            .flatten()
            .min();
        least.map_or(0, |least| self.parking.len_from(least))
    }

    /// The committed record of a device, as the changelog has it.
    pub fn device(&self, device: Eui64) -> Option<DeviceImage> {
        let table = self.ledger.table();
        table
            .find(device.to_u64())
            .map(|_| table.image(device.to_u64()))
    }

    /// Which partition it serves.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The committed state of the Network Operator slot of each device, in no order that means anything.
    pub fn slots(&self) -> impl Iterator<Item = (Eui64, RoleImage)> {
        let table = self.ledger.table();
        table.iter().map(|view| {
            let state = view.role(Role::NetworkOperator);
            let image = RoleImage::of(&state, table.occupants());
            (Eui64::from_u64(view.device()), image)
        })
    }

    /// Whether the inventory names a device, or did.
    pub(crate) fn standing(&self, device: Eui64) -> Standing {
        let row = self.ledger.table().find(device.to_u64());
        let flags = self.ledger.device(device.to_u64()).flags();
        match self.directory.device(device, row, flags) {
            Device::Unknown => Standing::Stranger,
            Device::Gpf(_) | Device::Other => Standing::Known,
        }
    }

    /// Takes the record of the inventory, or its tombstone.
    fn know(&mut self, device: Eui64, record: Option<&DeviceRecord>) {
        self.cleared = false;
        match record {
            None => self.directory.remove(self.ledger.table(), device),
            Some(record) => self.directory.apply(&mut self.ledger, device, record),
        };
    }

    fn restore_device(
        &mut self,
        device: Eui64,
        value: &[u8],
        order: Order,
    ) -> Result<(), RestoreError> {
        let eui = device.to_u64();
        match DeviceImage::decode(value, self.settings.ceiling) {
            Ok(image) if image.device == eui => {
                if let Some(damage) = self.damaged.get_mut(&eui) {
                    damage.images.retain(|void| !image.voids.contains(void));
                    if order == Order::Log || damage.images.is_empty() {
                        self.damaged.remove(&eui);
                    }
                }
                self.ledger.restore(image);
            }
            Err(error @ ImageError::UnknownFormat(_)) => {
                return Err(RestoreError::Newer { device, error });
            }
            Ok(_) | Err(_) => {
                let void = void_note(value);
                let mut known = self.ledger.table().view(eui).voids();
                if order == Order::Log || known.all(|known| known != void) {
                    let damage = self.damaged.entry(eui).or_default();
                    damage.claimed = damage.claimed.max(changelog::claimed_version(value));
                    damage.proven = None;
                    damage.images.insert(void);
                }
            }
        }
        Ok(())
    }

    fn restore_parked(
        &mut self,
        device: Eui64,
        start: [u8; 8],
        value: &[u8],
    ) -> Result<(), RestoreError> {
        match changelog::decode_parked(value) {
            Ok(parked) if parked.digest.starts_with(&start) => {
                self.damaged_parked.remove(&(device.to_u64(), start));
                self.parking.restore(device, parked);
            }
            // The record itself is lost, its audit record is not; the number it may have carried makes the device one to
            // ask about.
            Ok(_) | Err(ImageError::Damaged) => {
                self.parking.forget(device, start);
                self.damaged_parked.insert((device.to_u64(), start));
            }
            Err(error) => return Err(RestoreError::Newer { device, error }),
        }
        Ok(())
    }

    fn drop_batch(&mut self) {
        self.progress.end();
        self.ledger.discard();
        self.parking.take_back();
    }

    fn expect_staged(&self, batch: u64) -> Result<(), EngineError> {
        if self.state == State::Staged(batch) {
            Ok(())
        } else {
            Err(EngineError::NotOpen)
        }
    }
}

fn inventory_record(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    settings: &Settings,
) -> Option<(Eui64, Option<DeviceRecord>)> {
    if value.is_some_and(|value| value.len() > settings.message_bytes) {
        return None;
    }
    let device = key.and_then(device_of_key)?;
    let record =
        value.map(|value| DeviceRecord::read(device, value, &settings.issuing_certificates));
    Some((device, record.transpose().ok()?))
}
