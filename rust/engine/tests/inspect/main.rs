//! `inspect` and keystores: DCC's vectors with the published keys, and messages and certificates made here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod documents;
mod forms;
mod keystores;
mod made_up;
mod pki;
mod rtds;
mod vectors;
