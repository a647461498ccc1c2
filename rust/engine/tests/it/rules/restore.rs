//! What comes back from a store: in any order, damaged, of another version, or after a doubt.

use slotkeeper_counters::{DEFAULT_CEILING, DeviceImage};
use slotkeeper_engine::{BatchContext, Engine, RestoreError};
use slotkeeper_gbcs::KeyUsage;

use crate::support::*;

pub(super) fn handed_back(settings: &str) -> (Device, Host) {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, settings);
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &told).decide();
    (device, host)
}

pub(super) fn device_key() -> Vec<u8> {
    Eui64::from_u64(GPF).canonical().to_vec()
}

/// Another process, which got these records of the device in this order and knows the device.
fn restored(device: &Device, records: &[&Vec<u8>]) -> Host {
    let mut host = Host::new("");
    host.engine.close();
    for record in records {
        host.engine.restore(&device_key(), Some(record)).unwrap();
    }
    host.engine.open().unwrap();
    host.knows(device).decide();
    host
}

pub(super) fn damage(host: &mut Host, key: &[u8]) {
    host.store.get_mut(key).unwrap()[20] ^= 1;
}

#[test]
fn test_d12_a_damaged_record_is_unknown_and_not_zero() {
    let (_, mut host) = handed_back("");
    damage(&mut host, &device_key());
    host.restart();
    for number in 1..=2 {
        let decided = host.request(&Request::new(GPF, number)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED NO_EVIDENCE");
        assert_eq!(
            host.read(Stream::Refusals).pop().unwrap()["retryable"],
            true
        );
        host.restart();
    }
}

/// Commands without an answer that lead to the ACB, over another operator too, keep an occupant from refusing; they are
/// no evidence of the numbers that were lost.
#[test]
fn test_d12_commands_that_lead_to_the_acb_make_up_for_no_damage() {
    for is_damaged in [false, true] {
        let (device, mut host) = handed_back("");
        if is_damaged {
            damage(&mut host, &device_key());
            host.restart();
        }
        let told =
            Told::new(GPF, &ACB[0], 1_201, Cell::both(&ACB[0], next_gno())).at(1_800_000_000);
        host.outcome(&device, &told).decide();
        for (number, from, to) in [(1_300, next_gno(), gno()), (1_301, gno(), &ACB[0])] {
            let decided = host.request(&Request::new(GPF, number)).decide_one();
            let verdict = ["REFUSED NOT_DCC_CONTROLLED", "REFUSED NO_EVIDENCE"];
            assert_eq!(decided.verdict(), verdict[usize::from(is_damaged)]);
            let octets = Told::new(GPF, from, number, Vec::new())
                .pre_command(&[(&to.ds, KeyUsage::DigitalSignature)]);
            host.message(Stream::UpdateRequests, GPF, octets).decide();
        }
        let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        let verdict = ["ISSUED WATERMARK_EXCEEDED", "REFUSED NO_EVIDENCE"];
        assert_eq!(decided.verdict(), verdict[usize::from(is_damaged)]);
    }
}

/// Neither an outcome nor an adjustment of the other role tells what was lost.
#[test]
fn test_d12_only_an_adjustment_of_the_role_mends() {
    let (device, mut host) = handed_back("");
    damage(&mut host, &device_key());
    host.restart();
    let again = Told::new(GPF, gno(), 7, Cell::both(gno(), &ACB[0])).at(1_700_000_001);
    host.outcome(&device, &again).decide();
    let supplier = Adjustment::new(GPF, "recorded", 5).with("remote_party_role", "Supplier");
    host.adjust(&supplier).decide();
    let decided = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(decided.verdict(), "REFUSED NO_EVIDENCE");

    host.adjust(&looked_up(1_200)).decide();
    let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
    host.restart();
    let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_202));
}

