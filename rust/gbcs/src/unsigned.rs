//! A CS02b command with places for the KRP signature and the MAC.

use std::ops::Range;

use crate::code::Cra;
use crate::code::ReplacementMode;
use crate::der::LengthStyle;
use crate::envelope::Header;
use crate::envelope::MAC_SIZE;
use crate::envelope::Parts;
use crate::envelope::SIGNATURE_SIZE;
use crate::envelope::Signature;
use crate::error::EncodeError;
use crate::identifier::Eui64;
use crate::message::compose;
use crate::payload::CommandPayload;

/// What the layout of a command depends on besides its mode (GBCS 13.3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// The Communications Hub Function: an ACB's replacement of its own is signed as well.
    CommunicationsHubFunction,
    /// Any other, the Gas Proxy Function among them.
    Other,
}

/// A command whose signature and MAC are still zero: the signer fills them in place.
///
/// Which of the two it has follows from mode and device: recovery and contingency have no MAC; ACB by ACB has no
/// signature, unless it is for the Communications Hub Function; all others have both. The signature comes first, as the
/// MAC covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedCommand {
    octets: Vec<u8>,
    signed: Range<usize>,
    maced: Range<usize>,
    signature_at: Option<usize>,
    mac_at: Option<usize>,
}

impl UnsignedCommand {
    /// Builds the command. `originator` and `originator_counter` are those of the party that makes the KRP signature;
    /// the message code follows from the mode.
    ///
    /// # Errors
    ///
    /// A certificate that is not one DER element, a plaintext symmetric key where it does not belong or none where it
    /// does, or more octets than a GBCS length can say.
    pub fn new(
        originator_counter: u64,
        originator: Eui64,
        recipient: Eui64,
        device: DeviceKind,
        payload: &CommandPayload<'_>,
    ) -> Result<Self, EncodeError> {
        let mode = payload.control.mode;
        let is_contingency = mode == ReplacementMode::AnyByContingency;
        if payload.control.plaintext_symmetric_key.is_some() != is_contingency {
            return Err(EncodeError::PlaintextSymmetricKey);
        }
        if !payload.has_whole_certificates() {
            return Err(EncodeError::Certificate);
        }
        let header = Header {
            cra: Cra::Command,
            originator_counter,
            originator,
            recipient,
            date_time: None,
            message_code: mode.message_code(),
        };
        let has_mac = !mode.is_without_mac();
        let has_signature = mode != ReplacementMode::AccessControlBrokerByAcb
            || device == DeviceKind::CommunicationsHubFunction;
        let parts = Parts {
            signature: if has_signature {
                Signature::Present(&[0; SIGNATURE_SIZE])
            } else {
                Signature::Empty
            },
            mac: has_mac.then_some(&[0; MAC_SIZE]),
        };
        let (octets, grouping_at) = compose(&header, parts, LengthStyle::Minimal, |writer| {
            payload.write(writer);
        })?;
        let mac_at = has_mac.then(|| octets.len() - MAC_SIZE);
        let maced = grouping_at..mac_at.unwrap_or(octets.len());
        let signature_at = has_signature.then(|| maced.end - SIGNATURE_SIZE);
        // Before the signature stands its length octet, and that alone where there is no signature.
        let signed = grouping_at + 1..signature_at.unwrap_or(maced.end) - 1;
        Ok(Self {
            octets,
            signed,
            maced,
            signature_at,
            mac_at,
        })
    }

    /// The octets that the signature covers: after the general-signing tag, up to the end of the payload.
    pub fn signed_range(&self) -> Range<usize> {
        self.signed.clone()
    }

    /// The octets that the MAC covers, after its constant prefix: from the general-signing tag to the end of the
    /// signature part.
    pub fn maced_range(&self) -> Range<usize> {
        self.maced.clone()
    }

    /// Where the 64 octets of the signature go; `None` for a command without.
    pub fn signature_at(&self) -> Option<usize> {
        self.signature_at
    }

    /// Where the 12 octets of the MAC go; `None` for a command without.
    pub fn mac_at(&self) -> Option<usize> {
        self.mac_at
    }

    /// The whole message.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The whole message, to be filled in.
    pub fn octets_mut(&mut self) -> &mut [u8] {
        &mut self.octets
    }

    /// The message as it is now.
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}
