//! The registers that people fill, as far as decisions look at them: gas network parties, and certificates of
//! organisations by what names them. They are followed outside of any batch: what they say is advice at a handover, the
//! list of operators, and what an alert is about.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use serde::Deserialize;
use slotkeeper_counters::{CellUse, Occupant};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

use crate::audit::Cause;
use crate::engine::Engine;
use crate::stream::{Input, Stream, Value};
use crate::time::unix_day;

/// A party id is known by the start of its SHA-256, 0 where there is none: four octets a device.
pub(crate) type PartyMark = [u8; 4];

pub(crate) fn party_mark(id: &str) -> PartyMark {
    let digest = slotkeeper_crypto::sha256(id.as_bytes());
    digest.first_chunk().copied().unwrap_or_default()
}

/// Days since 1970, from the first up to before the second.
type Period = (i64, i64);

/// Of a party: its days as a DCC User, and its exits with the day of their cancellation.
struct Party {
    mark: PartyMark,
    identities: Vec<Eui64>,
    user: Vec<Period>,
    exits: Vec<Period>,
}

/// Of a certificate: whose it is, for which cell, and what became of it.
struct Registered {
    sha1: [u8; 20],
    sha256: [u8; 32],
    holder: Occupant,
    cell_use: CellUse,
    last_day: i64,
    revoked_from: Option<i64>,
    expired_from: Option<i64>,
}

/// The newest record of each key.
#[derive(Default)]
pub(crate) struct Registers {
    parties: HashMap<Arc<[u8]>, Party>,
    /// The records that name an identity, in the order of their keys: the first one counts.
    by_identity: HashMap<Eui64, BTreeSet<Arc<[u8]>>>,
    certificates: HashMap<Arc<[u8]>, Registered>,
    by_sha1: Named<[u8; 20]>,
    by_sha256: Named<[u8; 32]>,
    /// What was read since parked messages were last judged by registers.
    pub(crate) news: Option<News>,
}

/// The keys of the records that name something, the newest last: that one counts.
struct Named<T>(HashMap<T, Vec<Arc<[u8]>>>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Named<T> {
    fn add(&mut self, name: T, key: &Arc<[u8]>) {
        let keys = self.0.entry(name).or_insert_with(|| Vec::with_capacity(1));
        keys.push(Arc::clone(key));
    }

    fn remove(&mut self, name: T, key: &[u8]) {
        if let Entry::Occupied(mut keys) = self.0.entry(name) {
            keys.get_mut().retain(|own| **own != *key);
            if keys.get().is_empty() {
                keys.remove();
            }
        }
    }

    fn newest(&self, name: &T) -> Option<&Arc<[u8]>> {
        self.0.get(name)?.last()
    }
}

/// A register's newest record, and how far parked records have been judged by the registers.
#[derive(Clone, Copy)]
pub(crate) struct News {
    pub(crate) cause: Cause,
    /// The least EUI-64 whose records have not.
    pub(crate) from: u64,
    /// Whether it came when others had been, which are judged again behind the last one: so each has its turn, however
    /// often a register changes.
    pub(crate) begins_again: bool,
}

/// What is known of those who take over, on a day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Standing {
    pub(crate) leaves: bool,
    pub(crate) is_no_user: bool,
    pub(crate) mark: PartyMark,
}

impl Engine {
    /// Takes what was written to the registers, in its order; anything else is passed over, and what cannot be read
    /// leaves nothing of its key. Messages that waited for it are judged again with the next batch.
    pub fn follow_registers(&mut self, records: &[Input<'_>]) {
        for record in records {
            self.registers.take(record);
        }
    }
}

impl Registers {
    fn take(&mut self, record: &Input<'_>) {
        let Some(key) = record.key else { return };
        let octets = match record.value {
            Value::Record(octets) => Some(octets),
            Value::Absent | Value::Gbcs(_) => None,
        };
        match record.stream {
            Stream::Parties => {
                self.forget_party(key);
                if let Some(party) = octets.and_then(Party::read) {
                    self.keep_party(key.into(), party);
                }
            }
            Stream::Certificates => {
                self.forget_certificate(key);
                if let Some(registered) = octets.and_then(Registered::read) {
                    let key = Arc::from(key);
                    self.by_sha1.add(registered.sha1, &key);
                    self.by_sha256.add(registered.sha256, &key);
                    self.certificates.insert(key, registered);
                }
            }
            _ => return,
        }
        let cause = Cause {
            stream: record.stream.name(),
            partition: Some(0),
            offset: Some(record.offset),
        };
        let from = self.news.map_or(0, |news| news.from);
        self.news = Some(News {
            cause,
            from,
            begins_again: from > 0,
        });
    }

