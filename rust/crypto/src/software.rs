//! Private keys held in the memory of this process, by AWS-LC.

use std::fmt;
use std::path::Path;

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use crate::key_agreement::{AgreementError, KeyAgreement, SharedSecret};
use crate::krp_signature::{KrpSigner, SignerUnavailable};
use crate::pem::{KeyError, KeyOrigin, PrivateKeyDer};
use crate::public_key::PublicKey;

/// A digital-signature private key.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// Loads a key from a PEM file, PKCS#8 or SEC 1.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which names the file and says what to do, and shows nothing of the content.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        Self::from_der(&PrivateKeyDer::load(path.as_ref())?)
    }

    /// Takes a key from PEM text, PKCS#8 or SEC 1. The text is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which shows nothing of the content.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        Self::from_der(&PrivateKeyDer::from_pem(text, KeyOrigin::Memory)?)
    }

    fn from_der(der: &PrivateKeyDer) -> Result<Self, KeyError> {
        let pair =
            EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.octets())
                .map_err(|_| der.not_p256())?;
        let public =
            PublicKey::from_uncompressed(pair.public_key().as_ref()).map_err(|_| der.not_p256())?;
        Ok(Self { pair, public })
    }
}

impl KrpSigner for SigningKey {
    fn sign(&self, octets: &[u8]) -> Result<[u8; 64], SignerUnavailable> {
        // The generator is not asked: AWS-LC draws the nonce from its own, mixed with key and digest.
        let signature = self
            .pair
            .sign(&SystemRandom::new(), octets)
            .map_err(|_| SignerUnavailable)?;
        signature.as_ref().try_into().map_err(|_| SignerUnavailable)
    }

    fn public_key(&self) -> PublicKey {
        self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// A key-agreement private key.
pub struct AgreementKey {
    private: agreement::PrivateKey,
    public: PublicKey,
}

impl AgreementKey {
    /// Loads a key from a PEM file, PKCS#8 or SEC 1.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which names the file and says what to do, and shows nothing of the content.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        Self::from_der(&PrivateKeyDer::load(path.as_ref())?)
    }

    /// Takes a key from PEM text, PKCS#8 or SEC 1. The text is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which shows nothing of the content.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        Self::from_der(&PrivateKeyDer::from_pem(text, KeyOrigin::Memory)?)
    }

    fn from_der(der: &PrivateKeyDer) -> Result<Self, KeyError> {
        let private = agreement::PrivateKey::from_private_key_der(&ECDH_P256, der.octets())
            .map_err(|_| der.not_p256())?;
        let public = private
            .compute_public_key()
            .map_err(|_| der.not_p256())
            .and_then(|key| {
                PublicKey::from_uncompressed(key.as_ref()).map_err(|_| der.not_p256())
            })?;
        Ok(Self { private, public })
    }
}

impl KeyAgreement for AgreementKey {
    fn agree(&self, peer: &PublicKey) -> Result<SharedSecret, AgreementError> {
        let peer = peer.parse_for_agreement()?;
        agreement::agree(&self.private, peer, SignerUnavailable, |z| {
            let x = z.try_into().map_err(|_| SignerUnavailable)?;
            Ok(SharedSecret::from_x_coordinate(x))
        })
        .map_err(AgreementError::Unavailable)
    }

    fn public_key(&self) -> PublicKey {
        self.public
    }
}

impl fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgreementKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