/// A log that holds every version: what is damaged counts unless something newer stands beside it.
#[test]
fn test_d12_an_older_record_does_not_make_up_for_a_damaged_one() {
    let (_, mut host) = handed_back("");
    let older = host.store[&device_key()].clone();
    host.request(&Request::new(GPF, 1).hint(1)).decide();
    let newer = host.store[&device_key()].clone();
    let mut damaged = newer.clone();
    *damaged.last_mut().unwrap() ^= 1;

    for (records, verdict) in [
        ([&older, &damaged], "REFUSED NO_EVIDENCE"),
        ([&damaged, &older], "REFUSED NO_EVIDENCE"),
        ([&damaged, &newer], "REFUSED NO_EVIDENCE"),
        ([&older, &newer], "ISSUED ISSUED_EXCEEDED"),
    ] {
        let mut host = restored(&Device::new(GPF), &records);
        let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
        assert_eq!(decided.verdict(), verdict);
    }
    // What was written later in a log makes up for it; elsewhere nobody knows what was written later.
    host.request(&Request::new(GPF, 2).hint(1)).decide();
    let newest = host.store[&device_key()].clone();
    for (in_order, left) in [(true, 0), (false, 1)] {
        let mut fresh = Host::new("");
        fresh.engine.close();
        for record in [&damaged, &newest] {
            let engine = &mut fresh.engine;
            let take = if in_order {
                Engine::replay
            } else {
                Engine::restore
            };
            take(engine, &device_key(), Some(record)).unwrap();
        }
        assert_eq!(fresh.engine.statistics().damaged, left);
    }
}

/// What two persons found in the outputs.
pub(super) fn looked_up(at_least: u64) -> Adjustment {
    Adjustment::new(GPF, "issued", at_least).with("by", vec!["Ann", "Bob"])
}

/// The mark is made by an owner without a snapshot; the next one has one of before.
#[test]
fn test_d12_a_mark_is_newer_than_every_image_of_before() {
    let (device, mut host) = handed_back("");
    host.request(&Request::new(GPF, 1).hint(1)).decide();
    host.request(&Request::new(GPF, 2).hint(1)).decide();
    let older = host.store[&device_key()].clone();
    let lost = host.request(&Request::new(GPF, 3).hint(1)).decide_one();
    assert_eq!(lost.number("originator_counter"), Some(1_203));
    // Of all that is damaged, the version as well.
    let damaged = host.store.get_mut(&device_key()).unwrap();
    damaged[9..13].copy_from_slice(&[0; 4]);
    let damaged = damaged.clone();
    host.restart();
    host.decide();
    let mark = host.store[&device_key()].clone();

    let orders = [
        [&older, &damaged, &mark],
        [&damaged, &mark, &older],
        [&mark, &older, &damaged],
    ];
    for (records, in_order) in orders
        .iter()
        .flat_map(|order| [(order, true), (order, false)])
    {
        let mut host = Host::new("");
        host.engine.close();
        for record in records {
            let take = if in_order {
                Engine::replay
            } else {
                Engine::restore
            };
            take(&mut host.engine, &device_key(), Some(record)).unwrap();
        }
        host.engine.open().unwrap();
        host.knows(&device).decide();
        let one_person = Adjustment::new(GPF, "issued", 1_203);
        let not_issued = Adjustment::new(GPF, "recorded", 1_203).with("by", vec!["Ann", "Bob"]);
        for adjustment in [&looked_up(0), &looked_up(1_201), &one_person, &not_issued] {
            host.adjust(adjustment).decide();
            let decided = host.request(&Request::new(GPF, 4).hint(1)).decide_one();
            assert_eq!(decided.verdict(), "REFUSED NO_EVIDENCE", "{in_order}");
        }
        host.adjust(&looked_up(1_203)).decide();
        let decided = host.request(&Request::new(GPF, 4).hint(1)).decide_one();
        assert_eq!(decided.number("originator_counter"), Some(1_204));
    }
}

/// A store that keeps the newest record alone is restored by a process that knows nothing else; the next one has a
/// snapshot from between the two marks, or the version itself is damaged.
#[test]
fn test_d12_a_second_mark_is_newer_than_what_came_between() {
    for version_too in [false, true] {
        let (device, mut host) = handed_back("");
        damage(&mut host, &device_key());
        host.restart();
        for role in ["NetworkOperator", "Supplier"] {
            let adjustment = looked_up(1_200).with("remote_party_role", role);
            host.adjust(&adjustment).decide();
        }
        let between = host.store[&device_key()].clone();
        let lost = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        assert_eq!(lost.number("originator_counter"), Some(1_201));

        let damaged = host.store.get_mut(&device_key()).unwrap();
        if version_too {
            damaged[9..13].copy_from_slice(&[0; 4]);
        } else {
            damaged[20] ^= 1;
        }
        let damaged = damaged.clone();
        host.restart();
        host.decide();
        let mark = host.store[&device_key()].clone();
        for records in [
            [&between, &damaged, &mark],
            [&damaged, &mark, &between],
            [&mark, &between, &damaged],
        ] {
            let mut host = restored(&device, &records);
            let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
            assert_eq!(decided.verdict(), "REFUSED NO_EVIDENCE", "{version_too}");
        }
    }
}

