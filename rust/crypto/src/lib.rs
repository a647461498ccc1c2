//! KRP signature, ACB-SMD MAC and signatures of persons: the only crate that names a cryptographic library.
//!
//! Everything on this page works on plain octets: which octets of a message are signed or MACed is
//! the business of the wire format, and which key belongs to which message that of the engine.
//!
//! | what | where |
//! |---|---|
//! | [`PublicKey`], [`CompressedPublicKey`] | P-256 points, checked once, when they are imported |
//! | [`SigningKey`], [`AgreementKey`] | private keys in the memory of this process |
//! | [`KrpSigner`], [`KeyAgreement`] | what a private key must be able to do, wherever it lives |
//! | [`verify_krp`], [`verify_certificate`] | the two ECDSA forms, which cannot be mixed |
//! | [`acb_smd_mac`], [`verify_mac`] | the 12-octet MAC between ACB and device |
//! | [`HashTree`] | one digest for many lines, and a proof for each (RFC 6962) |
//! | [`PersonKey`], [`PersonPublicKey`] | signatures of persons under acts, ES256 or Ed25519 |
//!
//! Errors are told apart by what the caller does next: [`KeyError`] is a fault of configuration,
//! [`SignerUnavailable`] means try again later, [`BadSignature`] judges the message or act, and
//! [`InvalidPublicKey`] and [`InvalidPersonKey`] judge what carried the key.
//!
//! # What happens to secrets
//!
//! - The file and the decoded DER of a private key are wiped before loading returns. The PEM decoder
//!   between the two works in a buffer of its own, which it frees without wiping.
//! - The private scalar then lives in AWS-LC's heap for as long as the key object does. AWS-LC wipes
//!   what it frees (`OPENSSL_free` cleanses), but it does not lock pages: keep the process from
//!   dumping core and from swapping where that matters.
//! - [`SharedSecret`] and the MAC key derived from it are wiped when dropped. Copies that the
//!   compiler leaves in registers or on the stack are beyond the reach of safe Rust.
//! - No `Debug`, `Display` or error text of this crate shows a secret octet.

mod certificate_signature;
mod digest;
mod hash_tree;
mod key_agreement;
mod krp_signature;
mod mac;
mod openssh;
mod pem;
mod person_key;
mod public_key;
mod software;

pub use certificate_signature::DerSignature;
pub use certificate_signature::verify_certificate;
pub use digest::Sha256Begun;
pub use digest::sha256;
pub use hash_tree::HashTree;
pub use hash_tree::leaf_digest;
pub use key_agreement::AgreementError;
pub use key_agreement::KeyAgreement;
pub use key_agreement::SharedSecret;
pub use krp_signature::BadSignature;
pub use krp_signature::KrpSigner;
pub use krp_signature::SignerUnavailable;
pub use krp_signature::verify_krp;
pub use mac::MacContext;
pub use mac::acb_smd_mac;
pub use mac::verify_mac;
pub use pem::KeyError;
pub use pem::KeyOrigin;
pub use person_key::InvalidPersonKey;
pub use person_key::PersonKey;
pub use person_key::PersonPublicKey;
pub use public_key::CompressedPublicKey;
pub use public_key::InvalidPublicKey;
pub use public_key::PublicKey;
pub use public_key::VerifyingPoint;
pub use software::AgreementKey;
pub use software::SigningKey;
