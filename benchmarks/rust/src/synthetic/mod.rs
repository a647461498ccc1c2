//! A made-up metering world: parties with real keys, devices, and what they send.

mod devices;
mod keys;
mod messages;
mod parties;

pub(crate) use devices::{Devices, Kind};
pub(crate) use keys::{AgreementPair, SigningPair};
pub(crate) use messages::{Cells, Outcome, json_outcome, request};
pub(crate) use parties::Parties;
