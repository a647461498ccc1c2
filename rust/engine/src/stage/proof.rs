//! `slot-evidence`: the message behind each change of a Network Operator slot's cells, for those who must show later why
//! a slot was taken for another's.

use slotkeeper_crypto::CompressedPublicKey;

use super::Batch;
use super::output::About;
use crate::audit::{write_cause, write_origin};
use crate::directory::Device;
use crate::json::member;
use crate::judge::{Decision, Signature};
use crate::message::Facts;
use crate::stream::Stream;

/// What stands behind a decision.
#[derive(Clone, Copy)]
pub(super) enum Behind<'a> {
    /// A message of or to the device.
    Message(&'a Facts<'a>),
    /// A whole record, and what it is.
    Record(&'static str, &'a [u8]),
}

impl Batch<'_> {
    /// Writes evidence if the decision that was audited last changed a cell.
    pub(super) fn prove(&mut self, about: &About<'_>, decision: &Decision, behind: Behind<'_>) {
        let (true, Some(device)) = (self.engine.ledger.take_moved(), about.device) else {
            return;
        };
        let partition = self.engine.partition.index;
        let (kind, octets) = match behind {
            Behind::Message(facts) => (facts.kind.name(), facts.octets),
            Behind::Record(kind, octets) => (kind, octets),
        };
        let key = match behind {
            Behind::Message(facts) if decision.signature == Signature::Valid => {
                self.signer_of(facts)
            }
            _ => None,
        };
        let is_verified = decision.signature == Signature::Valid;
        self.outbox
            .write_proof(Stream::SlotEvidence, device, |object| {
                object.plain(member!("device_id"), &device.canonical());
                object.object(member!("source"), |object| {
                    write_origin(object, about.origin.stream, partition, about.origin.offset);
                });
                write_cause(object, member!("cause"), about.cause, partition);
                let digest = object.room_for_digest(member!("audit_sha256"));
                object.plain(member!("kind"), kind.as_bytes());
                object.base64(member!("message"), octets);
                match key {
                    Some(key) => {
                        object.base64(member!("public_key"), &subject_public_key_info(&key));
                    }
                    None => object.null(member!("public_key")),
                }
                object.boolean(member!("verified"), is_verified);
                digest
            });
    }

    /// The key by which the message's signature was found valid; a MAC proves nothing to others.
    fn signer_of(&mut self, facts: &Facts<'_>) -> Option<CompressedPublicKey> {
        let judge = self.judge_with();
        match judge.inventory_of(facts) {
            Device::Gpf(gpf) if facts.is_signed() => gpf.digital_signing(),
            _ => None,
        }
    }
}

/// A P-256 key as RFC 5480 has it, by which anybody's tools read it.
fn subject_public_key_info(key: &CompressedPublicKey) -> Vec<u8> {
    const HEAD: [u8; 26] = [
        0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
    ];
    [&HEAD[..], &key.0].concat()
}
