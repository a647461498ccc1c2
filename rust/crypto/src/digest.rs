//! SHA-256.

use sha2::{Digest, Sha256};

/// SHA-256 of `octets`, for fingerprints and identities of messages.
///
/// Signing and verifying hash on their own. For 250 octets AWS-LC's digest takes the same time.
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}
