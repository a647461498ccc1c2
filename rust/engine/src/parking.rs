//! Records kept until more is known: bounded in number for a device and in bytes for the partition.
//!
//! What is parked here is also in the changelog, a key each, so that a raised number does not rewrite it. A batch
//! changes this at once and can take its changes back, since only one batch is open at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use slotkeeper_gbcs::Eui64;

use crate::decision::{Disposition, Reason};
use crate::stream::{Input, Stream, Value};

/// `docs/rules.md`, Parking.
const MESSAGES_A_DEVICE: usize = 8;
/// What a parked record costs besides its octets: its entry, its places in the two indices and the allocator's own.
const OVERHEAD: usize = 160;

/// A record waiting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Parked {
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

    /// Their order within a device: of one stream, that in which they came; it is the same after a restore.
    fn place(&self) -> (Stream, u64) {
        (self.stream, self.offset)
    }
}

enum Undo {
    Added(u64, [u8; 32]),
    Removed(u64, Parked),
    Verdict(u64, [u8; 32], (Disposition, Reason)),
}

/// All parked records of a partition.
#[derive(Default)]
pub(crate) struct Parking {
    /// In the order of their EUI-64, in which a snapshot goes through them.
    devices: BTreeMap<u64, VecDeque<Parked>>,
    /// Devices by the bytes they occupy, so that the largest is found at once.
    by_bytes: BTreeSet<(usize, u64)>,
    bytes: usize,
    undo: Vec<Undo>,
}

impl Parking {
    pub(crate) fn contains(&self, device: Eui64, digest: &[u8; 32]) -> bool {
        self.of(device).any(|parked| parked.digest == *digest)
    }

    pub(crate) fn of(&self, device: Eui64) -> impl Iterator<Item = &Parked> {
        self.devices.get(&device.to_u64()).into_iter().flatten()
    }

    /// Devices with parked records, from an EUI-64 on and in their order.
    pub(crate) fn devices_from(&self, least: u64) -> impl Iterator<Item = Eui64> {
        let devices = self.devices.range(least..);
        devices.map(|(device, _)| Eui64::from_u64(*device))
    }

