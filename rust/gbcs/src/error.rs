//! What can be wrong with octets that were read, or with a message that is to be written.

use thiserror::Error;

use crate::code::MessageCode;
use crate::code::ReplacementMode;

/// Why octets are not a message of CS02a or CS02b.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The octets are no GBCS message, or not one that this crate can read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The envelope is sound, but it carries another use case.
    #[error("message code {0} is neither CS02a nor CS02b")]
    UnknownMessageCode(MessageCode),
}

/// A fault and the octet, counted from the start of the input, at which it showed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("octet {at}: {fault}")]
pub struct Malformed {
    /// Offset from the start of the input.
    pub at: u32,
    /// What is wrong there.
    pub fault: Fault,
}

impl Malformed {
    /// Kept to eight octets and out of the way: results that carry it are then returned in registers.
    #[cold]
    pub(crate) fn new(at: usize, fault: Fault) -> Self {
        Self {
            at: u32::try_from(at).unwrap_or(u32::MAX),
            fault,
        }
    }
}

/// What is wrong with an octet or with the element that starts there.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A bit string is not in the form that its field has.
    #[error("bit string not of the expected form")]
    BitString,
    /// The CRA flag does not go with the message code.
    #[error("the CRA flag does not go with the message code")]
    CraMismatch,
    /// The same certificate extension twice.
    #[error("certificate extension repeated")]
    DuplicateExtension,
    /// An integer with a sign bit where only natural numbers are allowed.
    #[error("negative integer")]
    IntegerNegative,
    /// An integer without octets or with superfluous leading ones.
    #[error("integer not in its shortest form")]
    IntegerNotMinimal,
    /// An integer above the greatest value of its field.
    #[error("integer beyond the range of its field")]
    IntegerTooLarge,
    /// A key identifier of another length than the eight octets of SMKI: a whole SHA-1 has 20 (RFC 5280, 4.2.1.2).
    #[error("{which} key identifier has {octets} octets, SMKI uses 8")]
    KeyIdentifierLength {
        /// Whose key it names.
        which: Whose,
        /// How many octets it has, at most 255.
        octets: u8,
    },
    /// The length is more than what is left of the input or of the enclosing element.
    #[error("length runs beyond the enclosing element")]
    LengthBeyondEnd,
    /// A length that is in neither the shortest form nor the devices' `82 00 xx`.
    #[error("length not in its shortest form")]
    LengthNotMinimal,
    /// An indefinite length, or one of more than two octets.
    #[error("length form not supported")]
    LengthUnsupported,
    /// A Response or Alert with neither signature nor MAC, or a command that its use case never sends that way.
    #[error("neither signature nor MAC where one is required")]
    NotAuthenticated,
    /// A date and time that is not one.
    #[error("not a date and time")]
    Time,
    /// Octets after the end of the element or of the message.
    #[error("octets left over")]
    TrailingOctets,
    /// The input or the enclosing element ends too early.
    #[error("ends too early")]
    Truncated,
    /// A fixed octet of the layout has another value.
    #[error("expected octet {expected:02x}, found {found:02x}")]
    UnexpectedOctet {
        /// The octet that the layout has here.
        expected: u8,
        /// The octet that is here.
        found: u8,
    },
    /// A DER tag other than the one that must come next.
    #[error("expected tag {expected:02x}, found {found:02x}")]
    UnexpectedTag {
        /// The tag that must come next.
        expected: u8,
        /// The tag that is here.
        found: u8,
    },
    /// Cell usage other than management (0) and prePaymentTopUp (1).
    #[error("unknown cell usage {0}")]
    UnknownCellUsage(u8),
    /// A CRA flag other than 01, 02 and 03.
    #[error("unknown CRA flag {0:02x}")]
    UnknownCra(u8),
    /// A critical certificate extension outside the smart metering profile.
    #[error("unknown critical certificate extension")]
    UnknownCriticalExtension,
    /// A key usage that no Trust Anchor Cell has.
    #[error("unknown key usage")]
    UnknownKeyUsage,
    /// A credentials replacement mode above 9.
    #[error("unknown credentials replacement mode {0}")]
    UnknownMode(u8),
    /// A remote party role outside the enumeration.
    #[error("unknown remote party role {0}")]
    UnknownRole(u8),
    /// A number series other than that of prepayment top-ups.
    #[error("unknown sequence number usage {0}")]
    UnknownSeqNumberUsage(u8),
    /// A status code outside the enumeration.
    #[error("unknown status code {0}")]
    UnknownStatus(u8),
    /// A certificate signed otherwise than by ECDSA with SHA-256.
    #[error("signature algorithm other than ecdsa-with-SHA256")]
    UnsupportedAlgorithm,
    /// A certificate for a key other than an uncompressed point on P-256.
    #[error("public key other than an uncompressed P-256 point")]
    UnsupportedKey,
}

/// Whose key an identifier in a certificate names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The issuer's.
    Authority,
    /// The certificate's own.
    Subject,
}

impl std::fmt::Display for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Authority => "authority",
            Self::Subject => "subject",
        })
    }
}

/// Why a message cannot be written.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A certificate is not one whole DER element.
    #[error("a certificate is not one whole DER element")]
    Certificate,
    /// The CRA flag or message code of the header is not that of the payload.
    #[error("the header's CRA flag or message code {0} does not fit the payload")]
    HeaderMismatch(MessageCode),
    /// The message code is not that of the credentials replacement mode.
    #[error("message code {code} does not go with mode {}", .mode.name())]
    ModeMismatch {
        /// The header's message code.
        code: MessageCode,
        /// The payload's mode.
        mode: ReplacementMode,
    },
    /// The message has neither signature nor MAC where its kind requires one, or a MAC without a signature part.
    #[error("the message kind requires a signature or a MAC")]
    NotAuthenticated,
    /// A plaintext symmetric key goes with mode anyByContingency, always and alone.
    #[error("plaintextSymmetricKey belongs to anyByContingency alone, and always")]
    PlaintextSymmetricKey,
    /// A part is longer than a two-octet length can say.
    #[error("longer than 65535 octets")]
    TooLong,
}

/// A text that is no EUI-64 or no key identifier.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not {0}")]
pub struct ParseIdentifierError(pub(crate) &'static str);
