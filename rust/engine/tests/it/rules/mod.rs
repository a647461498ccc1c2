//! What the engine decides, record by record.

mod northbound;
mod paths;
mod restore;
