use super::*;
use crate::role::{Cell, CellSource, Marks};

fn message(n: u8, verified: bool) -> MessageNote {
    MessageNote {
        identity: u64::from(n) << 60 | 3,
        digest: [n; 15],
        verified,
    }
}

fn request(role: Role, imported: bool, n: u64) -> RequestNote {
    RequestNote {
        role,
        imported,
        issued: n + 1,
        originator: u64::MAX - n,
        request_counter: n,
    }
}

fn cover(numbers: &[u64]) -> Cover {
    numbers.iter().fold(Cover::EMPTY, |cover, &number| {
        cover.union(&Cover::of(number, number, 1000))
    })
}

fn supplier() -> RoleState {
    let cell = Cell {
        occupant: OccupantId(u32::MAX - 1),
        device_time: 7,
        verified: true,
        source: CellSource::ReadBack,
    };
    RoleState {
        marks: Marks {
            recorded: None,
            seen: Some(u64::MAX),
            issued: Some(0),
        },
        cells: [
            cell,
            Cell {
                occupant: OccupantId(3),
                ..cell
            },
        ],
    }
}

#[test]
fn kinds_of_notes_do_not_disturb_each_other() {
    let (operator, supplier_role) = (Role::NetworkOperator, Role::Supplier);
    let covers = [cover(&[3, 2000, 5]), cover(&[7, 1 << 60, 900])];
    let mut words = Vec::new();
    let mut edit = NotesEdit(&mut words);
    let requests = [
        request(operator, false, 1),
        request(operator, false, 2),
        request(operator, true, 1),
        request(supplier_role, false, 9),
        request(supplier_role, true, 4),
    ];
    for place in [3, 1, 4, 2, 0, 0, 3] {
        edit.remember_request(&requests[place]);
    }
    edit.set_cover(supplier_role, &cover(&[7]));
    edit.remember_message(&message(255, true));
    edit.set_supplier(&supplier());
    edit.set_cover(operator, &covers[0]);
    edit.remember_message(&message(2, false));
    edit.set_cover(supplier_role, &covers[1]);
    set_owner(&mut words, 0xfedc_ba98);
    NotesEdit(&mut words).set_supplier(&supplier());

    assert_eq!(owner(&words), 0xfedc_ba98);
    let view = NotesView(&words);
    assert_eq!(view.supplier(), Some(supplier()));
    assert!(view.messages().eq([message(255, true), message(2, false)]));
    assert!(view.requests().eq(requests));
    assert!(view.remembers(supplier_role, 10) && !view.remembers(operator, 10));
    assert_eq!(Role::ALL.map(|role| view.cover(role)), covers);
}

#[test]
fn the_lowest_requests_of_a_kind_go_first_and_say_so() {
    let (role, other) = (Role::NetworkOperator, Role::Supplier);
    let mut words = Vec::new();
    let mut edit = NotesEdit(&mut words);
    for n in 0..100 {
        edit.remember_message(&message(n, false));
        let n = u64::from(n);
        let rising = edit.remember_request(&request(role, false, n));
        let lowest = n.checked_sub(24).map(|lowest| lowest + 1);
        assert_eq!(
            rising,
            lowest.map_or(Remembered::Added, Remembered::InsteadOf)
        );
        let falling = edit.remember_request(&request(other, true, 100 - n));
        assert_eq!(falling == Remembered::TooLow, n >= 8);
        let again = edit.remember_request(&request(other, true, 100));
        assert_eq!(again, Remembered::Already);
    }
    let view = NotesView(&words);
    assert!(view.messages().eq((92..100).map(|n| message(n, false))));
    let expected = (76..100).map(|n| request(role, false, n));
    let expected = expected.chain((93..=100).map(|n| request(other, true, n)));
    assert!(view.requests().eq(expected));
}

#[test]
fn the_same_message_again_can_only_verify_its_note() {
    let mut words = Vec::new();
    for verified in [false, true, false] {
        NotesEdit(&mut words).remember_message(&message(1, verified));
    }
    assert!(NotesView(&words).messages().eq([message(1, true)]));
}

#[test]
fn no_words_are_no_notes() {
    let view = NotesView(&[]);
    assert_eq!(view.supplier(), None);
    assert_eq!(view.messages().count() + view.requests().count(), 0);
    assert!(view.cover(Role::Supplier).is_empty());
}
