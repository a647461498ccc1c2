//! Typed payloads: CS02b command, response and alert, CS02a command and response.

mod cell;
mod command;
mod credentials;
mod outcome;
mod seq_number;

pub use cell::TrustAnchorCell;
pub use command::AuthorisingControl;
pub use command::CommandPayload;
pub use command::Replacement;
pub use command::SymmetricKey;
pub use credentials::CellContents;
pub use credentials::CredentialsCommand;
pub use credentials::CredentialsResponse;
pub use credentials::RemotePartyDetails;
pub use outcome::AlertPayload;
pub use outcome::ExecutionOutcome;
pub use outcome::ReplacementOutcome;
pub use outcome::ResponsePayload;
pub use seq_number::SeqNumber;
pub use seq_number::SeqNumberChange;
pub use seq_number::SeqNumberUsage;
pub use seq_number::SpecialistFloor;

use crate::code::Cra;
use crate::code::MessageCode;
use crate::code::ReplacementMode;
use crate::der::Reader;
use crate::der::Writer;
use crate::der::tag;
use crate::error::DecodeError;
use crate::error::Fault;
use crate::error::Malformed;

/// What a message says, by use case and direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// CS02b: replace certificates.
    Command(CommandPayload<'a>),
    /// CS02b: how an immediate command went, or that a future-dated one is accepted.
    Response(ResponsePayload),
    /// CS02b: how a future-dated command went.
    Alert(AlertPayload),
    /// CS02a: report what is in the cells.
    CredentialsCommand(CredentialsCommand),
    /// CS02a: what is in the cells.
    CredentialsResponse(CredentialsResponse),
}

impl Payload<'_> {
    /// What was done to the cells: of an alert, and of a response to an immediate command.
    pub fn outcome(&self) -> Option<&ExecutionOutcome> {
        match self {
            Self::Alert(alert) => Some(&alert.outcome),
            Self::Response(response) => response.outcome.as_ref(),
            Self::Command(_) | Self::CredentialsCommand(_) | Self::CredentialsResponse(_) => None,
        }
    }

    /// The credentials replacement mode of a command or of an outcome.
    pub fn mode(&self) -> Option<ReplacementMode> {
        match self {
            Self::Command(command) => Some(command.control.mode),
            _ => self.outcome().map(|outcome| outcome.mode),
        }
    }

    pub(crate) fn cra(&self) -> Cra {
        match self {
            Self::Command(_) | Self::CredentialsCommand(_) => Cra::Command,
            Self::Response(_) | Self::CredentialsResponse(_) => Cra::Response,
            Self::Alert(_) => Cra::Alert,
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Self::Command(command) => command.write(writer),
            Self::Response(response) => response.write(writer),
            Self::Alert(alert) => alert.write(writer),
            Self::CredentialsCommand(command) => command.write(writer),
            Self::CredentialsResponse(response) => response.write(writer),
        }
    }
}

/// Which payload a message code and CRA flag announce.
#[derive(Clone, Copy)]
pub(crate) enum Announced {
    Command,
    Response,
    Alert,
    CredentialsCommand,
    CredentialsResponse,
}

impl Announced {
    /// `at` is where the CRA flag stands.
    pub(crate) fn by(code: MessageCode, cra: Cra, at: usize) -> Result<Self, DecodeError> {
        let alert = code == MessageCode::CS02B_ALERT;
        let credentials = code == MessageCode::CS02A;
        if !alert && !credentials && code.replacement_mode().is_none() {
            return Err(DecodeError::UnknownMessageCode(code));
        }
        match cra {
            Cra::Alert if alert => Ok(Self::Alert),
            Cra::Command if credentials => Ok(Self::CredentialsCommand),
            Cra::Response if credentials => Ok(Self::CredentialsResponse),
            Cra::Command if !alert => Ok(Self::Command),
            Cra::Response if !alert => Ok(Self::Response),
            _ => Err(Malformed::new(at, Fault::CraMismatch).into()),
        }
    }

    pub(crate) fn read<'a>(self, reader: &mut Reader<'a>) -> Result<Payload<'a>, Malformed> {
        match self {
            Self::Command => CommandPayload::read(reader).map(Payload::Command),
            Self::Response => ResponsePayload::read(reader).map(Payload::Response),
            Self::Alert => AlertPayload::read(reader).map(Payload::Alert),
            Self::CredentialsCommand => {
                CredentialsCommand::read(reader).map(Payload::CredentialsCommand)
            }
            Self::CredentialsResponse => {
                CredentialsResponse::read(reader).map(Payload::CredentialsResponse)
            }
        }
    }
}

fn read_mode(reader: &mut Reader<'_>) -> Result<ReplacementMode, Malformed> {
    reader.choice(
        tag::INTEGER,
        ReplacementMode::from_number,
        Fault::UnknownMode,
    )
}
