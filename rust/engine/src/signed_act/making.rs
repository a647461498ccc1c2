//! Signing an act, and adding a signature to it.

use serde::Serialize;
use slotkeeper_crypto::PersonKey;

use super::header::Header;
use super::{ActError, MOST_SIGNATURES, Signature, SignedAct, encode, kid, signing_input};

#[derive(Serialize)]
struct Envelope<'a> {
    payload: &'a str,
    signatures: Vec<SignatureJson<'a>>,
}

#[derive(Serialize)]
struct SignatureJson<'a> {
    protected: &'a str,
    signature: &'a str,
}

/// What an act says of itself; nothing of it is proven.
#[derive(Serialize)]
struct Description<'a> {
    typ: &'a str,
    incarnation: &'a str,
    payload: Option<&'a str>,
    kids: Vec<&'a str>,
}

/// Makes an act with one signature. `incarnation` names the store that it is for.
///
/// # Errors
/// [`ActError::Key`] if the key gives no signature.
pub fn sign(
    typ: &str,
    incarnation: &str,
    payload: &[u8],
    key: &PersonKey,
) -> Result<Vec<u8>, ActError> {
    let act = SignedAct {
        encoded_payload: encode(payload),
        payload: Vec::new(),
        signatures: Vec::new(),
    };
    act.with_signature(typ, incarnation, key)
}

/// Adds a signature to an act, for the same kind and store as those that stand under it.
///
/// # Errors
/// [`ActError`]: it cannot be read, its signatures are for different kinds or stores, the key has signed it, or there is
/// no room.
pub fn countersign(record: &[u8], key: &PersonKey) -> Result<Vec<u8>, ActError> {
    let act = SignedAct::read(record)?;
    let headers = act.headers()?;
    let own = kid(&key.public_key());
    if headers.iter().any(|header| header.kid == own) {
        return Err(ActError::AlreadySigned);
    }
    if headers.len() >= MOST_SIGNATURES {
        return Err(ActError::Full);
    }
    match headers.first() {
        Some(first) => act.with_signature(&first.typ, &first.incarnation, key),
        None => Err(ActError::Form("no signature".to_owned())),
    }
}

/// Tells what an act says of itself, as JSON: `typ`, `incarnation`, `payload` (text; null if it is no UTF-8) and the
/// `kids` of its signatures. Nothing of it is proven.
///
/// # Errors
/// [`ActError::Form`]: it cannot be read, or its signatures are for different kinds or stores.
pub fn describe(record: &[u8]) -> Result<Vec<u8>, ActError> {
    let act = SignedAct::read(record)?;
    let headers = act.headers()?;
    let first = headers.first();
    let description = Description {
        typ: first.map_or("", |header| &header.typ),
        incarnation: first.map_or("", |header| &header.incarnation),
        payload: str::from_utf8(&act.payload).ok(),
        kids: headers.iter().map(|header| header.kid.as_str()).collect(),
    };
    to_json(&description)
}

impl SignedAct {
    /// Of every signature, all for one kind of act and one store.
    fn headers(&self) -> Result<Vec<Header>, ActError> {
        let headers: Vec<Header> = self
            .signatures
            .iter()
            .map(Header::of)
            .collect::<Result<_, _>>()
            .map_err(|why| ActError::Form(format!("a signature {why}")))?;
        let purpose = |header: &Header| (header.typ.clone(), header.incarnation.clone());
        let first = headers.first().map(purpose);
        if headers.iter().any(|header| Some(purpose(header)) != first) {
            return Err(ActError::Form(
                "its signatures are for different kinds of act, or different stores".to_owned(),
            ));
        }
        Ok(headers)
    }

    fn with_signature(
        mut self,
        typ: &str,
        incarnation: &str,
        key: &PersonKey,
    ) -> Result<Vec<u8>, ActError> {
        let public = key.public_key();
        let header = Header {
            alg: public.algorithm().to_owned(),
            typ: typ.to_owned(),
            kid: kid(&public),
            incarnation: incarnation.to_owned(),
        };
        let protected = encode(&to_json(&header)?);
        let octets = key.sign(&signing_input(&protected, &self.encoded_payload))?;
        self.signatures.push(Signature {
            protected,
            octets: encode(&octets),
            has_unprotected_header: false,
        });
        let signatures = self.signatures.iter().map(|signature| SignatureJson {
            protected: &signature.protected,
            signature: &signature.octets,
        });
        to_json(&Envelope {
            payload: &self.encoded_payload,
            signatures: signatures.collect(),
        })
    }
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, ActError> {
    serde_json::to_vec(value).map_err(|error| ActError::Form(error.to_string()))
}
