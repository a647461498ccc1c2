//! Records that wait, what they wait for, and how many may.

use slotkeeper_gbcs::RemotePartyRole;

use crate::support::*;

fn told(device: u64, number: u64) -> Told {
    let at = 1_700_000_000 + u32::try_from(number % 1_000_000).unwrap();
    Told::new(device, gno(), number, Cell::both(gno(), &ACB[0])).at(at)
}

fn seen(host: &Host, device: u64) -> Option<u64> {
    host.engine
        .device(Eui64::from_u64(device))?
        .network_operator
        .marks
        .seen
}

#[test]
fn test_n11_an_unknown_device_waits_for_the_inventory() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    let decided = host.outcome(&device, &told(GPF, 1_200)).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_DEVICE");
    assert_eq!(decided.number("seen_counter"), Some(1_200));
    let decided = host.outcome(&device, &told(GPF, 1_200)).decide();
    assert_eq!(
        decided[0].verdict(),
        "PARKED UNKNOWN_DEVICE",
        "another signature"
    );
    let first = host.next_offset;
    host.knows(&device);
    let decided = host.decide();
    assert_eq!(decided[0].verdict(), "RECORDED ACB_IN_SLOT");
    assert_eq!(decided[0].text("cause_stream"), "smart-metering-inventory");
    assert_eq!(decided[0].0["cause_offset"], first);
    assert_eq!(decided[1].verdict(), "DUPLICATE SAME_MESSAGE");
    assert_eq!(host.engine.statistics().parked, 0);
    assert!(!host.store.keys().any(|key| key.len() > 23));
}

#[test]
fn only_a_changed_outcome_is_decided_again() {
    let device = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let mut host = Host::new(r#"{"verify": {"device_signatures": "require"}}"#);
    host.outcome(&device, &told(GPF, 1_200)).decide();
    assert_eq!(seen(&host, GPF), None);
    let decided = host.knows(&device).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    assert!(host.knows(&device).decide().is_empty());
    host.restart();
    assert!(host.decide().is_empty());
    let device = Device::new(GPF);
    let decided = host.knows(&device).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
}

#[test]
fn test_n20_another_certificate_may_prove_what_was_rejected() {
    let device = Device::new(GPF);
    let replaced = Device {
        ds: Device::new(GPF + 1).ds,
        ..Device::new(GPF)
    };
    let record = |device: &Device| {
        // A certificate of this device on another key.
        let mut scalar = [0x50; 32];
        scalar[24..].copy_from_slice(&(GPF + 1).to_be_bytes());
        let usage = slotkeeper_gbcs::KeyUsage::DigitalSignature;
        let ds = Identity::issued(issuer(), GPF, None, usage, scalar, Validity::LONG);
        Device {
            ds,
            ..Device::new(device.eui)
        }
    };
    let mut host = Host::knowing(&device, "");
    let octets = told(GPF, 1_200).response(Some(&replaced.ds));
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, octets)
        .decide_one();
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
    let decided = host.knows(&record(&device)).decide_one();
    assert!(decided.is_redecision());
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
}

#[test]
fn an_unproven_number_above_the_ceiling_waits() {
    let device = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let mut host = Host::knowing(&device, &anchored(issuer()));
    let above = (1 << 62) + 1;
    let decided = host.outcome(&device, &told(GPF, above)).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNVERIFIED");
    assert!(decided.has_flag("ABOVE_CEILING") && decided.has_flag("UNVERIFIED"));
    assert_eq!(decided.number("seen_counter"), None);
    let floor = told(GPF, 5).floor(RemotePartyRole::NetworkOperator, above);
    assert_eq!(
        host.outcome(&device, &floor).decide_one().verdict(),
        "PARKED UNVERIFIED"
    );
    assert_eq!(seen(&host, GPF), None);
    let decided = host.outcome(&device, &told(GPF, 1 << 62)).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    // Proven, any number is believed.
    let proven = Device::new(GPF);
    let decided = host.knows(&proven).decide();
    assert_eq!(decided[0].number("recorded_counter"), Some(above));
}

#[test]
fn test_n10_a_party_on_no_list_waits_and_stands_in_no_ones_way() {
    let only = |party: u64| {
        format!(
            r#"{{"parties": {{"network_operators": ["{}"]}}}}"#,
            Eui64::from_u64(party)
        )
    };
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, &only(GNO));
    let sold = Told::new(GPF, gno(), 1_200, Cell::both(gno(), next_gno())).at(200);
    let decided = host.outcome(&device, &sold).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_PARTY");
    assert_eq!(decided.0["slot"]["state"], "NETWORK_OPERATOR");
    assert_eq!(decided.number("seen_counter"), Some(1_200));
    let issued = host.request(&Request::new(GPF, 9).hint(1)).decide_one();
    assert_eq!(issued.number("originator_counter"), Some(1_201));
    host.restart_as(&only(NEXT_GNO), &[AcbKey::Held(0)]);
    let decided = host.decide_one();
    assert_eq!(decided.verdict(), "SEEN GNO_REPLACED_BY_GNO");
    assert_eq!(decided.0["slot"]["state"], "NETWORK_OPERATOR");
}

