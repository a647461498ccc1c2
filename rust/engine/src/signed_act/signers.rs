//! Who may sign: names, and the public keys that prove them.

use serde::{Deserialize, Serialize};
use slotkeeper_crypto::{InvalidPersonKey, PersonPublicKey};

use super::kid;
use crate::quoted::LONGEST_NAME;

/// Why a list of signers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignersError {
    /// Names nobody, so that nothing could ever be adjusted.
    #[error("nobody is named")]
    Nobody,
    /// A person's name cannot be used.
    #[error("`{0}` is no name: it has 1 to {LONGEST_NAME} octets and no control characters")]
    Name(String),
    /// A person's key cannot be used.
    #[error("{name}: {source}")]
    Key {
        /// Whose.
        name: String,
        /// What is wrong.
        source: InvalidPersonKey,
    },
    /// The algorithm is not that of the key.
    #[error("{name}: the key is one for {found}, and `algorithm` says {named}")]
    Algorithm {
        /// Whose.
        name: String,
        /// What the key is for.
        found: &'static str,
        /// What the list says.
        named: String,
    },
    /// The key of two persons, or named twice.
    #[error("{second} has the same key as {first}: a key is one person's, and stands there once")]
    SameKey {
        /// Who was named first.
        first: String,
        /// And then.
        second: String,
    },
}

/// A person, as the settings name one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedKey {
    name: String,
    algorithm: String,
    public_key: String,
}

/// A person's key. A person may have several.
#[derive(Clone, Debug)]
pub struct Signer {
    name: String,
    key: PersonPublicKey,
    kid: String,
}

impl Signer {
    /// The person.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// See [`kid`].
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// `ES256` or `EdDSA`.
    pub fn algorithm(&self) -> &'static str {
        self.key.algorithm()
    }

    pub(super) fn key(&self) -> &PersonPublicKey {
        &self.key
    }

    /// The person, whatever the case of the name and the spaces around it.
    pub(super) fn person(&self) -> String {
        self.name.to_lowercase()
    }
}

/// Everybody who may sign.
#[derive(Clone, Debug)]
pub struct Signers(Vec<Signer>);

impl Signers {
    /// Reads a JSON list of objects with `name`, `algorithm` (`ES256` or `EdDSA`) and `public_key` (PEM, or the line of
    /// a `.pub` file of ssh-keygen).
    ///
    /// # Errors
    /// [`SignersError`] in text, or what is wrong with the JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let named: Vec<NamedKey> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        Self::new(&named).map_err(|error| error.to_string())
    }

    pub(crate) fn new(named: &[NamedKey]) -> Result<Self, SignersError> {
        let mut signers: Vec<Signer> = Vec::with_capacity(named.len());
        for one in named {
            let name = one.name.trim().to_owned();
            if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
                return Err(SignersError::Name(one.name.clone()));
            }
            let key = match PersonPublicKey::from_text(&one.public_key) {
                Ok(key) => key,
                Err(source) => return Err(SignersError::Key { name, source }),
            };
            if one.algorithm != key.algorithm() {
                return Err(SignersError::Algorithm {
                    name,
                    found: key.algorithm(),
                    named: one.algorithm.clone(),
                });
            }
            if let Some(earlier) = signers.iter().find(|signer| signer.key == key) {
                return Err(SignersError::SameKey {
                    first: earlier.name.clone(),
                    second: name,
                });
            }
            let kid = kid(&key);
            signers.push(Signer { name, key, kid });
        }
        if signers.is_empty() {
            return Err(SignersError::Nobody);
        }
        Ok(Self(signers))
    }

    /// In the order of the list.
    pub fn all(&self) -> &[Signer] {
        &self.0
    }

    /// Whose key that is.
    pub fn by_kid(&self, kid: &str) -> Option<&Signer> {
        self.0.iter().find(|signer| signer.kid == kid)
    }
}
