//! Read-backs: cells as the device reports them, numbers that rise and never fall.

use slotkeeper_gbcs::RemotePartyRole;

use crate::support::*;

fn known() -> (Device, Host) {
    let device = Device::new(GPF);
    let host = Host::knowing(&device, "");
    (device, host)
}

fn read(host: &mut Host, octets: Vec<u8>) -> Decided {
    host.message(Stream::ReadBacks, GPF, octets).decide_one()
}

fn state(decided: &Decided) -> &str {
    decided.0["slot"]["state"].as_str().unwrap()
}

const EARLY: u32 = 1_760_000_000;
const LATE: u32 = 1_770_000_000;

#[test]
fn a_device_of_which_nothing_is_known_is_known_once_it_was_read() {
    let (device, mut host) = known();
    let reading = Reading::new(GPF, supplier(), 70).holds(gno(), gno(), 1_200);
    let decided = read(&mut host, reading.signed(Some(&device.ds)));
    assert_eq!(decided.verdict(), "SEEN READ_BACK");
    assert_eq!(decided.number("seen_counter"), Some(1_200));
    assert_eq!(decided.number("recorded_counter"), None);
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
    let cell = &decided.0["slot"]["digital_signature"];
    assert_eq!(
        (&cell["source"], &cell["verified"]),
        (&"READ_BACK".into(), &true.into())
    );
    assert_eq!(
        decided.0["cells"].as_array().map(Vec::len),
        Some(0),
        "nothing was replaced"
    );
    // It is known well enough to refuse by it.
    let refused = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(refused.verdict(), "REFUSED NOT_DCC_CONTROLLED");
}

/// A payload has room for two thousand names of a cell. No device names one twice, and each costs a walk over what was
/// told of it.
#[test]
fn of_a_cell_that_is_named_twice_the_first_name_counts() {
    for time in [0, LATE] {
        let (device, mut host) = known();
        let mut reading = Reading::new(GPF, supplier(), 70).holds(gno(), gno(), 1_200);
        for _ in 0..20 {
            reading = reading.holds(&ACB[0], &ACB[0], 1_200);
        }
        let octets = reading.at(time).signed(Some(&device.ds));
        assert_eq!(state(&read(&mut host, octets)), "NETWORK_OPERATOR");
    }
}

/// N16: the outcome was lost on the way; the read-back brings occupant and number.
#[test]
fn n16_a_lost_outcome_is_made_up_for_by_a_read_back() {
    let (device, mut host) = known();
    host.outcome(
        &device,
        &Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno())),
    )
    .decide();
    let reading = Reading::new(GPF, supplier(), 70)
        .holds(&ACB[0], &ACB[0], 5_000)
        .at(LATE);
    let decided = read(&mut host, reading.signed(Some(&device.ds)));
    assert_eq!(state(&decided), "ACB");
    let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(issued.number("originator_counter"), Some(5_001));
}

#[test]
fn law_03_a_read_back_never_lowers_a_number() {
    let (device, mut host) = known();
    host.outcome(
        &device,
        &Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])),
    )
    .decide();
    for number in [1_199, 1, 0] {
        let reading = Reading::new(GPF, supplier(), 70 + number)
            .holds(&ACB[0], &ACB[0], number)
            .at(LATE + u32::try_from(number).unwrap());
        let decided = read(&mut host, reading.signed(Some(&device.ds)));
        assert_eq!(decided.number("recorded_counter"), Some(1_200));
        assert_eq!(decided.number("seen_counter"), Some(1_200));
    }
    let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(issued.number("originator_counter"), Some(1_201));
}

#[test]
fn the_ceiling_and_signatures_hold_for_read_backs_as_well() {
    let (device, mut host) = known();
    let reading = Reading::new(GPF, supplier(), 70).holds(gno(), gno(), (1 << 62) + 1);
    let decided = read(&mut host, reading.signed(Some(&device.ds)));
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    let reading = Reading::new(GPF, supplier(), 71).holds(gno(), gno(), 9);
    let decided = read(&mut host, reading.signed(Some(&Device::new(GPF + 1).ds)));
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
    assert_eq!(
        (decided.number("seen_counter"), state(&decided)),
        (None, "UNKNOWN")
    );
}

#[test]
fn a_read_back_to_the_acb_is_known_by_its_mac() {
    let (device, mut host) = known();
    let reading = Reading::new(GPF, &ACB[0], 4_000).holds(gno(), gno(), 9);
    let mut octets = reading.maced(&device, &ACB[0]);
    let decided = read(&mut host, octets.clone());
    assert_eq!(decided.verdict(), "SEEN READ_BACK");
    assert_eq!(decided.0["message"]["signature"], "valid");
    // Whatever answers the ACB tells of a number that is out.
    let issued = host.request(&Request::new(GPF, 1).hint(4_000)).decide_one();
    assert_eq!(issued.verdict(), "REFUSED NOT_DCC_CONTROLLED");
    *octets.last_mut().unwrap() ^= 1;
    assert_eq!(read(&mut host, octets).verdict(), "REJECTED BAD_SIGNATURE");
    // The ACB's MAC proves nothing to anybody else.
    let to_another = Reading::new(GPF, supplier(), 4_001).holds(gno(), gno(), 9);
    let octets = to_another.maced(&device, &ACB[0]);
    assert_eq!(read(&mut host, octets).verdict(), "REJECTED BAD_SIGNATURE");
}

