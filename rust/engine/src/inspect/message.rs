//! A CS02a or CS02b message, decoded and checked.

use slotkeeper_crypto::MacContext;
use slotkeeper_gbcs::{
    Certificate, CommandPayload, CredentialsResponse, DlmsDateTime, ExecutionOutcome, Message,
    Payload, RemotePartyRole, Replacement, SeqNumberChange, Signature, SpecialistFloor,
    TrustAnchorCell,
};

use super::report::{
    CellContentsReport, CellReport, CredentialsReport, MessageReport, OutcomeReport,
    PathCertificateReport, Proof, ReplacementReport, SeqNumberChangeReport, SpecialistFloorReport,
};
use crate::keystore::Keystore;

/// Decodes a message and checks its signature and MAC with the keys at hand.
///
/// Never fails: octets that are no message give a report with an error.
pub fn message(octets: &[u8], keystore: Option<&Keystore>) -> MessageReport {
    let message = match Message::decode(octets) {
        Ok(message) => message,
        Err(error) => return MessageReport::undecodable(&error),
    };
    let header = &message.header;
    let mut report = MessageReport {
        kind: Some(message.kind().name()),
        message_code: Some(header.message_code.to_string()),
        use_case: header.message_code.use_case(),
        originator_counter: Some(header.originator_counter.to_string()),
        originator_id: Some(header.originator.to_string()),
        recipient_id: Some(header.recipient.to_string()),
        message_date_time: header.date_time.and_then(DlmsDateTime::rfc3339),
        signature: Some(signature(&message, keystore)),
        mac: Some(mac(&message, keystore)),
        round_trip: Some(message.encode().is_ok_and(|again| again == octets)),
        ..MessageReport::default()
    };
    match &message.payload {
        Payload::Command(command) => add_command(&mut report, command),
        Payload::Response(response) => {
            if let Some(outcome) = &response.outcome {
                add_outcome(&mut report, outcome);
            }
        }
        Payload::Alert(alert) => {
            report.alert_code = Some(format!("{:04X}", alert.alert_code));
            report.execution_date_time = Some(alert.execution_date_time.to_string());
            add_outcome(&mut report, &alert.outcome);
        }
        Payload::CredentialsCommand(command) => {
            report.authorising_cell = Some(cell(command.authorising_cell));
        }
        Payload::CredentialsResponse(response) => report.credentials = credentials(response),
    }
    report
}

fn signature(message: &Message<'_>, keystore: Option<&Keystore>) -> Proof {
    let Signature::Present(signature) = message.signature else {
        return Proof {
            present: false,
            valid: None,
        };
    };
    let valid = keystore.and_then(|keystore| {
        keystore.verify_signature(
            message.header.originator,
            message.signed_octets(),
            signature,
        )
    });
    Proof {
        present: true,
        valid,
    }
}

fn mac(message: &Message<'_>, keystore: Option<&Keystore>) -> Proof {
    let Some(mac) = message.mac else {
        return Proof {
            present: false,
            valid: None,
        };
    };
    let header = &message.header;
    let context = MacContext {
        originator: header.originator.to_bytes(),
        cra: header.cra.number(),
        originator_counter: header.originator_counter,
        recipient: header.recipient.to_bytes(),
    };
    let valid = keystore.and_then(|keystore| {
        keystore.verify_mac(message.device(), &context, message.maced_octets(), mac)
    });
    Proof {
        present: true,
        valid,
    }
}

fn add_command(report: &mut MessageReport, command: &CommandPayload<'_>) {
    let control = &command.control;
    report.credentials_replacement_mode = Some(control.mode.name());
    report.authorising_seq_number = Some(control.authorising_seq_number.to_string());
    report.authorising_cell = control.authorising_cell.map(cell);
    report.floor_seq_number = control.floor.map(|floor| floor.to_string());
    report.specialist_floor_seq_numbers = control
        .specialist_floors
        .iter()
        .map(specialist_floor)
        .collect();
    report.apply_time_based_cpv_checks = Some(control.apply_time_based_cpv_checks);
    report.execution_date_time = command.execution_date_time.map(|time| time.to_string());
    report.seq_number_changes = control
        .other_role_changes
        .iter()
        .map(seq_number_change)
        .collect();
    report.replacements = command.replacements.iter().map(replacement).collect();
    report.certification_path = command
        .path_certificates
        .iter()
        .map(|der| path_certificate(der))
        .collect();
}

