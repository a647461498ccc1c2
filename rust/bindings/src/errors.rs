//! Exceptions, told apart by what the caller does next. They hold no record and no key.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use slotkeeper_engine::signed_act::ActError as Act;
use slotkeeper_engine::{
    AuthorityError, EngineError, KeyError, RestoreError as UnreadableStore, SealError,
    SettingsError, SnapshotError,
};
use slotkeeper_kafka::TooLarge;

create_exception!(
    slotkeeper.errors,
    SlotkeeperError,
    PyException,
    "Base of every error of this package."
);
create_exception!(
    slotkeeper.errors,
    ActError,
    SlotkeeperError,
    "An act cannot be read, or cannot be signed with this key. Look at the file, or sign anew."
);
create_exception!(
    slotkeeper.errors,
    ConfigurationError,
    SlotkeeperError,
    "A setting, certificate or key cannot be used. Correct it; trying again does not help."
);
create_exception!(
    slotkeeper.errors,
    BatchOpenError,
    SlotkeeperError,
    "A staged batch is open: fold it, discard it or declare it in doubt first."
);
create_exception!(
    slotkeeper.errors,
    BatchEndedError,
    SlotkeeperError,
    "This batch was folded, discarded or declared in doubt before. Stage its events again."
);
create_exception!(
    slotkeeper.errors,
    NotSealedError,
    SlotkeeperError,
    "The batch has commands: seal it, and commit them with it, before it is folded."
);
create_exception!(
    slotkeeper.errors,
    NotRestoredError,
    SlotkeeperError,
    "The partition is closed: restore it from the committed changelog first."
);
create_exception!(
    slotkeeper.errors,
    RestoreError,
    SlotkeeperError,
    "A changelog record cannot be read. Nothing may be issued from such a store."
);
create_exception!(
    slotkeeper.errors,
    SignerUnavailableError,
    SlotkeeperError,
    "Keys could not be used just now. Discard the batch and try it again."
);
create_exception!(
    slotkeeper.errors,
    UnreadableSnapshotError,
    SlotkeeperError,
    "A part of a snapshot cannot be used. Clear the engine and restore it without the snapshot."
);
create_exception!(
    slotkeeper.errors,
    EngineFaultError,
    SlotkeeperError,
    "A defect of the engine. It serves no more; restart and restore."
);

/// Every error that reaches Python, by what is to be done about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Act(#[from] Act),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("{0}")]
    Configuration(String),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Pack(#[from] TooLarge),
    #[error("the engine met a defect earlier and serves no more; restart and restore")]
    Poisoned,
    #[error(transparent)]
    Restore(#[from] UnreadableStore),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        match fault {
            Fault::Act(_) => ActError::new_err(text),
            Fault::Authority(_) | Fault::Configuration(_) | Fault::Key(_) | Fault::Settings(_) => {
                ConfigurationError::new_err(text)
            }
            Fault::Engine(EngineError::Closed) => NotRestoredError::new_err(text),
            Fault::Engine(EngineError::BatchOpen) => BatchOpenError::new_err(text),
            Fault::Engine(EngineError::NotSealed) => NotSealedError::new_err(text),
            Fault::Engine(EngineError::NotOpen) | Fault::Seal(SealError::Ended) => {
                BatchEndedError::new_err(text)
            }
            Fault::Pack(_) | Fault::Poisoned | Fault::Seal(SealError::Defect) => {
                EngineFaultError::new_err(text)
            }
            Fault::Restore(_) => RestoreError::new_err(text),
            Fault::Seal(SealError::KeysUnavailable) => SignerUnavailableError::new_err(text),
            Fault::Snapshot(_) => UnreadableSnapshotError::new_err(text),
        }
    }
}
