//! What the engine decides, record by record.

mod adjustments;
mod alerts;
mod census;
mod certificates;
mod chain;
mod embedding;
mod event_writer;
mod evidence;
mod faults;
mod identity;
mod inventory;
mod keys;
mod laws;
mod links;
mod northbound;
mod numbers;
mod parking;
mod paths;
mod read_backs;
mod requests;
mod restore;
mod signed;
mod sizes;
mod snapshot;
mod southbound;
mod strangers;
