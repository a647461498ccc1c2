//! A whole message of CS02a or CS02b: envelope and typed payload.

use crate::code::Cra;
use crate::code::Kind;
use crate::code::MessageCode;
use crate::der::LengthStyle;
use crate::der::Writer;
use crate::envelope::Envelope;
use crate::envelope::Extent;
use crate::envelope::Header;
use crate::envelope::MAC_SIZE;
use crate::envelope::Parts;
use crate::envelope::Signature;
use crate::envelope::write_envelope;
use crate::error::DecodeError;
use crate::error::EncodeError;
use crate::error::Fault;
use crate::error::Malformed;
use crate::identifier::Eui64;
use crate::payload::Announced;
use crate::payload::Payload;

/// A message as it was received.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The Grouping Header.
    pub header: Header,
    /// What it says.
    pub payload: Payload<'a>,
    /// The signature part.
    pub signature: Signature<'a>,
    /// The MAC; `None` without MAC Header.
    pub mac: Option<&'a [u8; MAC_SIZE]>,
    /// How the payload's lengths were written.
    pub length_style: LengthStyle,
    signed: &'a [u8],
    maced: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a whole message.
    ///
    /// Neither signature nor MAC is verified: this crate has no keys.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnknownMessageCode`] for a sound envelope of another use case, else [`DecodeError::Malformed`].
    pub fn decode(octets: &'a [u8]) -> Result<Self, DecodeError> {
        let envelope = Envelope::decode(octets)?;
        let Envelope {
            header,
            signature,
            mac,
            ..
        } = envelope;
        let announced = Announced::by(header.message_code, header.cra, envelope.cra_at())?;
        let mut reader = envelope.content_reader();
        if !envelope.supplementary.is_empty() {
            return Err(reader.fault(Fault::TrailingOctets).into());
        }
        let payload = announced.read(&mut reader)?;
        reader.finish()?;
        if !is_authenticated(&payload, Parts { signature, mac }) {
            let at = octets.len();
            return Err(Malformed::new(at, Fault::NotAuthenticated).into());
        }
        Ok(Self {
            header,
            payload,
            signature,
            mac,
            length_style: reader.style(),
            signed: envelope.signed_octets(),
            maced: envelope.maced_octets(),
        })
    }

    /// Writes the message again.
    ///
    /// The octets are those it was read from, unless a device mixed length styles or wrote out DEFAULT values.
    ///
    /// # Errors
    ///
    /// [`EncodeError::ModeMismatch`] for a message that is read with a flag only, see [`Self::mode_mismatch`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        encode(
            &self.header,
            &self.payload,
            Parts {
                signature: self.signature,
                mac: self.mac,
            },
            self.length_style,
        )
    }

    /// What the message is to those who handle it.
    ///
    /// A CS02b command without MAC is a pre-command, except in recovery and contingency, which have none.
    pub fn kind(&self) -> Kind {
        match &self.payload {
            Payload::Alert(_) => Kind::Alert,
            Payload::Response(_) | Payload::CredentialsResponse(_) => Kind::Response,
            Payload::Command(command)
                if self.mac.is_none() && !command.control.mode.is_without_mac() =>
            {
                Kind::PreCommand
            }
            Payload::Command(_) | Payload::CredentialsCommand(_) => Kind::Command,
        }
    }

    /// The device: who a command is for, who a response or an alert is from.
    pub fn device(&self) -> Eui64 {
        match self.header.cra {
            Cra::Command => self.header.recipient,
            Cra::Response | Cra::Alert => self.header.originator,
        }
    }

    /// The remote party: the other one.
    pub fn party(&self) -> Eui64 {
        match self.header.cra {
            Cra::Command => self.header.originator,
            Cra::Response | Cra::Alert => self.header.recipient,
        }
    }

    /// Whether the message code is not that of the payload's mode. Then the mode counts.
    pub fn mode_mismatch(&self) -> bool {
        check_mode(self.header.message_code, &self.payload).is_err()
    }

    /// The octets that the signature covers: after the general-signing tag, up to the end of the payload.
    pub fn signed_octets(&self) -> &'a [u8] {
        self.signed
    }

    /// The octets that the MAC covers, after its constant prefix: from the general-signing tag to the end of the
    /// signature part.
    pub fn maced_octets(&self) -> &'a [u8] {
        self.maced
    }
}