/// A host that keeps every version gives them back in any order, long after two persons made up for the damage.
#[test]
fn test_d06_what_was_mended_stays_so_in_whatever_order_records_come() {
    for roles in [&["NetworkOperator"][..], &["NetworkOperator", "Supplier"]] {
        let (device, mut host) = handed_back("");
        damage(&mut host, &device_key());
        let damaged = host.store[&device_key()].clone();
        host.restart();
        for role in roles {
            let adjustment = looked_up(1_200).with("remote_party_role", *role);
            host.adjust(&adjustment).decide();
        }
        let mended = host.store[&device_key()].clone();
        for records in [[&damaged, &mended], [&mended, &damaged]] {
            let mut host = restored(&device, &records);
            let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
            assert_eq!(decided.number("originator_counter"), Some(1_201));
        }
        // In a log, what comes later was damaged later.
        let mut host = Host::new("");
        host.engine.close();
        for record in [&mended, &damaged] {
            host.engine.replay(&device_key(), Some(record)).unwrap();
        }
        assert_eq!(host.engine.statistics().damaged, 1);
    }
}

#[test]
fn test_d12_a_damaged_parked_record_marks_its_device_once() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &told).decide();
    let parked = host
        .store
        .keys()
        .find(|key| key.len() > 23)
        .unwrap()
        .clone();
    host.knows(&device).drop_waiting();
    damage(&mut host, &parked);
    host.restart();
    host.knows(&device).decide();
    let decided = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(decided.verdict(), "REFUSED NO_EVIDENCE");
    assert!(!host.store.contains_key(&parked));
    host.adjust(&looked_up(1_200)).decide();
    host.restart();
    let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
}

#[test]
fn test_d09_a_newer_format_stops_the_restore() {
    let (_, mut host) = handed_back("");
    host.engine.close();
    let image = &host.store[&device_key()];
    let mut content = image[..image.len() - 4].to_vec();
    content[0] = 6;
    // A check of the right form cannot be made here without the format's own code: the lengths are those of CRC-32C.
    let crc = crc32c(&content);
    content.extend_from_slice(&crc.to_be_bytes());
    let error = host
        .engine
        .restore(&device_key(), Some(&content))
        .unwrap_err();
    assert!(matches!(error, RestoreError::Newer { .. }), "{error}");
    let error = host
        .engine
        .restore(b"some-topic-key", Some(b"x"))
        .unwrap_err();
    assert!(matches!(error, RestoreError::ForeignKey(_)), "{error}");
}

fn crc32c(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 * (crc & 1))
        })
    })
}

#[test]
fn test_d06_any_order_restores_the_same() {
    let (device, mut host) = handed_back("");
    host.request(&Request::new(GPF, 1)).decide();
    let stranger = Device::new(GPF + 1);
    for (number, time) in [(5, 1_700_000_005), (4, 1_700_000_004), (9, 1_700_000_009)] {
        let told = Told::new(GPF + 1, gno(), number, Cell::both(gno(), &ACB[0]));
        host.outcome(&stranger, &told.at(time)).decide();
    }
    let image = host.engine.device(Eui64::from_u64(GPF));
    let mut again: Vec<Vec<String>> = Vec::new();
    for turn in 0..4 {
        let store = host.store.clone();
        host.engine.close();
        host.restore(|records| records.rotate_left(turn));
        host.restore_again(|records| records.reverse());
        assert_eq!(host.engine.device(Eui64::from_u64(GPF)), image);
        let staged = host.knows(&stranger).stage();
        again.push(decisions(&staged).iter().map(Decided::line).collect());
        host.engine.discard(staged.batch()).unwrap();
        host.drop_waiting();
        assert_eq!(host.store, store);
    }
    again.dedup();
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0].len(), 3);
    drop(device);
}

/// D7: others served the partition meanwhile; what they decided does not wait here any more.
#[test]
fn what_was_decided_elsewhere_is_not_decided_again() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &told).decide();
    host.engine.close();
    let mut other = Host::new("");
    other.adopt(&host);
    other.restart();
    let decided = other.knows(&device).decide();
    assert_eq!(decided.last().unwrap().verdict(), "RECORDED ACB_IN_SLOT");

    host.adopt(&other);
    host.inventory = other.inventory.clone();
    host.restore(|_| {});
    assert!(host.decide().is_empty());
    assert_eq!(host.engine.statistics().parked, 0);
}

