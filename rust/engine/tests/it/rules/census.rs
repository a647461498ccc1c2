//! Records that a changelog lost, or has in an older version: an engine and a census notice both (D6).

use slotkeeper_engine::{Census, RestoreError, Stored, StoredParked};

use super::restore::{damage, device_key, handed_back, looked_up};
use crate::support::*;

/// Restores a store, and counts it.
fn restored(host: &mut Host, store: &[(Vec<u8>, Vec<u8>)]) -> Census {
    let mut census = Census::default();
    host.engine.close();
    host.engine.clear().unwrap();
    for (key, value) in store {
        host.engine.restore(key, Some(value)).unwrap();
        census.take(key, Some(value));
    }
    census
}

/// What an engine and what a census say of a store.
fn judged(host: &mut Host, store: &[(Vec<u8>, Vec<u8>)]) -> [Option<RestoreError>; 2] {
    let mut census = restored(host, store);
    let by_engine = host.engine.check_stored(host.stored);
    [by_engine.err(), census.check(host.stored).err()]
}

/// The same of parked records.
fn judged_parked(host: &mut Host, store: &[(Vec<u8>, Vec<u8>)]) -> [Option<RestoreError>; 2] {
    let census = restored(host, store);
    let by_engine = host.engine.check_parked(host.stored_parked);
    let by_census = census.check_parked(host.stored_parked);
    [by_engine.err(), by_census.err()]
}

#[test]
fn test_d06_a_lost_parked_record_is_noticed_and_one_that_is_there_again() {
    let (device, mut host) = handed_back("");
    let other = Device::new(GPF + 1);
    for number in [1_300, 1_301] {
        let told = Told::new(GPF + 1, gno(), number, Cell::both(gno(), &ACB[0]));
        host.outcome(&other, &told);
    }
    host.decide();
    assert_eq!(host.stored_parked.records, 2);
    let all: Vec<_> = host.store.clone().into_iter().collect();
    assert!(matches!(judged_parked(&mut host, &all), [None, None]));
    let is_parked = |(key, _): &(Vec<u8>, Vec<u8>)| key.len() > device_key().len();
    let place = all.iter().position(is_parked).unwrap();
    let mut without = all.clone();
    let gone = without.remove(place);
    let counts = |error: Option<RestoreError>| match error {
        Some(RestoreError::Parked { expected, found }) => (expected.records, found.records),
        other => panic!("{other:?}"),
    };
    assert_eq!(judged_parked(&mut host, &without).map(counts), [(2, 1); 2]);
    // Another one in its place.
    let mut moved = without.clone();
    let mut key = gone.0.clone();
    key[..23].copy_from_slice(&device_key());
    moved.push((key, gone.1.clone()));
    assert_eq!(judged_parked(&mut host, &moved).map(counts), [(2, 2); 2]);
    // A damaged one is there: the engine marks its device, and drops it with the next batch.
    let mut damaged = all.clone();
    damaged[place].1[20] ^= 1;
    assert!(matches!(judged_parked(&mut host, &damaged), [None, None]));
    host.store = damaged.into_iter().collect();
    host.restart();
    host.knows(&device).decide();
    assert_eq!(host.stored_parked.records, 1);
    host.restart();
    // What no longer waits is gone from the count.
    host.knows(&other).decide();
    assert_eq!(host.stored_parked, StoredParked::default());
    assert_eq!(judged_parked(&mut host, &[gone]).map(counts), [(0, 1); 2]);
}

#[test]
fn test_d06_beside_several_damaged_records_an_older_one_is_noticed() {
    let (_, mut host) = handed_back("");
    let keys = [0, 1, 2].map(|n| Eui64::from_u64(GPF + n).canonical().to_vec());
    for number in 1..3 {
        let device = Device::new(GPF + number);
        host.knows(&device).decide();
        let told = |counter, time| {
            Told::new(GPF + number, gno(), counter, Cell::both(gno(), &ACB[0])).at(time)
        };
        host.outcome(&device, &told(1_200, 1_700_000_000)).decide();
        if number == 1 {
            host.outcome(&device, &told(1_300, 1_700_000_001)).decide();
        }
    }
    let older = host.store[&keys[1]].clone();
    let device = Device::new(GPF + 1);
    let told = Told::new(GPF + 1, gno(), 1_400, Cell::both(gno(), &ACB[0])).at(1_700_000_002);
    host.outcome(&device, &told).decide();
    damage(&mut host, &keys[0]);
    damage(&mut host, &keys[2]);
    let records = |host: &Host| host.store.clone().into_iter().collect::<Vec<_>>();
    let whole = records(&host);
    assert!(matches!(judged(&mut host, &whole), [None, None]));
    host.store.insert(keys[1].clone(), older);
    let with_older = records(&host);
    for error in judged(&mut host, &with_older) {
        assert!(matches!(error, Some(RestoreError::Older { devices: 3 })));
    }
    // One may have lost its version; of two nobody can tell.
    let mut whole = whole;
    whole[0].1[9..13].copy_from_slice(&[0xff; 4]);
    assert!(matches!(judged(&mut host, &whole), [None, None]));
    // Who accepts the store as it is accepts the version that was committed, not the one that is claimed.
    let mut census = restored(&mut host, &whole);
    assert_ne!(census.stored(), Some(host.stored));
    census.check(host.stored).unwrap();
    assert_eq!(census.stored(), Some(host.stored));
    whole[2].1[9..13].copy_from_slice(&[0xff; 4]);
    assert!(judged(&mut host, &whole).iter().all(Option::is_some));
    // What is accepted as it is, is the measure from there on.
    let mut census = Census::default();
    for (key, value) in &whole {
        census.take(key, Some(value));
    }
    host.stored = census.stored().unwrap();
    assert!(matches!(judged(&mut host, &whole), [None, None]));
}

