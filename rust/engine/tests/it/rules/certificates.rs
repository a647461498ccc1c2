//! A certificate that vanishes proves nothing: what it refused, and what comes after it.

use crate::support::*;

const CEILING: u64 = 1 << 62;

fn told(number: u64) -> Told {
    Told::new(GPF, gno(), number, Cell::both(gno(), &ACB[0])).at(1_700_000_000)
}

fn without_certificate() -> Device {
    Device {
        with_ds: false,
        ..Device::new(GPF)
    }
}

/// Who signs for the device with another's key.
fn forger() -> Device {
    Device {
        ds: Device::new(GPF + 1).ds,
        ..Device::new(GPF)
    }
}

fn seen(host: &Host) -> Option<u64> {
    let device = host.engine.device(Eui64::from_u64(GPF))?;
    device.network_operator.marks.seen
}

/// A host whose device has proven one message; then it was told another, in a forger's hand.
fn forged() -> Host {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let decided = host.outcome(&device, &told(1_200)).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    let octets = told(CEILING).response(Some(&forger().ds));
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, octets)
        .decide_one();
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
    host
}

/// Nothing that the forger says is believed, not even what comes in later.
fn believes_nobody(host: &mut Host, parked: &str) {
    assert_eq!(seen(host), Some(1_200));
    let decided = host.outcome(&forger(), &told(CEILING - 1)).decide_one();
    assert_eq!(decided.verdict(), parked);
    assert_eq!(seen(host), Some(1_200));
}

#[test]
fn what_was_refused_is_not_believed_after_a_tombstone_and_a_restart() {
    let mut host = forged();
    host.forgets(GPF).decide();
    // The inventory's tombstone is gone with compaction, and the keys with the process.
    host.restart();
    assert!(host.decide().is_empty());
    believes_nobody(&mut host, "PARKED UNVERIFIED");
}

#[test]
fn what_was_refused_is_not_believed_once_a_record_names_no_certificate() {
    let mut host = forged();
    assert!(host.knows(&without_certificate()).decide().is_empty());
    believes_nobody(&mut host, "PARKED UNVERIFIED");
    host.restart();
    assert!(host.decide().is_empty());
    let decided = host.outcome(&forger(), &told(CEILING - 2)).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    host.reload();
    assert_eq!(seen(&host), Some(1_200));
}

#[test]
fn what_was_refused_is_not_believed_before_the_inventory_is_loaded() {
    let mut host = forged();
    let inventory = std::mem::take(&mut host.inventory);
    host.restart();
    assert!(host.decide().is_empty());
    believes_nobody(&mut host, "PARKED UNKNOWN_DEVICE");
    // A portion that has the device without its certificate, then the one with it.
    let decided = host.knows(&without_certificate()).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    assert_eq!(seen(&host), Some(1_200));
    host.inventory = inventory;
    let decided = host.knows(&Device::new(GPF)).decide_one();
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
}

/// The first message of all may be the forged one: nothing was ever proven, and it is refused for good all the same.
#[test]
fn what_was_refused_first_of_all_stays_refused() {
    for forget in [true, false] {
        let mut host = Host::knowing(&Device::new(GPF), "");
        let octets = told(CEILING).response(None);
        host.message(Stream::UpdateOutcomes, GPF, octets);
        assert_eq!(host.decide_one().verdict(), "REJECTED BAD_SIGNATURE");
        if forget {
            host.forgets(GPF).decide();
        } else {
            host.knows(&without_certificate()).decide();
        }
        host.restart();
        assert!(host.decide().is_empty());
        assert_eq!(seen(&host), None);
        host.inventory.clear();
        host.restart();
        assert!(host.decide().is_empty());
        assert_eq!(seen(&host), None);
    }
}

#[test]
fn another_certificate_proves_what_waited_for_it() {
    let device = Device::new(GPF);
    let mut host = forged();
    host.knows(&without_certificate()).decide();
    let later = told(1_300);
    let decided = host.outcome(&device, &later).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    host.restart();
    let decided = host.knows(&device).decide_one();
    assert_eq!(decided.number("recorded_counter"), Some(1_300));
}

/// Eight that wait, and one more: what nobody proved raises nothing when it goes.
#[test]
fn what_is_evicted_raises_nothing_where_there_was_a_certificate() {
    let mut host = forged();
    host.knows(&without_certificate()).decide();
    for number in 1..=8 {
        host.outcome(&forger(), &told(CEILING - number)).decide();
    }
    assert_eq!(host.faults(), ["PARKING_FULL"]);
    host.outcome(&forger(), &told(CEILING - 9)).decide();
    assert_eq!(host.faults(), ["PARKING_FULL"; 2]);
    assert_eq!(seen(&host), Some(1_200));
}
