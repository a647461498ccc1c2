//! Records of the streams as Arrow tables, for builds of the slots folder and for hosts that look at slots.
//!
//! Each table takes records one by one, in the order of their stream, and gives the rows made of them as a
//! [`RecordBatch`](arrow_array::RecordBatch). A record that cannot be read costs no other one anything: it is counted and
//! named among the [`Faults`]. What the columns mean stands in `docs/slots-folder.md`.

mod audit;
mod cells;
mod columns;
mod faults;
mod field;
mod inventory;
mod registers;

pub use audit::{AuditTables, KnownRow};
pub use cells::{CellsTable, Taken};
pub use faults::{Fault, Faults};
pub use inventory::InventoryTable;
pub use registers::{Kept, RegisterTable};
