//! Acts that persons sign: JWS (RFC 7515) in the general JSON serialisation, signed with ES256 or `EdDSA`.
//!
//! ```json
//! {"payload": "<base64url>", "signatures": [{"protected": "<base64url>", "signature": "<base64url>"}]}
//! ```
//!
//! Every protected header has these four members and no other: `alg`; `typ`, the kind of act; `incarnation`, the store
//! that it is for; and `kid`, the JWK thumbprint (RFC 7638, SHA-256) of the key. What an act says is its payload's
//! business, and which persons it takes is that of whoever reads it. This module tells who signed.

mod header;
mod making;
mod proof;
mod signers;
mod strict_json;

use serde::Deserialize;
use slotkeeper_crypto::PersonPublicKey;

pub use making::{countersign, describe, sign};
pub use proof::Proof;
pub(crate) use signers::NamedKey;
pub use signers::{Signer, Signers, SignersError};
pub(crate) use strict_json::refuse_repeated_members;

/// `typ` of a counter adjustment: a record of `counter-adjustments`.
pub const COUNTER_ADJUSTMENT: &str = "slotkeeper-counter-adjustment";

/// Signatures under one act. Two persons are the most that one ever needs; the rest is room for those who signed as well.
pub const MOST_SIGNATURES: usize = 16;

/// Why an act cannot be read or signed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// This key's signature stands under it already.
    #[error("the act bears a signature of this key already")]
    AlreadySigned,
    /// Not of the form above.
    #[error("no signed act: {0}")]
    Form(String),
    /// There is no room for another signature.
    #[error("the act bears {MOST_SIGNATURES} signatures already, and takes no more")]
    Full,
    /// The key gave no signature.
    #[error(transparent)]
    Key(#[from] slotkeeper_crypto::SignerUnavailable),
}

/// An act as it stands in a stream or a file: read, and nobody's yet.
pub struct SignedAct {
    /// As it was signed: base64url.
    encoded_payload: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

struct Signature {
    protected: String,
    /// Base64url.
    octets: String,
    has_unprotected_header: bool,
}

#[derive(Deserialize)]
struct Envelope {
    payload: String,
    signatures: Vec<SignatureJson>,
}

#[derive(Deserialize)]
struct SignatureJson {
    protected: String,
    signature: String,
    header: Option<serde::de::IgnoredAny>,
}

/// Enough to tell an act from what nobody signed.
#[derive(Deserialize)]
struct Outline {
    payload: Option<serde::de::IgnoredAny>,
    signatures: Option<serde::de::IgnoredAny>,
}

impl SignedAct {
    /// Whether a record means to be an act, well-formed or not.
    pub fn is_meant(record: &[u8]) -> bool {
        serde_json::from_slice(record)
            .is_ok_and(|outline: Outline| outline.payload.or(outline.signatures).is_some())
    }

    /// Reads an act, whose octets the caller has bounded. Whether its signatures hold is not looked at.
    ///
    /// # Errors
    /// [`ActError::Form`]: no JSON of that form, a member that stands there twice, no signature, or more than
    /// [`MOST_SIGNATURES`].
    pub fn read(record: &[u8]) -> Result<Self, ActError> {
        refuse_repeated_members(record).map_err(|error| ActError::Form(error.to_string()))?;
        let envelope: Envelope =
            serde_json::from_slice(record).map_err(|error| ActError::Form(error.to_string()))?;
        let signatures = envelope.signatures.len();
        if !(1..=MOST_SIGNATURES).contains(&signatures) {
            return Err(ActError::Form(format!(
                "{signatures} signatures; 1 to {MOST_SIGNATURES} can be there"
            )));
        }
        let payload = decode(&envelope.payload)
            .ok_or_else(|| ActError::Form("payload is no base64url".to_owned()))?;
        let signatures = envelope
            .signatures
            .into_iter()
            .map(|signature| Signature {
                protected: signature.protected,
                octets: signature.signature,
                has_unprotected_header: signature.header.is_some(),
            })
            .collect();
        Ok(Self {
            encoded_payload: envelope.payload,
            payload,
            signatures,
        })
    }

    /// What was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// How headers name a key: its JWK thumbprint (RFC 7638, SHA-256), base64url.
pub fn kid(key: &PersonPublicKey) -> String {
    encode(&key.thumbprint())
}

/// RFC 7515, section 5.1: the octets under a signature.
fn signing_input(protected: &str, payload: &str) -> Vec<u8> {
    [protected, ".", payload].concat().into_bytes()
}

/// RFC 7515, section 2: base64url without padding. No other text stands for the same octets.
fn decode(text: &str) -> Option<Vec<u8>> {
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

fn encode(octets: &[u8]) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(octets)
}
