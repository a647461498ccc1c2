//! The streams by name, and the records that enter and leave the engine.

use bytes::Bytes;
use slotkeeper_gbcs::Eui64;

use crate::outbox::octets_of;

/// A stream of `docs/streams.md`; the name is the same on every kind of transport.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Stream {
    /// Outcomes of SRV 6.15.1: Responses, and Alerts of future-dated commands.
    UpdateOutcomes = 0,
    /// Signed pre-commands of SRV 6.15.1 on their way down.
    UpdateRequests = 1,
    /// Outcomes of SRV 6.21.
    HandoverOutcomes = 2,
    /// Requests of SRV 6.21 at dispatch.
    HandoverRequests = 3,
    /// Raises, back-fill and imports.
    Adjustments = 4,
    /// The Smart Metering Inventory, a table with one record a device.
    Inventory = 5,
    /// Signed and MACed CS02b commands.
    Commands = 6,
    /// Answers to requests for which no command was made.
    Refusals = 7,
    /// The compacted changelog of the Originator Counter table.
    Changelog = 8,
    /// One decision for each record of the event streams.
    Audit = 9,
    /// Inputs that cannot be read, and conflicting messages kept for a person.
    DeadLetters = 10,
    /// Answers of SRV 6.24.1: what devices report to stand in their cells.
    ReadBacks = 11,
    /// Alerts of the DCC about a device's certificates.
    DccAlerts = 12,
    /// What stood in the slots of a fleet when it was taken over.
    Baselines = 13,
    /// The message behind each change of a Network Operator slot's cells.
    SlotEvidence = 14,
    /// The register of gas network parties.
    Parties = 15,
    /// The register of organisations' certificates.
    Certificates = 16,
}

impl Stream {
    /// Every stream the engine reads.
    pub const INPUTS: [Self; 9] = [
        Self::UpdateOutcomes,
        Self::UpdateRequests,
        Self::HandoverOutcomes,
        Self::HandoverRequests,
        Self::Adjustments,
        Self::Inventory,
        Self::ReadBacks,
        Self::DccAlerts,
        Self::Baselines,
    ];

    /// The name on the transport.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpdateOutcomes => "srv-6.15.1-responses",
            Self::UpdateRequests => "srv-6.15.1-requests",
            Self::HandoverOutcomes => "srv-6.21-responses",
            Self::HandoverRequests => "srv-6.21-requests",
            Self::Adjustments => "counter-adjustments",
            Self::Inventory => "smart-metering-inventory",
            Self::Commands => "cs02b-commands",
            Self::Refusals => "handover-refusals",
            Self::Changelog => "originator-counters",
            Self::Audit => "audit-trail",
            Self::DeadLetters => "dead-letters",
            Self::ReadBacks => "srv-6.24.1-responses",
            Self::DccAlerts => "dcc-alerts",
            Self::Baselines => "slot-baselines",
            Self::SlotEvidence => "slot-evidence",
            Self::Parties => "gas-network-parties",
            Self::Certificates => "smki-organisation-certificates",
        }
    }

    /// The input stream of that name, if there is one.
    pub fn input(name: &str) -> Option<Self> {
        Self::INPUTS
            .into_iter()
            .find(|stream| stream.name() == name)
    }

    /// The register of that name, if it is one that decisions look at.
    pub fn register(name: &str) -> Option<Self> {
        [Self::Parties, Self::Certificates]
            .into_iter()
            .find(|stream| stream.name() == name)
    }

    /// The input stream with that number, as stored in the changelog.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::INPUTS
            .into_iter()
            .find(|stream| *stream as u8 == number)
    }
}

/// The partition an engine serves, out of how many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Partition {
    /// From 0.
    pub index: u32,
    /// At least 1, and the same for all streams.
    pub count: u32,
}

/// A record of the engine's own partition.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Where it stood.
    pub stream: Stream,
    /// Its offset there.
    pub offset: u64,
    /// The record's key, which should be the device's EUI-64.
    pub key: Option<&'a [u8]>,
    /// What it says.
    pub value: Value<'a>,
}

/// The value of an input record.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A tombstone.
    Absent,
    /// A GBCS message by itself: the form of a host that has already taken it out of its envelope.
    Gbcs(&'a [u8]),
    /// JSON or DUIS, as on the streams.
    Record(&'a [u8]),
}

/// Octets of a key. An EUI-64 has 23 at most; the rest is room to see what a wrong key was meant to be.
pub(crate) const LONGEST_KEY: usize = 1_024;

impl<'a> Value<'a> {
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Absent => None,
            Self::Gbcs(bytes) | Self::Record(bytes) => Some(bytes),
        }
    }

    /// How many octets it has on a stream, where a message by itself stands in a JSON record.
    pub(crate) fn octets_on_stream(self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Gbcs(message) => message.len().div_ceil(3) * 4 + br#"{"gbcs_payload":""}"#.len(),
            Self::Record(value) => value.len(),
        }
    }
}

/// A finished record, to be written as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutputRecord {
    /// Where it goes.
    pub stream: Stream,
    /// The partition there: the engine's own, but for a rerouted input.
    pub partition: u32,
    /// The key; the input's own for a dead letter.
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Names and values.
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

impl OutputRecord {
    /// Octets of its key, its value, and its headers' names and values: what `[limits] dead_letter_bytes` bounds.
    pub fn octets(&self) -> usize {
        octets_of(self.key.as_deref(), self.value.as_deref(), &self.headers)
    }
}

/// The device that a record's key names, in any of the forms an EUI-64 is written in.
pub fn device_of_key(key: &[u8]) -> Option<Eui64> {
    Eui64::parse(key)
}

/// The partition of a device: murmur2 of its canonical key, as Kafka's own default partitioner has it.
pub fn partition_of(device: Eui64, count: u32) -> u32 {
    partition_of_key(&device.canonical(), count)
}

/// The partition of any key. Kafka clears the sign bit before it takes the remainder.
pub fn partition_of_key(key: &[u8], count: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % count.max(1)
}

/// MurmurHash2 with the seed of Kafka's `Utils.murmur2`.
fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    // Kafka hashes lengths of an i32; keys here are a few octets.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a key is far shorter than 4 GiB"
    )]
    let mut hash = SEED ^ key.len() as u32;
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (place, octet) in rest.iter().enumerate() {
            hash ^= u32::from(*octet) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_is_kafkas() {
        for (key, expected) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), expected.cast_unsigned(), "{key}");
        }
    }

    #[test]
    fn n26_every_form_of_an_eui_is_one_device() {
        let forms: [&[u8]; 4] = [
            b"00-DB-12-34-56-78-90-A3",
            b"00-db-12-34-56-78-90-a3",
            b"00DB1234567890A3",
            b"00db1234567890a3",
        ];
        let devices: Vec<_> = forms.iter().map(|form| device_of_key(form)).collect();
        assert!(
            devices
                .iter()
                .all(|device| device.is_some() && *device == devices[0])
        );
    }

    #[test]
    fn streams_are_found_by_name() {
        for stream in Stream::INPUTS {
            assert_eq!(Stream::input(stream.name()), Some(stream));
            assert_eq!(Stream::from_number(stream as u8), Some(stream));
        }
        assert_eq!(Stream::input("cs02b-commands"), None);
    }
}
