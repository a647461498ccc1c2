//! Keys from a scalar, in both PEM forms, by way of the second library.

use p256::SecretKey;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use slotkeeper_crypto::{AgreementKey, PublicKey, SigningKey};

/// A key of the second library, from which those of this crate are made.
pub(crate) struct TestKey(pub(crate) SecretKey);

impl TestKey {
    pub(crate) fn from_scalar(scalar: [u8; 32]) -> Self {
        Self(SecretKey::from_slice(&scalar).unwrap())
    }

    pub(crate) fn pkcs8_pem(&self) -> String {
        self.0.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    pub(crate) fn sec1_pem(&self) -> String {
        self.0.to_sec1_pem(LineEnding::LF).unwrap().to_string()
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        SigningKey::from_pem(self.pkcs8_pem().as_bytes()).unwrap()
    }

    pub(crate) fn agreement_key(&self) -> AgreementKey {
        AgreementKey::from_pem(self.sec1_pem().as_bytes()).unwrap()
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey::from_uncompressed(self.0.public_key().to_sec1_point(false).as_bytes()).unwrap()
    }
}
