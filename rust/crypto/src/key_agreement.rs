//! Static ECDH between the ACB and a device: where the MAC key comes from.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::krp_signature::SignerUnavailable;
use crate::public_key::{InvalidPublicKey, PublicKey};

/// Something that holds a key-agreement private key and agrees secrets with it.
pub trait KeyAgreement: Send + Sync {
    /// Agrees the secret `Z` with the holder of `peer`'s private key: the x coordinate of the common
    /// point. Both keys are static, so the same pair always agrees the same secret.
    ///
    /// # Errors
    ///
    /// [`AgreementError::PeerKey`] if `peer` is no point of P-256, [`AgreementError::Unavailable`]
    /// if the private key cannot be used now.
    fn agree(&self, peer: &PublicKey) -> Result<SharedSecret, AgreementError>;

    /// The public half, as the certificate of this key carries it.
    fn public_key(&self) -> PublicKey;
}

/// The shared secret `Z` of two key-agreement keys; wiped when dropped, never shown.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SharedSecret([u8; 32]);

impl SharedSecret {
    /// Takes over the x coordinate that another implementation of [`KeyAgreement`] agreed. The
    /// caller's own copy is the caller's to wipe.
    pub fn from_x_coordinate(x: [u8; 32]) -> Self {
        Self(x)
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(redacted)")
    }
}

/// Why no secret was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// The peer's key is at fault: refuse what needs it.
    #[error("cannot agree a key: the peer's public key is {0}")]
    PeerKey(#[from] InvalidPublicKey),

    /// The private key is at fault, for now: try again.
    #[error(transparent)]
    Unavailable(#[from] SignerUnavailable),
}
