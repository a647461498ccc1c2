//! What is written of a record that no engine decides: one over which an engine failed, or one that nobody could hand
//! to it. So it needs none.

use crate::audit::write_origin;
use crate::decision::{Disposition, Reason};
use crate::json::member;
use crate::outbox::Outbox;
use crate::quoted::{LONGEST_DETAIL, beginning};
use crate::stream::{Input, OutputRecord, Stream, device_of_key};
use crate::time::rfc3339_millis;

/// Why a record is in quarantine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The engine failed over it.
    EngineFault,
    /// It cannot be read from its stream.
    Malformed,
    /// It, or what would be written of it, is more than the streams take.
    TooLarge,
}

impl Cause {
    /// The cause of that name, which is the name of its reason in the audit trail.
    pub fn named(name: &str) -> Option<Self> {
        [Self::EngineFault, Self::Malformed, Self::TooLarge]
            .into_iter()
            .find(|cause| cause.reason().name() == name)
    }

    const fn reason(self) -> Reason {
        match self {
            Self::EngineFault => Reason::EngineFault,
            Self::Malformed => Reason::Malformed,
            Self::TooLarge => Reason::TooLarge,
        }
    }
}

/// The record's dead letter and, unless it is of the inventory, its one decision, `DEAD_LETTER` and the cause.
///
/// `detail` says what is known of the cause; `now_ms` is milliseconds since 1970 UTC; the dead letter has at most
/// `dead_letter_bytes`, as the setting of that name.
pub fn quarantine(
    input: &Input<'_>,
    partition: u32,
    now_ms: u64,
    cause: Cause,
    detail: &str,
    dead_letter_bytes: usize,
) -> Vec<OutputRecord> {
    let (reason, detail) = (cause.reason(), beginning(detail, LONGEST_DETAIL));
    let mut outbox = Outbox::new(partition, 2, detail.len() + 512);
    outbox.dead_letter(input, reason, detail, dead_letter_bytes);
    if input.stream != Stream::Inventory {
        let device = input.key.and_then(device_of_key);
        outbox.write(Stream::Audit, device, |object| {
            object.plain(member!("kind"), b"decision");
            write_origin(object, input.stream, partition, input.offset);
            object.plain(
                member!("disposition"),
                Disposition::DeadLetter.name().as_bytes(),
            );
            object.plain(member!("reason"), reason.name().as_bytes());
            object.text(member!("detail"), detail);
            object.plain(member!("decided_at"), &rfc3339_millis(now_ms));
        });
    }
    outbox.into_records()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_engine_decides_is_a_cause() {
        for (name, cause) in [
            ("ENGINE_FAULT", Some(Cause::EngineFault)),
            ("MALFORMED", Some(Cause::Malformed)),
            ("TOO_LARGE", Some(Cause::TooLarge)),
            ("NATURAL", None),
            ("", None),
        ] {
            assert_eq!(Cause::named(name), cause, "{name}");
        }
    }
}
