//! P-256 public keys in the two forms that are kept: uncompressed and compressed.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, UnparsedPublicKey};

/// A P-256 public key: the SEC 1 uncompressed form, `04 || x || y`, as certificates carry it.
///
/// It is the form to keep for key agreement: decompressing a point costs a square root in the
/// field each time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; UNCOMPRESSED_OCTETS]);

impl PublicKey {
    /// Takes the 65 octets of a certificate's subject public key and checks, once and for all, that
    /// they are a point of P-256.
    ///
    /// # Errors
    ///
    /// [`InvalidPublicKey`] for any other length or form, the point at infinity, a coordinate not
    /// below the field's prime, or a point that is not on the curve.
    pub fn from_uncompressed(octets: &[u8]) -> Result<Self, InvalidPublicKey> {
        let octets: [u8; UNCOMPRESSED_OCTETS] = octets.try_into().map_err(|_| InvalidPublicKey)?;
        // Without this look at the first octet a hybrid point (06, 07) would pass as well.
        if octets[0] != UNCOMPRESSED {
            return Err(InvalidPublicKey);
        }
        let key = Self(octets);
        key.parse_for_agreement()?;
        Ok(key)
    }

    /// Puts back a key that [`coordinates`](Self::coordinates) gave, from a store that is trusted to
    /// return what was written; whether it is on the curve is not checked here.
    ///
    /// Octets that are no point do no harm: every operation with them fails with its own error.
    pub fn from_coordinates(coordinates: &[u8; COORDINATES_OCTETS]) -> Self {
        let mut octets = [UNCOMPRESSED; UNCOMPRESSED_OCTETS];
        octets[1..].copy_from_slice(coordinates);
        Self(octets)
    }

    /// The uncompressed form, `04 || x || y`.
    pub fn as_bytes(&self) -> &[u8; UNCOMPRESSED_OCTETS] {
        &self.0
    }

    /// `x || y`, 32 octets each: the uncompressed form without its first octet, which says nothing.
    pub fn coordinates(&self) -> &[u8; COORDINATES_OCTETS] {
        let [_, coordinates @ ..] = &self.0;
        coordinates
    }

    /// The compressed form, half the size: enough to verify signatures with.
    pub fn compress(&self) -> CompressedPublicKey {
        let mut octets = [0; COMPRESSED_OCTETS];
        octets[0] = COMPRESSED_EVEN | (self.0[UNCOMPRESSED_OCTETS - 1] & 1);
        octets[1..].copy_from_slice(&self.0[1..COMPRESSED_OCTETS]);
        CompressedPublicKey(octets)
    }

    pub(crate) fn parse_for_agreement(&self) -> Result<ParsedPublicKey, InvalidPublicKey> {
        ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, &self.0))
            .map_err(|_| InvalidPublicKey)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, "PublicKey", &self.0)
    }
}

/// A P-256 public key in the SEC 1 compressed form, `02 || x` or `03 || x`.
///
/// Made by [`PublicKey::compress`], or put back from a store that is trusted to return what was
/// written. Octets that are no point verify no signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompressedPublicKey(pub [u8; COMPRESSED_OCTETS]);

impl fmt::Debug for CompressedPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, "CompressedPublicKey", &self.0)
    }
}

/// A public key that signatures can be verified with, in either form.
pub trait VerifyingPoint: sealed::Sealed {
    /// The point in one of the forms of SEC 1, section 2.3.3.
    fn sec1(&self) -> &[u8];
}

impl VerifyingPoint for PublicKey {
    fn sec1(&self) -> &[u8] {
        &self.0
    }
}

impl VerifyingPoint for CompressedPublicKey {
    fn sec1(&self) -> &[u8] {
        &self.0
    }
}

/// The octets are not a point of P-256 in the form that is asked for.
///
/// What carried them, as a rule a certificate, is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an uncompressed point on the P-256 curve")]
pub struct InvalidPublicKey;

fn write_key(f: &mut fmt::Formatter<'_>, name: &str, octets: &[u8]) -> fmt::Result {
    write!(f, "{name}(")?;
    for octet in octets {
        write!(f, "{octet:02x}")?;
    }
    f.write_str(")")
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::PublicKey {}
    impl Sealed for super::CompressedPublicKey {}
}

/// SEC 1, 2.3.3: the octet before an uncompressed point.
const UNCOMPRESSED: u8 = 0x04;
/// SEC 1, 2.3.3: the octet before a compressed point with an even y; 03 for an odd one.
const COMPRESSED_EVEN: u8 = 0x02;
/// A coordinate of P-256 has 256 bits.
const COORDINATES_OCTETS: usize = 2 * 32;
const UNCOMPRESSED_OCTETS: usize = 1 + COORDINATES_OCTETS;
const COMPRESSED_OCTETS: usize = 1 + 32;
