//! Keys of the persons who sign acts: P-256 with SHA-256 (ES256) or Ed25519 (`EdDSA`), as RFC 7518 and RFC 8037 use them.

use std::fmt;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey,
};
use rustls_pki_types::pem::{PemObject, SectionKind};

use crate::digest::sha256;
use crate::krp_signature::{BadSignature, SignerUnavailable, verify_krp};
use crate::openssh::{self, OpenSshPrivate};
use crate::pem::{KeyError, KeyOrigin, LARGEST_FILE, PrivateKeyDer, load_text};
use crate::public_key::PublicKey;

/// The public key of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PersonPublicKey {
    /// Of Ed25519: the 32 octets of RFC 8032, section 5.1.5.
    Ed25519([u8; 32]),
    /// Of ECDSA with P-256.
    P256(PublicKey),
}

/// The text is no public key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no Ed25519 or P-256 public key; expected a section `BEGIN PUBLIC KEY` (`openssl pkey -pubout`) or a line \
     `ssh-ed25519 ...` or `ecdsa-sha2-nistp256 ...` (the .pub file of ssh-keygen)"
)]
pub struct InvalidPersonKey;

impl PersonPublicKey {
    /// Reads a PEM section `PUBLIC KEY`, or the line that ssh-keygen writes into a `.pub` file.
    ///
    /// # Errors
    /// [`InvalidPersonKey`]: something else, another kind of key, no point of its curve, or a point under which
    /// everybody could sign.
    pub fn from_text(text: &str) -> Result<Self, InvalidPersonKey> {
        if text.len() > LARGEST_FILE {
            return Err(InvalidPersonKey);
        }
        if let Some(key) = openssh::public_key(text) {
            return Ok(key);
        }
        let found = <(SectionKind, Vec<u8>)>::from_pem_slice(text.as_bytes());
        let Ok((SectionKind::PublicKey, der)) = found else {
            return Err(InvalidPersonKey);
        };
        if let Some(key) = der.strip_prefix(SPKI_ED25519) {
            return Self::ed25519(key).ok_or(InvalidPersonKey);
        }
        let point = der.strip_prefix(SPKI_P256).ok_or(InvalidPersonKey)?;
        Self::p256(point).ok_or(InvalidPersonKey)
    }

    pub(crate) fn ed25519(key: &[u8]) -> Option<Self> {
        let key: [u8; 32] = key.try_into().ok()?;
        let mut unsigned = key;
        unsigned[31] &= 0x7F;
        let usable =
            ParsedPublicKey::new(&ED25519, key).is_ok() && !SMALL_ORDER_Y.contains(&unsigned);
        usable.then_some(Self::Ed25519(key))
    }

    pub(crate) fn p256(point: &[u8]) -> Option<Self> {
        PublicKey::from_uncompressed(point).ok().map(Self::P256)
    }

    /// The `alg` of RFC 7515 that signatures under this key have, and no other.
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    /// Names the key: its JWK thumbprint with SHA-256 (RFC 7638).
    pub fn thumbprint(&self) -> [u8; 32] {
        let encode = |octets: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(octets);
        // The members that a key of its kind must have, in the order of their names, without spaces.
        let jwk = match self {
            Self::Ed25519(key) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(key))
            }
            Self::P256(key) => {
                let (x, y) = key.coordinates().split_at(32);
                let (x, y) = (encode(x), encode(y));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
        };
        sha256(jwk.as_bytes())
    }

    /// Verifies a signature as a JWS carries it: `r || s` of ECDSA, or `R || S` of Ed25519.
    ///
    /// # Errors
    /// [`BadSignature`] if it does not verify, for whatever reason; an `S` of Ed25519 that is not below the order of the
    /// group is one.
    pub fn verify(&self, octets: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        match self {
            Self::P256(key) => verify_krp(key, octets, signature),
            Self::Ed25519(key) => ParsedPublicKey::new(&ED25519, key)
                .map_err(|_| BadSignature)?
                .verify_sig(octets, signature)
                .map_err(|_| BadSignature),
        }
    }
}

