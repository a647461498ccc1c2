//! Records kept until more is known: bounded in number for a device and in bytes for the partition.
//!
//! What is parked here is also in the changelog, a key each, so that a raised number does not rewrite it. A batch
//! changes this at once and can take its changes back, since only one batch is open at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use slotkeeper_gbcs::Eui64;

use crate::changelog::DIGEST_START;
use crate::decision::{Disposition, Reason};
use crate::stream::{Input, Stream, Value};

/// `docs/rules.md`, Parking.
const MESSAGES_A_DEVICE: usize = 8;
/// What a parked record costs besides its octets: its entry, its places in the two indices and the allocator's own.
const OVERHEAD: usize = 160;

/// Octets, some 7 MB of dead letters and decisions: about what a batch judges again of what is parked.
const EVICTED_A_BATCH: usize = 1 << 20;

/// A record waiting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Parked {
    /// Which of the partition's it was to be parked, from 1 on; 0 where an earlier release parked it, which was before all
    /// others.
    pub(crate) arrival: u64,
    pub(crate) stream: Stream,
    pub(crate) offset: u64,
    /// Whether the value is a GBCS message by itself.
    pub(crate) bare: bool,
    /// The octets of the record's value, unchanged.
    pub(crate) value: Box<[u8]>,
    /// SHA-256 of the message.
    pub(crate) digest: [u8; 32],
    /// What was decided when it was last judged.
    pub(crate) verdict: (Disposition, Reason),
    /// Whether it has told of its cells, since it was verified then.
    pub(crate) told: bool,
    /// The highest number towards each role, in the order of `Role::ALL`.
    pub(crate) numbers: [Option<u64>; 2],
}

impl Parked {
    fn bytes(&self) -> usize {
        self.value.len() + OVERHEAD
    }

    /// The record as it came, under the canonical key.
    pub(crate) fn input<'a>(&'a self, key: &'a [u8]) -> Input<'a> {
        Input {
            stream: self.stream,
            offset: self.offset,
            key: Some(key),
            value: if self.bare {
                Value::Gbcs(&self.value)
            } else {
                Value::Record(&self.value)
            },
        }
    }

    pub(crate) fn has_false_signature(&self) -> bool {
        self.verdict.1 == Reason::BadSignature
    }

    /// Their order within a device, that in which they came; it is the same after a restore. Offsets do not tell: a host
    /// may have none, and streams have their own.
    fn place(&self) -> (u64, Stream, u64) {
        (self.arrival, self.stream, self.offset)
    }
}

/// The octets that a partition's parked records may have, each with its [`OVERHEAD`].
#[derive(Clone, Copy)]
pub(crate) struct Caps {
    pub(crate) all: usize,
    /// Of these, the octets for strangers.
    pub(crate) strangers: usize,
}

/// Whether an inventory record names a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    Known,
    Stranger,
}

/// The parked records of a device.
struct Queue {
    /// In the order in which they came.
    parked: VecDeque<Parked>,
    bytes: usize,
    standing: Standing,
}

/// How many parked records a changelog holds, and which: a host keeps it as it keeps [`Stored`](crate::Stored), and a
/// restore must find it again.
///
/// The sum is modulo 2^64, of the first octets of the SHA-256 of each record's EUI-64 and the part of its digest that
/// its key has. So it needs no order, and what the record says does not matter: a damaged one is there.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct StoredParked {
    /// Records.
    pub records: u64,
    /// Of their keys.
    pub fingerprint: u64,
}

impl StoredParked {
    pub(crate) fn add(&mut self, device: u64, start: [u8; DIGEST_START]) {
        self.records += 1;
        self.fingerprint = self.fingerprint.wrapping_add(mix(device, start));
    }

    fn remove(&mut self, device: u64, start: [u8; DIGEST_START]) {
        self.records -= 1;
        self.fingerprint = self.fingerprint.wrapping_sub(mix(device, start));
    }
}

