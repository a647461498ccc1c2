//! A certificate that vanishes proves nothing: what it refused, and what comes after it.

use slotkeeper_gbcs::{KeyUsage, RemotePartyRole, ReplacementMode};

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

/// It was believed while nobody could check it, and is remembered for that: no reason to take it from those that wait.
#[test]
fn what_was_refused_after_it_was_believed_waits_for_another_certificate() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&without_certificate(), "");
    let recovery = Told::new(GPF, &ACB[1], 7_000, Vec::new())
        .mode(ReplacementMode::AnyExceptAbnormalRootByRecovery)
        .floor(RemotePartyRole::NetworkOperator, 40)
        .response(Some(&device.ds));
    let tell = |host: &mut Host| {
        host.message(Stream::UpdateOutcomes, GPF, recovery.clone())
            .decide_one()
    };
    let decided = tell(&mut host);
    assert_eq!(decided.verdict(), "SEEN SLOT_CHANGED_OTHERWISE");
    let (usage, scalar) = (KeyUsage::DigitalSignature, [0x52; 32]);
    let exchanged = Device {
        ds: Identity::issued(issuer(), GPF, None, usage, scalar, Validity::LONG),
        ..Device::new(GPF)
    };
    host.knows(&exchanged).decide();
    let decided = tell(&mut host);
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
    assert!(host.knows(&without_certificate()).decide().is_empty());
    let decided = host.knows(&device).decide_one();
    assert_eq!(decided.verdict(), "SEEN SLOT_CHANGED_OTHERWISE");
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

fn invented() -> Issuer {
    Issuer::new("07", None, [0x66; 32])
}

/// A device whose certificates an invented authority has issued.
fn impostor() -> Device {
    let usage = |usage, scalar| {
        Identity::issued(&invented(), GPF, None, usage, [scalar; 32], Validity::LONG)
    };
    Device {
        ds: usage(KeyUsage::DigitalSignature, 0x67),
        ka: usage(KeyUsage::KeyAgreement, 0x68),
        ..Device::new(GPF)
    }
}

#[test]
fn an_invented_authority_vouches_for_no_device() {
    for impostor in [
        impostor(),
        Device {
            with_ds: false,
            ..impostor()
        },
        Device {
            with_ka: false,
            ..impostor()
        },
    ] {
        let device = Device::new(GPF);
        let mut host = Host::knowing(&device, &anchored(issuer()));
        assert!(host.faults().is_empty());
        host.knows(&impostor).decide();
        assert_eq!(host.faults(), ["MALFORMED"]);
        let decided = host.outcome(&device, &told(1_200)).decide_one();
        assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
        assert!(!decided.has_flag("UNANCHORED"));
        // The compacted inventory has the bad record alone.
        host.restart();
        let decided = host.outcome(&impostor, &told(CEILING)).decide_one();
        assert_eq!(decided.verdict(), "PARKED UNKNOWN_DEVICE");
        assert_eq!(seen(&host), Some(1_200));
    }
}

#[test]
fn an_invented_authority_places_no_operator() {
    let usage = KeyUsage::DigitalSignature;
    let forged = Identity::issued(
        &invented(),
        NEXT_GNO,
        Some("03"),
        usage,
        [0x61; 32],
        Validity::LONG,
    );
    let request = |number| {
        Request::new(GPF, number)
            .with(
                "/replacement_certificates/digital_signing",
                base64(&forged.certificate),
            )
            .with(
                "/replacement_certificates/key_agreement",
                serde_json::Value::Null,
            )
            .with(
                "/certification_path_certificates",
                vec![base64(&invented().certificate)],
            )
    };
    let mut host = Host::knowing(&Device::new(GPF), &anchored(issuer()));
    let decided = host.request(&request(1)).decide_one();
    assert_eq!(decided.verdict(), "REFUSED BAD_CERTIFICATE");
    let decided = host.request(&Request::new(GPF, 2)).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
    assert!(!decided.has_flag("UNANCHORED"));

    // Nobody can tell without an anchor; the decision says so.
    let mut host = Host::knowing(&Device::new(GPF), "");
    let decided = host.request(&request(1)).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
    assert!(decided.has_flag("UNANCHORED"));
}

