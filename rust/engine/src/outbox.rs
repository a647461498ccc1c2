//! The records of one batch: those that every event gets stand in one buffer, so that a batch of them costs one
//! allocation.

use std::ops::Range;

use bytes::Bytes;
use slotkeeper_crypto::Sha256Begun;
use slotkeeper_gbcs::Eui64;

use crate::chain::{AuditHead, LONGEST_LINK, follow, unclosed};
use crate::json::{Object, hex_of};
use crate::stream::{OutputRecord, Stream};
use crate::workers;

/// Names and values.
pub(crate) type Headers = Vec<(&'static str, Vec<u8>)>;

/// Collects records until the batch is decided.
pub(crate) struct Outbox {
    partition: u32,
    buffer: Vec<u8>,
    drafts: Vec<Draft>,
    audits: usize,
    proofs: Vec<Proof>,
}

/// A record that names the audit record of its decision, whose digest is known once that is linked.
struct Proof {
    /// Which of the audit records, from 0.
    audit: usize,
    /// Where the digest is to stand in the buffer.
    at: usize,
}

/// A record whose octets may still stand in the buffer.
struct Draft {
    stream: Stream,
    partition: u32,
    key: Octets,
    value: Octets,
    headers: Headers,
}

impl Draft {
    /// Where an audit record's value stands.
    fn audit(&mut self) -> Option<&mut Range<usize>> {
        match &mut self.value {
            Octets::Written(value) if self.stream == Stream::Audit => Some(value),
            _ => None,
        }
    }
}

enum Octets {
    None,
    Owned(Vec<u8>),
    Written(Range<usize>),
}

impl Outbox {
    pub(crate) fn new(partition: u32, events: usize, octets_an_event: usize) -> Self {
        Self {
            partition,
            buffer: Vec::with_capacity(events * octets_an_event),
            drafts: Vec::with_capacity(events),
            audits: 0,
            proofs: Vec::new(),
        }
    }

    pub(crate) fn partition(&self) -> u32 {
        self.partition
    }

    /// Writes a JSON record under the device's key.
    pub(crate) fn write(
        &mut self,
        stream: Stream,
        device: Option<Eui64>,
        write: impl FnOnce(&mut Object),
    ) {
        let key = match device {
            Some(device) => {
                let start = self.buffer.len();
                self.buffer.extend_from_slice(&device.canonical());
                Octets::Written(start..self.buffer.len())
            }
            None => Octets::None,
        };
        let start = self.buffer.len();
        let mut object = Object::onto(std::mem::take(&mut self.buffer));
        write(&mut object);
        self.buffer = object.finish();
        let value = Octets::Written(start..self.buffer.len());
        if stream == Stream::Audit {
            self.audits += 1;
            self.buffer.resize(self.buffer.len() + LONGEST_LINK, 0);
        }
        self.drafts.push(Draft {
            stream,
            partition: self.partition,
            key,
            value,
            headers: Headers::new(),
        });
    }

    /// Writes a record about the last audit record; `write` says where the room for its digest is.
    pub(crate) fn write_proof(
        &mut self,
        stream: Stream,
        device: Eui64,
        write: impl FnOnce(&mut Object) -> usize,
    ) {
        let mut at = 0;
        self.write(stream, Some(device), |object| at = write(object));
        let audit = self.audits.saturating_sub(1);
        self.proofs.push(Proof { audit, at });
    }

    /// Takes a record whose octets are made already.
    pub(crate) fn push(
        &mut self,
        stream: Stream,
        partition: u32,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: Headers,
    ) {
        let octets = |octets: Option<Vec<u8>>| octets.map_or(Octets::None, Octets::Owned);
        self.drafts.push(Draft {
            stream,
            partition,
            key: octets(key),
            value: octets(value),
            headers,
        });
    }

    /// Writes the chain into the audit records, behind `head`; gives the head after them.
    pub(crate) fn link(&mut self, head: Option<AuditHead>, threads: usize) -> Option<AuditHead> {
        let audit: Vec<_> = self.drafts.iter_mut().filter_map(Draft::audit).collect();
        let buffer = &self.buffer;
        let begun = workers::for_each(threads, &audit, |value| {
            let record = buffer.get(value.start..value.end).unwrap_or_default();
            Sha256Begun::with(unclosed(record))
        });
        let mut last = head;
        let mut proofs = self.proofs.iter().peekable();
        for (place, (value, begun)) in audit.into_iter().zip(begun).enumerate() {
            let (link, head) = follow(begun, last);
            while let Some(proof) = proofs.next_if(|proof| proof.audit == place) {
                let digest = hex_of(&head.digest);
                let digits = digest.as_flattened();
                if let Some(room) = self.buffer.get_mut(proof.at..proof.at + digits.len()) {
                    room.copy_from_slice(digits);
                }
            }
            // Over the closing bracket, and into the room behind it.
            let link = link.octets();
            let start = value.end - 1;
            value.end = start + link.len();
            if let Some(room) = self.buffer.get_mut(start..value.end) {
                room.copy_from_slice(link);
            }
            last = Some(head);
        }
        last
    }

    /// The records, in the order in which they came.
    pub(crate) fn into_records(self) -> Vec<OutputRecord> {
        let buffer = Bytes::from(self.buffer);
        let finish = |octets| match octets {
            Octets::None => None,
            Octets::Owned(octets) => Some(Bytes::from(octets)),
            Octets::Written(range) => Some(buffer.slice(range)),
        };
        self.drafts
            .into_iter()
            .map(|draft| OutputRecord {
                stream: draft.stream,
                partition: draft.partition,
                key: finish(draft.key),
                value: finish(draft.value),
                headers: draft.headers,
            })
            .collect()
    }
}

/// The octets of a record's key, its value, and its headers' names and values.
pub(crate) fn octets_of(key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) -> usize {
    let headers = headers.iter().map(|(name, value)| name.len() + value.len());
    [key, value]
        .into_iter()
        .flatten()
        .map(<[u8]>::len)
        .sum::<usize>()
        + headers.sum::<usize>()
}
