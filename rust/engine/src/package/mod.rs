//! Evidence packages: rows that devices have signed, under one digest, under one signature.
//!
//! A package is a folder. `rows.jsonl` holds a line for each message that changed a slot, `leaves.txt` the digest of
//! each line, `certificates/` what vouches for the devices' keys, `files.sha256` the digests of all these files;
//! `manifest.json` names the digest of `files.sha256` and the root of the lines' Merkle tree, and `manifest.p7s` is the
//! signature over the manifest. `docs/evidence.md` describes all of it.

mod check;
mod files;
mod judge;
mod leaves;
mod row;
mod signature;

pub use check::{Finding, PackageReport, check};
pub use signature::{DetachedError, Opened, SignError, open_detached, sign_detached};
