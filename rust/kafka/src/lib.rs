//! Finished records as the record batches that a Kafka broker appends.
//!
//! A client that takes records one by one spends more on handing them over than an engine spends on making them. A
//! [`Pack`] is a run of records of one partition; the client only says, when it sends it, by whom and with which
//! sequence number.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
    NO_TIMESTAMP, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

/// Of Kafka's record batches since 0.11; the only one that transactions know.
const FORMAT: i8 = 2;

/// Octets of a batch's header.
const BATCH_HEADER: usize = 61;

/// At most so many octets are lengths, attributes and deltas of a record, and as many of each of its headers.
const FRAME: usize = 32;

/// A record on its way out.
#[derive(Debug)]
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
    fn octets(&self) -> usize {
        let octets = |octets: &Option<Bytes>| octets.as_ref().map_or(0, Bytes::len);
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| FRAME + name.len() + value.len())
            .sum();
        FRAME + octets(&self.key) + octets(&self.value) + headers
    }

    fn into_record(self) -> Record {
        let headers = self.headers.into_iter();
        Record {
            transactional: true,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: 0,
            sequence: NO_SEQUENCE,
            timestamp: NO_TIMESTAMP,
            key: self.key,
            value: self.value,
            headers: headers
                .map(|(name, value)| (StrBytes::from_static_str(name), Some(value)))
                .collect(),
        }
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
#[derive(Debug)]
pub struct Pack {
    // The library's own records, so that nothing is copied when the batch is encoded.
    records: Vec<Record>,
    octets: usize,
}

impl Pack {
    /// Splits records into packs of at most so many octets each; a larger record is a pack of its own.
    pub fn split(entries: impl IntoIterator<Item = Entry>, octets: usize) -> Vec<Self> {
        let mut packs: Vec<Self> = Vec::new();
        for entry in entries {
            let size = entry.octets();
            match packs.last_mut() {
                Some(pack) if BATCH_HEADER + pack.octets + size <= octets => {
                    pack.octets += size;
                    pack.records.push(entry.into_record());
                }
                _ => packs.push(Self {
                    records: vec![entry.into_record()],
                    octets: size,
                }),
            }
        }
        packs
    }

    /// How many records; a sequence number rises by as many.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The batch, uncompressed, with its CRC-32C, as part of the producer's open transaction.
    ///
    /// `timestamp_ms` is every record's, milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn encode(&mut self, producer: Producer, timestamp_ms: i64) -> Result<Bytes, TooLarge> {
        for (place, record) in (0_i32..).zip(&mut self.records) {
            record.producer_id = producer.id;
            record.producer_epoch = producer.epoch;
            record.offset = i64::from(place);
            record.sequence = producer.base_sequence.wrapping_add(place);
            record.timestamp = timestamp_ms;
        }
        let mut batch = BytesMut::with_capacity(BATCH_HEADER + self.octets);
        let options = RecordEncodeOptions {
            version: FORMAT,
            compression: Compression::None,
        };
        RecordBatchEncoder::encode(&mut batch, &self.records, &options)
            .map_err(|error| TooLarge(error.to_string()))?;
        Ok(batch.freeze())
    }
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
        let mut packs = Pack::split((0..5).map(entry), usize::MAX);
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
        let mut packs = Pack::split((0..5).map(entry), usize::MAX);
        let mut batch = packs[0].encode(PRODUCER, 0).unwrap();
        let described = RecordBatchDecoder::decode_batch_info(&mut batch).unwrap();
        assert_eq!(described.len(), 1, "a batch for each run would be refused");
        assert_eq!(described[0].base_sequence, i32::MAX - 1);
        assert_eq!(described[0].record_count, 5);
    }

    #[test]
    fn no_pack_grows_beyond_its_octets_and_none_loses_a_record() {
        for limit in [1, 200, 300, 1_000, 10_000] {
            let mut packs = Pack::split((0..50).map(entry), limit);
            assert_eq!(packs.iter().map(Pack::len).sum::<usize>(), 50);
            for pack in &mut packs {
                let size = pack.encode(PRODUCER, i64::MAX).unwrap().len();
                assert!(size <= limit || pack.len() == 1, "{size} over {limit}");
            }
        }
        assert!(Pack::split([], 100).is_empty());
    }
}
