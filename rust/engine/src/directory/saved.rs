//! The directory's share of a snapshot.

use std::ops::Range;

use slotkeeper_counters::RowId;
use slotkeeper_gbcs::KeyIdentifier;

use super::identifiers::Place;
use super::{Directory, Gpf, HAS_DIGITAL_SIGNING, HAS_KEY_AGREEMENT, IN_INVENTORY};
use crate::snapshot::take;

impl Directory {
    /// The ACB certificates' identifiers that rows share, their number before them; then of each row its flags, and of one
    /// that the inventory knows the place of its identifier, its network party, the identifier if it is the row's own, and the keys that it
    /// has.
    pub(crate) fn save_gpfs(&self, rows: impl Iterator<Item = RowId>, part: &mut Vec<u8>) {
        let shared = self.acb_identifiers.shared();
        part.push(u8::try_from(shared.len()).unwrap_or(u8::MAX));
        part.extend(shared.flat_map(|identifier| identifier.0));
        for row in rows {
            let gpf = self.gpfs.get(row);
            if !gpf.has(IN_INVENTORY) {
                part.push(0);
                continue;
            }
            let place = gpf.acb_key_agreement;
            part.extend([gpf.flags, place.number()]);
            part.extend(gpf.network_party);
            if place == Place::OWN {
                let own = self.acb_identifiers.get(row, place);
                part.extend(own.unwrap_or(KeyIdentifier([0; 8])).0);
            }
            if gpf.has(HAS_KEY_AGREEMENT) {
                part.extend(gpf.key_agreement);
            }
            if gpf.has(HAS_DIGITAL_SIGNING) {
                part.extend(gpf.digital_signing);
            }
        }
    }

    /// Takes the same back for rows that were just loaded.
    pub(crate) fn load_gpfs(
        &mut self,
        rows: impl Iterator<Item = RowId>,
        rest: &mut &[u8],
    ) -> Option<()> {
        let [identifiers] = take(rest)?;
        let mut shared = vec![None];
        for _ in 0..identifiers {
            shared.push(Some(KeyIdentifier(take(rest)?)));
        }
        for row in rows {
            let [flags] = take(rest)?;
            if flags & IN_INVENTORY == 0 {
                continue;
            }
            let [place] = take(rest)?;
            let network_party = take(rest)?;
            let named = if place == Place::OWN.number() {
                Some(KeyIdentifier(take(rest)?))
            } else {
                *shared.get(usize::from(place))?
            };
            let mut gpf = Gpf {
                flags,
                network_party,
                acb_key_agreement: self.acb_identifiers.replace(row, Place::NONE, named),
                ..Gpf::default()
            };
            if gpf.has(HAS_KEY_AGREEMENT) {
                gpf.key_agreement = take(rest)?;
            }
            if gpf.has(HAS_DIGITAL_SIGNING) {
                gpf.digital_signing = take(rest)?;
            }
            self.set_gpf(row, gpf);
        }
        Some(())
    }

    /// The devices of other types that are in the inventory, of those between the numbers given; and how many numbers
    /// there are.
    pub(crate) fn save_others(&self, numbers: Range<usize>, part: &mut Vec<u8>) -> usize {
        let others = self.others.range(numbers);
        let present = others.filter(|(row, _)| *self.others_present.get(*row));
        part.extend(present.flat_map(|(_, device)| device.to_be_bytes()));
        self.others.len()
    }

    pub(crate) fn load_others(&mut self, rest: &mut &[u8]) -> Option<()> {
        while !rest.is_empty() {
            let row = self.others.ensure(u64::from_be_bytes(take(rest)?));
            self.others_present.set(row, true);
        }
        Some(())
    }
}
