//! Who stands in a slot: from links and pending commands, not from clocks or from the last message.

use slotkeeper_counters::{CellSource, DEFAULT_CEILING, DeviceImage};
use slotkeeper_gbcs::{Eui64, GeneralizedTime, KeyUsage};

use crate::support::*;

fn known() -> (Device, Host) {
    let device = Device::new(GPF);
    let host = Host::knowing(&device, "");
    (device, host)
}

fn hand_back(number: u64) -> Told {
    Told::new(GPF, gno(), number, Cell::both(gno(), &ACB[0]))
}

fn handover(number: u64) -> Told {
    Told::new(GPF, &ACB[0], number, Cell::both(&ACB[0], next_gno()))
}

fn state(decided: &Decided) -> &str {
    decided.0["slot"]["state"].as_str().unwrap()
}

fn pre_command(number: u64) -> Vec<u8> {
    Told::new(GPF, gno(), number, Vec::new()).pre_command(&[
        (&ACB[0].ds, KeyUsage::DigitalSignature),
        (&ACB[0].ka, KeyUsage::KeyAgreement),
    ])
}

/// 2015-01-01, 2026-06-01 and 2033-01-01.
const CLOCKS: [u32; 3] = [1_420_070_400, 1_780_272_000, 1_988_150_400];

#[test]
fn n04_a_clock_that_once_stood_elsewhere_hides_no_later_message() {
    for (first, second) in [
        (CLOCKS[2], CLOCKS[1]),
        (CLOCKS[0], CLOCKS[1]),
        (CLOCKS[1], CLOCKS[0]),
    ] {
        let (device, mut host) = known();
        let bought = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno()));
        host.outcome(&device, &bought.at(first)).decide();
        let decided = host
            .outcome(&device, &hand_back(1_200).at(second))
            .decide_one();
        assert_eq!(state(&decided), "ACB");
        let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        assert_eq!(issued.number("originator_counter"), Some(1_201));
    }
}

#[test]
fn n23_a_successor_with_small_numbers_is_seen_without_a_clock() {
    let (device, mut host) = known();
    host.outcome(&device, &hand_back(1 << 60).at(0)).decide();
    host.outcome(&device, &handover((1 << 60) + 1).at(0))
        .decide();
    let back = Told::new(GPF, next_gno(), 3, Cell::both(next_gno(), &ACB[0])).at(0);
    let decided = host.outcome(&device, &back).decide_one();
    assert_eq!(decided.verdict(), "RECORDED LATE");
    assert_eq!(state(&decided), "ACB");
}

#[test]
fn in_any_order_of_arrival_the_occupant_is_the_same() {
    let messages = [
        hand_back(1_200),
        handover(1_301),
        Told::new(GPF, next_gno(), 9, Cell::both(next_gno(), &ACB[1])),
    ];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let device = Device::new(GPF);
        let mut host = Host::with_acb("", &[AcbKey::Held(1), AcbKey::Held(0)]);
        host.knows(&device).decide();
        let decided: Vec<_> = order
            .map(|place| host.outcome(&device, &messages[place]).decide_one())
            .into();
        let told = &decided[2].0["slot"];
        assert_eq!(told["state"], "ACB", "{order:?}");
        let identifier = told["digital_signature"]["subject_key_identifier"].as_str();
        let expected = hex::encode(ACB[1].ds.identifier().0);
        assert_eq!(identifier, Some(expected.as_str()));
        assert_eq!(told["digital_signature"]["verified"], true);
        assert_eq!(told["digital_signature"]["source"], "OUTCOME");
    }
}

#[test]
fn n10_an_unexpected_party_still_tells_who_stands_there() {
    let (device, mut host) = known();
    let told = Told {
        party: supplier().eui,
        ..Told::new(GPF, gno(), 5, Cell::both(&ACB[0], next_gno()))
    };
    let decided = host.outcome(&device, &told).decide_one();
    assert_eq!(decided.verdict(), "NOT_RECORDED UNEXPECTED_PARTY");
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
    let refused = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(refused.verdict(), "REFUSED NOT_DCC_CONTROLLED");
}

#[test]
fn what_nobody_verified_blocks_nothing() {
    let device = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    // A retired certificate of the ACB, and an operator.
    for to in [&ACB[1], next_gno()] {
        let mut host = Host::with_acb("", &[AcbKey::Held(0), AcbKey::Retired(1)]);
        host.knows(&device).decide();
        let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), to));
        host.message(Stream::UpdateOutcomes, GPF, told.response(None))
            .decide();
        let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        assert_eq!(issued.number("originator_counter"), Some(1_201));
    }
}

