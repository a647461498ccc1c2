//! The audit trail: one record for each decision, with the state after it.

use slotkeeper_counters::{Cell, Ledger, Occupant, RoleState};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

use crate::decision::Disposition;
use crate::json::{Member, Object, member};
use crate::judge::{Adjusted, Decision, SlotView};
use crate::message::{Facts, role_name};
use crate::quoted::{LONGEST_DETAIL, LONGEST_NAME, beginning};
use crate::records::Vouched;
use crate::stream::Stream;
use crate::time::rfc3339_millis;

/// What an audit record with its key usually takes: two cells, two occupants and a digest.
pub(crate) const USUAL_OCTETS: usize = 1_700;

/// Cells that an audit record names. A recovery, the largest message, replaces eight; one that was made up could tell of
/// as many as fit into it.
const MOST_CELLS: usize = 32;

/// The record that was decided on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) stream: Stream,
    pub(crate) offset: u64,
}

/// Why an earlier decision was taken again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    /// A stream, or `restart`.
    pub(crate) stream: &'static str,
    /// Of a stream that has partitions of its own; else the engine's.
    pub(crate) partition: Option<u32>,
    pub(crate) offset: Option<u64>,
}

/// Everything an audit record tells.
pub(crate) struct Entry<'a> {
    pub(crate) origin: Origin,
    pub(crate) cause: Option<Cause>,
    pub(crate) device: Option<Eui64>,
    pub(crate) request_id: Option<&'a str>,
    /// When the host got it, Unix seconds.
    pub(crate) received_at: Option<u64>,
    pub(crate) decision: &'a Decision,
    pub(crate) facts: Option<&'a Facts<'a>>,
    /// For requests: how far the other inputs had been read.
    pub(crate) decided_after: Option<&'a [(String, u64)]>,
}

/// Writes audit records of one batch.
pub(crate) struct AuditWriter<'e> {
    pub(crate) ledger: &'e Ledger,
    pub(crate) acb: Eui64,
    pub(crate) partition: u32,
    /// RFC 3339.
    pub(crate) now: &'e [u8],
}

impl AuditWriter<'_> {
    pub(crate) fn write(&self, object: &mut Object, entry: &Entry<'_>) {
        let decision = entry.decision;
        object.plain(
            member!("kind"),
            if entry.cause.is_some() {
                b"redecision"
            } else {
                b"decision"
            },
        );
        write_origin(
            object,
            entry.origin.stream,
            self.partition,
            entry.origin.offset,
        );
        if let Some(cause) = entry.cause {
            object.plain(member!("cause_stream"), cause.stream.as_bytes());
            let partition = cause.partition.unwrap_or(self.partition);
            object.integer(member!("cause_partition"), u64::from(partition));
            match cause.offset {
                Some(offset) => object.integer(member!("cause_offset"), offset),
                None => object.null(member!("cause_offset")),
            }
        }
        match entry.device {
            Some(device) => object.plain(member!("device_id"), &device.canonical()),
            None => object.null(member!("device_id")),
        }
        object.optional_text(member!("remote_party_role"), decision.role.map(role_name));
        let request_id = entry.request_id.map(|id| beginning(id, LONGEST_NAME));
        object.optional_text(member!("request_id"), request_id);
        object.plain(
            member!("disposition"),
            decision.disposition.name().as_bytes(),
        );
        object.plain(member!("reason"), decision.reason.name().as_bytes());
        object.optional_text(
            member!("detail"),
            Some(&*decision.detail).filter(|detail| !detail.is_empty()),
        );
        self.write_state(object, entry);
        match entry.facts {
            Some(facts) => write_message(object, facts, decision.signature.name()),
            None => object.null(member!("message")),
        }
        if let Some(seconds) = entry.received_at {
            object.plain(
                member!("received_at"),
                &rfc3339_millis(seconds.saturating_mul(1_000)),
            );
        }
        object.list(
            member!("flags"),
            decision.flags.names(),
            Object::name_element,
        );
        if let Some(decided_after) = entry.decided_after {
            object.object(member!("decided_after"), |object| {
                for (stream, offset) in decided_after {
                    object.integer_of(stream, *offset);
                }
            });
        }
        if let Some(adjusted) = &decision.adjusted {
            write_adjusted(object, adjusted);
        }
        object.plain(member!("decided_at"), self.now);
    }

    fn write_state(&self, object: &mut Object, entry: &Entry<'_>) {
        let decision = entry.decision;
        let (Some(device), Some(role), true) = (entry.device, decision.role, has_state(decision))
        else {
            object.counter(member!("recorded_counter"), None);
            object.counter(member!("seen_counter"), None);
            object.counter(member!("originator_counter"), decision.originator_counter);
            object.null(member!("slot"));
            object.null(member!("evidence"));
            return;
        };
        let RoleState { marks, cells } = self.ledger.device(device.to_u64()).role(role);
        object.counter(member!("recorded_counter"), marks.recorded);
        object.counter(member!("seen_counter"), marks.seen);
        object.counter(member!("originator_counter"), decision.originator_counter);
        let slot = SlotView::of(cells, self.ledger.table().occupants(), self.acb, role);
        object.object(member!("slot"), |object| {
            let [digital_signature, key_agreement] = &slot.cells;
            write_cell(object, member!("digital_signature"), digital_signature);
            write_cell(object, member!("key_agreement"), key_agreement);
            object.plain(member!("state"), slot.state.as_bytes());
        });
        let evidence = match (marks.recorded, marks.seen) {
            (Some(_), _) => "recorded",
            (None, Some(_)) => "seen",
            (None, None) => "none",
        };
        object.plain(member!("evidence"), evidence.as_bytes());
    }
}