fn add_outcome(report: &mut MessageReport, outcome: &ExecutionOutcome) {
    report.credentials_replacement_mode = Some(outcome.mode.name());
    report.authorising_seq_number = Some(outcome.authorising_seq_number.to_string());
    report.seq_number_changes = outcome
        .seq_number_changes
        .iter()
        .map(seq_number_change)
        .collect();
    report.specialist_floor_seq_numbers = outcome
        .seq_number_changes
        .iter()
        .flat_map(|change| &change.specialist_floors)
        .map(specialist_floor)
        .collect();
    report.outcomes = outcome
        .replacement_outcomes
        .iter()
        .map(|outcome| OutcomeReport {
            cell: cell(outcome.cell),
            status: outcome.status.name(),
            existing_subject_unique_id: outcome.existing_subject.to_string(),
            existing_subject_key_identifier: outcome.existing_key_identifier.to_string(),
            replacing_subject_unique_id: outcome.replacing_subject.to_string(),
            replacing_subject_key_identifier: outcome.replacing_key_identifier.to_string(),
        })
        .collect();
}

fn credentials(response: &CredentialsResponse) -> Vec<CredentialsReport> {
    response
        .roles
        .iter()
        .map(|details| CredentialsReport {
            role: details.role.name(),
            status: details.status.name(),
            current_seq_number: details.current_seq_number.map(|number| number.to_string()),
            cells: details
                .cells
                .iter()
                .map(|contents| CellContentsReport {
                    key_usage: contents.key_usage.name(),
                    cell_usage: contents.cell_usage.name(),
                    existing_subject_unique_id: contents.existing_subject.to_string(),
                    existing_subject_key_identifier: contents.existing_key_identifier.to_string(),
                })
                .collect(),
        })
        .collect()
}

fn cell(cell: TrustAnchorCell) -> CellReport {
    CellReport {
        role: cell.role.name(),
        key_usage: cell.key_usage.name(),
        cell_usage: cell.cell_usage.name(),
    }
}

fn specialist_floor(specialist: &SpecialistFloor) -> SpecialistFloorReport {
    SpecialistFloorReport {
        cell_usage: specialist.usage.name(),
        floor: specialist.floor.to_string(),
    }
}

fn seq_number_change(change: &SeqNumberChange) -> SeqNumberChangeReport {
    SeqNumberChangeReport {
        role: change.role.name(),
        floor: change.floor.to_string(),
    }
}

/// A certificate that cannot be read costs its own members only: the device answers for it alone, too.
fn replacement(replacement: &Replacement<'_>) -> ReplacementReport {
    let certificate = Certificate::parse(replacement.certificate).ok();
    ReplacementReport {
        cell: cell(replacement.cell),
        subject_unique_id: certificate.and_then(|c| c.eui).map(|eui| eui.to_string()),
        subject_key_identifier: certificate
            .and_then(|c| c.subject_key_identifier)
            .map(|key| key.to_string()),
        subject_role: certificate.and_then(|c| c.role).map(RemotePartyRole::name),
    }
}

fn path_certificate(der: &[u8]) -> PathCertificateReport {
    let certificate = Certificate::parse(der).ok();
    PathCertificateReport {
        subject: certificate.map(|c| c.subject.to_string()),
        issuer: certificate.map(|c| c.issuer.to_string()),
        subject_key_identifier: certificate
            .and_then(|c| c.subject_key_identifier)
            .map(|key| key.to_string()),
    }
}
