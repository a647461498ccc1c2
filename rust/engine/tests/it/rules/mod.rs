//! What the engine decides, record by record.

mod keys;
mod northbound;
mod parking;
mod paths;
mod requests;
mod restore;