/// Where the record stood that was decided on.
pub(crate) fn write_origin(object: &mut Object, stream: Stream, partition: u32, offset: u64) {
    object.plain(member!("stream"), stream.name().as_bytes());
    object.integer(member!("partition"), u64::from(partition));
    object.integer(member!("offset"), offset);
}

/// What an earlier decision was taken again for; null where it was not.
pub(crate) fn write_cause(object: &mut Object, name: Member, cause: Option<Cause>, partition: u32) {
    let Some(cause) = cause else {
        return object.null(name);
    };
    object.object(name, |object| {
        object.plain(member!("stream"), cause.stream.as_bytes());
        let partition = cause.partition.unwrap_or(partition);
        object.integer(member!("partition"), u64::from(partition));
        match cause.offset {
            Some(offset) => object.integer(member!("offset"), offset),
            None => object.null(member!("offset")),
        }
    });
}

/// Persons told of an adjustment; two are the most that one ever needs.
const MOST_PERSONS: usize = 8;

/// Who raised a number, why, and what was asked, as long as the audit trail is kept.
fn write_adjusted(object: &mut Object, Adjusted { adjustment, named }: &Adjusted) {
    let quoted = |text: &'_ Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        Some(beginning(text, LONGEST_DETAIL).to_owned()).filter(|text| !text.is_empty())
    };
    object.object(member!("adjusted"), |object| {
        object.list(
            member!("by"),
            adjustment.vouched.names(MOST_PERSONS),
            |object, person| object.text_element(beginning(person, LONGEST_NAME)),
        );
        object.boolean(
            member!("signed"),
            matches!(adjustment.vouched, Vouched::Proven(_)),
        );
        object.optional_text(member!("reason"), quoted(&adjustment.reason).as_deref());
        object.optional_text(member!("source"), quoted(&adjustment.source).as_deref());
        object.plain(member!("kind"), adjustment.raise.name().as_bytes());
        object.counter(member!("at_least"), adjustment.at_least);
        // Of an import: where the changelog is lost, nothing else tells of these numbers.
        if let Some(floor) = adjustment.issued_floor {
            object.counter(member!("issued_floor"), Some(floor));
        }
        if !named.is_empty() {
            object.list(
                member!("issued_blocks"),
                named.blocks(),
                |object, (first, last)| {
                    object.element(|object| {
                        object.counter(member!("first"), Some(first));
                        object.counter(member!("last"), Some(last));
                    });
                },
            );
        }
    });
}

