//! Finished records as the record batches that a Kafka broker appends.
//!
//! A client that takes records one by one spends more on handing them over than an engine spends on making them. A
//! [`Pack`] is a run of records of one partition; the client only says, when it sends it, by whom and with which
//! sequence number.

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, Record, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType,
};

/// Of Kafka's record batches since 0.11; the only one that transactions know.
const FORMAT: i8 = 2;

/// Octets of a batch's header.
const BATCH_HEADER: usize = 61;

/// At most so many octets are lengths, attributes and deltas of a record, and as many of each of its headers.
const FRAME: usize = 32;

/// A record on its way out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// None where the record has none.
    pub key: Option<Bytes>,
    /// None is a tombstone.
    pub value: Option<Bytes>,
    /// Names, each at most once, and values.
    pub headers: Vec<(&'static str, Bytes)>,
}

impl Entry {
    /// Octets in a batch, at most.
    pub fn octets(&self) -> usize {
        let octets = |octets: &Option<Bytes>| octets.as_ref().map_or(0, Bytes::len);
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| FRAME + name.len() + value.len())
            .sum();
        FRAME + octets(&self.key) + octets(&self.value) + headers
    }
}

/// Who sends a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Producer {
    /// As the broker gave it.
    pub id: i64,
    /// As the broker gave it; a later owner's is higher.
    pub epoch: i16,
    /// Of the batch's first record; wraps round after 2^31-1.
    pub base_sequence: i32,
}

/// A batch is too large for Kafka's format, 2^31-1 octets.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("records do not fit into a batch: {0}")]
pub struct TooLarge(String);

/// Records of one partition that go into one batch, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pack {
    entries: Vec<Entry>,
    octets: usize,
}

impl Pack {
    /// Splits records into packs of at most so many octets each; a larger record stands alone.
    pub fn split(entries: impl IntoIterator<Item = Entry>, octets: usize) -> Vec<Self> {
        let mut packs: Vec<Self> = Vec::new();
        for entry in entries {
            let size = entry.octets();
            match packs.last_mut() {
                Some(pack) if BATCH_HEADER + pack.octets + size <= octets => {
                    pack.octets += size;
                    pack.entries.push(entry);
                }
                _ => packs.push(Self {
                    entries: vec![entry],
                    octets: size,
                }),
            }
        }
        packs
    }

    /// How many records; a sequence number rises by as many.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The batch, uncompressed, with its CRC-32C, as part of the producer's open transaction.
    ///
    /// `timestamp_ms` is every record's, milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn encode(&self, producer: Producer, timestamp_ms: i64) -> Result<Bytes, TooLarge> {
        let records: Vec<Record> = (0_i32..)
            .zip(&self.entries)
            .map(|(place, entry)| Record {
                transactional: true,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
                producer_id: producer.id,
                producer_epoch: producer.epoch,
                timestamp_type: TimestampType::Creation,
                offset: i64::from(place),
                sequence: producer.base_sequence.wrapping_add(place),
                timestamp: timestamp_ms,
                key: entry.key.clone(),
                value: entry.value.clone(),
                headers: headers(entry),
            })
            .collect();
        let mut batch = BytesMut::with_capacity(BATCH_HEADER + self.octets);
        let options = RecordEncodeOptions {
            version: FORMAT,
            compression: Compression::None,
        };
        RecordBatchEncoder::encode(&mut batch, &records, &options)
            .map_err(|error| TooLarge(error.to_string()))?;
        Ok(batch.freeze())
    }
}

fn headers(entry: &Entry) -> IndexMap<StrBytes, Option<Bytes>> {
    entry
        .headers
        .iter()
        .map(|(name, value)| (StrBytes::from_static_str(name), Some(value.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::records::RecordBatchDecoder;

    use super::*;

    const PRODUCER: Producer = Producer {
        id: 7,
        epoch: 3,
        base_sequence: i32::MAX - 1,
    };

    fn entry(number: u8) -> Entry {
        Entry {
            key: Some(Bytes::from(vec![number; 23])),
            value: (!number.is_multiple_of(3)).then(|| Bytes::from(vec![number; 100])),
            headers: vec![("fault", Bytes::from_static(b"NOT_JSON"))],
        }
    }

    #[test]
    fn what_is_encoded_is_read_again_in_order() {
        let entries: Vec<_> = (0..5).map(entry).collect();
        let packs = Pack::split(entries.clone(), usize::MAX);
        let mut batch = packs[0].encode(PRODUCER, 1_767_225_600_000).unwrap();
        let read = RecordBatchDecoder::decode(&mut batch).unwrap().records;
        assert!(batch.is_empty(), "one batch and nothing after it");
        assert_eq!(read.len(), entries.len());
        for (place, (record, entry)) in (0..).zip(read.iter().zip(&entries)) {
            assert_eq!((&record.key, &record.value), (&entry.key, &entry.value));
            assert_eq!(record.offset, place);
            assert_eq!(record.timestamp, 1_767_225_600_000);
            assert_eq!((record.producer_id, record.producer_epoch), (7, 3));
            assert!(record.transactional && !record.control);
            assert_eq!(
                record.headers.get(&StrBytes::from_static_str("fault")),
                Some(&Some(Bytes::from_static(b"NOT_JSON")))
            );
        }
    }

    #[test]
    fn the_sequence_number_wraps_within_one_batch() {
        let packs = Pack::split((0..5).map(entry), usize::MAX);
        let mut batch = packs[0].encode(PRODUCER, 0).unwrap();
        let described = RecordBatchDecoder::decode_batch_info(&mut batch).unwrap();
        assert_eq!(described.len(), 1, "a batch for each run would be refused");
        assert_eq!(described[0].base_sequence, i32::MAX - 1);
        assert_eq!(described[0].record_count, 5);
    }

    #[test]
    fn no_pack_grows_beyond_its_octets_and_none_loses_a_record() {
        for limit in [1, 200, 300, 1_000, 10_000] {
            let packs = Pack::split((0..50).map(entry), limit);
            assert_eq!(packs.iter().map(Pack::len).sum::<usize>(), 50);
            for pack in &packs {
                let size = pack.encode(PRODUCER, i64::MAX).unwrap().len();
                assert!(size <= limit || pack.len() == 1, "{size} over {limit}");
            }
        }
        assert!(Pack::split([], 100).is_empty());
    }
}