#[test]
fn test_d06_a_lost_record_and_an_older_one_are_noticed() {
    let (device, mut host) = handed_back("");
    let older = host.store.clone();
    let again = Told::new(GPF, gno(), 1_300, Cell::both(gno(), &ACB[0])).at(1_700_000_001);
    host.outcome(&device, &again).decide();
    let newest: Vec<_> = host.store.clone().into_iter().collect();
    let both: Vec<_> = newest.iter().cloned().chain(older.clone()).collect();
    assert!(matches!(judged(&mut host, &newest), [None, None]));
    assert!(matches!(judged(&mut host, &both), [None, None]));
    let of_device = |error: Option<RestoreError>| match error {
        Some(RestoreError::Lost { expected, found }) => (expected.devices, found),
        other => panic!("{other:?}"),
    };
    assert_eq!(judged(&mut host, &[]).map(of_device), [(1, 0), (1, 0)]);
    let older: Vec<_> = older.into_iter().collect();
    for error in judged(&mut host, &older) {
        assert!(matches!(error, Some(RestoreError::Older { devices: 1 })));
    }
    // A damaged record is there, and its version is not known.
    damage(&mut host, &device_key());
    let damaged: Vec<_> = host.store.clone().into_iter().collect();
    assert!(matches!(judged(&mut host, &damaged), [None, None]));
    host.stored = Stored {
        devices: 2,
        ..host.stored
    };
    assert_eq!(judged(&mut host, &damaged).map(of_device), [(2, 1), (2, 1)]);
}

#[test]
fn test_d06_beside_a_damaged_record_an_older_one_is_noticed() {
    let (_, mut host) = handed_back("");
    let second = Device::new(GPF + 1);
    let key = Eui64::from_u64(GPF + 1).canonical().to_vec();
    host.knows(&second).decide();
    let told =
        |number, time| Told::new(GPF + 1, gno(), number, Cell::both(gno(), &ACB[0])).at(time);
    host.outcome(&second, &told(1_200, 1_700_000_000)).decide();
    let older = host.store[&key].clone();
    host.outcome(&second, &told(1_300, 1_700_000_001)).decide();
    damage(&mut host, &device_key());
    let records: Vec<_> = host.store.clone().into_iter().collect();
    assert!(matches!(judged(&mut host, &records), [None, None]));
    host.store.insert(key, older);
    let records: Vec<_> = host.store.clone().into_iter().collect();
    for error in judged(&mut host, &records) {
        assert!(matches!(error, Some(RestoreError::Older { devices: 2 })));
    }
    // What is accepted as it is, is the measure from there on.
    let mut census = Census::default();
    for (key, value) in &records {
        census.take(key, Some(value));
    }
    host.stored = census.stored().unwrap();
    assert!(matches!(judged(&mut host, &records), [None, None]));
    assert!(judged(&mut host, &records[..1]).iter().all(Option::is_some));
}

/// Neither the mark nor what was mended after an earlier damage makes up for a later one, whatever version that claims.
#[test]
fn test_d12_only_a_record_that_names_the_damaged_one_makes_up_for_it() {
    let (device, mut host) = handed_back("");
    damage(&mut host, &device_key());
    let first = host.store[&device_key()].clone();
    host.restart();
    host.decide();
    let mark = host.store[&device_key()].clone();
    for role in ["NetworkOperator", "Supplier"] {
        let adjustment = looked_up(1_200).with("remote_party_role", role);
        host.adjust(&adjustment).decide();
    }
    let mended = host.store[&device_key()].clone();
    let lost = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(lost.number("originator_counter"), Some(1_201));
    let mut second = host.store[&device_key()].clone();
    second[9..13].copy_from_slice(&[0; 4]);

    let mut kept = vec![&first, &mark, &mended, &second];
    for _ in 0..kept.len() {
        kept.rotate_left(1);
        let mut host = Host::new("");
        host.engine.close();
        for record in &kept {
            host.engine.restore(&device_key(), Some(record)).unwrap();
        }
        host.engine.open().unwrap();
        host.knows(&device).decide();
        let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED NO_EVIDENCE");
        // Once it is mended it stays so, with all that is kept.
        let newer = host.store[&device_key()].clone();
        host.adjust(&looked_up(1_201)).decide();
        let newest = host.store[&device_key()].clone();
        for records in [[&newest, &second, &newer], [&first, &newer, &newest]] {
            let mut host = Host::new("");
            host.engine.close();
            for record in kept.iter().copied().chain(records) {
                host.engine.restore(&device_key(), Some(record)).unwrap();
            }
            host.engine.open().unwrap();
            host.knows(&device).decide();
            let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
            assert_eq!(decided.number("originator_counter"), Some(1_202));
        }
    }
}