/// Stands in stores, so it never changes.
fn mix(device: u64, start: [u8; DIGEST_START]) -> u64 {
    let octets = [device.to_be_bytes(), start].concat();
    let digest = slotkeeper_crypto::sha256(&octets);
    u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

enum Undo {
    Added(u64, [u8; 32]),
    Removed(u64, Parked, Standing),
    Verdict(u64, [u8; 32], (Disposition, Reason), bool),
}

/// All parked records of a partition.
pub(crate) struct Parking {
    /// Of the order in which strangers go, which nobody outside may foresee: who could would name devices until another's
    /// is the next.
    seed: u64,
    /// In the order of their EUI-64, in which a snapshot goes through them.
    devices: BTreeMap<u64, Queue>,
    /// Known devices by the bytes they occupy, so that the largest is found at once.
    known: BTreeSet<(usize, u64)>,
    /// Strangers in the order in which they go.
    strangers: BTreeSet<(u64, u64)>,
    bytes: usize,
    stranger_bytes: usize,
    stored: StoredParked,
    /// The highest that a record has, or that one of a batch taken back had.
    arrivals: u64,
    undo: Vec<Undo>,
    /// Octets that the batch evicted.
    evicted: usize,
}

impl Parking {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            devices: BTreeMap::new(),
            known: BTreeSet::new(),
            strangers: BTreeSet::new(),
            bytes: 0,
            stranger_bytes: 0,
            stored: StoredParked::default(),
            arrivals: 0,
            undo: Vec::new(),
            evicted: 0,
        }
    }

    pub(crate) fn contains(&self, device: Eui64, digest: &[u8; 32]) -> bool {
        self.of(device).any(|parked| parked.digest == *digest)
    }

    pub(crate) fn of(&self, device: Eui64) -> impl Iterator<Item = &Parked> {
        let queue = self.devices.get(&device.to_u64());
        queue.into_iter().flat_map(|queue| &queue.parked)
    }

    /// Devices with parked records, from an EUI-64 on and in their order.
    pub(crate) fn devices_from(&self, least: u64) -> impl Iterator<Item = Eui64> {
        let devices = self.devices.range(least..);
        devices.map(|(device, _)| Eui64::from_u64(*device))
    }

    /// What a device's parked records occupy.
    pub(crate) fn bytes_of(&self, device: Eui64) -> usize {
        let queue = self.devices.get(&device.to_u64());
        queue.map_or(0, |queue| queue.bytes)
    }

    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.stored.records).unwrap_or(usize::MAX)
    }

    /// How many there are of devices from an EUI-64 on.
    pub(crate) fn len_from(&self, least: u64) -> usize {
        let queues = self.devices.range(least..);
        queues.map(|(_, queue)| queue.parked.len()).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Of [`Self::bytes`], those of strangers.
    pub(crate) fn stranger_bytes(&self) -> usize {
        self.stranger_bytes
    }

    /// What the changelog holds of them.
    pub(crate) fn stored(&self) -> StoredParked {
        self.stored
    }

    /// The record under the key that one with this digest is to have. A device's messages can be made so that two
    /// digests agree in what the key has of them.
    pub(crate) fn in_place_of(&self, device: Eui64, digest: &[u8; 32]) -> Option<&Parked> {
        let start = start_of(digest);
        self.of(device)
            .find(|parked| start_of(&parked.digest) == start)
    }

    /// Whether a record has this key.
    pub(crate) fn has_key(&self, device: u64, start: [u8; DIGEST_START]) -> bool {
        self.of(Eui64::from_u64(device))
            .any(|parked| start_of(&parked.digest) == start)
    }

    /// The arrival number of the record to be parked next.
    pub(crate) fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// Parks a record, and returns what had to go for it: the device's oldest beyond the eighth, whatever the caps ask for.
    ///
    /// Where far more is parked than the caps let in, since they were lowered or devices left the inventory, a batch evicts
    /// [`EVICTED_A_BATCH`] of it, and further records twice their own octets each: all at once would be more than one
    /// transaction takes.
    pub(crate) fn add(
        &mut self,
        device: Eui64,
        standing: Standing,
        parked: Parked,
        caps: Caps,
    ) -> Vec<(Eui64, Parked)> {
        self.set_standing(device, standing);
        self.undo.push(Undo::Added(device.to_u64(), parked.digest));
        let mut room = 2 * parked.bytes();
        self.insert(device.to_u64(), parked, standing);
        let mut evicted = Vec::new();
        if self
            .devices
            .get(&device.to_u64())
            .is_some_and(|queue| queue.parked.len() > MESSAGES_A_DEVICE)
        {
            let oldest = self.take(device.to_u64(), 0);
            evicted.extend(oldest.map(|oldest| (device, oldest)));
        }
        while room > 0 || self.evicted < EVICTED_A_BATCH {
            let next = self.next_to_go(caps, standing);
            let Some((device, gone)) = next.and_then(|device| self.evict(device)) else {
                break;
            };
            room = room.saturating_sub(gone.bytes());
            self.evicted += gone.bytes();
            evicted.push((device, gone));
        }
        evicted
    }

    /// Says whether the inventory names a device, if it has parked records.
    pub(crate) fn set_standing(&mut self, device: Eui64, standing: Standing) {
        let device = device.to_u64();
        let before = self.devices.get(&device).map(|queue| queue.standing);
        if before.is_some_and(|before| before != standing) {
            self.unlist(device);
            if let Some(queue) = self.devices.get_mut(&device) {
                queue.standing = standing;
            }
            self.list(device);
        }
    }

    /// Strangers share a quota, and what one of them brings never costs a known device anything; else the known device with
    /// most bytes goes where all have too many.
    fn next_to_go(&self, caps: Caps, newcomer: Standing) -> Option<u64> {
        let stranger = self.strangers.first().map(|(_, device)| *device);
        if self.stranger_bytes > caps.strangers {
            return stranger;
        }
        if self.bytes <= caps.all {
            return None;
        }
        let largest = self.known.last().map(|(_, device)| *device);
        match newcomer {
            Standing::Known => largest.or(stranger),
            Standing::Stranger => stranger,
        }
    }

    /// Takes a record out.
    pub(crate) fn remove(&mut self, device: Eui64, digest: &[u8; 32]) {
        let device = device.to_u64();
        let place = self
            .devices
            .get(&device)
            .and_then(|queue| queue.place_of(digest));
        if let Some(place) = place {
            self.take(device, place);
        }
    }

    pub(crate) fn set_verdict(
        &mut self,
        device: Eui64,
        digest: &[u8; 32],
        verdict: (Disposition, Reason),
        told: bool,
    ) {
        if let Some(parked) = self.find(device.to_u64(), digest) {
            let verdict = std::mem::replace(&mut parked.verdict, verdict);
            let told = std::mem::replace(&mut parked.told, told);
            self.undo
                .push(Undo::Verdict(device.to_u64(), *digest, verdict, told));
        }
    }

    /// The batch was committed.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
        self.evicted = 0;
    }

    /// The batch was not committed, or it is not known whether it was.
    pub(crate) fn take_back(&mut self) {
        self.evicted = 0;
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Added(device, digest) => {
                    let place = self
                        .devices
                        .get(&device)
                        .and_then(|queue| queue.place_of(&digest));
                    if let Some(place) = place {
                        self.detach(device, place);
                    }
                }
                Undo::Removed(device, parked, standing) => self.insert(device, parked, standing),
                Undo::Verdict(device, digest, verdict, told) => {
                    if let Some(parked) = self.find(device, &digest) {
                        parked.verdict = verdict;
                        parked.told = told;
                    }
                }
            }
        }
    }

    /// Puts back what the changelog holds. The inventory comes later, and until then nobody is known.
    pub(crate) fn restore(&mut self, device: Eui64, parked: Parked) {
        self.forget(device, start_of(&parked.digest));
        self.arrivals = self.arrivals.max(parked.arrival);
        self.insert(device.to_u64(), parked, Standing::Stranger);
    }

    /// Takes out what the changelog has dropped; its key holds the first octets of the digest.
    pub(crate) fn forget(&mut self, device: Eui64, start: [u8; DIGEST_START]) {
        let device = device.to_u64();
        let place = self.devices.get(&device).and_then(|queue| {
            let parked = &queue.parked;
            parked
                .iter()
                .position(|parked| start_of(&parked.digest) == start)
        });
        if let Some(place) = place {
            self.detach(device, place);
        }
    }

    /// False signatures go first, then the oldest.
    fn evict(&mut self, device: u64) -> Option<(Eui64, Parked)> {
        let queue = self.devices.get(&device)?;
        let place = queue
            .parked
            .iter()
            .position(Parked::has_false_signature)
            .unwrap_or(0);
        self.take(device, place)
            .map(|parked| (Eui64::from_u64(device), parked))
    }

    fn take(&mut self, device: u64, place: usize) -> Option<Parked> {
        let standing = self.devices.get(&device)?.standing;
        let parked = self.detach(device, place)?;
        let undo = Undo::Removed(device, parked.clone(), standing);
        self.undo.push(undo);
        Some(parked)
    }

    fn find(&mut self, device: u64, digest: &[u8; 32]) -> Option<&mut Parked> {
        self.devices
            .get_mut(&device)?
            .parked
            .iter_mut()
            .find(|parked| parked.digest == *digest)
    }

    /// `standing` is that of a device without parked records.
    fn insert(&mut self, device: u64, parked: Parked, standing: Standing) {
        self.unlist(device);
        self.stored.add(device, start_of(&parked.digest));
        let queue = self.devices.entry(device).or_insert_with(|| Queue {
            parked: VecDeque::new(),
            bytes: 0,
            standing,
        });
        queue.bytes += parked.bytes();
        let place = queue
            .parked
            .partition_point(|earlier| earlier.place() <= parked.place());
        queue.parked.insert(place, parked);
        self.list(device);
    }

    fn detach(&mut self, device: u64, place: usize) -> Option<Parked> {
        self.unlist(device);
        let queue = self.devices.get_mut(&device)?;
        let parked = queue.parked.remove(place);
        if let Some(parked) = &parked {
            queue.bytes -= parked.bytes();
            self.stored.remove(device, start_of(&parked.digest));
        }
        if queue.parked.is_empty() {
            self.devices.remove(&device);
        } else {
            self.list(device);
        }
        parked
    }

    /// Counts a device where its standing has it.
    fn list(&mut self, device: u64) {
        let Some(Queue {
            bytes, standing, ..
        }) = self.devices.get(&device)
        else {
            return;
        };
        self.bytes += bytes;
        match standing {
            Standing::Known => {
                self.known.insert((*bytes, device));
            }
            Standing::Stranger => {
                self.stranger_bytes += bytes;
                self.strangers.insert((lot(self.seed, device), device));
            }
        }
    }

    /// Undoes [`Self::list`], before the device changes.
    fn unlist(&mut self, device: u64) {
        let Some(Queue {
            bytes, standing, ..
        }) = self.devices.get(&device)
        else {
            return;
        };
        self.bytes -= bytes;
        match standing {
            Standing::Known => {
                self.known.remove(&(*bytes, device));
            }
            Standing::Stranger => {
                self.stranger_bytes -= bytes;
                self.strangers.remove(&(lot(self.seed, device), device));
            }
        }
    }
}

impl Queue {
    fn place_of(&self, digest: &[u8; 32]) -> Option<usize> {
        self.parked
            .iter()
            .position(|parked| parked.digest == *digest)
    }
}

/// What a record's key in the changelog has of its digest.
fn start_of(digest: &[u8; 32]) -> [u8; DIGEST_START] {
    digest.first_chunk().copied().unwrap_or_default()
}

/// Where a stranger stands in the order in which they go.
fn lot(seed: u64, device: u64) -> u64 {
    let mut octets = [0; 16];
    let (start, end) = octets.split_at_mut(8);
    start.copy_from_slice(&seed.to_be_bytes());
    end.copy_from_slice(&device.to_be_bytes());
    let digest = slotkeeper_crypto::sha256(&octets);
    u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests;