/// A device that left the inventory meanwhile has left, although this engine had it loaded.
#[test]
fn what_the_inventory_dropped_elsewhere_is_retired_here() {
    let (_, mut host) = handed_back("");
    host.engine.close();
    let mut other = Host::new("");
    other.adopt(&host);
    other.inventory = host.inventory.clone();
    other.restart();
    other.forgets(GPF).decide();

    host.adopt(&other);
    host.inventory.clear();
    host.restore(|_| {});
    let decided = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(decided.verdict(), "REFUSED DEVICE_RETIRED");
}

#[test]
fn test_d07_a_doubtful_batch_is_neither_lost_nor_done_twice() {
    for committed in [false, true] {
        let (_, mut host) = handed_back("");
        let staged = host.request(&Request::new(GPF, 1).hint(1)).stage();
        if committed {
            host.write(&staged);
        }
        host.engine.in_doubt(staged.batch()).unwrap();
        assert!(host.engine.stage(&[], &BatchContext::default()).is_err());
        assert!(host.engine.fold(staged.batch()).is_err());
        host.restore(|_| {});
        if committed {
            host.request(&Request::new(GPF, 1));
        }
        let decided = host.decide_one();
        // Not committed: the number may have been seen by nobody, and is burned all the same.
        let expected = if committed {
            "DUPLICATE SAME_REQUEST"
        } else {
            "ISSUED ISSUED_EXCEEDED"
        };
        assert_eq!(decided.verdict(), expected);
        let number = if committed { 1_201 } else { 1_202 };
        assert_eq!(decided.number("originator_counter"), Some(number));
    }
}

#[test]
fn a_discarded_batch_leaves_its_numbers_burned_and_nothing_else() {
    let (device, mut host) = handed_back("");
    let before = host.engine.device(Eui64::from_u64(GPF));
    let unknown = Device::new(GPF + 1);
    let told = Told::new(GPF + 1, gno(), 9, Cell::both(gno(), &ACB[0]));
    host.outcome(&unknown, &told);
    let bad = Told::new(GPF, gno(), 1_300, Cell::both(gno(), &ACB[0]));
    host.message(Stream::UpdateOutcomes, GPF, bad.response(None));
    let staged = host.request(&Request::new(GPF, 1).hint(1)).stage();
    host.engine.discard(staged.batch()).unwrap();
    assert_eq!(host.engine.device(Eui64::from_u64(GPF)), before);
    assert_eq!(host.engine.device(Eui64::from_u64(GPF + 1)), None);
    let statistics = host.engine.statistics();
    assert_eq!((statistics.parked, statistics.parked_bytes), (0, 0));
    assert_eq!(statistics.burned, 1);

    let decided = host.decide();
    let verdicts: Vec<_> = decided.iter().map(Decided::verdict).collect();
    assert_eq!(
        verdicts,
        [
            "PARKED UNKNOWN_DEVICE",
            "REJECTED BAD_SIGNATURE",
            "ISSUED ISSUED_EXCEEDED"
        ]
    );
    assert_eq!(decided[2].number("originator_counter"), Some(1_202));
    let image = DeviceImage::decode(&host.store[&device_key()], DEFAULT_CEILING).unwrap();
    assert_eq!(image.network_operator.marks.issued, Some(1_202));
    drop(device);
}

/// Each image of a device of which one role is mended carries the mark of the other.
#[test]
fn test_d12_the_mark_of_one_role_does_not_make_up_for_damage_of_the_other() {
    let (device, mut host) = handed_back("");
    damage(&mut host, &device_key());
    host.restart();
    host.adjust(&looked_up(1_200)).decide();
    host.request(&Request::new(GPF, 1).hint(1)).decide();
    let older = host.store[&device_key()].clone();
    host.request(&Request::new(GPF, 2).hint(1)).decide();
    damage(&mut host, &device_key());
    let damaged = host.store[&device_key()].clone();
    for records in [[&older, &damaged], [&damaged, &older]] {
        let mut host = Host::new("");
        host.engine.close();
        for record in records {
            host.engine.restore(&device_key(), Some(record)).unwrap();
        }
        host.engine.open().unwrap();
        host.knows(&device).decide();
        let decided = host.request(&Request::new(GPF, 3).hint(1)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED NO_EVIDENCE");
    }
}