#[test]
fn a_retired_certificate_that_is_certainly_there_refuses() {
    let device = Device::new(GPF);
    let mut host = Host::with_acb("", &[AcbKey::Held(0), AcbKey::Retired(1)]);
    host.knows(&device).decide();
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[1]));
    host.outcome(&device, &told).decide();
    let refused = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(refused.verdict(), "REFUSED ACB_KEY_NOT_HELD");
}

#[test]
fn pre_commands_erase_nothing_that_is_signed() {
    let (device, mut host) = known();
    host.outcome(&device, &handover(1_301)).decide();
    for number in 2_000..2_020 {
        let decided = host
            .message(Stream::UpdateRequests, GPF, pre_command(number))
            .decide_one();
        assert_eq!(decided.verdict(), "SEEN PRE_COMMAND");
        let cell = &decided.0["slot"]["digital_signature"];
        assert_eq!(cell["verified"], true);
        assert_eq!(cell["time"], "2023-11-14T22:13:20.000Z");
    }
    // Neither do they push the message out of memory.
    let again = host.outcome(&device, &handover(1_301)).decide_one();
    assert_eq!(again.verdict(), "DUPLICATE SAME_MESSAGE");
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    let numbers: Vec<_> = image.trails[0]
        .pending
        .iter()
        .map(|pending| pending.number)
        .collect();
    assert_eq!(numbers, (2_012..2_020).collect::<Vec<_>>());
}

#[test]
fn n16_a_pending_hand_back_is_read_as_executed_where_the_next_message_says_so() {
    let (device, mut host) = known();
    host.outcome(&device, &handover(1_301)).decide();
    // The device answered; nobody heard it.
    let octets = Told::new(GPF, next_gno(), 2_000, Vec::new()).pre_command(&[
        (&ACB[0].ds, KeyUsage::DigitalSignature),
        (&ACB[0].ka, KeyUsage::KeyAgreement),
    ]);
    host.message(Stream::UpdateRequests, GPF, octets).decide();
    let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(issued.number("originator_counter"), Some(2_001));
}

#[test]
fn parked_messages_change_no_cell_at_a_restart() {
    let (device, mut host) = known();
    let waits = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[2]));
    let decided = host.outcome(&device, &waits).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_ACB_CERTIFICATE");
    assert_eq!(state(&decided), "ACB");
    let next = Told::new(GPF, &ACB[2], 1_201, Cell::both(&ACB[2], next_gno()));
    let decided = host.outcome(&device, &next).decide_one();
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
    let store = host.store.clone();
    for _ in 0..3 {
        host.restart();
        assert!(host.decide().is_empty());
    }
    assert_eq!(host.store, store);
}

#[test]
fn n03_a_contradiction_is_doubt_until_the_next_message() {
    let (device, mut host) = known();
    host.outcome(&device, &hand_back(1_200)).decide();
    let other = Told::new(GPF, gno(), 1_200, Cell::both(gno(), next_gno()));
    let decided = host.outcome(&device, &other).decide_one();
    assert_eq!(decided.verdict(), "DUPLICATE CONFLICTING_CONTENT");
    assert_eq!(state(&decided), "DOUBTFUL");
    host.restart();
    let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(issued.verdict(), "ISSUED WATERMARK_EXCEEDED");
    let decided = host.outcome(&device, &handover(1_201)).decide_one();
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
}

#[test]
fn a_doubtful_cell_is_signed_for_with_a_certificate_that_may_be_there() {
    let device = Device::new(GPF);
    let mut host = Host::with_acb("", &[AcbKey::Held(1), AcbKey::Held(0)]);
    host.knows(&device).decide();
    for number in [1_200, 1_300] {
        let decided = host.outcome(&device, &hand_back(number)).decide_one();
        assert_eq!(
            state(&decided),
            if number == 1_200 { "ACB" } else { "DOUBTFUL" }
        );
    }
    host.request(&Request::new(GPF, 1).hint(1)).decide();
    let command = host.read(Stream::Commands).pop().unwrap();
    let expected = hex::encode(ACB[0].ds.identifier().0);
    assert_eq!(command["signing_key_identifier"], expected.as_str());
}