/// What was too high to be believed unproven, and is so still where it goes.
#[test]
fn the_ninth_message_evicts_and_its_number_still_counts() {
    let device = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let parked = |number| {
        // A floor that nobody proved keeps the message; it counts for another role than the number.
        told(GPF, number).floor(RemotePartyRole::Supplier, (1 << 62) + 1)
    };
    let mut host = Host::knowing(&device, "");
    for number in 1..=8 {
        host.outcome(&device, &parked(100 * number)).decide();
    }
    assert_eq!(seen(&host, GPF), None);
    let decided = host.outcome(&device, &parked(7)).decide();
    assert_eq!(decided[0].verdict(), "PARKED UNVERIFIED");
    assert_eq!(decided[1].verdict(), "DEAD_LETTER PARKING_FULL");
    assert!(decided[1].is_redecision());
    assert_eq!(seen(&host, GPF), Some(100));
    assert_eq!(host.faults(), ["PARKING_FULL"]);
    assert_eq!(host.engine.statistics().parked, 8);
    assert_eq!(host.store.keys().filter(|key| key.len() > 23).count(), 8);
    // A number above the ceiling is lost with its message: it was never proven.
    host.outcome(&device, &told(GPF, (1 << 62) + 7)).decide();
    for number in 11..=19 {
        host.outcome(&device, &parked(number)).decide();
    }
    assert_eq!(seen(&host, GPF), Some(800));
}

