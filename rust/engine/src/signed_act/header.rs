//! The protected header of a signature.

use serde::{Deserialize, Serialize};

use super::{Signature, decode};

/// All that it may say: a header that says more (`crit`, `b64`, a key of its own) counts for nothing.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) typ: String,
    pub(super) kid: String,
    pub(super) incarnation: String,
}

impl Header {
    /// The header, or why the signature counts for nothing.
    pub(super) fn of(signature: &Signature) -> Result<Self, &'static str> {
        if signature.has_unprotected_header {
            return Err("has a header that it does not protect");
        }
        let unreadable = "has a header that is not alg, typ, kid and incarnation, each once";
        let json = decode(&signature.protected).ok_or(unreadable)?;
        serde_json::from_slice(&json).map_err(|_| unreadable)
    }
}