/// A message of any kind in the making: a device's responses and alerts, pre-commands, commands of CS02a.
///
/// To sign one, encode it with a signature of zeros, sign what [`Envelope::signed_octets`] says, and encode it again.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The Grouping Header.
    pub header: Header,
    /// What it says.
    pub payload: Payload<'a>,
    /// The signature part.
    pub signature: Signature<'a>,
    /// The MAC; with one comes the MAC Header.
    pub mac: Option<&'a [u8; MAC_SIZE]>,
    /// How lengths are written: `Device` for responses and alerts, `Minimal` for commands.
    pub length_style: LengthStyle,
}

impl Draft<'_> {
    /// Writes the message.
    ///
    /// # Errors
    ///
    /// Whatever would not be read back as the same message: [`EncodeError`] names the cases.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        encode(
            &self.header,
            &self.payload,
            Parts {
                signature: self.signature,
                mac: self.mac,
            },
            self.length_style,
        )
    }
}

/// A message and the offset of its general-signing tag; or an error before anything is allocated.
pub(crate) fn compose(
    header: &Header,
    parts: Parts<'_>,
    style: LengthStyle,
    payload: impl Fn(&mut Writer<'_>),
) -> Result<(Vec<u8>, usize), EncodeError> {
    let mut counter = Writer::counting(style);
    let Extent { grouping, longest } = write_envelope(&mut counter, header, parts, &payload);
    if longest > usize::from(u16::MAX) {
        return Err(EncodeError::TooLong);
    }
    let mut octets = vec![0; counter.written()];
    write_envelope(
        &mut Writer::filling(&mut octets, style),
        header,
        parts,
        &payload,
    );
    let grouping_at = octets.len() - grouping;
    Ok((octets, grouping_at))
}

fn encode(
    header: &Header,
    payload: &Payload<'_>,
    parts: Parts<'_>,
    style: LengthStyle,
) -> Result<Vec<u8>, EncodeError> {
    let code = header.message_code;
    let fits = match payload {
        Payload::Alert(_) => code == MessageCode::CS02B_ALERT,
        Payload::CredentialsCommand(_) | Payload::CredentialsResponse(_) => {
            code == MessageCode::CS02A
        }
        Payload::Command(_) | Payload::Response(_) => code.replacement_mode().is_some(),
    };
    if !fits || header.cra != payload.cra() {
        return Err(EncodeError::HeaderMismatch(code));
    }
    check_mode(code, payload)?;
    let mac_without_signature_part =
        parts.mac.is_some() && matches!(parts.signature, Signature::Absent);
    if mac_without_signature_part || !is_authenticated(payload, parts) {
        return Err(EncodeError::NotAuthenticated);
    }
    if let Payload::Command(command) = payload
        && !command.has_whole_certificates()
    {
        return Err(EncodeError::Certificate);
    }
    Ok(compose(header, parts, style, |writer| payload.write(writer))?.0)
}

fn check_mode(code: MessageCode, payload: &Payload<'_>) -> Result<(), EncodeError> {
    match payload.mode() {
        Some(mode) if code != MessageCode::CS02B_ALERT && code != mode.message_code() => {
            Err(EncodeError::ModeMismatch { code, mode })
        }
        _ => Ok(()),
    }
}

/// Whether the message has a signature or a MAC, or is of the one kind that has neither: a pre-command.
///
/// A response cut off before its signature part must not pass for a response.
fn is_authenticated(payload: &Payload<'_>, parts: Parts<'_>) -> bool {
    let may_lack_both = match payload {
        Payload::Command(command) => !command.control.mode.is_without_mac(),
        _ => false,
    };
    may_lack_both || parts.mac.is_some() || matches!(parts.signature, Signature::Present(_))
}
