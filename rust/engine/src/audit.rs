//! The audit trail: one record for each decision, with the state after it.

use slotkeeper_counters::{CounterTable, Occupant, Overlay};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

use crate::decision::Disposition;
use crate::json::Object;
use crate::judge::{Decision, SlotView};
use crate::message::{Facts, role_name};
use crate::stream::Stream;
use crate::time::rfc3339_millis;

/// An audit record holds up to two cells, two occupants and a digest; the usual ones fit without growing.
const USUAL_OCTETS: usize = 1_600;

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
    pub(crate) offset: Option<u64>,
}

/// Everything an audit record tells.
pub(crate) struct Entry<'a> {
    pub(crate) origin: Origin,
    pub(crate) cause: Option<Cause>,
    pub(crate) device: Option<Eui64>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) decision: &'a Decision,
    pub(crate) facts: Option<&'a Facts<'a>>,
    /// For requests: how far the other inputs had been read.
    pub(crate) decided_after: Option<&'a [(String, u64)]>,
}

/// Writes audit records of one batch.
pub(crate) struct AuditWriter<'e> {
    pub(crate) table: &'e CounterTable,
    pub(crate) overlay: &'e Overlay,
    pub(crate) acb: Eui64,
    pub(crate) partition: u32,
    pub(crate) now_ms: u64,
}

impl AuditWriter<'_> {
    pub(crate) fn write(&self, entry: &Entry<'_>) -> Vec<u8> {
        let decision = entry.decision;
        let mut object = Object::with_capacity(USUAL_OCTETS);
        object.plain(
            "kind",
            if entry.cause.is_some() {
                b"redecision"
            } else {
                b"decision"
            },
        );
        object.plain("stream", entry.origin.stream.name().as_bytes());
        object.integer("partition", u64::from(self.partition));
        object.integer("offset", entry.origin.offset);
        if let Some(cause) = entry.cause {
            object.plain("cause_stream", cause.stream.as_bytes());
            object.integer("cause_partition", u64::from(self.partition));
            match cause.offset {
                Some(offset) => object.integer("cause_offset", offset),
                None => object.null("cause_offset"),
            }
        }
        match entry.device {
            Some(device) => object.plain("device_id", &device.canonical()),
            None => object.null("device_id"),
        }
        object.optional_text("remote_party_role", decision.role.map(role_name));
        object.optional_text("request_id", entry.request_id);
        object.plain("disposition", decision.disposition.name().as_bytes());
        object.plain("reason", decision.reason.name().as_bytes());
        object.optional_text(
            "detail",
            Some(&*decision.detail).filter(|detail| !detail.is_empty()),
        );
        self.write_state(&mut object, entry);
        match entry.facts {
            Some(facts) => write_message(&mut object, facts, decision.signature.name()),
            None => object.null("message"),
        }
        object.list("flags", decision.flags.names(), Object::name_element);
        if let Some(decided_after) = entry.decided_after {
            object.object("decided_after", |object| {
                for (stream, offset) in decided_after {
                    object.integer(stream, *offset);
                }
            });
        }
        object.plain("decided_at", &rfc3339_millis(self.now_ms));
        object.finish()
    }

    fn write_state(&self, object: &mut Object, entry: &Entry<'_>) {
        let decision = entry.decision;
        let (Some(device), Some(role), true) = (entry.device, decision.role, has_state(decision))
        else {
            object.counter("recorded_counter", None);
            object.counter("seen_counter", None);
            object.counter("originator_counter", decision.originator_counter);
            object.null("slot");
            object.null("evidence");
            return;
        };
        let view = self.overlay.device(self.table, device.to_u64());
        let marks = view.marks(role);
        object.counter("recorded_counter", marks.recorded);
        object.counter("seen_counter", marks.seen);
        object.counter("originator_counter", decision.originator_counter);
        let slot = SlotView::of(&view, self.table.occupants(), self.acb, role);
        object.object("slot", |object| {
            write_occupant(object, "digital_signature", slot.digital_signature);
            write_occupant(object, "key_agreement", slot.key_agreement);
            object.plain("state", slot.state.as_bytes());
        });
        let evidence = match (marks.recorded, marks.seen) {
            (Some(_), _) => "recorded",
            (None, Some(_)) => "seen",
            (None, None) => "none",
        };
        object.plain("evidence", evidence.as_bytes());
    }
}

/// Records that were never judged for a device say nothing about its state.
fn has_state(decision: &Decision) -> bool {
    !matches!(
        decision.disposition,
        Disposition::DeadLetter | Disposition::Rerouted
    )
}

pub(crate) fn write_occupant(object: &mut Object, name: &str, occupant: Option<Occupant>) {
    let Some(occupant) = occupant else {
        return object.null(name);
    };
    object.object(name, |object| {
        object.plain(
            "subject_unique_id",
            &Eui64::from_u64(occupant.eui).canonical(),
        );
        match occupant.key_identifier {
            Some(identifier) => object.hex("subject_key_identifier", &identifier),
            None => object.null("subject_key_identifier"),
        }
    });
}

fn write_message(object: &mut Object, facts: &Facts<'_>, signature: &'static str) {
    object.object("message", |object| {
        object.hex("digest", &facts.digest);
        object.plain("kind", facts.kind.name().as_bytes());
        object.hex(
            "message_code",
            &facts.message.header.message_code.0.to_be_bytes(),
        );
        object.plain(
            "originator_id",
            &facts.message.header.originator.canonical(),
        );
        object.counter(
            "header_counter",
            Some(facts.message.header.originator_counter),
        );
        object.counter("authorising_seq_number", facts.authorising_number());
        object.counter("floor_seq_number", facts.floor());
        object.plain("signature", signature.as_bytes());
    });
    let cells = facts
        .outcome()
        .map(|outcome| outcome.replacement_outcomes.as_slice())
        .unwrap_or_default();
    object.list("cells", cells, |object, cell| {
        object.element(|object| {
            object.plain("key_usage", cell.cell.key_usage.name().as_bytes());
            object.plain("status", cell.status.name().as_bytes());
            write_eui(object, "existing_subject_unique_id", cell.existing_subject);
            write_identifier(
                object,
                "existing_subject_key_identifier",
                cell.existing_key_identifier,
            );
            write_eui(
                object,
                "replacing_subject_unique_id",
                cell.replacing_subject,
            );
            write_identifier(
                object,
                "replacing_subject_key_identifier",
                cell.replacing_key_identifier,
            );
        });
    });
}

fn write_eui(object: &mut Object, name: &str, eui: Eui64) {
    object.plain(name, &eui.canonical());
}

fn write_identifier(object: &mut Object, name: &str, identifier: KeyIdentifier) {
    object.hex(name, &identifier.0);
}
