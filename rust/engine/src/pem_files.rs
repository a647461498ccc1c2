//! PEM files as far as a bound: a path may lead to a store, or to a device that never ends.

use std::{
    fs::File,
    io::{BufReader, Read as _, Take},
    path::Path,
};

use rustls_pki_types::pem::Error;

/// The file's octets up to the bound. A certificate that begins beyond it is not found.
pub(crate) fn bounded(path: &Path) -> Result<Take<BufReader<File>>, Error> {
    let file = File::open(path).map_err(Error::Io)?;
    Ok(BufReader::new(file).take(LARGEST))
}

/// Thousands of certificates; what reads a section holds a line of it in memory.
const LARGEST: u64 = 16 << 20;
