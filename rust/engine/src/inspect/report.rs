//! What is said of a message, in the names and forms of the command line's contract.
//!
//! Counters and numbers are decimal strings, times RFC 3339, EUI-64s upper case with hyphens, key identifiers lower-case
//! hex. What a message does not have is null, and lists are empty.

use serde::Serialize;

/// Everything that is said of one message.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MessageReport {
    /// PRECOMMAND, COMMAND, RESPONSE or ALERT.
    pub kind: Option<&'static str>,
    /// Four hex digits.
    pub message_code: Option<String>,
    /// CS02a or CS02b.
    pub use_case: Option<&'static str>,
    /// Of the Grouping Header: an alert's is the device's own.
    pub originator_counter: Option<String>,
    /// Business Originator.
    pub originator_id: Option<String>,
    /// Business Target.
    pub recipient_id: Option<String>,
    /// Of a CS02b command or of an outcome.
    pub credentials_replacement_mode: Option<&'static str>,
    /// `authorisingRemotePartySeqNumber`.
    pub authorising_seq_number: Option<String>,
    /// `authorisingRemotePartyTACellIdentifier` of a command.
    pub authorising_cell: Option<CellReport>,
    /// `newRemotePartyFloorSeqNumber` of a command.
    pub floor_seq_number: Option<String>,
    /// `newRemotePartySpecialistFloorSeqNumber`, asked for in a command or reported in an outcome.
    pub specialist_floor_seq_numbers: Vec<SpecialistFloorReport>,
    /// Whether a command has the device look at the time when it validates paths.
    pub apply_time_based_cpv_checks: Option<bool>,
    /// When a command is to be executed, or the command of an alert was.
    pub execution_date_time: Option<String>,
    /// The device's clock when it sent the message, where that is a time.
    pub message_date_time: Option<String>,
    /// Numbers set to a floor: in an outcome those reported, in a command those asked for other roles.
    pub seq_number_changes: Vec<SeqNumberChangeReport>,
    /// The certificates of a command and where they go.
    pub replacements: Vec<ReplacementReport>,
    /// `certificationPathCertificates` of a command.
    pub certification_path: Vec<PathCertificateReport>,
    /// How each replacement went.
    pub outcomes: Vec<OutcomeReport>,
    /// CS02a: what the device holds for each role asked for.
    pub credentials: Vec<CredentialsReport>,
    /// Four hex digits.
    pub alert_code: Option<String>,
    /// KRP Signature or the device's signature.
    pub signature: Option<Proof>,
    /// ACB-SMD MAC or SMD-ACB MAC.
    pub mac: Option<Proof>,
    /// Whether encoding what was decoded gives the same octets.
    pub round_trip: Option<bool>,
    /// Why the input cannot be decoded; then everything else is null or empty.
    pub error: Option<String>,
}

impl MessageReport {
    pub(super) fn undecodable(error: &impl ToString) -> Self {
        Self {
            error: Some(error.to_string()),
            ..Self::default()
        }
    }
}

/// A signature or a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Whether the message has one.
    pub present: bool,
    /// Whether it verifies; null where it is absent or no key for it is at hand.
    pub valid: Option<bool>,
}

/// A Trust Anchor Cell.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CellReport {
    /// Whose certificate.
    pub role: &'static str,
    /// What its key is for.
    pub key_usage: &'static str,
    /// Management, or a supplier's top-ups.
    pub cell_usage: &'static str,
}

/// A number series beside a role's own, and the number it continues from.
#[derive(Clone, Debug, Serialize)]
pub struct SpecialistFloorReport {
    /// The series.
    pub cell_usage: &'static str,
    /// The floor.
    pub floor: String,
}

/// A role's number set to a floor.
#[derive(Clone, Debug, Serialize)]
pub struct SeqNumberChangeReport {
    /// The role.
    pub role: &'static str,
    /// The floor.
    pub floor: String,
}

/// A certificate and the cell it goes into.
#[derive(Clone, Debug, Serialize)]
pub struct ReplacementReport {
    /// The cell.
    #[serde(flatten)]
    pub cell: CellReport,
    /// The certificate's holder; null where the certificate is not of the profile.
    pub subject_unique_id: Option<String>,
    /// The certificate's key.
    pub subject_key_identifier: Option<String>,
    /// The role that the certificate names.
    pub subject_role: Option<&'static str>,
}

/// A certificate that certifies the others.
#[derive(Clone, Debug, Serialize)]
pub struct PathCertificateReport {
    /// Its subject; null where the certificate is not of the profile.
    pub subject: Option<String>,
    /// Its issuer.
    pub issuer: Option<String>,
    /// Its key.
    pub subject_key_identifier: Option<String>,
}

/// How the replacement in one cell went.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeReport {
    /// The cell.
    #[serde(flatten)]
    pub cell: CellReport,
    /// How it went.
    pub status: &'static str,
    /// Who held the cell before.
    pub existing_subject_unique_id: String,
    /// With which key.
    pub existing_subject_key_identifier: String,
    /// Who holds it now.
    pub replacing_subject_unique_id: String,
    /// With which key.
    pub replacing_subject_key_identifier: String,
}

/// What a device holds for one role (CS02a).
#[derive(Clone, Debug, Serialize)]
pub struct CredentialsReport {
    /// The role.
    pub role: &'static str,
    /// trustAnchorNotFound where the device has no cell for the role.
    pub status: &'static str,
    /// The number that the role's next command must exceed.
    pub current_seq_number: Option<String>,
    /// The role's cells.
    pub cells: Vec<CellContentsReport>,
}

/// What is in one cell (CS02a).
#[derive(Clone, Debug, Serialize)]
pub struct CellContentsReport {
    /// What the key is for.
    pub key_usage: &'static str,
    /// Management, or a supplier's top-ups.
    pub cell_usage: &'static str,
    /// Who holds the cell.
    pub existing_subject_unique_id: String,
    /// With which key.
    pub existing_subject_key_identifier: String,
}
