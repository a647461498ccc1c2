//! Images back into a table: any order, any number of times, nothing lowered.

use slotkeeper_counters::{
    AllocationRequest, CellImage, CellSource, CellUse, CounterTable, Cover, DEFAULT_CEILING,
    DeviceImage, Ledger, Marks, MessageNote, Occupant, RequestNote, RestoreOutcome, Role,
    RoleImage,
};

const GPF: u64 = 0x0011_2233_4455_6677;
const NO: Role = Role::NetworkOperator;

/// A state told by its version, marks and who stands in the digital signature cell.
fn image(version: u32, recorded: u64, issued: u64, occupant: u64) -> DeviceImage {
    let cell = CellImage {
        occupant: Some(Occupant {
            eui: occupant,
            key_identifier: None,
        }),
        source: CellSource::Report,
        ..CellImage::default()
    };
    DeviceImage {
        device: GPF,
        version,
        network_operator: RoleImage {
            marks: Marks {
                recorded: Some(recorded),
                seen: None,
                issued: Some(issued),
            },
            cells: [cell, CellImage::default()],
        },
        ..DeviceImage::default()
    }
}

fn request(role: Role, issued: u64) -> RequestNote {
    RequestNote {
        role,
        imported: false,
        issued,
        originator: 9,
        request_counter: issued,
    }
}

fn cover(number: u64) -> Cover {
    Cover::of(number, number, DEFAULT_CEILING)
}

/// Every order of the numbers below `len`.
fn orders(len: usize) -> Vec<Vec<usize>> {
    if len == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(len - 1);
    let with_last = |order: &Vec<usize>| {
        (0..len)
            .map(|place| {
                let mut order = order.clone();
                order.insert(place, len - 1);
                order
            })
            .collect::<Vec<_>>()
    };
    shorter.iter().flat_map(with_last).collect()
}

#[test]
fn test_d06_any_order_and_repetition_give_the_same_state() {
    let mut noted = image(2, 7, 21, 5);
    noted.flags = 9;
    noted.supplier = Some(image(0, 3, 22, 8).network_operator);
    noted.requests = vec![request(NO, 4), request(NO, 9), request(Role::Supplier, 22)];
    noted.covers = vec![(NO, cover(3)), (Role::Supplier, cover(20))];
    noted.messages = vec![MessageNote {
        identity: 1,
        digest: [2; 15],
        verified: true,
    }];
    // Two of one version that differ: another history, as an import may bring it.
    let mut earlier = image(1, 9, 20, 4);
    earlier.requests = vec![request(NO, 4), request(NO, 12)];
    earlier.covers = vec![(NO, cover(8))];
    let images = [
        earlier,
        noted,
        image(2, 5, 30, 6),
        image(3, 8, 25, 7),
        image(3, 2, 1, 9),
    ];
    let mut states = Vec::new();
    for order in orders(images.len()) {
        let mut table = CounterTable::new(1, DEFAULT_CEILING);
        for &which in order.iter().chain(&order) {
            table.restore(&images[which]);
        }
        for which in order {
            let outcome = table.restore(&images[which]);
            assert!(
                outcome != RestoreOutcome::Applied,
                "nothing is new any more"
            );
        }
        states.push(table.image(GPF));
    }
    assert!(states.iter().all(|state| *state == states[0]));
    let [state, ..] = &states[..] else {
        panic!("no orders")
    };
    assert_eq!(state.version, 3);
    assert_eq!(state.network_operator.marks.recorded, Some(9));
    assert_eq!(state.network_operator.marks.issued, Some(30));
    let requests = [
        request(NO, 4),
        request(NO, 9),
        request(NO, 12),
        request(Role::Supplier, 22),
    ];
    assert_eq!(state.requests, requests);
    let covers = [(NO, cover(3).union(&cover(8))), (Role::Supplier, cover(20))];
    assert_eq!(state.covers, covers);
    assert_eq!(state.flags, 0, "the newest version has none");
}

#[test]
fn outcomes_tell_what_became_of_an_image() {
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    assert_eq!(table.restore(&image(2, 5, 1, 4)), RestoreOutcome::Applied);
    assert_eq!(table.restore(&image(2, 5, 1, 4)), RestoreOutcome::Unchanged);
    assert_eq!(table.restore(&image(2, 5, 1, 3)), RestoreOutcome::Diverged);
    assert_eq!(table.restore(&image(1, 5, 1, 3)), RestoreOutcome::Older);
    assert_eq!(table.restore(&image(3, 5, 1, 3)), RestoreOutcome::Applied);
}

