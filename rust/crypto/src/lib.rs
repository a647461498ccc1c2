//! KRP signature and ACB-SMD MAC: the only crate that names a cryptographic library.
