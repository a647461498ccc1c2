//! Who signed an act.

use std::fmt;

use super::header::Header;
use super::{Signature, SignedAct, Signer, Signers, decode, signing_input};

/// The persons whose signatures hold, and what was found of the others.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    persons: Vec<Person>,
    /// Place among the signatures, from 1, and why it counts for nothing.
    ignored: Vec<(usize, &'static str)>,
}

#[derive(Clone, Debug)]
struct Person {
    name: String,
    /// The same in one spelling.
    same: String,
    /// Whether a signature of theirs names the store as it is now.
    now: bool,
}

impl SignedAct {
    /// Verifies every signature. One that does not hold counts for nothing, and takes nothing from the others.
    ///
    /// `incarnations` are that of the store, and after it those that acknowledgements have ended.
    pub fn prove(&self, typ: &str, signers: &Signers, incarnations: &[String]) -> Proof {
        let mut proof = Proof::default();
        for (place, signature) in self.signatures.iter().enumerate() {
            match self.signer_of(signature, typ, signers, incarnations) {
                Ok((signer, now)) => proof.add(signer, now),
                Err(why) => proof.ignored.push((place + 1, why)),
            }
        }
        proof
    }

    fn signer_of<'s>(
        &self,
        signature: &Signature,
        typ: &str,
        signers: &'s Signers,
        incarnations: &[String],
    ) -> Result<(&'s Signer, bool), &'static str> {
        let header = Header::of(signature)?;
        if header.typ != typ {
            return Err("is under another kind of act");
        }
        let signer = signers
            .by_kid(&header.kid)
            .ok_or("is of a key that no signer has")?;
        if header.alg != signer.algorithm() {
            return Err("names another algorithm than its key's");
        }
        let known = incarnations.iter().position(|i| *i == header.incarnation);
        let age = known.ok_or("was made for another store")?;
        let octets = decode(&signature.octets).and_then(|octets| octets.try_into().ok());
        let octets: [u8; 64] = octets.ok_or("does not have the 64 octets of its algorithm")?;
        let told = signing_input(&signature.protected, &self.encoded_payload);
        match signer.key().verify(&told, &octets) {
            Ok(()) => Ok((signer, age == 0)),
            Err(_) => Err("does not verify"),
        }
    }
}

impl Proof {
    fn add(&mut self, signer: &Signer, now: bool) {
        let same = signer.person();
        match self.persons.iter_mut().find(|person| person.same == same) {
            Some(person) => person.now |= now,
            None => self.persons.push(Person {
                name: signer.name().to_owned(),
                same,
                now,
            }),
        }
    }

    /// Each once, in the order in which they signed.
    pub fn persons(&self) -> impl Iterator<Item = &str> {
        self.persons.iter().map(|person| person.name.as_str())
    }

    /// Of these, how many signed for the store as it is now, and not before an acknowledgement.
    pub fn persons_now(&self) -> usize {
        self.persons.iter().filter(|person| person.now).count()
    }

    /// Signatures that count for nothing: the place, from 1, and why.
    pub fn ignored(&self) -> &[(usize, &'static str)] {
        &self.ignored
    }
}

/// Who signed, and the first fault, in words.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.persons.len() {
            0 => f.write_str("nobody signed it")?,
            _ => f.write_str("signed by ")?,
        }
        for (place, name) in self.persons().enumerate() {
            f.write_str(if place == 0 { "" } else { ", " })?;
            f.write_str(name)?;
        }
        match self.ignored.first() {
            Some((place, why)) => write!(f, "; signature {place} {why}"),
            None => Ok(()),
        }
    }
}
