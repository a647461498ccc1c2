//! The engine from outside: what it decides, what it writes, what it makes of a message that it is shown.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod inspect;
mod packages;
mod rules;
mod support;