    fn keep_party(&mut self, key: Arc<[u8]>, party: Party) {
        for identity in &party.identities {
            let named = self.by_identity.entry(*identity).or_default();
            named.insert(Arc::clone(&key));
        }
        self.parties.insert(key, party);
    }

    fn forget_party(&mut self, key: &[u8]) {
        let Some(before) = self.parties.remove(key) else {
            return;
        };
        for identity in before.identities {
            if let Entry::Occupied(mut named) = self.by_identity.entry(identity) {
                named.get_mut().remove(key);
                if named.get().is_empty() {
                    named.remove();
                }
            }
        }
    }

    fn forget_certificate(&mut self, key: &[u8]) {
        if let Some(before) = self.certificates.remove(key) {
            self.by_sha1.remove(before.sha1, key);
            self.by_sha256.remove(before.sha256, key);
        }
    }

    /// Parked records have been judged by the news up to a device; all to the last one where there is none.
    pub(crate) fn keep_news_from(&mut self, from: Option<u64>) {
        self.news = self.news.and_then(|news| match from {
            Some(from) => Some(News { from, ..news }),
            None => news.begins_again.then_some(News {
                from: 0,
                begins_again: false,
                ..news
            }),
        });
    }

    /// Whether a party may be a network operator; `None` where no register says who is.
    pub(crate) fn is_operator(&self, eui: Eui64) -> Option<bool> {
        if self.parties.is_empty() {
            return None;
        }
        Some(self.party(eui).is_some())
    }

    /// Who holds the certificate of that SHA-1, if it is one for that cell.
    pub(crate) fn holder(&self, sha1: &[u8; 20], cell_use: CellUse) -> Option<Occupant> {
        let registered = self.certificates.get(self.by_sha1.newest(sha1)?)?;
        (registered.cell_use == cell_use).then_some(registered.holder)
    }

    /// What is known of an operator on a day; `None` where nothing is.
    pub(crate) fn standing(&self, eui: Eui64, day: i64) -> Option<Standing> {
        let party = self.party(eui)?;
        let holds = |&(from, until): &Period| from <= day && day < until;
        let leaves = party.exits.iter().filter(|exit| holds(exit)).any(|exit| {
            // A new period as a DCC User ends an exit, as `docs/slot-rule.md` has it.
            let has_returned = party
                .user
                .iter()
                .any(|&(from, _)| exit.0 < from && from <= day);
            !has_returned
        });
        Some(Standing {
            leaves,
            is_no_user: !party.user.iter().any(holds),
            mark: party.mark,
        })
    }

    /// Whether a certificate is revoked, and whether it has expired, on a day.
    pub(crate) fn status(&self, certificate: &[u8], day: i64) -> (bool, bool) {
        if self.certificates.is_empty() {
            return (false, false);
        }
        let digest = slotkeeper_crypto::sha256(certificate);
        let key = self.by_sha256.newest(&digest);
        let Some(registered) = key.and_then(|key| self.certificates.get(key)) else {
            return (false, false);
        };
        let is_past = |from: Option<i64>| from.is_some_and(|from| from <= day);
        // Revoked, then expired: still revoked (P27).
        let is_revoked = is_past(registered.revoked_from);
        let is_expired = is_past(registered.expired_from) || registered.last_day < day;
        (is_revoked, is_expired)
    }

