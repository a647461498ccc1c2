//! slotkeeper._core: the engine for Python. This file is the extension's table of contents.

#![expect(
    clippy::needless_pass_by_value,
    reason = "arguments are extracted from Python objects by value"
)]

mod acts;
mod allocator;
mod audit;
mod authority;
mod census;
mod engine;
mod enter;
mod errors;
mod evidence;
mod functions;
mod outputs;
mod package;
mod records;
mod stored;
mod tables;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::acts::{PersonKey, Signers, describe_act};
    #[pymodule_export]
    use crate::audit::link_audit;
    #[pymodule_export]
    use crate::authority::Authority;
    #[pymodule_export]
    use crate::census::CoreCensus;
    #[pymodule_export]
    use crate::engine::CoreEngine;
    #[pymodule_export]
    use crate::engine::CoreStaged;
    #[pymodule_export]
    use crate::errors::{
        ActError, BatchEndedError, BatchOpenError, ConfigurationError, EngineFaultError,
        NotRestoredError, NotSealedError, RestoreError, SignerUnavailableError, SlotkeeperError,
        UnreadableSnapshotError,
    };
    #[pymodule_export]
    use crate::evidence::{EvidenceKey, EvidenceVerifier};
    #[pymodule_export]
    use crate::functions::Keystore;
    #[pymodule_export]
    use crate::functions::{
        canonical_key, default_settings, describe_change, duis_payloads, inspect_duis,
        inspect_message, partition_for, quarantine,
    };
    #[pymodule_export]
    use crate::outputs::{CoreOutputBatch, CorePack, CoreSealed};
    #[pymodule_export]
    use crate::package::{EvidenceTree, check_package, open_detached};
    #[pymodule_export]
    use crate::tables::{
        ArrowRows, CoreAuditTables, CoreCellsTable, CoreInventoryTable, CoreRegisterTable,
    };

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        let adjustment = slotkeeper_engine::signed_act::COUNTER_ADJUSTMENT;
        module.add("COUNTER_ADJUSTMENT", adjustment)?;
        module.add("SNAPSHOT_FORMAT", slotkeeper_engine::SNAPSHOT_FORMAT)?;
        module.add(
            "BUILD_PROFILE",
            if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        )
    }
}