/// The private key of a person, in the memory of this process.
pub struct PersonKey {
    pair: Pair,
    public: PersonPublicKey,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl PersonKey {
    /// Loads a key from a file: PEM with PKCS#8 or SEC 1, or the form of ssh-keygen; Ed25519 or P-256.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which names the file and says what to do, and shows nothing of the content.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let (text, origin) = load_text(path.as_ref())?;
        Self::read(&text, origin)
    }

    /// Takes a key from text of the same forms. The text is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which shows nothing of the content.
    pub fn from_text(text: &[u8]) -> Result<Self, KeyError> {
        Self::read(text, KeyOrigin::Memory)
    }

    fn read(text: &[u8], origin: KeyOrigin) -> Result<Self, KeyError> {
        let (pair, origin) = match openssh::private_key(text, origin)? {
            OpenSshPrivate::Key(pair, origin) => (Pair::of_openssh(&pair), origin),
            OpenSshPrivate::Other(origin) => {
                let der = PrivateKeyDer::from_pem(text, origin)?;
                (Pair::of_der(der.octets()), der.into_origin())
            }
        };
        let unusable = || KeyError::NotForPersons {
            origin: origin.clone(),
        };
        let pair = pair.ok_or_else(unusable)?;
        let public = match &pair {
            Pair::Ed25519(pair) => PersonPublicKey::ed25519(pair.public_key().as_ref()),
            Pair::P256(pair) => PersonPublicKey::p256(pair.public_key().as_ref()),
        };
        let public = public.ok_or_else(unusable)?;
        Ok(Self { pair, public })
    }

    /// The public half.
    pub fn public_key(&self) -> PersonPublicKey {
        self.public
    }

    /// Signs octets: `r || s` of ECDSA, or `R || S` of Ed25519.
    ///
    /// # Errors
    /// [`SignerUnavailable`] if the library has no signature to give.
    pub fn sign(&self, octets: &[u8]) -> Result<[u8; 64], SignerUnavailable> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(octets),
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), octets),
        };
        let signature = signature.map_err(|_| SignerUnavailable)?;
        signature.as_ref().try_into().map_err(|_| SignerUnavailable)
    }
}

impl Pair {
    fn of_der(der: &[u8]) -> Option<Self> {
        let p256 = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        if let Ok(pair) = p256 {
            return Some(Self::P256(pair));
        }
        // OpenSSL writes Ed25519 keys without their public half, so that there is nothing to compare.
        let ed25519 = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
        ed25519.ok().map(Self::Ed25519)
    }

    fn of_openssh(key: &openssh::Pair) -> Option<Self> {
        match key {
            openssh::Pair::Ed25519 { seed, public } => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&seed[..], public);
                pair.ok().map(Self::Ed25519)
            }
            openssh::Pair::P256 { scalar, point } => {
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &scalar[..],
                    point,
                );
                pair.ok().map(Self::P256)
            }
        }
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// RFC 8410, section 4: what stands before the 32 octets of an Ed25519 key in its `SubjectPublicKeyInfo`.
const SPKI_ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// RFC 5480, section 2: the same for a P-256 key, before the uncompressed point.
const SPKI_P256: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// y of the points of edwards25519 whose order divides 8, little-endian without the sign of x, and of 0 and 1 also the
/// other way to write them in 255 bits (plus p = 2^255-19); p-1 has none. Under such a key a signature can be made up.
const SMALL_ORDER_Y: [[u8; 32]; 7] = [
    small(0x00, 0x00, 0x00), // 0: order 4
    small(0x01, 0x00, 0x00), // 1: the neutral element
    small(0xEC, 0xFF, 0x7F), // p-1: order 2
    small(0xED, 0xFF, 0x7F), // p, which is 0
    small(0xEE, 0xFF, 0x7F), // p+1, which is 1
    ORDER_8,
    ORDER_8_NEGATED,
];

const fn small(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut y = [middle; 32];
    y[0] = first;
    y[31] = last;
    y
}

const ORDER_8: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
    0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];
const ORDER_8_NEGATED: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
    0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];