    pub(crate) fn len(&self) -> usize {
        self.devices.values().map(VecDeque::len).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Parks a record, and returns what had to go for it.
    pub(crate) fn add(
        &mut self,
        device: Eui64,
        parked: Parked,
        cap: usize,
    ) -> Vec<(Eui64, Parked)> {
        self.undo.push(Undo::Added(device.to_u64(), parked.digest));
        self.insert(device.to_u64(), parked);
        let mut evicted = Vec::new();
        if self
            .devices
            .get(&device.to_u64())
            .is_some_and(|queue| queue.len() > MESSAGES_A_DEVICE)
        {
            evicted.extend(self.evict(device.to_u64()));
        }
        while self.bytes > cap {
            let Some((_, largest)) = self.by_bytes.last().copied() else {
                break;
            };
            evicted.extend(self.evict(largest));
        }
        evicted
    }

    /// Takes a record out.
    pub(crate) fn remove(&mut self, device: Eui64, digest: &[u8; 32]) {
        let device = device.to_u64();
        let place = self
            .devices
            .get(&device)
            .and_then(|queue| queue.iter().position(|parked| parked.digest == *digest));
        if let Some(place) = place {
            self.take(device, place);
        }
    }

    pub(crate) fn set_verdict(
        &mut self,
        device: Eui64,
        digest: &[u8; 32],
        verdict: (Disposition, Reason),
    ) {
        if let Some(parked) = self.find(device.to_u64(), digest) {
            let before = std::mem::replace(&mut parked.verdict, verdict);
            self.undo
                .push(Undo::Verdict(device.to_u64(), *digest, before));
        }
    }

    /// The batch was committed.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// The batch was not committed, or it is not known whether it was.
    pub(crate) fn take_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Added(device, digest) => {
                    let place = self
                        .devices
                        .get(&device)
                        .and_then(|queue| queue.iter().position(|parked| parked.digest == digest));
                    if let Some(place) = place {
                        self.detach(device, place);
                    }
                }
                Undo::Removed(device, parked) => self.insert(device, parked),
                Undo::Verdict(device, digest, before) => {
                    if let Some(parked) = self.find(device, &digest) {
                        parked.verdict = before;
                    }
                }
            }
        }
    }

    /// Puts back what the changelog holds.
    pub(crate) fn restore(&mut self, device: Eui64, parked: Parked) {
        self.forget(device, &parked.digest[..8]);
        self.insert(device.to_u64(), parked);
    }

    /// Takes out what the changelog has dropped; its key holds the first octets of the digest.
    pub(crate) fn forget(&mut self, device: Eui64, digest_start: &[u8]) {
        let device = device.to_u64();
        let place = self.devices.get(&device).and_then(|queue| {
            queue
                .iter()
                .position(|parked| parked.digest.starts_with(digest_start))
        });
        if let Some(place) = place {
            self.detach(device, place);
        }
    }

    /// False signatures go first, then the oldest.
    fn evict(&mut self, device: u64) -> Option<(Eui64, Parked)> {
        let queue = self.devices.get(&device)?;
        let place = queue
            .iter()
            .position(Parked::has_false_signature)
            .unwrap_or(0);
        self.take(device, place)
            .map(|parked| (Eui64::from_u64(device), parked))
    }

    fn take(&mut self, device: u64, place: usize) -> Option<Parked> {
        let parked = self.detach(device, place)?;
        self.undo.push(Undo::Removed(device, parked.clone()));
        Some(parked)
    }

    fn find(&mut self, device: u64, digest: &[u8; 32]) -> Option<&mut Parked> {
        self.devices
            .get_mut(&device)?
            .iter_mut()
            .find(|parked| parked.digest == *digest)
    }

    fn insert(&mut self, device: u64, parked: Parked) {
        let size = parked.bytes();
        let queue = self.devices.entry(device).or_default();
        let before: usize = queue.iter().map(Parked::bytes).sum();
        let place = queue.partition_point(|earlier| earlier.place() <= parked.place());
        queue.insert(place, parked);
        self.by_bytes.remove(&(before, device));
        self.by_bytes.insert((before + size, device));
        self.bytes += size;
    }

    fn detach(&mut self, device: u64, place: usize) -> Option<Parked> {
        let queue = self.devices.get_mut(&device)?;
        let before: usize = queue.iter().map(Parked::bytes).sum();
        let parked = queue.remove(place)?;
        let size = parked.bytes();
        self.by_bytes.remove(&(before, device));
        if queue.is_empty() {
            self.devices.remove(&device);
        } else {
            self.by_bytes.insert((before - size, device));
        }
        self.bytes -= size;
        Some(parked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parked(number: u8, size: usize, reason: Reason) -> Parked {
        Parked {
            stream: Stream::UpdateOutcomes,
            offset: u64::from(number),
            bare: false,
            value: vec![number; size].into(),
            digest: [number; 32],
            verdict: (Disposition::Parked, reason),
            numbers: [Some(u64::from(number)), None],
        }
    }

    const A: Eui64 = Eui64::from_u64(1);
    const B: Eui64 = Eui64::from_u64(2);

    #[test]
    fn the_ninth_message_of_a_device_evicts_a_false_signature_first() {
        let mut parking = Parking::default();
        for number in 0..8 {
            let reason = if number == 5 {
                Reason::BadSignature
            } else {
                Reason::UnknownDevice
            };
            assert!(
                parking
                    .add(A, parked(number, 10, reason), usize::MAX)
                    .is_empty()
            );
        }
        let evicted = parking.add(A, parked(8, 10, Reason::UnknownDevice), usize::MAX);
        assert_eq!(
            evicted.iter().map(|(_, p)| p.offset).collect::<Vec<_>>(),
            [5]
        );
        let evicted = parking.add(A, parked(9, 10, Reason::UnknownDevice), usize::MAX);
        assert_eq!(
            evicted.iter().map(|(_, p)| p.offset).collect::<Vec<_>>(),
            [0]
        );
    }

    #[test]
    fn over_the_byte_cap_the_device_with_most_bytes_pays() {
        let mut parking = Parking::default();
        let cap = 3 * (100 + OVERHEAD);
        for number in 0..3 {
            assert!(
                parking
                    .add(A, parked(number, 100, Reason::UnknownDevice), cap)
                    .is_empty()
            );
        }
        let evicted = parking.add(B, parked(7, 100, Reason::UnknownDevice), cap);
        assert_eq!(evicted.len(), 1);
        assert_eq!((evicted[0].0, evicted[0].1.offset), (A, 0));
        assert!(parking.bytes() <= cap);
    }

    #[test]
    fn the_order_is_that_of_the_streams_however_they_come() {
        let mut parking = Parking::default();
        for number in [4, 1, 3, 2] {
            parking.restore(A, parked(number, 10, Reason::UnknownDevice));
        }
        assert!(parking.of(A).map(|p| p.offset).eq(1..5));
    }

    #[test]
    fn a_batch_can_be_taken_back() {
        let mut parking = Parking::default();
        for number in 0..8 {
            parking.add(A, parked(number, 10, Reason::UnknownDevice), usize::MAX);
        }
        parking.keep();
        let before: Vec<_> = parking.of(A).cloned().collect();
        let bytes = parking.bytes();
        parking.add(A, parked(8, 10, Reason::BadSignature), usize::MAX);
        parking.remove(A, &[3; 32]);
        parking.set_verdict(A, &[4; 32], (Disposition::Rejected, Reason::BadSignature));
        parking.add(B, parked(9, 10, Reason::UnknownDevice), usize::MAX);
        parking.take_back();
        assert_eq!(parking.of(A).cloned().collect::<Vec<_>>(), before);
        assert_eq!((parking.bytes(), parking.of(B).count()), (bytes, 0));
    }
}
