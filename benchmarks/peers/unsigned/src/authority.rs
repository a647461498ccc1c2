//! `Authority` without keys: the ACB's certificates are read, its key files are not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use slotkeeper_crypto::{
    AgreementError, KeyAgreement, KrpSigner, PublicKey, SharedSecret, SignerUnavailable,
};
use slotkeeper_engine::{Authority as EngineAuthority, Credential};
use slotkeeper_gbcs::{Certificate, Eui64, KeyIdentifier};

use crate::errors::Fault;

type Files = Vec<(PathBuf, Option<PathBuf>)>;

#[pyclass(frozen, module = "slotkeeper")]
pub(crate) struct Authority(pub(crate) Arc<EngineAuthority>);

#[pymethods]
impl Authority {
    #[new]
    #[pyo3(signature = (acb_id, *, digital_signature, key_agreement))]
    fn new(acb_id: &str, digital_signature: Files, key_agreement: Files) -> PyResult<Self> {
        let id = Eui64::parse(acb_id.as_bytes()).ok_or_else(|| unusable(acb_id))?;
        let mut signers = Vec::new();
        for (file, _) in &digital_signature {
            let (identifier, public) = read(file)?;
            let signer: Arc<dyn KrpSigner> = Arc::new(NoKey(public));
            signers.push(Credential::new(identifier, Some(signer)));
        }
        let mut agreements = Vec::new();
        for (file, _) in &key_agreement {
            let (identifier, public) = read(file)?;
            let agreement: Arc<dyn KeyAgreement> = Arc::new(NoKey(public));
            agreements.push(Credential::new(identifier, Some(agreement)));
        }
        let authority = EngineAuthority::new(id, signers, agreements)
            .map_err(|error| Fault::Configuration(error.to_string()))?;
        Ok(Self(Arc::new(authority)))
    }

    #[getter]
    fn id(&self) -> String {
        self.0.id().to_string()
    }

    fn describe(&self) -> Vec<Py<PyDict>> {
        Vec::new()
    }

    fn __repr__(&self) -> String {
        format!("<slotkeeper.Authority {}, unsigned>", self.0.id())
    }
}

/// Stands where a private key would: signs with zeros, and agrees zeros with everybody.
struct NoKey(PublicKey);

impl KrpSigner for NoKey {
    fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignerUnavailable> {
        Ok([0; 64])
    }

    fn public_key(&self) -> PublicKey {
        self.0
    }
}

impl KeyAgreement for NoKey {
    fn agree(&self, _: &PublicKey) -> Result<SharedSecret, AgreementError> {
        Ok(SharedSecret::from_x_coordinate([0; 32]))
    }

    fn public_key(&self) -> PublicKey {
        self.0
    }
}

fn read(file: &Path) -> PyResult<(KeyIdentifier, PublicKey)> {
    let der = CertificateDer::from_pem_file(file).map_err(|_| unusable(file.display()))?;
    let certificate = Certificate::parse(&der).map_err(|_| unusable(file.display()))?;
    let identifier = certificate.subject_key_identifier;
    let public = PublicKey::from_uncompressed(certificate.public_key);
    match (identifier, public) {
        (Some(identifier), Ok(public)) => Ok((identifier, public)),
        _ => Err(unusable(file.display()).into()),
    }
}

fn unusable(what: impl std::fmt::Display) -> Fault {
    Fault::Configuration(format!("{what} cannot be used"))
}
