//! The Originator Counter table: store-max, compare-and-increment, overlay, record image.
//!
//! A Gas Proxy Function accepts a command of a Remote Party Role only if its Originator Counter is
//! greater than the number that the device holds for that role. This crate keeps, for each
//! (device, role), the numbers that are known to have been used, and allocates numbers above them.
//! It knows neither messages nor keys: a device is an EUI-64.
//!
//! A batch is staged in a [`Ledger`], on an overlay that reads through to the [`CounterTable`]. After
//! the host has committed the batch's [record images](DeviceImage), [`Ledger::fold`] makes the
//! overlay the table; if the batch was aborted or is in doubt, [`Ledger::discard`] keeps its numbers
//! from being used again.
//!
//! ```
//! use slotkeeper_counters::{
//!     AllocationRequest, CounterTable, DEFAULT_CEILING, DeviceImage, Ledger, Role,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut ledger = Ledger::new(CounterTable::new(7, DEFAULT_CEILING));
//! let gpf = 0x0011_2233_4455_6677;
//!
//! ledger.raise_recorded(gpf, Role::NetworkOperator, 1200);
//! let request = AllocationRequest {
//!     hint: Some(1000),
//!     originator: 0x90b3_d51f_3000_0002,
//!     request_counter: 1,
//! };
//! let allocation = ledger.allocate(gpf, Role::NetworkOperator, request)?;
//! assert_eq!(allocation.counter, 1201);
//!
//! let changelog: Vec<Vec<u8>> =
//!     ledger.changed().map(|device| ledger.image(device).encode()).collect();
//! ledger.fold();
//!
//! let mut restored = CounterTable::new(8, DEFAULT_CEILING);
//! for image in &changelog {
//!     restored.restore(&DeviceImage::decode(image, DEFAULT_CEILING)?);
//! }
//! assert_eq!(restored.view(gpf).marks(Role::NetworkOperator).issued, Some(1201));
//! # Ok(())
//! # }
//! ```

mod allocation;
mod bulk;
mod burned;
mod compact_index;
mod cover;
mod decode;
mod format_1;
mod image;
mod lane;
mod ledger;
mod notes;
mod occupants;
mod overlay;
mod restore;
mod role;
mod row;
mod shards;
mod sides;
mod stored;
mod table;
mod trail;
mod view;

pub use crate::allocation::{
    Allocation, AllocationReason, AllocationRequest, DEFAULT_CEILING, Exhausted, ROLLBACK_MARGIN,
};
pub use crate::bulk::UnreadableRows;
pub use crate::burned::Burned;
pub use crate::compact_index::CompactIndex;
pub use crate::cover::{Cover, CoverGroup};
pub use crate::image::{CellImage, DeviceImage, ImageError, RoleImage};
pub use crate::lane::Lane;
pub use crate::ledger::{CounterOutOfRange, Ledger};
pub use crate::notes::{
    IMPORTED_REQUESTS_KEPT, MESSAGES_KEPT, MessageNote, REQUESTS_KEPT, RequestNote, VOIDS_KEPT,
    VoidNote,
};
pub use crate::occupants::{Occupant, OccupantId, Occupants};
pub use crate::overlay::VERSION_LEAP;
pub use crate::restore::RestoreOutcome;
pub use crate::role::{Cell, CellSource, CellUse, LAST_COUNTER, Marks, Role, RoleState};
pub use crate::row::RowId;
pub use crate::stored::Stored;
pub use crate::table::CounterTable;
pub use crate::trail::{
    Due, LINKS_KEPT, Link, Observation, PENDING_KEPT, Pending, Standing, Step, Trail,
};
pub use crate::view::DeviceView;
