//! What the tests stand on: keys, certificates and messages made here, and a host that commits what the engine says.

mod acts;
mod host;
mod pki;
mod reading;
mod records;
mod told;
mod world;

pub(crate) use slotkeeper_engine::Stream;
pub(crate) use slotkeeper_gbcs::Eui64;
pub(crate) use slotkeeper_test_pki::{Issuer, Validity};

pub(crate) use acts::{Act, Person, base64url};
pub(crate) use host::{Decided, Host, INCARNATION, Record, decisions, engine};
pub(crate) use pki::Identity;
pub(crate) use reading::Reading;
pub(crate) use records::{Adjustment, Device, Request, base64};
pub(crate) use told::{Cell, Told, sign_anew};
pub(crate) use world::{
    ACB, ACB_ID, AcbKey, GNO, GPF, NEXT_GNO, NOW_MS, Organisation, SUPPLIER, anchored, authority,
    gno, issuer, next_gno, supplier,
};
