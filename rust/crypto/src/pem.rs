//! Private keys on their way in: from a PEM file to DER, and no copy left behind by us.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::openssh::{decode, find};

/// A private key could not be taken from where the configuration says it is.
///
/// The configuration or the file is to be mended; trying again changes nothing. The text says which
/// file and what to do, and never anything of its content.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The PEM armour stands, but what is inside is not base64, or the end line is missing.
    #[error("{origin} is damaged: its PEM section cannot be decoded; restore the file")]
    Damaged {
        /// Where the key was to come from.
        origin: KeyOrigin,
    },

    /// The key is protected by a pass phrase, which is not asked for.
    #[error(
        "{origin} is encrypted with a pass phrase; give it unencrypted, readable by this user alone \
         (`openssl pkey -in KEY -out NEW_KEY`)"
    )]
    Encrypted {
        /// Where the key was to come from.
        origin: KeyOrigin,
    },

    /// The same, of a key in the form of ssh-keygen, which its own tool alone decrypts.
    #[error(
        "{origin} is encrypted with a pass phrase; give a copy without, readable by this user alone \
         (`ssh-keygen -p -N '' -f COPY`), or use a key of openssl"
    )]
    EncryptedOpenSsh {
        /// Where the key was to come from.
        origin: KeyOrigin,
    },

    /// Not of a kind that signs acts of persons, or its two halves do not belong together.
    #[error("{origin} is no valid Ed25519 or P-256 private key, and persons sign with no other")]
    NotForPersons {
        /// Where the key was to come from.
        origin: KeyOrigin,
    },

    /// No section `PRIVATE KEY` (PKCS#8) or `EC PRIVATE KEY` (SEC 1) in it.
    #[error(
        "{origin} holds no PEM private key; expected a section `BEGIN PRIVATE KEY` (PKCS#8) or \
         `BEGIN EC PRIVATE KEY` (SEC 1)"
    )]
    NotPem {
        /// Where the key was to come from.
        origin: KeyOrigin,
    },

    /// A private key of another kind or curve, or whose two halves do not belong together.
    #[error("{origin} holds no valid P-256 private key (prime256v1); GBCS uses no other curve")]
    NotP256 {
        /// Where the key was to come from.
        origin: KeyOrigin,
    },

    /// The file is far larger than a private key can be.
    #[error(
        "{origin} is larger than {LARGEST_FILE} bytes, so it is no private key; check the path"
    )]
    TooLarge {
        /// Where the key was to come from.
        origin: KeyOrigin,
    },

    /// The file cannot be opened or read.
    #[error("{origin} cannot be read: {source}; check the path and the rights of this user")]
    Unreadable {
        /// Where the key was to come from.
        origin: KeyOrigin,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Where a private key was to come from, as error texts name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// A file.
    File(PathBuf),
    /// Text that the caller handed over.
    Memory,
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the private key file {}", path.display()),
            Self::Memory => f.write_str("the private key"),
        }
    }
}

/// The DER of a private key, PKCS#8 or SEC 1, wiped when dropped.
pub(crate) struct PrivateKeyDer {
    octets: Zeroizing<Vec<u8>>,
    origin: KeyOrigin,
}

impl PrivateKeyDer {
    pub(crate) fn load(path: &Path) -> Result<Self, KeyError> {
        let (text, origin) = load_text(path)?;
        Self::from_pem(&text, origin)
    }

    pub(crate) fn from_pem(text: &[u8], origin: KeyOrigin) -> Result<Self, KeyError> {
        let key = SECTIONS
            .iter()
            .filter_map(|(begin, end)| Some((find(text, begin)?, begin, end)))
            .min_by_key(|(at, ..)| *at);
        let octets = key.and_then(|(at, begin, end)| {
            let body = text.get(at + begin.len()..)?;
            decode(body.get(..find(body, end)?)?)
        });
        match (octets, key) {
            (Some(octets), _) => Ok(Self { octets, origin }),
            (None, _) if is_encrypted(text) => Err(KeyError::Encrypted { origin }),
            (None, Some(_)) => Err(KeyError::Damaged { origin }),
            (None, None) => Err(KeyError::NotPem { origin }),
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) fn into_origin(self) -> KeyOrigin {
        self.origin
    }

    pub(crate) fn not_p256(&self) -> KeyError {
        KeyError::NotP256 {
            origin: self.origin.clone(),
        }
    }
}

/// The text of a key file, wiped when dropped.
pub(crate) fn load_text(path: &Path) -> Result<(Zeroizing<Vec<u8>>, KeyOrigin), KeyError> {
    let origin = KeyOrigin::File(path.to_owned());
    // Large enough from the start: a buffer that grows leaves copies of the key behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LARGEST_FILE + 1));
    let read =
        File::open(path).and_then(|file| file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut text));
    match read {
        Err(source) => Err(KeyError::Unreadable { origin, source }),
        Ok(length) if length > LARGEST_FILE => Err(KeyError::TooLarge { origin }),
        Ok(_) => Ok((text, origin)),
    }
}

fn is_encrypted(text: &[u8]) -> bool {
    let has = |mark: &&[u8]| text.windows(mark.len()).any(|window| window == *mark);
    ENCRYPTED.iter().any(has)
}

/// RFC 5958 and RFC 5915: the sections that hold an unencrypted key. They are read here, and not by the reader that
/// certificates go through, whose own buffers keep a copy of what was in them.
const SECTIONS: [(&[u8], &[u8]); 2] = [
    (b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----"),
    (
        b"-----BEGIN EC PRIVATE KEY-----",
        b"-----END EC PRIVATE KEY-----",
    ),
];

/// A P-256 key in PEM has some 240 bytes; `openssl ecparam -genkey` and certificates put before it
/// make a file a few times longer.
pub(crate) const LARGEST_FILE: usize = 16 * 1024;

/// RFC 7468, section 11: the label of an encrypted PKCS#8 key. RFC 1421, section 4.6.1.1: the header of other encrypted
/// keys, as OpenSSL writes them with `-traditional`.
const ENCRYPTED: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
