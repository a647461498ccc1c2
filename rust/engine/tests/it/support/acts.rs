//! Persons who sign acts, and acts that they signed, well or badly.

use serde_json::{Value, json};
use slotkeeper_engine::PersonKey;
use slotkeeper_engine::signed_act::COUNTER_ADJUSTMENT;

use super::host::INCARNATION;
use super::records::Adjustment;

/// A person's key, as `openssl genpkey` made it for these tests alone.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) algorithm: &'static str,
    private: &'static str,
    public: &'static str,
}

impl Person {
    pub(crate) const ANN: Self = Self {
        name: "Ann",
        algorithm: "EdDSA",
        private: ANN,
        public: ANN_PUBLIC,
    };
    /// Ann's other key.
    pub(crate) const ANN_AGAIN: Self = Self {
        name: "ann",
        algorithm: "EdDSA",
        private: ANN_AGAIN,
        public: ANN_AGAIN_PUBLIC,
    };
    pub(crate) const BOB: Self = Self {
        name: "Bob",
        algorithm: "EdDSA",
        private: BOB,
        public: BOB_PUBLIC,
    };
    pub(crate) const CAROL: Self = Self {
        name: "Carol",
        algorithm: "ES256",
        private: CAROL,
        public: CAROL_PUBLIC,
    };
    /// Whose key nobody knows.
    pub(crate) const MALLORY: Self = Self {
        name: "Mallory",
        algorithm: "EdDSA",
        private: MALLORY,
        public: "",
    };

    pub(crate) fn key(self) -> PersonKey {
        PersonKey::from_text(self.private.as_bytes()).unwrap()
    }

    /// As headers name the key.
    pub(crate) fn kid(self) -> String {
        base64url(&self.key().public_key().thumbprint())
    }

    fn entry(self) -> Value {
        json!({"name": self.name, "algorithm": self.algorithm, "public_key": self.public})
    }

    /// Settings by which Ann, with two keys, Bob and Carol may sign.
    pub(crate) fn settings(dual_control: bool) -> String {
        let all = [Self::ANN, Self::ANN_AGAIN, Self::BOB, Self::CAROL].map(Self::entry);
        json!({"adjustments": {"dual_control": dual_control, "signers": all}}).to_string()
    }
}

/// An act under the hands of those who sign it.
pub(crate) struct Act {
    payload: String,
    pub(crate) signatures: Vec<Value>,
}

impl Act {
    pub(crate) fn of(adjustment: &Adjustment) -> Self {
        Self::saying(adjustment.json.to_string())
    }

    pub(crate) fn saying(payload: impl AsRef<[u8]>) -> Self {
        Self {
            payload: base64url(payload.as_ref()),
            signatures: Vec::new(),
        }
    }

    pub(crate) fn by(self, person: Person) -> Self {
        self.with(person, &Self::header(person))
    }

    /// What a good header says.
    pub(crate) fn header(person: Person) -> Value {
        json!({
            "alg": person.algorithm, "typ": COUNTER_ADJUSTMENT, "kid": person.kid(), "incarnation": INCARNATION,
        })
    }

    /// A signature that holds, under whatever header.
    pub(crate) fn with(self, person: Person, header: &Value) -> Self {
        self.with_text(person, &header.to_string())
    }

    pub(crate) fn with_text(mut self, person: Person, header: &str) -> Self {
        let protected = base64url(header.as_bytes());
        let told = format!("{protected}.{}", self.payload);
        let signature = base64url(&person.key().sign(told.as_bytes()).unwrap());
        self.signatures
            .push(json!({"protected": protected, "signature": signature}));
        self
    }

    /// The same with its last signature changed.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(self.signatures.last_mut().unwrap());
        self
    }

    pub(crate) fn json(&self) -> Value {
        json!({"payload": self.payload, "signatures": self.signatures})
    }
}

pub(crate) fn base64url(octets: &[u8]) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(octets)
}

const ANN: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MC4CAQAwBQYDK2VwBCIEIL8UtpAzOFMDkczmBMMms9kU81pKqlQ+vM+iX/jbD/5g\n\
-----END PRIVATE KEY-----\n\
";
const ANN_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEAObZVUn3GnKiKzUZHWZaS/1HmNlpwm31Nlp3bZ1Wok0Y=\n\
-----END PUBLIC KEY-----\n\
";
const ANN_AGAIN: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MC4CAQAwBQYDK2VwBCIEIJVIcoVYW7FJv3DR1gf1Y8XzpdtR+NWNl/g2BofhVoGa\n\
-----END PRIVATE KEY-----\n\
";
const ANN_AGAIN_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEAcNID47uAa//a0YRytjiejKqpjaXIMLcDxCihV6IXj+E=\n\
-----END PUBLIC KEY-----\n\
";
const BOB: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MC4CAQAwBQYDK2VwBCIEIFmKSqWZTkAg46zNz1OtxmMh1PpJToU1b5yE+4rUmom7\n\
-----END PRIVATE KEY-----\n\
";
const BOB_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEAwCnr8o0FNwpWWI7i94UD1A4qtrwU4/Z33Rh4J4qoy+Q=\n\
-----END PUBLIC KEY-----\n\
";
const CAROL: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeT3mEq9S9xjKxlfU\n\
mF5XxOG+I7kxr0whhn6sa4CktvihRANCAAQija4HvTAZubr8AoxFxA8jW9/QUmYt\n\
zRYQGHVNKzIu0nSjDVwj1hlZVWu9g9gNJtXAZeBKT65yHfN+bnpv+ykl\n\
-----END PRIVATE KEY-----\n\
";
const CAROL_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIo2uB70wGbm6/AKMRcQPI1vf0FJm\n\
Lc0WEBh1TSsyLtJ0ow1cI9YZWVVrvYPYDSbVwGXgSk+uch3zfm56b/spJQ==\n\
-----END PUBLIC KEY-----\n\
";
const MALLORY: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MC4CAQAwBQYDK2VwBCIEIO0pTLrzQiCO5kuqNKnq2GMyh5dv6qw0hAaYbfMJXLxt\n\
-----END PRIVATE KEY-----\n\
";
