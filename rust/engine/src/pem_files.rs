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

/// What is wrong with a file that should hold certificates, as an error tells it.
///
/// The library's own words repeat the line at which it stopped. Where a private key stands in a certificate's place,
/// with its line breaks lost, that line is the key.
pub(crate) fn problem(error: &Error) -> String {
    match error {
        Error::Io(error) => format!("it cannot be read: {error}"),
        Error::NoItemsFound => "it holds no PEM section `BEGIN CERTIFICATE`".to_owned(),
        _ => "a PEM section of it is damaged: its lines are not as they were made".to_owned(),
    }
}

/// Thousands of certificates; what reads a section holds a line of it in memory.
const LARGEST: u64 = 16 << 20;
