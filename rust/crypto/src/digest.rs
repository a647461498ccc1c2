//! SHA-256.

use sha2::{Digest, Sha256};

/// SHA-256 of `octets`, for fingerprints and identities of messages.
///
/// Signing and verifying hash on their own. For 250 octets AWS-LC's digest takes the same time.
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

/// SHA-256 of octets of which only the first are known yet.
#[derive(Clone)]
pub struct Sha256Begun(Sha256);

impl Sha256Begun {
    /// Hashes the first octets.
    pub fn with(octets: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(octets))
    }

    /// Hashes the next octets.
    pub fn update(&mut self, octets: &[u8]) {
        Digest::update(&mut self.0, octets);
    }

    /// Hashes the rest; gives the digest of all.
    pub fn finish(self, rest: &[u8]) -> [u8; 32] {
        self.0.chain_update(rest).finalize().into()
    }
}