#[test]
fn what_an_earlier_release_knew_is_where_the_walk_begins_and_refuses_nothing() {
    let (device, mut host) = known();
    let bought = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno()));
    host.outcome(&device, &bought).decide();
    let refused = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(refused.verdict(), "REFUSED NOT_DCC_CONTROLLED");
    // As a store of format 2 is read.
    let key = Eui64::from_u64(GPF).canonical().to_vec();
    let mut image = DeviceImage::decode(&host.store[&key], DEFAULT_CEILING).unwrap();
    image.trails = Default::default();
    for cell in &mut image.network_operator.cells {
        cell.source = CellSource::Earlier;
    }
    host.store.insert(key, image.encode());
    host.restart();
    let issued = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
    assert_eq!(issued.number("originator_counter"), Some(8));
    let decided = host.outcome(&device, &hand_back(1_200)).decide_one();
    assert_eq!(state(&decided), "ACB");
}

/// What a parked message told of cells is no repeat of itself, whatever it waited for in between.
#[test]
fn test_n17_a_parked_message_that_told_of_cells_is_judged_by_each_reason_that_it_waits_for() {
    let (device, mut host) = known();
    let without = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[1]));
    let decided = host.outcome(&device, &told).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_ACB_CERTIFICATE");
    let decided = host.knows(&without).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    let decided = host.knows(&device).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_ACB_CERTIFICATE");
    host.restart_as("", &[AcbKey::Held(1), AcbKey::Held(0)]);
    let decided = host.decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert_eq!(decided.number("recorded_counter"), Some(1_200));
}

/// Whatever changes the record of a slot: a command that is sent tells nothing of who was heard.
#[test]
fn where_nobody_verifies_any_more_all_messages_are_read_at_every_change() {
    let (device, mut host) = known();
    host.outcome(&device, &hand_back(1_200)).decide();
    let off = r#"{"verify": {"device_signatures": "off"}}"#;
    host.restart_as(off, &[AcbKey::Held(0)]);
    let decided = host.outcome(&device, &hand_back(1_300)).decide_one();
    assert_eq!(state(&decided), "DOUBTFUL");
    let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(issued.number("originator_counter"), Some(1_301));
    assert_eq!(state(&issued), "DOUBTFUL");
}

/// The other way about: what was written while nobody verified does not outlive the setting.
#[test]
fn where_messages_are_verified_again_what_nobody_verified_is_read_no_longer() {
    let (device, mut host) = known();
    host.outcome(&device, &handover(1_200)).decide();
    let off = r#"{"verify": {"device_signatures": "off"}}"#;
    host.restart_as(off, &[AcbKey::Held(0)]);
    let sold = Told::new(GPF, next_gno(), 1_300, Cell::both(next_gno(), gno()));
    host.outcome(&device, &sold.at(1_800_000_000)).decide();
    host.restart_as("", &[AcbKey::Held(0)]);
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    let stands = image
        .network_operator
        .cells
        .map(|cell| cell.occupant.unwrap().eui);
    assert_eq!(stands, [next_gno().eui.to_u64(); 2]);
    let refused = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(refused.verdict(), "REFUSED NOT_DCC_CONTROLLED");
}

/// A hand-back that waits for its answer is what keeps a handover from being refused: a forged answer must not end it.
#[test]
fn n16_an_answer_that_nobody_verified_ends_no_command() {
    let device = Device::new(GPF);
    let uncertified = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let failed = Told::new(
        GPF,
        gno(),
        1_200,
        Cell::both(gno(), &ACB[0])
            .into_iter()
            .map(Cell::failed)
            .collect(),
    );
    for answer_first in [true, false] {
        let mut host = Host::knowing(&uncertified, "");
        let command = |host: &mut Host| {
            host.message(Stream::UpdateRequests, GPF, pre_command(1_200))
                .decide();
        };
        if !answer_first {
            command(&mut host);
        }
        host.message(Stream::UpdateOutcomes, GPF, failed.response(None))
            .decide();
        if answer_first {
            command(&mut host);
        }
        host.knows(&device).decide();
        let bought = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno()));
        let decided = host.outcome(&device, &bought).decide_one();
        assert_eq!(state(&decided), "NETWORK_OPERATOR");
        let issued = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        assert_eq!(
            issued.number("originator_counter"),
            Some(1_201),
            "{answer_first}"
        );
    }
}

