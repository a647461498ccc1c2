//! Records in batches, through an engine.

use slotkeeper_engine::{BatchContext, Disposition, Engine, Input, Reason, Staged, Stream, Value};
use slotkeeper_gbcs::Eui64;

/// What a worker fetches at a time, and what the goals are stated for.
pub(crate) const BATCH: usize = 1_024;

/// A record that waits for its batch.
pub(crate) struct Record {
    key: [u8; 23],
    value: Vec<u8>,
    stream: Stream,
    bare: bool,
}

impl Record {
    /// A message by itself.
    pub(crate) fn message(device: Eui64, value: Vec<u8>) -> Self {
        Self {
            key: device.canonical(),
            value,
            stream: Stream::UpdateOutcomes,
            bare: true,
        }
    }

    /// An outcome in JSON.
    pub(crate) fn json(device: Eui64, value: Vec<u8>) -> Self {
        Self {
            bare: false,
            ..Self::message(device, value)
        }
    }

    /// A request for a handover.
    pub(crate) fn request(device: Eui64, value: Vec<u8>) -> Self {
        Self {
            stream: Stream::HandoverRequests,
            ..Self::json(device, value)
        }
    }
}

/// What becomes of a batch at its end.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Discard,
    Fold,
}

/// Stages records as one batch.
pub(crate) fn stage(engine: &mut Engine, records: &[Record]) -> Staged {
    let inputs: Vec<Input<'_>> = records
        .iter()
        .zip(0..)
        .map(|(record, offset)| Input {
            stream: record.stream,
            offset,
            key: Some(&record.key),
            value: if record.bare {
                Value::Gbcs(&record.value)
            } else {
                Value::Record(&record.value)
            },
        })
        .collect();
    let context = BatchContext {
        now_ms: NOW_MS,
        ..BatchContext::default()
    };
    engine.stage(&inputs, &context).unwrap()
}

/// Ends a batch; its outputs are dropped, as a host does that has written them.
pub(crate) fn end(engine: &mut Engine, staged: Staged, end: End) {
    match end {
        End::Discard => engine.discard(staged.batch()).unwrap(),
        End::Fold => engine.fold(staged.batch()).unwrap(),
    }
    drop(staged);
}

/// A figure about other decisions than meant would be no figure.
pub(crate) fn expect_only(staged: &Staged, wanted: &[(Disposition, Reason)]) {
    for (disposition, reason, times) in staged.tally().iter() {
        assert!(
            wanted.contains(&(disposition, reason)),
            "{times} decisions were {} {}",
            disposition.name(),
            reason.name()
        );
    }
}

/// 2026-11-23T00:00:00Z, within the validity of all certificates.
const NOW_MS: u64 = 1_795_392_000_000;
