//! What of an audit record the tables are made of.

use serde::{Deserialize, Deserializer};

use crate::field::{Field, Object};

/// A device's clock is believed unless it is more than a day ahead of who received the message.
const SLACK_MICROS: i64 = 86_400_000_000;

/// 2016-01-01: no device of SMETS2 was commissioned before, so that an earlier time is of a clock that was never set.
const EARLIEST_MICROS: i64 = 1_451_606_400_000_000;

/// Cells of a message that are looked at, as many as the engine writes at most.
const MOST_CELLS: usize = 32;

/// Flags of a decision that are looked at: the engine has as many as the bits of a number.
const MOST_FLAGS: usize = 32;

#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow, default)]
    pub(super) device_id: Field<'a>,
    #[serde(borrow, default)]
    remote_party_role: Field<'a>,
    #[serde(borrow, default)]
    pub(super) request_id: Field<'a>,
    #[serde(borrow, default)]
    kind: Field<'a>,
    #[serde(borrow, default)]
    pub(super) disposition: Field<'a>,
    #[serde(borrow, default)]
    pub(super) reason: Field<'a>,
    #[serde(borrow, default)]
    pub(super) stream: Field<'a>,
    #[serde(default)]
    pub(super) offset: Option<u64>,
    #[serde(borrow, default)]
    message: Option<Object<Message<'a>>>,
    #[serde(borrow, default)]
    cells: Option<Vec<Object<ToldCell<'a>>>>,
    #[serde(borrow, default)]
    slot: Option<Object<Slot<'a>>>,
    #[serde(borrow, default)]
    flags: Option<Vec<Field<'a>>>,
    #[serde(borrow, default)]
    received_at: Field<'a>,
    #[serde(borrow, default)]
    decided_at: Field<'a>,
    /// In the chain of audit records.
    #[serde(default)]
    pub(super) number: Option<u64>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    digest: Field<'a>,
    #[serde(borrow, default)]
    originator_id: Field<'a>,
    /// `None` in records of earlier releases, which did not say it.
    #[serde(borrow, default, deserialize_with = "named")]
    device_time: Option<Field<'a>>,
    #[serde(borrow, default)]
    signature: Field<'a>,
}

/// A member that is there, if only as null.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Field<'de>>, D::Error> {
    Field::deserialize(deserializer).map(Some)
}

/// A cell of the message.
#[derive(Deserialize)]
struct ToldCell<'a> {
    #[serde(borrow, default)]
    key_usage: Field<'a>,
    #[serde(borrow, default)]
    status: Field<'a>,
    #[serde(borrow, default)]
    existing_subject_unique_id: Field<'a>,
    #[serde(borrow, default)]
    existing_subject_key_identifier: Field<'a>,
    #[serde(borrow, default)]
    replacing_subject_unique_id: Field<'a>,
    #[serde(borrow, default)]
    replacing_subject_key_identifier: Field<'a>,
}

/// The slot after the decision.
#[derive(Deserialize)]
pub(super) struct Slot<'a> {
    #[serde(borrow, default)]
    digital_signature: Option<Object<SlotCell<'a>>>,
    #[serde(borrow, default)]
    key_agreement: Option<Object<SlotCell<'a>>>,
    #[serde(borrow, default)]
    state: Field<'a>,
}

#[derive(Deserialize)]
pub(super) struct SlotCell<'a> {
    #[serde(borrow, default)]
    subject_unique_id: Field<'a>,
    #[serde(borrow, default)]
    subject_key_identifier: Field<'a>,
    #[serde(default)]
    pub(super) verified: Option<bool>,
    #[serde(borrow, default)]
    time: Field<'a>,
}

/// Who stands in a cell, as far as that is told.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Holder {
    pub(super) eui: Option<u64>,
    pub(super) key: Option<[u8; 8]>,
}

/// What a message says of a cell.
#[derive(Clone, Copy)]
pub(super) struct Told {
    /// Who stood there before.
    pub(super) found: Holder,
    /// Who stands there after: the same where the replacement failed.
    pub(super) left: Holder,
}

/// Digital signature, key agreement.
pub(super) type Holders = [Holder; 2];

