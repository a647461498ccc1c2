//! What is written of a record over which an engine failed. It needs no engine: the one that failed serves no more.

use crate::audit::write_origin;
use crate::decision::{Disposition, Reason};
use crate::json::member;
use crate::outbox::{Outbox, dead_letter_headers};
use crate::stream::{Input, OutputRecord, Stream, device_of_key};
use crate::time::rfc3339_millis;

/// The record's dead letter and, unless it is of the inventory, its one decision, `DEAD_LETTER` `ENGINE_FAULT`.
///
/// `detail` says what is known of the defect; `now_ms` is milliseconds since 1970 UTC.
pub fn quarantine(
    input: &Input<'_>,
    partition: u32,
    now_ms: u64,
    detail: &str,
) -> Vec<OutputRecord> {
    let mut outbox = Outbox::new(partition, 2, detail.len() + 512);
    outbox.push(
        Stream::DeadLetters,
        partition,
        input.key.map(<[u8]>::to_vec),
        input.value.bytes().map(<[u8]>::to_vec),
        dead_letter_headers(input, partition, Reason::EngineFault, detail),
    );
    if input.stream != Stream::Inventory {
        let device = input.key.and_then(device_of_key);
        outbox.write(Stream::Audit, device, |object| {
            object.plain(member!("kind"), b"decision");
            write_origin(object, input.stream, partition, input.offset);
            object.plain(
                member!("disposition"),
                Disposition::DeadLetter.name().as_bytes(),
            );
            object.plain(member!("reason"), Reason::EngineFault.name().as_bytes());
            object.text(member!("detail"), detail);
            object.plain(member!("decided_at"), &rfc3339_millis(now_ms));
        });
    }
    outbox.into_records()
}