/// Records that were never judged for a device say nothing about its state.
fn has_state(decision: &Decision) -> bool {
    !matches!(
        decision.disposition,
        Disposition::DeadLetter | Disposition::Rerouted
    )
}

/// Who stands in a cell, and how that is known; null where nobody can be named.
fn write_cell(object: &mut Object, name: Member, (occupant, cell): &(Option<Occupant>, Cell)) {
    let Some(occupant) = occupant else {
        return object.null(name);
    };
    object.object(name, |object| {
        write_holder(object, occupant);
        object.plain(member!("source"), cell.source.name().as_bytes());
        object.boolean(member!("verified"), cell.verified);
        write_time(object, member!("time"), cell.device_time);
    });
}

pub(crate) fn write_occupant(object: &mut Object, name: Member, occupant: Option<Occupant>) {
    match occupant {
        None => object.null(name),
        Some(occupant) => object.object(name, |object| write_holder(object, &occupant)),
    }
}

fn write_holder(object: &mut Object, occupant: &Occupant) {
    object.plain(
        member!("subject_unique_id"),
        &Eui64::from_u64(occupant.eui).canonical(),
    );
    match occupant.key_identifier {
        Some(identifier) => object.hex(member!("subject_key_identifier"), &identifier),
        None => object.null(member!("subject_key_identifier")),
    }
}

/// A device's own time; null where it gave none.
pub(crate) fn write_time(object: &mut Object, name: Member, seconds: u32) {
    match seconds {
        0 => object.null(name),
        seconds => {
            let time = rfc3339_millis(u64::from(seconds) * 1_000);
            object.plain(name, &time);
        }
    }
}

fn write_message(object: &mut Object, facts: &Facts<'_>, signature: &'static str) {
    object.object(member!("message"), |object| {
        object.hex(member!("digest"), &facts.digest);
        object.plain(member!("kind"), facts.kind.name().as_bytes());
        object.hex(
            member!("message_code"),
            &facts.message.header.message_code.0.to_be_bytes(),
        );
        object.plain(
            member!("originator_id"),
            &facts.message.header.originator.canonical(),
        );
        object.counter(
            member!("header_counter"),
            Some(facts.message.header.originator_counter),
        );
        object.counter(
            member!("authorising_seq_number"),
            facts.authorising_number(),
        );
        object.counter(member!("floor_seq_number"), facts.floor());
        write_time(
            object,
            member!("device_time"),
            facts.device_time().unwrap_or(0),
        );
        object.plain(member!("signature"), signature.as_bytes());
    });
    let cells = facts
        .outcome()
        .map(|outcome| outcome.replacement_outcomes.as_slice())
        .unwrap_or_default();
    let left_out = cells.len().saturating_sub(MOST_CELLS);
    object.list(
        member!("cells"),
        cells.iter().take(MOST_CELLS),
        |object, cell| {
            object.element(|object| {
                object.plain(member!("key_usage"), cell.cell.key_usage.name().as_bytes());
                object.plain(member!("status"), cell.status.name().as_bytes());
                write_eui(
                    object,
                    member!("existing_subject_unique_id"),
                    cell.existing_subject,
                );
                write_identifier(
                    object,
                    member!("existing_subject_key_identifier"),
                    cell.existing_key_identifier,
                );
                write_eui(
                    object,
                    member!("replacing_subject_unique_id"),
                    cell.replacing_subject,
                );
                write_identifier(
                    object,
                    member!("replacing_subject_key_identifier"),
                    cell.replacing_key_identifier,
                );
            });
        },
    );
    if left_out > 0 {
        object.integer(member!("cells_left_out"), left_out as u64);
    }
}

fn write_eui(object: &mut Object, name: Member, eui: Eui64) {
    object.plain(name, &eui.canonical());
}

fn write_identifier(object: &mut Object, name: Member, identifier: KeyIdentifier) {
    object.hex(name, &identifier.0);
}
