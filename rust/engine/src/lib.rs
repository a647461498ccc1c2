//! One batch of one partition: events in, decisions made, commands sealed.
//!
//! The engine knows the rules and holds the state of a partition. It knows neither transport nor store: the host hands
//! it records, commits what comes out in one transaction of its own, and then says so.
//!
//! 1. [`Engine::restore`] takes what was committed before, [`Engine::open`] ends that. [`Engine::snapshot_part`] and
//!    [`Engine::load_part`] make it shorter.
//! 2. [`Engine::stage`] judges a batch in order. Nothing is visible yet.
//! 3. [`Staged::seal`] builds, signs and MACs the commands on worker threads.
//! 4. The host commits records, changes, commands, the [`Staged::audit_head`] and its own position in ONE transaction.
//! 5. [`Engine::fold`] makes the batch the state; [`Engine::discard`] drops one that was aborted for certain;
//!    [`Engine::in_doubt`] closes the partition when nobody knows.

mod audit;
mod authority;
mod base64;
mod census;
mod chain;
mod changelog;
mod dead_letter;
mod decision;
pub mod describe;
mod directory;
pub mod duis;
mod engine;
mod events;
mod evidence;
pub mod inspect;
mod json;
mod judge;
mod keystore;
mod message;
mod outbox;
pub mod package;
mod parking;
mod paths;
mod pem_files;
mod quarantine;
mod quoted;
mod records;
mod registers;
mod seal;
mod settings;
pub mod signed_act;
mod snapshot;
mod stage;
mod staged;
mod stream;
mod time;
mod workers;

pub use authority::{Authority, AuthorityError, Credential, CredentialFiles};
pub use census::Census;
pub use chain::{AuditHead, link_audit};
pub use changelog::RESERVED;
pub use decision::{Disposition, Flags, Reason};
pub use engine::{Engine, EngineError, RestoreError, Statistics};
pub use evidence::{EvidenceKey, EvidenceKeyError, EvidenceVerifier};
pub use keystore::{Keystore, KeystoreEntry, KeystoreError};
pub use parking::StoredParked;
pub use quarantine::{Cause, quarantine};
pub use seal::SealError;
pub use settings::{
    AbsentFloor, CounterSource, DeviceSignatures, Settings, SettingsError, WithoutEvidence,
};
pub use slotkeeper_counters::Stored;
pub use slotkeeper_crypto::{HashTree, KeyError, PersonKey, PersonPublicKey};
pub use snapshot::{SNAPSHOT_FORMAT, SnapshotCursor, SnapshotError};
pub use stage::BatchContext;
pub use staged::{Staged, Tally};
pub use stream::{
    Input, OutputRecord, Partition, Stream, Value, device_of_key, partition_of, partition_of_key,
};