fn hands_over_later(number: u64, at: GeneralizedTime) -> Vec<u8> {
    let certificates = [
        (&ACB[0].ds, KeyUsage::DigitalSignature),
        (&ACB[0].ka, KeyUsage::KeyAgreement),
    ];
    Told::new(GPF, gno(), number, Vec::new()).dated_pre_command(&certificates, Some(at))
}

/// What a request for the slot is decided as, with the operator in it by a message of before.
fn decided_after(commands: &[Vec<u8>], answers: &[Told]) -> String {
    let (device, mut host) = known();
    let bought = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno()));
    host.outcome(&device, &bought).decide();
    for octets in commands {
        host.message(Stream::UpdateRequests, GPF, octets.clone())
            .decide();
    }
    for answer in answers {
        host.outcome(&device, answer).decide();
    }
    let before = host.store.clone();
    host.restart();
    host.decide();
    assert_eq!(host.store, before);
    let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    decided.verdict()
}

#[test]
fn test_n15_an_accepted_cancellation_ends_what_the_device_held() {
    let later = GeneralizedTime::from_unix_seconds(4_000_000_000).unwrap();
    let (dated, taken_back) = (
        hands_over_later(1_200, later),
        hands_over_later(1_201, GeneralizedTime::CANCELLATION),
    );
    let accepted = |number| Told::new(GPF, gno(), number, Vec::new()).accepted();
    let refused = "REFUSED NOT_DCC_CONTROLLED";
    let issued = "ISSUED WATERMARK_EXCEEDED";
    // A cancellation hands nothing over itself.
    let alone = decided_after(std::slice::from_ref(&taken_back), &[]);
    assert_eq!(alone, refused);
    // Accepted for later it still waits, and until the device took it back.
    let waits = decided_after(std::slice::from_ref(&dated), &[accepted(1_200)]);
    assert_eq!(waits, issued);
    let both = [dated.clone(), taken_back.clone()];
    assert_eq!(decided_after(&both, &[accepted(1_200)]), issued);
    let answers = [accepted(1_200), accepted(1_201)];
    assert_eq!(decided_after(&both, &answers), refused);
    // Read late, it does not begin to wait again; a later one does.
    let (device, mut host) = known();
    let bought = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno()));
    host.outcome(&device, &bought).decide();
    host.message(Stream::UpdateRequests, GPF, taken_back)
        .decide();
    host.outcome(&device, &accepted(1_201)).decide();
    for (octets, verdict) in [(dated, refused), (hands_over_later(1_202, later), issued)] {
        host.message(Stream::UpdateRequests, GPF, octets).decide();
        let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        assert_eq!(decided.verdict(), verdict);
    }
}

#[test]
fn n16_a_later_command_of_the_party_ends_one_that_did_not_arrive() {
    let renewed = |number| {
        let cells = Cell::both(gno(), gno());
        let cells = cells
            .into_iter()
            .map(|cell| cell.to_certificate(1))
            .collect();
        Told::new(GPF, gno(), number, cells).at(1_800_000_000)
    };
    let refused = "REFUSED NOT_DCC_CONTROLLED";
    let issued = "ISSUED WATERMARK_EXCEEDED";
    assert_eq!(
        decided_after(&[pre_command(1_200)], &[renewed(1_100)]),
        issued
    );
    assert_eq!(
        decided_after(&[pre_command(1_200)], &[renewed(1_300)]),
        refused
    );
    // What the device holds for later it executes all the same.
    let later = GeneralizedTime::from_unix_seconds(4_000_000_000).unwrap();
    let dated = hands_over_later(1_200, later);
    assert_eq!(decided_after(&[dated], &[renewed(1_300)]), issued);
    // A party that left and came again may count from a smaller base.
    let certificate = |cells: Vec<Cell>| -> Vec<Cell> {
        cells
            .into_iter()
            .map(|cell| cell.to_certificate(2))
            .collect()
    };
    let left = Told::new(GPF, gno(), 1_300, Cell::both(gno(), &ACB[0])).at(1_800_000_000);
    let again = Told::new(GPF, &ACB[0], 1_301, certificate(Cell::both(&ACB[0], gno())));
    let answers = [left, again.at(1_800_000_001)];
    assert_eq!(decided_after(&[pre_command(1_200)], &answers), issued);
}
