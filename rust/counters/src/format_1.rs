//! Record images of format 1, which listed every issued number; [`DeviceImage`] tells the layout.

use crate::cover::Cover;
use crate::decode::Reader;
use crate::image::{CellImage, DeviceImage, SECTION_COVERS, SECTION_REQUESTS, SECTION_TRAILS};
use crate::notes::RequestNote;
use crate::role::{CellSource, LAST_COUNTER, Role};

/// Requests that a record had at most.
const REQUESTS_KEPT: usize = 64;

/// Numbers have 63 bits; the top bit named the role.
const SUPPLIER_ISSUED: u64 = LAST_COUNTER + 1;

/// A request without its role: originator, request counter, issued number.
type Answered = (u64, u64, u64);

impl Reader<'_> {
    /// Everything that a record of format 1 knows: numbers that no request has are covered.
    pub(crate) fn device_of_format_1(&mut self, ceiling: u64) -> Option<DeviceImage> {
        let (mut image, sections) = self.head()?;
        let [first, second] = SECTION_TRAILS;
        if sections & (first | second) != 0 {
            return None;
        }
        image.presume_cells();
        let mut answered = Vec::new();
        if sections & SECTION_REQUESTS != 0 {
            let count = self.count(REQUESTS_KEPT)?;
            answered = self.notes(count, Self::answered)?;
        }
        let mut issued = Vec::new();
        if sections & SECTION_COVERS != 0 {
            issued = self.issued()?;
        }
        for role in Role::ALL {
            let last = image.role(role).marks.issued;
            issued.extend(last.map(|number| (role, number)));
        }
        issued.sort_unstable();
        image.requests = answered
            .into_iter()
            .map(|answered| request(answered, &issued))
            .collect();
        for role in Role::ALL {
            let cover = issued
                .iter()
                .filter(|(of, _)| *of == role)
                .filter(|&&(_, number)| !image.remembers(role, number))
                .fold(Cover::EMPTY, |cover, &(_, number)| {
                    cover.union(&Cover::of(number, number, ceiling))
                });
            image.covers.push((role, cover));
        }
        let all = image.clone();
        Some(image.with_used([&all], ceiling))
    }

    fn answered(&mut self) -> Option<Answered> {
        let answered = (self.u64()?, self.u64()?, self.u64()?);
        (answered.2 <= LAST_COUNTER).then_some(answered)
    }

    fn issued(&mut self) -> Option<Vec<(Role, u64)>> {
        let count = usize::try_from(self.u32()?).ok()?;
        let (words, []) = self.0.as_chunks::<8>() else {
            return None;
        };
        if count == 0 || words.len() != count {
            return None;
        }
        self.0 = &[];
        let words = words.iter().map(|&bytes| u64::from_be_bytes(bytes));
        if !words.clone().is_sorted_by(|first, second| first < second) {
            return None;
        }
        Some(words.map(issued_from_word).collect())
    }
}

impl DeviceImage {
    /// Marks the occupants of the cells as known from a release that kept no links.
    pub(crate) fn presume_cells(&mut self) {
        let supplier = self.supplier.iter_mut();
        let roles = supplier.chain([&mut self.network_operator]);
        for cell in roles.flat_map(|role| &mut role.cells) {
            if cell.occupant.is_some() {
                cell.source = CellSource::Earlier;
            } else {
                *cell = CellImage::default();
            }
        }
    }

    fn remembers(&self, role: Role, number: u64) -> bool {
        self.requests
            .iter()
            .any(|note| note.role == role && note.issued == number)
    }
}

/// With the role for which its number was issued. A number is issued once to a device, so it tells.
fn request(answered: Answered, issued: &[(Role, u64)]) -> RequestNote {
    let (originator, request_counter, number) = answered;
    let was_issued = |role: &Role| issued.binary_search(&(*role, number)).is_ok();
    RequestNote {
        role: Role::ALL
            .into_iter()
            .find(was_issued)
            .unwrap_or(Role::NetworkOperator),
        imported: false,
        issued: number,
        originator,
        request_counter,
    }
}

fn issued_from_word(word: u64) -> (Role, u64) {
    let role = if word < SUPPLIER_ISSUED {
        Role::NetworkOperator
    } else {
        Role::Supplier
    };
    (role, word & LAST_COUNTER)
}