#[test]
fn a_signature_that_no_anchor_backs_lifts_no_ceiling() {
    let impostor = impostor();
    let mut host = Host::knowing(&impostor, "");
    let decided = host.outcome(&impostor, &told(CEILING + 1)).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    assert!(decided.has_flag("UNANCHORED") && decided.has_flag("ABOVE_CEILING"));
    assert_eq!(decided.text("disposition"), "PARKED");
    assert_eq!(seen(&host), None);
    let decided = host.outcome(&impostor, &told(CEILING)).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert!(decided.has_flag("UNANCHORED"));

    // With the anchors of another day the device is another's; the messages wait for its true certificate.
    host.restart_as(&anchored(issuer()), &[AcbKey::Held(0)]);
    assert_eq!(host.decide_one().verdict(), "PARKED UNKNOWN_DEVICE");
    let device = Device::new(GPF);
    let decided = host.knows(&device).decide();
    assert_eq!(decided[0].verdict(), "REJECTED BAD_SIGNATURE");
    let decided = host.outcome(&device, &told(CEILING + 2)).decide_one();
    assert_eq!(decided.number("recorded_counter"), Some(CEILING + 2));
}

/// An answer to a command of ours is heard, however high its number.
#[test]
fn an_answer_to_our_own_number_above_the_ceiling_is_heard() {
    for with_ds in [true, false] {
        let device = Device {
            with_ds,
            ..Device::new(GPF)
        };
        let settings = r#"{"counter": {"ceiling": "5000"}}"#;
        let mut host = Host::knowing(&device, settings);
        host.outcome(&device, &told(5_000)).decide();
        let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
        assert_eq!(decided.number("originator_counter"), Some(5_001));
        let answer = |number| {
            let told = Told::new(GPF, &ACB[0], number, Cell::both(&ACB[0], next_gno()));
            told.at(1_700_000_100)
        };
        let decided = host.outcome(&device, &answer(5_002)).decide_one();
        assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
        let decided = host.outcome(&device, &answer(5_001)).decide_one();
        assert_eq!(decided.verdict(), "HANDOVER_CONFIRMED SLOT_CHANGED");
        let decided = host.outcome(&device, &told(5_001)).decide_one();
        assert_eq!(decided.number("seen_counter"), Some(5_001));
    }
}

/// A vouched-for certificate is remembered once it vanishes or has refused, whether or not it has proven anything.
#[test]
fn an_anchored_certificate_counts_before_it_has_proven_anything() {
    let anchored = anchored(issuer());
    for refused in [true, false] {
        let mut host = Host::knowing(&Device::new(GPF), &anchored);
        if refused {
            host.outcome(&forger(), &told(CEILING - 1)).decide();
            host.inventory.clear();
        } else {
            host.forgets(GPF).decide();
        }
        host.restart();
        host.decide();
        let decided = host.outcome(&forger(), &told(CEILING)).decide_one();
        assert_eq!(decided.text("disposition"), "PARKED");
        assert_eq!(seen(&host), None);
    }
}

/// The inventory is told again after a batch that was lost, and then nothing vanishes any more; nor does it after a
/// snapshot of between.
#[test]
fn a_certificate_that_vanished_in_a_lost_batch_is_remembered() {
    for (record, reloaded) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut host = Host::knowing(&Device::new(GPF), &anchored(issuer()));
        if record {
            host.knows(&without_certificate());
        } else {
            host.forgets(GPF);
        }
        let staged = host.stage();
        host.engine.discard(staged.batch()).unwrap();
        if reloaded {
            host.reload();
        }
        host.decide();
        host.inventory.clear();
        host.restart();
        let decided = host.outcome(&forger(), &told(CEILING)).decide_one();
        assert_eq!(decided.text("disposition"), "PARKED");
        assert_eq!(seen(&host), None);
    }
}

/// A refusal counts also for messages of which nothing but the number would be noted.
#[test]
fn a_certificate_that_refused_an_acceptance_is_remembered() {
    let mut host = Host::knowing(&Device::new(GPF), &anchored(issuer()));
    host.outcome(&forger(), &told(7).accepted()).decide();
    host.inventory.clear();
    host.restart();
    host.outcome(&forger(), &told(CEILING).accepted()).decide();
    assert_eq!(seen(&host), None);
}
