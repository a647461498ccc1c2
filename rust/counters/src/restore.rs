//! Puts record images back into a table, in whatever order they come.

use crate::image::{DeviceImage, RoleImage};
use crate::notes::NotesEdit;
use crate::role::{Cell, LAST_COUNTER, Marks, Role, RoleState};
use crate::row::{Row, RowId};
use crate::table::CounterTable;

/// What [`CounterTable::restore`] made of an image.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RestoreOutcome {
    /// The image was newer: cells, flags and notes are its own now.
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
    /// Cells, flags and notes are those of the newest version; marks and issued numbers are those
    /// of all images together, so that none is ever lowered, not even by images of different
    /// histories. The result is the same in whatever order images come, and however often
    /// (D6, D10).
    pub fn restore(&mut self, image: &DeviceImage) -> RestoreOutcome {
        let hash = self.hash(image.device);
        let Some(row) = self.find_hashed(hash, image.device) else {
            let row = self.add(hash, image.device);
            if image.older_issued.is_empty() {
                self.write(row, image);
            } else {
                self.write(row, &unite(&DeviceImage::blank(image.device), image).0);
            }
            return RestoreOutcome::Applied;
        };
        let current = self.image(image.device);
        let (united, outcome) = unite(&current, image);
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
        for note in &image.messages {
            NotesEdit(&mut words).remember_message(note);
        }
        for note in &image.requests {
            NotesEdit(&mut words).remember_request(note);
        }
        for &(role, number) in &image.older_issued {
            NotesEdit(&mut words).add_older_issued(role, number);
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
    fn blank(device: u64) -> Self {
        Self {
            device,
            ..Self::default()
        }
    }

    /// All but marks and issued numbers: what is taken from one version and not united.
    fn content(&self) -> Self {
        let without_marks = |role: RoleImage| RoleImage {
            marks: Marks::default(),
            ..role
        };
        Self {
            network_operator: without_marks(self.network_operator),
            supplier: Some(without_marks(self.supplier.unwrap_or_default())),
            older_issued: Vec::new(),
            ..self.clone()
        }
    }

    fn role(&self, role: Role) -> RoleImage {
        match role {
            Role::NetworkOperator => self.network_operator,
            Role::Supplier => self.supplier.unwrap_or_default(),
        }
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

fn unite(current: &DeviceImage, image: &DeviceImage) -> (DeviceImage, RestoreOutcome) {
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
    unite_issued(&mut united, [current, image]);
    if outcome == RestoreOutcome::Diverged && united == *current && united == *image {
        outcome = RestoreOutcome::Unchanged;
    }
    (united, outcome)
}

/// Makes the highest number of either image a role's last one, and all others older ones.
fn unite_issued(united: &mut DeviceImage, images: [&DeviceImage; 2]) {
    let mut issued: Vec<(Role, u64)> = Vec::new();
    for image in images {
        issued.extend(&image.older_issued);
        for role in Role::ALL {
            issued.extend(image.role(role).marks.issued.map(|number| (role, number)));
        }
    }
    issued.retain(|&(_, number)| number <= LAST_COUNTER);
    issued.sort_unstable();
    issued.dedup();
    // In rising order, so each number but a role's last is overtaken by the next.
    united.older_issued.clear();
    for (place, &(role, number)) in issued.iter().enumerate() {
        if issued.get(place + 1).is_some_and(|&(next, _)| next == role) {
            united.older_issued.push((role, number));
        } else {
            let marks = united.role(role).marks;
            united.set_marks(
                role,
                Marks {
                    issued: marks.issued.max(Some(number)),
                    ..marks
                },
            );
        }
    }
}
