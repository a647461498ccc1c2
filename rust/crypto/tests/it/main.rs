//! What the crate promises, against DCC's vectors, a second library and made-up edges.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod certificate_signature;
mod conformance;
mod key_files;
mod krp_signature;
mod mac;
mod person_key;
mod public_key;
mod rtds;
mod secrecy;
mod software;
mod test_keys;