#[test]
fn what_had_to_be_proven_does_not_count_for_being_evicted() {
    let device = Device::new(GPF);
    let mut host = Host::new(r#"{"verify": {"device_signatures": "require"}}"#);
    for number in 1..=9 {
        host.outcome(&device, &told(GPF, 100 * number)).decide();
    }
    assert_eq!(host.faults(), ["PARKING_FULL"]);
    assert_eq!(seen(&host, GPF), None);
}

/// Nobody judged what it said: a fleet that asks for evidence has none until a person gives it.
#[test]
fn a_device_whose_message_was_evicted_says_so() {
    let mut device = Device::new(GPF);
    device.with_ds = false;
    for (setting, verdict) in [
        ("issue", "ISSUED WATERMARK_EXCEEDED"),
        ("refuse", "REFUSED NO_EVIDENCE"),
    ] {
        let settings = format!(r#"{{"counter": {{"without_evidence": "{setting}"}}}}"#);
        let mut host = Host::new(&settings);
        for number in 1..=9 {
            host.outcome(&device, &told(GPF, 100 * number)).decide();
        }
        host.knows(&device).decide();
        host.restart();
        let decided = host.request(&Request::new(GPF, 1).hint(1)).decide();
        let decided = decided.last().unwrap();
        assert_eq!(decided.verdict(), verdict);
        assert_eq!(decided.has_flag("EVICTED"), setting == "issue");
        host.adjust(&Adjustment::new(GPF, "recorded", 900)).decide();
        let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED");
        assert!(!decided.has_flag("EVICTED"));
    }
}

/// A host without offsets, as for tables of Arrow: they are judged again as they came, over a restart and from a snapshot.
#[test]
fn parked_messages_are_judged_again_in_order_of_arrival() {
    let device = Device::new(GPF);
    for again in [|host: &mut Host| host.restart(), Host::reload] {
        let mut host = Host::new("");
        let numbers = [500, 400, 600, 100, 300];
        for (place, number) in numbers.into_iter().enumerate() {
            let stream = [Stream::HandoverOutcomes, Stream::UpdateOutcomes][place % 2];
            let octets = told(GPF, number).response(Some(&device.ds));
            host.next_offset = 0;
            host.message(stream, GPF, octets).decide();
        }
        again(&mut host);
        host.next_offset = 0;
        let decided = host.knows(&device).decide();
        let told: Vec<_> = decided
            .iter()
            .map(|decided| decided.0["message"]["header_counter"].clone())
            .collect();
        assert_eq!(
            told,
            numbers.map(|number| number.to_string()),
            "{:?}",
            decided[0]
        );
    }
}

/// One of the eight has turned out to be false since it was parked.
#[test]
fn what_turned_out_false_counts_for_nothing_when_it_goes() {
    let device = Device::new(GPF);
    let without = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let mut host = Host::knowing(&without, "");
    let forged = told(GPF, 900_000).floor(RemotePartyRole::Supplier, (1 << 62) + 1);
    let decided = host.message(Stream::UpdateOutcomes, GPF, forged.response(None));
    assert_eq!(decided.decide_one().verdict(), "PARKED UNVERIFIED");
    let decided = host.knows(&device).decide_one();
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
    for number in 1..=8 {
        let unknown_acb = Told::new(GPF, gno(), number, Cell::both(gno(), &ACB[1]));
        let decided = host.outcome(&device, &unknown_acb).decide();
        assert_eq!(decided[0].verdict(), "PARKED UNKNOWN_ACB_CERTIFICATE");
    }
    assert_eq!(host.faults(), ["PARKING_FULL"]);
    assert_eq!(seen(&host, GPF), Some(8));
}

#[test]
fn the_byte_cap_is_the_partitions_and_the_largest_pays() {
    let settings =
        r#"{"limits": {"parking_bytes": 3000}, "verify": {"device_signatures": "require"}}"#;
    let mut host = Host::new(settings);
    let [greedy, mut modest] = [1, 2].map(|number| Device {
        with_ds: false,
        ..Device::new(GPF + number)
    });
    host.knows(&greedy).knows(&modest).decide();
    for number in 1..=6 {
        host.outcome(&greedy, &told(GPF + 1, number)).decide();
    }
    host.outcome(&modest, &told(GPF + 2, 1)).decide();
    for _ in 0..20 {
        host.outcome(&greedy, &told(GPF + 1, 7)).decide();
        assert!(host.engine.statistics().parked_bytes <= 3_000);
    }
    modest.with_ds = true;
    let decided = host.knows(&modest).decide();
    assert_eq!(decided[0].verdict(), "RECORDED ACB_IN_SLOT");
}

/// However many there are and whatever they send, also after a restart, whose inventory comes last.
#[test]
fn strangers_never_evict_a_known_device() {
    let settings = r#"{"limits": {"stranger_parking_bytes": 3000}, "verify": {"device_signatures": "require"}}"#;
    let mut host = Host::new(settings);
    let mut known = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    // Parked as a stranger's, then known, then flooded.
    host.outcome(&known, &told(GPF, 7));
    host.knows(&known).decide();
    for round in 0..2_u64 {
        for number in 1..=20 {
            let device = GPF + 100 * round + number;
            let octets = told(device, number).response(None);
            host.message(Stream::UpdateOutcomes, device, octets)
                .decide();
            let held = host.engine.statistics();
            assert!(held.parked_stranger_bytes <= 3_000);
            assert!(held.parked_bytes > held.parked_stranger_bytes);
        }
        host.restart();
    }
    assert!(host.faults().len() > 30);
    known.with_ds = true;
    let decided = host.knows(&known).decide();
    assert_eq!(decided[0].verdict(), "RECORDED ACB_IN_SLOT");
}

/// A Supplier handover that waits for a certificate, since a floor in it is implausible: its number counts for its role.
#[test]
fn an_evicted_number_counts_for_its_own_role() {
    let device = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let mode = slotkeeper_gbcs::ReplacementMode::SupplierBySupplier;
    let mut host = Host::knowing(&device, "");
    let cells: Vec<_> = Cell::both(&ACB[0], supplier())
        .into_iter()
        .map(|cell| cell.of(RemotePartyRole::Supplier))
        .collect();
    for number in 1..=9 {
        let handover = Told::new(GPF, &ACB[0], 10 * number, cells.clone())
            .mode(mode)
            .floor(RemotePartyRole::NetworkOperator, (1 << 62) + 1);
        host.outcome(&device, &handover).decide();
    }
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.supplier.unwrap().marks.seen, Some(10));
    assert_eq!(image.network_operator.marks.seen, None);
}

/// All of it would be more than one transaction takes: the partition would never open again.
#[test]
fn what_is_parked_is_judged_again_in_portions() {
    let mut host = Host::new("");
    let devices = host.crowd(&ACB[1], "PARKED UNKNOWN_ACB_CERTIFICATE");
    host.restart_as("", &[AcbKey::Held(1), AcbKey::Held(0)]);
    assert_eq!(host.engine.statistics().parked_unjudged, 3_200);

    let staged = host.stage();
    let first: Vec<_> = decisions(&staged).iter().map(Decided::line).collect();
    host.engine.discard(staged.batch()).unwrap();
    assert_eq!(host.engine.statistics().parked_unjudged, 3_200);
    // A device that is not yet its turn has a record: what waits of it comes before that.
    let last = *devices.last().unwrap();
    let told = Told::new(last, gno(), 9, Cell::both(gno(), &ACB[1]));
    host.message(Stream::UpdateOutcomes, last, told.response(None));
    let again = host.decide();
    let (portion, of_last) = again.split_at(first.len());
    let same = portion.iter().map(Decided::line).eq(first);
    assert!(same, "the same after an abort");
    let numbers: Vec<_> = of_last
        .iter()
        .map(|one| one.number("recorded_counter"))
        .collect();
    assert_eq!(numbers, (1..=9).map(Some).collect::<Vec<_>>());
    let left = host.engine.statistics().parked_unjudged;
    assert!(left > 0 && left == 3_200 - portion.len() - 8, "{left}");

    let mut all = portion.len() + 8;
    while host.engine.statistics().parked_unjudged > 0 {
        let decided = host.decide();
        assert!(decided.iter().all(Decided::is_redecision));
        all += decided.len();
    }
    assert_eq!(all, 3_200);
    assert_eq!(host.engine.statistics().parked, 0);
    assert!(host.decide().is_empty());
}
