//! GBCS CS02b and CS02a on the wire: bytes in, bytes out.
//!
//! CS02b "Update Security Credentials" is how a certificate reaches a Trust Anchor Cell of a smart metering device;
//! CS02a "Provide Security Credential Details" reads which ones are there. This crate decodes both into borrowed, typed
//! messages and encodes them back, octet for octet. It holds no keys and does no I/O: it says which octets are signed
//! and which are MACed, and leaves the signing to others.
//!
//! ```
//! use slotkeeper_gbcs::{DecodeError, Message};
//!
//! fn number_in_use(octets: &[u8]) -> Result<Option<u64>, DecodeError> {
//!     let message = Message::decode(octets)?;
//!     Ok(message.payload.outcome().map(|outcome| outcome.authorising_seq_number.get()))
//! }
//! assert!(number_in_use(&[0xDF, 0x09]).is_err());
//! ```
//!
//! Decoding is strict about structure (every length, every trailing octet) and takes memory and time in proportion to
//! the input. It tolerates what real devices do: SEQUENCE lengths of 128 to 255 written as `82 00 xx`, and DEFAULT
//! values that are written out.

mod certificate;
mod code;
mod der;
mod envelope;
mod error;
mod identifier;
mod message;
mod payload;
mod role;
mod time;
mod unsigned;

pub use certificate::Certificate;
pub use certificate::KeyUsageBits;
pub use certificate::Name;
pub use code::Cra;
pub use code::Kind;
pub use code::MessageCode;
pub use code::ReplacementMode;
pub use der::LengthStyle;
pub use envelope::Envelope;
pub use envelope::Header;
pub use envelope::Signature;
pub use error::DecodeError;
pub use error::EncodeError;
pub use error::Fault;
pub use error::Malformed;
pub use error::ParseIdentifierError;
pub use identifier::Eui64;
pub use identifier::KeyIdentifier;
pub use message::Draft;
pub use message::Message;
pub use payload::AlertPayload;
pub use payload::AuthorisingControl;
pub use payload::CellContents;
pub use payload::CommandPayload;
pub use payload::CredentialsCommand;
pub use payload::CredentialsResponse;
pub use payload::ExecutionOutcome;
pub use payload::Payload;
pub use payload::RemotePartyDetails;
pub use payload::Replacement;
pub use payload::ReplacementOutcome;
pub use payload::ResponsePayload;
pub use payload::SeqNumber;
pub use payload::SeqNumberChange;
pub use payload::SeqNumberUsage;
pub use payload::SpecialistFloor;
pub use payload::SymmetricKey;
pub use payload::TrustAnchorCell;
pub use role::CellUsage;
pub use role::KeyUsage;
pub use role::RemotePartyRole;
pub use role::StatusCode;
pub use time::DlmsDateTime;
pub use time::GeneralizedTime;
pub use unsigned::DeviceKind;
pub use unsigned::UnsignedCommand;
