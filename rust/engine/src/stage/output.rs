//! What a batch writes besides its commands.

use slotkeeper_gbcs::Eui64;

use super::Batch;
use crate::audit::{AuditWriter, Cause, Entry, Origin};
use crate::changelog;
use crate::decision::{Disposition, Reason};
use crate::json::{Object, member};
use crate::judge::Decision;
use crate::message::{Facts, role_name};
use crate::parking::Parked;
use crate::quoted::{LONGEST_NAME, beginning};
use crate::records::{Alert, AlertKind, HandoverRequest};
use crate::seal::write_source;
use crate::stream::{Input, OutputRecord, Stream, Value};

/// What a decision is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) origin: Origin,
    /// Why it is decided again.
    pub(super) cause: Option<Cause>,
    pub(super) device: Option<Eui64>,
    pub(super) request_id: Option<&'a str>,
    /// Unix seconds.
    pub(super) received_at: Option<u64>,
}

impl About<'_> {
    pub(super) fn record(input: &Input<'_>, device: Option<Eui64>) -> Self {
        Self {
            origin: Origin {
                stream: input.stream,
                offset: input.offset,
            },
            cause: None,
            device,
            request_id: None,
            received_at: None,
        }
    }
}

impl<'a> About<'a> {
    pub(super) fn alert(input: &Input<'_>, device: Eui64, alert: &'a Alert) -> Self {
        let request_id = match &alert.kind {
            AlertKind::Quarantined { request_id } => Some(request_id.as_str()),
            _ => None,
        };
        Self {
            request_id,
            received_at: alert.at,
            ..About::record(input, Some(device))
        }
    }
}

impl Batch<'_> {
    pub(super) fn audit(
        &mut self,
        about: &About<'_>,
        decision: &Decision,
        facts: Option<&Facts<'_>>,
    ) {
        let About {
            origin,
            cause,
            device,
            request_id,
            received_at,
        } = *about;
        self.tally.count(decision.disposition, decision.reason);
        let engine = &*self.engine;
        let writer = AuditWriter {
            ledger: &engine.ledger,
            acb: engine.authority.id(),
            partition: engine.partition.index,
            now: &self.now,
        };
        let is_request = origin.stream == Stream::HandoverRequests;
        let entry = Entry {
            origin,
            cause,
            device,
            request_id,
            received_at,
            decision,
            facts,
            decided_after: is_request.then_some(self.context.decided_after.as_slice()),
        };
        self.outbox
            .write(Stream::Audit, device, |object| writer.write(object, &entry));
    }

    pub(super) fn refuse(
        &mut self,
        input: &Input<'_>,
        device: Eui64,
        request: &HandoverRequest,
        decision: &Decision,
        retryable: bool,
    ) {
        let partition = self.engine.partition.index;
        let now = self.now;
        self.outbox.write(Stream::Refusals, Some(device), |object| {
            object.text(member!("request_id"), &request.request_id);
            object.plain(member!("device_id"), &device.canonical());
            if let Some(role) = decision.role {
                object.plain(member!("remote_party_role"), role_name(role).as_bytes());
            } else {
                let role = beginning(&request.role, LONGEST_NAME);
                object.text(member!("remote_party_role"), role);
            }
            object.plain(member!("reason"), decision.reason.name().as_bytes());
            object.boolean(member!("retryable"), retryable);
            object.text(member!("detail"), &decision.detail);
            write_source(object, partition, input.offset);
            object.plain(member!("refused_at"), &now);
        });
    }

    pub(super) fn reroute(&mut self, input: &Input<'_>, device: Eui64, place: u32) {
        let decision = Decision::new(Disposition::Rerouted, Reason::WrongPartition)
            .detail(format!("written again to partition {place}"));
        self.audit(&About::record(input, Some(device)), &decision, None);
        let from = format!("{}/{}", self.engine.partition.index, input.offset);
        self.outbox.push(
            input.stream,
            place,
            Some(device.canonical().to_vec()),
            as_record(input.value),
            vec![("rerouted-from", from.into_bytes())],
        );
    }

    pub(super) fn dead_letter(&mut self, input: &Input<'_>, reason: Reason, detail: &str) {
        let limit = self.engine.settings.dead_letter_bytes;
        self.outbox.dead_letter(input, reason, detail, limit);
    }

    pub(super) fn change_parked(
        &mut self,
        device: Eui64,
        digest: &[u8; 32],
        parked: Option<&Parked>,
    ) {
        self.changes.push(OutputRecord {
            stream: Stream::Changelog,
            partition: self.engine.partition.index,
            key: Some(changelog::parked_key(device, digest).into()),
            value: parked.map(|parked| changelog::encode_parked(parked).into()),
            headers: Vec::new(),
        });
    }
}

/// The value in a form that the stream has.
fn as_record(value: Value<'_>) -> Option<Vec<u8>> {
    match value {
        Value::Absent => None,
        Value::Gbcs(message) => {
            let mut object = Object::with_capacity(message.len() * 4 / 3 + 32);
            object.base64(member!("gbcs_payload"), message);
            Some(object.finish())
        }
        Value::Record(value) => Some(value.to_vec()),
    }
}
