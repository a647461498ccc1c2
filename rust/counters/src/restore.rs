//! Puts record images back into a table, in whatever order they come.

use crate::cover::Cover;
use crate::image::{DeviceImage, RoleImage};
use crate::notes::{NotesEdit, RequestNote, most_of};
use crate::role::{Cell, LAST_COUNTER, Marks, Role, RoleState};
use crate::row::{Row, RowId};
use crate::table::CounterTable;

/// What [`CounterTable::restore`] made of an image.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RestoreOutcome {
    /// The image was newer: cells, trails, flags and notes are its own now.
    Applied,
    /// The image has the version that is there and other content, which no single history
    /// writes. The same one of the two wins in whichever order they come.
    Diverged,
    /// The image was older: cells, flags and notes stay.
    Older,
    /// The image says what is there already.
    Unchanged,
}

impl CounterTable {
    /// Unites an image with what is there.
    ///
    /// Cells, trails, flags, messages and the damaged records named are those of the newest version; marks, requests and
    /// used numbers are those of all images together, so that none is ever lowered or forgotten, not even by
    /// images of different histories. The result is the same in whatever order images come, and
    /// however often (D6, D10).
    pub fn restore(&mut self, image: &DeviceImage) -> RestoreOutcome {
        let hash = self.hash(image.device);
        let Some(row) = self.find_hashed(hash, image.device) else {
            let row = self.add(hash, image.device);
            if image.is_in_order() {
                self.write(row, image);
            } else {
                let united = image.clone().with_used([image], self.ceiling());
                self.write(row, &united);
            }
            return RestoreOutcome::Applied;
        };
        let current = self.image(image.device);
        let (united, outcome) = unite(&current, image, self.ceiling());
        if united != current {
            self.write(row, &united);
            self.occupants.sweep();
        }
        outcome
    }

    fn write(&mut self, id: RowId, image: &DeviceImage) {
        let mut row = Row::new(image.device);
        row.version = image.version;
        row.flags = image.flags;
        let network_operator = self.interned(&image.network_operator);
        row.set_role(&network_operator);

        let mut words = Vec::new();
        if let Some(supplier) = &image.supplier {
            NotesEdit(&mut words).set_supplier(&self.interned(supplier));
        }
        for (role, cover) in &image.covers {
            NotesEdit(&mut words).set_cover(*role, cover);
        }
        for note in &image.messages {
            NotesEdit(&mut words).remember_message(note);
        }
        for note in &image.requests {
            NotesEdit(&mut words).remember_request(note);
        }
        for void in &image.voids {
            NotesEdit(&mut words).name_void(*void);
        }
        for (role, trail) in Role::ALL.into_iter().zip(&image.trails) {
            if !trail.is_plain() {
                NotesEdit(&mut words).set_trail(role, trail);
            }
        }
        let side = self.side(id);
        if side.is_none() && words.is_empty() {
            self.put(id, row);
        } else {
            self.put_noted(id, row, side, &mut words);
        }
    }

    fn interned(&mut self, role: &RoleImage) -> RoleState {
        let cells = role.cells.map(|cell| Cell {
            occupant: cell
                .occupant
                .map(|occupant| self.occupants.intern(occupant))
                .unwrap_or_default(),
            device_time: cell.device_time,
            verified: cell.verified,
            source: cell.source,
        });
        RoleState {
            marks: role.marks,
            cells,
        }
    }
}

impl DeviceImage {
    /// All that is taken from one version and not united.
    fn content(&self) -> Self {
        let without_marks = |role: RoleImage| RoleImage {
            marks: Marks::default(),
            ..role
        };
        Self {
            network_operator: without_marks(self.network_operator),
            supplier: Some(without_marks(self.supplier.unwrap_or_default())),
            requests: Vec::new(),
            covers: Vec::new(),
            ..self.clone()
        }
    }

    /// This image with the requests and the used numbers of all `images` in place of its own.
    ///
    /// Of each kind the highest requests are remembered, the numbers of the others are covered; and
    /// the highest number of a role is at least its highest used one.
    pub(crate) fn with_used<const N: usize>(mut self, images: [&Self; N], ceiling: u64) -> Self {
        if images
            .iter()
            .all(|image| image.requests.is_empty() && image.covers.is_empty())
        {
            return self;
        }
        let mut requests: Vec<RequestNote> = Vec::new();
        let mut covers = [Cover::EMPTY; 2];
        for image in images {
            requests.extend(
                image
                    .requests
                    .iter()
                    .filter(|note| note.issued <= LAST_COUNTER),
            );
            for (covered, role) in covers.iter_mut().zip(Role::ALL) {
                *covered = covered.union(&image.cover(role));
            }
        }
        requests.sort_unstable();
        requests.dedup();
        self.requests.clear();
        for kind in
            requests.chunk_by(|one, next| (one.role, one.imported) == (next.role, next.imported))
        {
            let most = kind.first().map_or(0, |note| most_of(note.imported));
            let (lower, highest) = kind.split_at(kind.len().saturating_sub(most));
            self.requests.extend(highest);
            for note in lower {
                for (covered, role) in covers.iter_mut().zip(Role::ALL) {
                    if note.role == role {
                        let number = Cover::of(note.issued, note.issued, ceiling);
                        *covered = covered.union(&number);
                    }
                }
            }
        }
        self.covers.clear();
        for (role, cover) in Role::ALL.into_iter().zip(covers) {
            if !cover.is_empty() {
                self.covers.push((role, cover));
            }
            let marks = self.role(role).marks;
            self.set_marks(
                role,
                Marks {
                    issued: marks.issued.max(self.highest_used(role)),
                    ..marks
                },
            );
        }
        self
    }

    fn set_marks(&mut self, role: Role, marks: Marks) {
        match (role, &mut self.supplier) {
            (Role::NetworkOperator, _) => self.network_operator.marks = marks,
            (Role::Supplier, Some(supplier)) => supplier.marks = marks,
            (Role::Supplier, None) if marks == Marks::default() => {}
            (Role::Supplier, absent) => {
                *absent = Some(RoleImage {
                    marks,
                    ..RoleImage::default()
                });
            }
        }
    }
}

fn unite(
    current: &DeviceImage,
    image: &DeviceImage,
    ceiling: u64,
) -> (DeviceImage, RestoreOutcome) {
    let mut outcome = match image.version.cmp(&current.version) {
        core::cmp::Ordering::Greater => RestoreOutcome::Applied,
        core::cmp::Ordering::Equal => RestoreOutcome::Diverged,
        core::cmp::Ordering::Less => RestoreOutcome::Older,
    };
    let image_wins = match outcome {
        RestoreOutcome::Diverged => image.content().encode() > current.content().encode(),
        _ => outcome == RestoreOutcome::Applied,
    };
    let mut united = if image_wins {
        image.clone()
    } else {
        current.clone()
    };
    for role in Role::ALL {
        let marks = current.role(role).marks.union(&image.role(role).marks);
        united.set_marks(role, marks);
    }
    let united = united.with_used([current, image], ceiling);
    if outcome == RestoreOutcome::Diverged && united == *current && united == *image {
        outcome = RestoreOutcome::Unchanged;
    }
    (united, outcome)
}