    fn party(&self, eui: Eui64) -> Option<&Party> {
        self.parties.get(self.by_identity.get(&eui)?.first()?)
    }
}

/// Lists of a record beyond that are cut: no party has as many identities or periods.
const MOST_ENTRIES: usize = 1_000;

#[derive(Deserialize)]
struct PartyJson<'a> {
    #[serde(borrow)]
    party_id: Cow<'a, str>,
    #[serde(borrow, default)]
    eui64: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    dcc_user: Vec<PeriodJson<'a>>,
    #[serde(borrow, default)]
    exits: Vec<ExitJson<'a>>,
}

#[derive(Deserialize)]
struct PeriodJson<'a> {
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow, default)]
    until: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ExitJson<'a> {
    #[serde(borrow)]
    intent_on: Cow<'a, str>,
    #[serde(borrow, default)]
    cancelled_on: Option<Cow<'a, str>>,
}

fn period(from: &str, until: Option<&str>) -> Option<Period> {
    let until = until.map_or(Some(i64::MAX), unix_day)?;
    Some((unix_day(from)?, until))
}

impl Party {
    fn read(octets: &[u8]) -> Option<Self> {
        let json: PartyJson<'_> = serde_json::from_slice(octets).ok()?;
        let identities = json.eui64.iter().take(MOST_ENTRIES);
        let identities = identities
            .map(|text| Eui64::parse(text.as_bytes()))
            .collect::<Option<_>>()?;
        let user = json.dcc_user.iter().take(MOST_ENTRIES);
        let exits = json.exits.iter().take(MOST_ENTRIES);
        Some(Self {
            mark: party_mark(&json.party_id),
            identities,
            user: user
                .map(|one| period(&one.from, one.until.as_deref()))
                .collect::<Option<_>>()?,
            exits: exits
                .map(|one| period(&one.intent_on, one.cancelled_on.as_deref()))
                .collect::<Option<_>>()?,
        })
    }
}

#[derive(Deserialize)]
struct CertificateJson<'a> {
    #[serde(borrow)]
    subject_eui64: Cow<'a, str>,
    #[serde(borrow)]
    key_usage: Cow<'a, str>,
    #[serde(borrow)]
    key_identifier: Cow<'a, str>,
    #[serde(borrow)]
    sha1: Cow<'a, str>,
    #[serde(borrow)]
    sha256: Cow<'a, str>,
    #[serde(borrow)]
    not_after: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Vec<StatusJson<'a>>,
}

#[derive(Deserialize)]
struct StatusJson<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    from: Cow<'a, str>,
}

impl Registered {
    /// `None` as well for a revocation that came before its certificate.
    fn read(octets: &[u8]) -> Option<Self> {
        let json: CertificateJson<'_> = serde_json::from_slice(octets).ok()?;
        let since = |code: &str| {
            let of_code = json.status.iter().filter(|status| status.code == code);
            of_code.filter_map(|status| unix_day(&status.from)).min()
        };
        let identifier: KeyIdentifier = json.key_identifier.parse().ok()?;
        Some(Self {
            sha1: hex_octets(&json.sha1)?,
            sha256: hex_octets(&json.sha256)?,
            holder: Occupant {
                eui: Eui64::parse(json.subject_eui64.as_bytes())?.to_u64(),
                key_identifier: Some(identifier.0),
            },
            cell_use: cell_use_of(&json.key_usage)?,
            last_day: unix_day(json.not_after.get(..10)?)?,
            revoked_from: since("R"),
            expired_from: since("E"),
        })
    }
}

/// The cell that a usage of registers, alerts and baselines is for.
pub(crate) fn cell_use_of(usage: &str) -> Option<CellUse> {
    match usage {
        "DS" => Some(CellUse::DigitalSignature),
        "KA" => Some(CellUse::KeyAgreement),
        _ => None,
    }
}

/// So many octets in hexadecimal, of either case.
pub(crate) fn hex_octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != N {
        return None;
    }
    let mut octets = [0; N];
    for (octet, [high, low]) in octets.iter_mut().zip(pairs) {
        *octet = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(octets)
}
