//! Keys and certificates for tests and benchmarks, written element by element after RFC 5280 and the profile of the GBCS.
//!
//! Nothing here knows another crate of this workspace: what reads certificates must not also have written them.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test without its keys has nothing to say"
)]

mod certificate;
pub mod der;
mod issuer;
mod key;

pub use certificate::{Certificate, Subject, Usage, Validity, authority_name};
pub use issuer::Issuer;
pub use key::{Key, key_identifier, pem};