#[test]
fn n05_a_read_back_that_comes_late_changes_nothing() {
    let (device, mut host) = known();
    let early = Reading::new(GPF, supplier(), 70)
        .holds(gno(), gno(), 9)
        .at(EARLY);
    let handed_back = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])).at(LATE);
    host.outcome(&device, &handed_back).decide();
    let decided = read(&mut host, early.signed(Some(&device.ds)));
    assert_eq!(decided.verdict(), "SEEN READ_BACK");
    assert_eq!(state(&decided), "ACB");
    let again = read(&mut host, early.signed(Some(&device.ds)));
    assert_eq!(state(&again), "ACB");
}

/// Without times, by its number alone.
#[test]
fn only_the_newest_reading_of_its_originator_settles_a_doubt() {
    let (device, mut host) = known();
    let handed_back = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])).at(0);
    host.outcome(&device, &handed_back).decide();
    let issued = host.request(&Request::new(GPF, 1).hint(5_000)).decide_one();
    assert_eq!(issued.number("originator_counter"), Some(5_000));
    let apart = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), supplier())).at(0);
    assert_eq!(
        state(&host.outcome(&device, &apart).decide_one()),
        "DOUBTFUL"
    );
    for (number, known) in [(5_000, "DOUBTFUL"), (5_001, "NETWORK_OPERATOR")] {
        let reading = Reading::new(GPF, &ACB[0], number).holds(gno(), gno(), 9);
        let decided = read(&mut host, reading.maced(&device, &ACB[0]));
        assert_eq!(decided.verdict(), "SEEN READ_BACK");
        assert_eq!(state(&decided), known, "{number}");
    }
}

#[test]
fn messages_of_before_the_reading_are_history() {
    let (device, mut host) = known();
    let reading = Reading::new(GPF, supplier(), 70).holds(&ACB[0], &ACB[0], 5_000);
    read(&mut host, reading.signed(Some(&device.ds)));
    let late = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])).at(0);
    let decided = host.outcome(&device, &late).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert_eq!(state(&decided), "ACB");
    // One that takes the slot from whom the device has just named cannot be told from a later one with a small number.
    let unclear = Told::new(GPF, &ACB[0], 4_999, Cell::both(&ACB[0], next_gno())).at(0);
    let decided = host.outcome(&device, &unclear).decide_one();
    assert_eq!(state(&decided), "DOUBTFUL");
    let reading = Reading::new(GPF, supplier(), 71).holds(next_gno(), next_gno(), 5_000);
    let decided = read(&mut host, reading.signed(Some(&device.ds)));
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
    host.restart();
    let later = Told::new(GPF, next_gno(), 5_001, Cell::both(next_gno(), &ACB[0])).at(0);
    assert_eq!(state(&host.outcome(&device, &later).decide_one()), "ACB");
}

#[test]
fn both_slots_are_read_and_what_is_of_neither_is_set_aside() {
    let (device, mut host) = known();
    let reading = Reading::new(GPF, supplier(), 70)
        .of_role(RemotePartyRole::Supplier, supplier(), supplier(), 44)
        .without(RemotePartyRole::NetworkOperator);
    let decided = read(&mut host, reading.signed(Some(&device.ds)));
    assert_eq!(decided.verdict(), "SEEN READ_BACK");
    assert_eq!(decided.text("remote_party_role"), "Supplier");
    assert_eq!(
        (decided.number("seen_counter"), state(&decided)),
        (Some(44), "SUPPLIER")
    );
    for reading in [
        Reading::new(GPF, supplier(), 71).without(RemotePartyRole::NetworkOperator),
        Reading::new(GPF, supplier(), 72).of_role(RemotePartyRole::WanProvider, gno(), gno(), 3),
    ] {
        let decided = read(&mut host, reading.signed(Some(&device.ds)));
        assert_eq!(decided.verdict(), "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE");
    }
}

/// While it waits as well.
#[test]
fn a_reading_of_the_supplier_slot_alone_is_about_that() {
    let mut host = Host::new("");
    let reading = Reading::new(GPF, supplier(), 70)
        .of_role(RemotePartyRole::Supplier, supplier(), supplier(), 44)
        .without(RemotePartyRole::NetworkOperator);
    let decided = read(&mut host, reading.signed(Some(&Device::new(GPF).ds)));
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_DEVICE");
    assert_eq!(decided.text("remote_party_role"), "Supplier");
    assert_eq!(decided.number("seen_counter"), Some(44));
}

/// Wherever it stands, and before the inventory has the device.
#[test]
fn a_read_back_is_one_by_its_octets() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    let reading = Reading::new(GPF, supplier(), 70).holds(gno(), gno(), 1_200);
    let octets = reading.signed(Some(&device.ds));
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, octets.clone())
        .decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_DEVICE");
    assert_eq!(decided.number("seen_counter"), Some(1_200));
    let decided = host.knows(&device).decide_one();
    assert_eq!(decided.line(), "redecision 0 SEEN READ_BACK");
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
    assert_eq!(read(&mut host, octets).verdict(), "DUPLICATE SAME_MESSAGE");
}
