//! `slotkeeper._core` without keys, for the comparison with peers, none of which signs.
//!
//! All of it is the real extension's source but `authority`, which holds no private key: a signature is
//! zeros, and every device has the same agreed secret. What it makes is no command for any device. The real
//! extension has no switch that leads here; this one is built beside it, by the benchmark alone.

#![expect(
    clippy::needless_pass_by_value,
    reason = "arguments are extracted from Python objects by value"
)]

#[path = "../../../../rust/bindings/src/acts.rs"]
mod acts;
#[path = "../../../../rust/bindings/src/allocator.rs"]
mod allocator;
#[path = "../../../../rust/bindings/src/audit.rs"]
mod audit;
mod authority;
#[path = "../../../../rust/bindings/src/census.rs"]
mod census;
#[path = "../../../../rust/bindings/src/engine.rs"]
mod engine;
#[path = "../../../../rust/bindings/src/enter.rs"]
mod enter;
#[path = "../../../../rust/bindings/src/errors.rs"]
mod errors;
#[path = "../../../../rust/bindings/src/evidence.rs"]
mod evidence;
#[path = "../../../../rust/bindings/src/functions.rs"]
mod functions;
#[path = "../../../../rust/bindings/src/outputs.rs"]
mod outputs;
#[path = "../../../../rust/bindings/src/package.rs"]
mod package;
#[path = "../../../../rust/bindings/src/records.rs"]
mod records;
#[path = "../../../../rust/bindings/src/stored.rs"]
mod stored;
#[path = "../../../../rust/bindings/src/tables.rs"]
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
        module.add(
            "__version__",
            concat!(env!("CARGO_PKG_VERSION"), "+unsigned"),
        )?;
        let adjustment = slotkeeper_engine::signed_act::COUNTER_ADJUSTMENT;
        module.add("COUNTER_ADJUSTMENT", adjustment)?;
        module.add("SNAPSHOT_FORMAT", slotkeeper_engine::SNAPSHOT_FORMAT)?;
        module.add("BUILD_PROFILE", "unsigned")
    }
}