/// When something was so: microseconds since 1970, and whose clock told it.
pub(super) type Dated = (i64, &'static str);

impl<'a> Record<'a> {
    /// Whether it may tell of a Network Operator slot: what could not be judged names no role.
    pub(super) fn concerns_the_slot(&self) -> bool {
        matches!(self.remote_party_role.get(), None | Some("NetworkOperator"))
    }

    /// The slot, of records that were judged for the role.
    pub(super) fn slot(&self) -> Option<&Slot<'_>> {
        self.remote_party_role.get().and(self.slot.as_deref())
    }

    /// Whether it says what became of a message that was kept until more was known.
    pub(super) fn is_redecision(&self) -> bool {
        self.kind.get() == Some("redecision")
    }

    pub(super) fn digest(&self) -> Option<&str> {
        self.message.as_ref()?.digest.get()
    }

    pub(super) fn originator(&self) -> Option<u64> {
        self.message.as_ref()?.originator_id.eui()
    }

    pub(super) fn is_verified(&self) -> bool {
        let signature = self.message.as_ref().map(|message| &message.signature);
        signature.and_then(Field::get) == Some("valid")
    }

    /// Whether the signature could be traced to no authority, since none is configured.
    pub(super) fn is_unanchored(&self) -> bool {
        let mut flags = self.flags.iter().flatten().take(MOST_FLAGS);
        flags.any(|flag| flag.get() == Some("UNANCHORED"))
    }

    /// Whether a device's message says what its cells went through, and is the first to say it.
    pub(super) fn is_believed(&self) -> bool {
        let refused = ["DUPLICATE", "PARKED", "REJECTED"];
        let disposition = self.disposition.get().unwrap_or_default();
        self.is_verified()
            && !refused.contains(&disposition)
            && self.told().iter().any(Option::is_some)
    }

    /// When it held: by the device's own time where it is known, no earlier than there were such devices, and at most a
    /// day after the message came; else when that came, else when it was decided.
    pub(super) fn dated(&self) -> Result<Dated, &'static str> {
        let otherwise = self.dated_without_device()?;
        let message = self.message.as_ref();
        // A message without a time, as read-backs are, is no older than those that had one. Where none is named, what was
        // told of a cell last is what the message told, if it changed the cell.
        let told = match message.and_then(|message| message.device_time.as_ref()) {
            Some(own) => own.time(),
            None => self.slot().and_then(Slot::told_at),
        };
        let believed = EARLIEST_MICROS..=otherwise.0.saturating_add(SLACK_MICROS);
        Ok(match told.filter(|told| believed.contains(told)) {
            Some(told) => (told, "DEVICE"),
            None => otherwise,
        })
    }

    /// When the message came, else when it was decided.
    pub(super) fn dated_without_device(&self) -> Result<Dated, &'static str> {
        let decided = self.decided_at.time().ok_or("it has no time")?;
        let received = self.received_at.time();
        Ok(received.map_or((decided, "DECISION"), |received| (received, "RECEIVED")))
    }

    /// Whom the message names as there before it.
    pub(super) fn existing(&self) -> Holders {
        self.of_cells(ToldCell::existing)
    }

    /// Whom the message names as having come.
    pub(super) fn replacing(&self) -> Holders {
        self.of_cells(ToldCell::replacing)
    }

    /// What the message says of the cells.
    pub(super) fn told(&self) -> [Option<Told>; 2] {
        self.of_cells(|cell| {
            let found = cell.existing();
            let is_replaced = cell.status.get() == Some("success");
            let left = if is_replaced { cell.replacing() } else { found };
            (left != Holder::default()).then_some(Told { found, left })
        })
    }

    fn of_cells<'s, T: Copy + Default>(&'s self, of: impl Fn(&'s ToldCell<'a>) -> T) -> [T; 2] {
        let mut found = [T::default(); 2];
        for cell in self.cells.iter().flatten().take(MOST_CELLS) {
            let cell: &'s ToldCell<'a> = cell;
            match cell.key_usage.get() {
                Some("digitalSignature") => found[0] = of(cell),
                Some("keyAgreement") => found[1] = of(cell),
                _ => {}
            }
        }
        found
    }
}

impl ToldCell<'_> {
    fn existing(&self) -> Holder {
        Holder {
            eui: self.existing_subject_unique_id.eui(),
            key: self.existing_subject_key_identifier.key_identifier(),
        }
    }

    fn replacing(&self) -> Holder {
        Holder {
            eui: self.replacing_subject_unique_id.eui(),
            key: self.replacing_subject_key_identifier.key_identifier(),
        }
    }
}

impl Holder {
    /// Whether both can be one: of a party whose certificate is not known, any may be meant.
    pub(super) fn may_be(self, other: Self) -> bool {
        self.eui == other.eui
            && (self.key == other.key || self.key.is_none() || other.key.is_none())
    }
}

impl Slot<'_> {
    pub(super) fn cells(&self) -> [Option<&SlotCell<'_>>; 2] {
        [
            self.digital_signature.as_deref(),
            self.key_agreement.as_deref(),
        ]
    }

    /// # Errors
    /// An occupant that is no EUI-64 with a key identifier.
    pub(super) fn holders(&self) -> Result<Holders, &'static str> {
        let mut holders = Holders::default();
        for (cell, holder) in self.cells().into_iter().zip(&mut holders) {
            if let Some(cell) = cell {
                *holder = cell
                    .holder()
                    .ok_or("it names an occupant that cannot be read")?;
            }
        }
        Ok(holders)
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.state.get() == Some("DOUBTFUL")
    }

    fn told_at(&self) -> Option<i64> {
        self.cells()
            .into_iter()
            .flatten()
            .filter_map(|cell| cell.time.time())
            .max()
    }
}

impl SlotCell<'_> {
    fn holder(&self) -> Option<Holder> {
        let key = match self.subject_key_identifier.get() {
            None => None,
            Some(_) => Some(self.subject_key_identifier.key_identifier()?),
        };
        let eui = Some(self.subject_unique_id.eui()?);
        Some(Holder { eui, key })
    }
}
