//! Messages and DUIS documents, decoded for people and for programs that compare.

mod document;
mod form;
mod message;
mod report;

pub use document::{DocumentReport, DuisReport, XmlValue, duis, payloads};
pub use form::read_form;
pub use message::message;
pub use report::{
    CellContentsReport, CellReport, CredentialsReport, MessageReport, OutcomeReport,
    PathCertificateReport, Proof, ReplacementReport, SeqNumberChangeReport, SpecialistFloorReport,
};
