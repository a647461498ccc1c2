//! Keys as ssh-keygen writes them, which for Ed25519 knows no other form: OpenSSH's `PROTOCOL.key`, and RFC 4253,
//! section 6.6, for public keys. Keys without pass phrase alone.

use zeroize::Zeroizing;

use crate::pem::{KeyError, KeyOrigin};
use crate::person_key::PersonPublicKey;

/// The two halves of a key, as they stand in a file; whether they belong together is not looked at.
pub(crate) enum Pair {
    Ed25519 {
        seed: Zeroizing<[u8; 32]>,
        public: [u8; 32],
    },
    P256 {
        scalar: Zeroizing<[u8; 32]>,
        point: Vec<u8>,
    },
}

/// What a text is.
pub(crate) enum OpenSshPrivate {
    Key(Pair, KeyOrigin),
    /// No OpenSSH key.
    Other(KeyOrigin),
}

/// Reads a private key where the text has a section of that kind.
pub(crate) fn private_key(text: &[u8], origin: KeyOrigin) -> Result<OpenSshPrivate, KeyError> {
    let Some(body) = section(text) else {
        return Ok(OpenSshPrivate::Other(origin));
    };
    let Some(octets) = decode(body) else {
        return Err(KeyError::Damaged { origin });
    };
    let mut reader = Reader(&octets);
    match reader.begin() {
        None => Err(KeyError::Damaged { origin }),
        Some(Protection::PassPhrase) => Err(KeyError::EncryptedOpenSsh { origin }),
        Some(Protection::Nothing) => match reader.key() {
            Ok(pair) => Ok(OpenSshPrivate::Key(pair, origin)),
            Err(Fault::Damaged) => Err(KeyError::Damaged { origin }),
            Err(Fault::OtherKind) => Err(KeyError::NotForPersons { origin }),
        },
    }
}

/// Reads the line of a `.pub` file.
pub(crate) fn public_key(text: &str) -> Option<PersonPublicKey> {
    let mut parts = text.split_ascii_whitespace();
    let kind = parts.next()?;
    let blob = base64_simd::STANDARD.decode_to_vec(parts.next()?).ok()?;
    let mut reader = Reader(&blob);
    if reader.string()? != kind.as_bytes() {
        return None;
    }
    let key = match kind {
        ED25519 => PersonPublicKey::ed25519(reader.string()?),
        P256 if reader.string()? == CURVE => PersonPublicKey::p256(reader.string()?),
        _ => None,
    };
    key.filter(|_| reader.0.is_empty())
}

enum Protection {
    Nothing,
    PassPhrase,
}

enum Fault {
    Damaged,
    OtherKind,
}

/// What has not been read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Up to the part that a pass phrase would protect.
    fn begin(&mut self) -> Option<Protection> {
        self.0 = self.0.strip_prefix(MAGIC)?;
        let (cipher, kdf, _) = (self.string()?, self.string()?, self.string()?);
        if (cipher, kdf) != (b"none", b"none") {
            return Some(Protection::PassPhrase);
        }
        let keys = self.number()?;
        let _public = self.string()?;
        (keys == 1).then_some(Protection::Nothing)
    }

    fn key(&mut self) -> Result<Pair, Fault> {
        let private = self.string().ok_or(Fault::Damaged)?;
        let mut private = Reader(private);
        let checks = private.number().zip(private.number());
        if checks.is_none_or(|(first, second)| first != second) {
            return Err(Fault::Damaged);
        }
        match private.string().ok_or(Fault::Damaged)? {
            kind if kind == ED25519.as_bytes() => private.ed25519().ok_or(Fault::Damaged),
            kind if kind == P256.as_bytes() => private.p256().ok_or(Fault::Damaged),
            _ => Err(Fault::OtherKind),
        }
    }

    fn ed25519(&mut self) -> Option<Pair> {
        let public: [u8; 32] = self.string()?.try_into().ok()?;
        // The private half is followed by the public one once more.
        let (seed, again) = self.string()?.split_first_chunk::<32>()?;
        (again == public).then(|| Pair::Ed25519 {
            seed: Zeroizing::new(*seed),
            public,
        })
    }

    fn p256(&mut self) -> Option<Pair> {
        if self.string()? != CURVE {
            return None;
        }
        let point = self.string()?.to_vec();
        // An `mpint`: without leading zeros, but for one before a first bit that is set.
        let number = self.string()?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let mut scalar = Zeroizing::new([0; 32]);
        let place = scalar.len().checked_sub(number.len())?;
        scalar.get_mut(place..)?.copy_from_slice(number);
        Some(Pair::P256 { scalar, point })
    }

    /// Octets with their length before them.
    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }
}

/// What stands between the two lines of a section; nothing if the second is missing.
fn section(text: &[u8]) -> Option<&[u8]> {
    let begin = find(text, BEGIN)? + BEGIN.len();
    let body = text.get(begin..)?;
    let end = find(body, END).unwrap_or_default();
    body.get(..end)
}

pub(crate) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

/// Decodes base64 with white space in it; neither text nor octets stay anywhere else.
pub(crate) fn decode(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(body.len()));
    text.extend(body.iter().filter(|octet| !octet.is_ascii_whitespace()));
    let mut octets = Zeroizing::new(vec![0; text.len()]);
    let target = base64_simd::Out::from_slice(&mut octets);
    let length = base64_simd::STANDARD.decode(&text, target).ok()?.len();
    octets.truncate(length);
    Some(octets)
}

const BEGIN: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &[u8] = b"-----END OPENSSH PRIVATE KEY-----";
/// `PROTOCOL.key`: what each such key begins with.
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// RFC 8709, section 4.
const ED25519: &str = "ssh-ed25519";
/// RFC 5656, sections 3.1 and 10.1.
const P256: &str = "ecdsa-sha2-nistp256";
const CURVE: &[u8] = b"nistp256";