#[test]
fn test_d10_a_newer_image_lowers_nothing() {
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    table.restore(&image(1, 1200, 1301, 4));
    table.restore(&image(2, 3, 4, 5));
    let marks = table.view(GPF).marks(NO);
    assert_eq!(
        marks,
        Marks {
            recorded: Some(1200),
            seen: None,
            issued: Some(1301)
        }
    );
    let cell = table.view(GPF).cell(NO, CellUse::DigitalSignature);
    assert_eq!(
        table
            .occupants()
            .get(cell.occupant)
            .map(|occupant| occupant.eui),
        Some(5)
    );
}

#[test]
fn a_used_number_above_the_highest_one_becomes_it() {
    let mut loose = image(1, 1, 1, 1);
    loose.network_operator.marks.issued = None;
    loose.requests = vec![request(NO, 8)];
    loose.covers = vec![(NO, cover(9)), (Role::Supplier, cover(7))];
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    table.restore(&loose);
    assert_eq!(table.view(GPF).marks(NO).issued, Some(9));
    assert_eq!(table.view(GPF).marks(Role::Supplier).issued, Some(7));
    assert!(table.view(GPF).requests().eq([request(NO, 8)]));
}

#[test]
fn more_requests_than_are_remembered_are_covered() {
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    for half in [0..20, 10..30] {
        let mut image = image(half.start, 1, 1, 1);
        image.requests = half.map(|n| request(NO, 100 + u64::from(n))).collect();
        table.restore(&image);
    }
    let view = table.view(GPF);
    assert!(view.requests().eq((106..130).map(|n| request(NO, n))));
    let six = Cover::of(100, 105, DEFAULT_CEILING);
    assert_eq!(view.cover(NO), six);
}

#[test]
fn notes_can_go_and_come_back() {
    let mut noted = image(1, 1, 1, 1);
    noted.messages = vec![MessageNote {
        identity: 1,
        digest: [2; 15],
        verified: true,
    }];
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    table.restore(&noted);
    table.restore(&image(2, 1, 1, 1));
    assert_eq!(table.image(GPF), image(2, 1, 1, 1));
    noted.version = 3;
    table.restore(&noted);
    assert_eq!(table.image(GPF), noted);
    assert_eq!(table.len(), 1);
}

#[test]
fn a_row_with_nothing_known_takes_any_image() {
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    table.ensure(GPF);
    table.restore(&image(0, 1, 2, 3));
    assert_eq!(table.image(GPF), image(0, 1, 2, 3));
}

#[test]
fn a_batch_staged_over_an_older_state_is_not_folded() {
    let mut ledger = Ledger::new(CounterTable::new(1, DEFAULT_CEILING));
    ledger.table_mut().restore(&image(1, 5, 6, 1));
    let request = AllocationRequest {
        hint: None,
        originator: 9,
        request_counter: 1,
    };
    let counter = ledger.allocate(GPF, NO, request).unwrap().counter;
    ledger.table_mut().restore(&image(2, 100, 6, 1));

    assert!(!ledger.is_staged());
    assert_eq!(ledger.image(GPF), image(2, 100, 6, 1));
    ledger.fold();
    assert_eq!(ledger.table().image(GPF), image(2, 100, 6, 1));
    assert_eq!(ledger.burned().get(GPF, NO), Some(counter));
    ledger.set_flags(GPF, 9);
    ledger.fold();
    assert_eq!(ledger.table().view(GPF).flags(), 9);
    assert_eq!(ledger.table().view(GPF).version(), 3);
}

#[test]
fn a_replaced_table_has_no_batch_and_keeps_its_burned_numbers() {
    let mut ledger = Ledger::new(CounterTable::new(1, DEFAULT_CEILING));
    let request = AllocationRequest {
        hint: Some(7),
        originator: 9,
        request_counter: 1,
    };
    assert_eq!(ledger.allocate(GPF, NO, request).unwrap().counter, 7);
    *ledger.table_mut() = CounterTable::new(2, DEFAULT_CEILING);

    assert_eq!(ledger.changed().count(), 0);
    assert!(!ledger.device(GPF).is_known());
    assert_eq!(ledger.allocate(GPF, NO, request).unwrap().counter, 8);
}
