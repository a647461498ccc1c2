//! Commands: built, signed, MACed and written as records, each by itself, so that many threads can do it.

use slotkeeper_counters::Role;
use slotkeeper_crypto::{AgreementError, MacContext, acb_smd_mac};
use slotkeeper_gbcs::{
    AuthorisingControl, CellUsage, CommandPayload, Cra, DeviceKind, Eui64, KeyUsage, Replacement,
    ReplacementMode, SeqNumber, SeqNumberUsage, SpecialistFloor, TrustAnchorCell, UnsignedCommand,
};

use crate::json::{Object, member};
use crate::judge::Issue;
use crate::message::{gbcs_role, role_name};
use crate::records::HandoverRequest;
use crate::stream::{OutputRecord, Stream};
use crate::time::rfc3339_millis;

/// Why a batch was not sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// The keys cannot be used at this moment. The batch must be discarded and can be tried again.
    #[error("the ACB's keys cannot be used at this moment; discard the batch and try it again")]
    KeysUnavailable,
    /// The batch has ended: its numbers are folded, burned or in doubt, and a command with one of them may be another's.
    #[error("this batch has ended: stage its events again")]
    Ended,
    /// A command could not be built although every part of it had been checked.
    #[error("a command could not be built from checked parts; this is a defect")]
    Defect,
}

/// A command to be made, and the record it answers.
pub(crate) struct Job {
    pub(crate) request: Box<HandoverRequest>,
    pub(crate) issue: Box<Issue>,
    pub(crate) offset: u64,
}

/// Makes the whole message: payload and headers, KRP signature, ACB-SMD MAC.
fn seal(acb: Eui64, job: &Job) -> Result<Vec<u8>, SealError> {
    let issue = &job.issue;
    let mut command = build(acb, job)?;
    let (Some(signature_at), Some(mac_at)) = (command.signature_at(), command.mac_at()) else {
        return Err(SealError::Defect);
    };
    let signed = command
        .octets()
        .get(command.signed_range())
        .ok_or(SealError::Defect)?;
    let signature = issue
        .signer
        .sign(signed)
        .map_err(|_| SealError::KeysUnavailable)?;
    fill(&mut command, signature_at, &signature)?;

    let secret = issue
        .agreement
        .agree(&issue.device_key)
        .map_err(|error| match error {
            AgreementError::Unavailable(_) => SealError::KeysUnavailable,
            AgreementError::PeerKey(_) => SealError::Defect,
        })?;
    let context = MacContext {
        originator: acb.to_bytes(),
        cra: Cra::Command.number(),
        originator_counter: issue.originator_counter,
        recipient: issue.device.to_bytes(),
    };
    let maced = command
        .octets()
        .get(command.maced_range())
        .ok_or(SealError::Defect)?;
    let mac = acb_smd_mac(&secret, &context, maced);
    fill(&mut command, mac_at, &mac)?;
    Ok(command.into_octets())
}

/// The record of a sealed command.
pub(crate) fn record(
    acb: Eui64,
    partition: u32,
    now_ms: u64,
    job: &Job,
) -> Result<OutputRecord, SealError> {
    let issue = &job.issue;
    let message = seal(acb, job)?;
    let mut object = Object::with_capacity(message.len() * 4 / 3 + 800);
    object.text(member!("request_id"), &job.request.request_id);
    object.plain(member!("device_id"), &issue.device.canonical());
    object.plain(
        member!("remote_party_role"),
        role_name(issue.role).as_bytes(),
    );
    object.plain(member!("originator_id"), &acb.canonical());
    object.counter(
        member!("originator_counter"),
        Some(issue.originator_counter),
    );
    object.counter(member!("recorded_counter"), issue.recorded);
    object.plain(member!("reason"), issue.reason.name().as_bytes());
    object.hex(
        member!("message_code"),
        &mode(issue.role).message_code().0.to_be_bytes(),
    );
    object.hex(
        member!("signing_key_identifier"),
        &issue.signing_key_identifier.0,
    );
    object.base64(member!("gbcs_payload"), &message);
    write_source(&mut object, partition, job.offset);
    object.plain(member!("issued_at"), &rfc3339_millis(now_ms));
    Ok(OutputRecord {
        stream: Stream::Commands,
        partition,
        key: Some(issue.device.canonical().to_vec().into()),
        value: Some(object.finish().into()),
        headers: Vec::new(),
    })
}

/// Which request a command or a refusal answers.
pub(crate) fn write_source(object: &mut Object, partition: u32, offset: u64) {
    object.object(member!("source"), |object| {
        object.plain(
            member!("stream"),
            Stream::HandoverRequests.name().as_bytes(),
        );
        object.integer(member!("partition"), u64::from(partition));
        object.integer(member!("offset"), offset);
    });
}

/// SRV 6.21 acts as the occupant of the slot: by mode 3, or 2 for the Supplier slot, never by mode 4.
const fn mode(role: Role) -> ReplacementMode {
    match role {
        Role::NetworkOperator => ReplacementMode::NetworkOperatorByNetworkOperator,
        Role::Supplier => ReplacementMode::SupplierBySupplier,
    }
}

fn build(acb: Eui64, job: &Job) -> Result<UnsignedCommand, SealError> {
    let Job { request, issue, .. } = job;
    let role = gbcs_role(issue.role);
    let number = |number| SeqNumber::new(number).ok_or(SealError::Defect);
    let authorising_cell = TrustAnchorCell::management(role, KeyUsage::DigitalSignature);
    let top_up_cell = TrustAnchorCell {
        role,
        key_usage: KeyUsage::KeyAgreement,
        cell_usage: CellUsage::PrePaymentTopUp,
    };
    // DS, KA, KA top-up: the order that commands have in practice.
    let replacements = [
        (Some(&request.digital_signing), authorising_cell),
        (
            request.key_agreement.as_ref(),
            TrustAnchorCell::management(role, KeyUsage::KeyAgreement),
        ),
        (request.key_agreement_top_up.as_ref(), top_up_cell),
    ]
    .into_iter()
    .filter_map(|(certificate, cell)| {
        Some(Replacement {
            certificate: certificate?,
            cell,
        })
    })
    .collect();

    let specialist_floors = match request.top_up_floor {
        Some(floor) => {
            vec![SpecialistFloor {
                usage: SeqNumberUsage::PrePaymentTopUp,
                floor: number(floor)?,
            }]
        }
        None => Vec::new(),
    };
    let payload = CommandPayload {
        control: AuthorisingControl {
            mode: mode(issue.role),
            plaintext_symmetric_key: None,
            apply_time_based_cpv_checks: request.time_based_checks,
            authorising_cell: Some(authorising_cell),
            authorising_seq_number: number(issue.originator_counter)?,
            floor: issue.floor.map(number).transpose()?,
            specialist_floors,
            other_role_changes: Vec::new(),
        },
        replacements,
        path_certificates: request.path.iter().map(Vec::as_slice).collect(),
        execution_date_time: None,
    };
    UnsignedCommand::new(
        issue.originator_counter,
        acb,
        issue.device,
        DeviceKind::Other,
        &payload,
    )
    .map_err(|_| SealError::Defect)
}

fn fill(command: &mut UnsignedCommand, at: usize, octets: &[u8]) -> Result<(), SealError> {
    command
        .octets_mut()
        .get_mut(at..at + octets.len())
        .ok_or(SealError::Defect)?
        .copy_from_slice(octets);
    Ok(())
}
