//! Outcomes of SRV 6.15.1: what is recorded, what is seen, and what is neither.

use slotkeeper_gbcs::{KeyUsage, RemotePartyRole, ReplacementMode};

use crate::support::*;

fn both() -> Vec<Cell> {
    Cell::both(gno(), &ACB[0])
}

fn told(number: u64, cells: Vec<Cell>) -> Told {
    Told::new(GPF, gno(), number, cells)
}

fn known() -> (Device, Host) {
    let device = Device::new(GPF);
    let host = Host::knowing(&device, "");
    (device, host)
}

/// One outcome after another; their verdicts and the last one's decision.
fn verdicts(host: &mut Host, device: &Device, told: &[Told]) -> (Vec<String>, Decided) {
    let mut decided: Vec<_> = told
        .iter()
        .map(|told| host.outcome(device, told).decide_one())
        .collect();
    let verdicts = decided.iter().map(Decided::verdict).collect();
    (verdicts, decided.pop().unwrap())
}

#[test]
fn test_n01_clean_handing_back() {
    let (device, mut host) = known();
    let decided = host.outcome(&device, &told(1_200, both())).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert_eq!(decided.number("recorded_counter"), Some(1_200));
    assert_eq!(decided.0["slot"]["state"], "ACB");
    assert_eq!(decided.0["message"]["signature"], "valid");
    let decided = host.request(&Request::new(GPF, 1).hint(1_000)).decide_one();
    assert_eq!(decided.verdict(), "ISSUED WATERMARK_EXCEEDED");
    assert_eq!(decided.number("originator_counter"), Some(1_201));
}

#[test]
fn test_n02_a_storm_of_repeats_changes_nothing() {
    let (device, mut host) = known();
    let octets = told(1_200, both()).response(Some(&device.ds));
    host.message(Stream::UpdateOutcomes, GPF, octets.clone())
        .decide();
    let store = host.store.clone();
    for _ in 0..1_000 {
        host.message(Stream::UpdateOutcomes, GPF, octets.clone());
    }
    let decided = host.decide();
    assert_eq!(decided.len(), 1_000);
    assert!(
        decided
            .iter()
            .all(|d| d.verdict() == "DUPLICATE SAME_MESSAGE")
    );
    assert_eq!(host.store, store);
}

#[test]
fn test_n03_other_content_under_the_same_headers_is_for_a_person() {
    let (device, mut host) = known();
    let other = told(1_200, both()).floor(RemotePartyRole::NetworkOperator, 5_000);
    let (verdicts, last) = verdicts(&mut host, &device, &[told(1_200, both()), other]);
    assert_eq!(
        verdicts,
        ["RECORDED ACB_IN_SLOT", "DUPLICATE CONFLICTING_CONTENT"]
    );
    assert_eq!(last.number("recorded_counter"), Some(1_200));
    // It is believed all the same: what the device may have accepted has to be exceeded.
    assert_eq!(last.number("seen_counter"), Some(5_000));
    assert_eq!(host.faults(), ["CONFLICTING_CONTENT"]);
}

/// Who comes first unverified must not make a conflict of the device's own word.
#[test]
fn an_unverified_message_does_not_pre_empt_a_verified_one() {
    let mut device = Device::new(GPF);
    device.with_ds = false;
    let mut host = Host::knowing(&device, "");
    let forged = told(1_200, Cell::both(gno(), next_gno())).at(4_000_000_000);
    let decided = host.message(Stream::UpdateOutcomes, GPF, forged.response(None));
    assert_eq!(decided.decide_one().verdict(), "SEEN GNO_REPLACED_BY_GNO");
    device.with_ds = true;
    host.knows(&device).decide();
    let decided = host.outcome(&device, &told(1_200, both())).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    // Neither does what was forged, or its time, tell anything of the cell any more.
    assert_eq!(decided.0["slot"]["state"], "ACB");
}

#[test]
fn test_n04_out_of_order_keeps_the_higher_number() {
    let (device, mut host) = known();
    let messages = [told(1_300, both()).at(200), told(1_200, both()).at(100)];
    let (verdicts, last) = verdicts(&mut host, &device, &messages);
    assert_eq!(verdicts, ["RECORDED ACB_IN_SLOT", "RECORDED LATE"]);
    assert_eq!(last.number("recorded_counter"), Some(1_300));
    // It left twice and came back once: that is not told yet.
    assert_eq!(last.0["slot"]["state"], "DOUBTFUL");
    let back = Told::new(GPF, &ACB[0], 1_250, Cell::both(&ACB[0], gno())).at(150);
    let decided = host.outcome(&device, &back).decide_one();
    assert_eq!(decided.0["slot"]["state"], "ACB");
}

#[test]
fn test_n05_a_late_duplicate_leaves_the_new_operator_in_its_slot() {
    let (device, mut host) = known();
    let first = told(1_200, both()).at(100);
    let handover = Told::new(GPF, &ACB[0], 1_301, Cell::both(&ACB[0], next_gno())).at(200);
    let again = told(1_200, both()).at(100);
    let (verdicts, last) = verdicts(&mut host, &device, &[first, handover, again]);
    assert_eq!(verdicts[2], "DUPLICATE SAME_MESSAGE");
    assert_eq!(last.0["slot"]["state"], "NETWORK_OPERATOR");
    assert_eq!(last.number("recorded_counter"), Some(1_200));
    assert_eq!(last.number("seen_counter"), Some(1_301));
}

#[test]
fn test_n06_no_outcome_no_record() {
    let (device, mut host) = known();
    let failed: Vec<_> = both().into_iter().map(Cell::failed).collect();
    let (verdicts, last) = verdicts(
        &mut host,
        &device,
        &[told(1_200, both()).accepted(), told(1_201, failed)],
    );
    assert_eq!(
        verdicts,
        ["NOT_RECORDED NO_OUTCOME", "NOT_RECORDED ALL_CELLS_FAILED"]
    );
    assert_eq!(last.number("recorded_counter"), None);
    assert_eq!(last.number("seen_counter"), Some(1_201));
    for (code, reason) in [("E21", "ERROR_RESPONSE"), ("I99", "NO_OUTCOME")] {
        let value = format!(r#"{{"response_code": "{code}"}}"#).into_bytes();
        let decided = host
            .publish(Stream::UpdateOutcomes, GPF, Some(value))
            .decide_one();
        assert_eq!(decided.verdict(), format!("NOT_RECORDED {reason}"));
    }
}

#[test]
fn a_set_aside_message_says_what_its_signature_was_worth() {
    let (device, mut host) = known();
    let good = told(1_200, both()).accepted();
    let bad = told(1_300, both()).accepted().response(None);
    let decided = host.outcome(&device, &good).decide_one();
    assert_eq!(decided.0["message"]["signature"], "valid");
    let decided = host.message(Stream::UpdateOutcomes, GPF, bad).decide_one();
    assert_eq!(decided.0["message"]["signature"], "invalid");
    assert_eq!(decided.number("seen_counter"), Some(1_200));
}

#[test]
fn test_n07_partial_ds_only() {
    let cells = vec![Cell::ds(gno(), &ACB[0]), Cell::ka(gno(), &ACB[0]).failed()];
    for cells in [cells, vec![Cell::ds(gno(), &ACB[0])]] {
        let (device, mut host) = known();
        let decided = host.outcome(&device, &told(1_200, cells)).decide_one();
        assert_eq!(decided.verdict(), "RECORDED PARTIAL_DS");
        assert_eq!(decided.0["slot"]["state"], "PARTIAL");
        assert_eq!(decided.number("recorded_counter"), Some(1_200));
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED");
    }
}

#[test]
fn test_n08_partial_ka_only_cannot_be_handed_over() {
    let cells = vec![Cell::ds(gno(), &ACB[0]).failed(), Cell::ka(gno(), &ACB[0])];
    for cells in [cells, vec![Cell::ka(gno(), &ACB[0])]] {
        let (device, mut host) = known();
        let decided = host.outcome(&device, &told(1_200, cells)).decide_one();
        assert_eq!(decided.verdict(), "RECORDED PARTIAL_KA");
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED NOT_DCC_CONTROLLED");
        // The rest follows in a message of its own.
        let rest = told(1_201, vec![Cell::ds(gno(), &ACB[0])]).at(1_700_000_001);
        let decided = host.outcome(&device, &rest).decide_one();
        assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED");
    }
}

/// Both messages of a handing back in two, the second first.
#[test]
fn the_extent_is_that_of_the_slot_in_either_order() {
    let (device, mut host) = known();
    let ds = told(1_201, vec![Cell::ds(gno(), &ACB[0])]).at(200);
    let ka = told(1_200, vec![Cell::ka(gno(), &ACB[0])]).at(100);
    let (verdicts, last) = verdicts(&mut host, &device, &[ds, ka]);
    assert_eq!(verdicts, ["RECORDED PARTIAL_DS", "RECORDED LATE"]);
    assert_eq!(last.0["slot"]["state"], "ACB");
    let (device, mut host) = known();
    let ka = told(1_202, vec![Cell::ka(gno(), &ACB[0])]).at(100);
    let ds = told(1_201, vec![Cell::ds(gno(), &ACB[0])]).at(200);
    let (verdicts, _) = self::verdicts(&mut host, &device, &[ds, ka]);
    assert_eq!(verdicts, ["RECORDED PARTIAL_DS", "RECORDED ACB_IN_SLOT"]);
}

/// A certificate of the ACB that no configuration names is no certificate of the ACB (N17).
#[test]
fn test_n17_the_other_cell_counts_by_its_certificate() {
    for (other, verdict) in [
        (&ACB[0], "RECORDED ACB_IN_SLOT"),
        (&ACB[2], "RECORDED PARTIAL_DS"),
    ] {
        let (device, mut host) = known();
        let ka = told(1_200, vec![Cell::ka(gno(), other)]);
        let ds = told(1_201, vec![Cell::ds(gno(), &ACB[0])]);
        let (verdicts, _) = verdicts(&mut host, &device, &[ka, ds]);
        assert_eq!(verdicts[1], verdict);
    }
}

/// A message about the other cell tells who acted, and not less than what was known.
#[test]
fn an_inferred_occupant_keeps_its_certificate() {
    let (device, mut host) = known();
    let first = told(1_200, Cell::both(next_gno(), gno()));
    let first = Told {
        party: next_gno().eui,
        ..first
    };
    let second = told(5, vec![Cell::ka(gno(), &ACB[0])]).at(1_700_000_001);
    let (_, last) = verdicts(&mut host, &device, &[first, second]);
    let identifier = &last.0["slot"]["digital_signature"]["subject_key_identifier"];
    assert_eq!(*identifier, gno().ds.identifier().to_string());
}

#[test]
fn test_n09_renewal_and_sale_are_no_exit() {
    let (device, mut host) = known();
    let messages = [
        told(1_200, Cell::both(gno(), gno())),
        told(1_201, Cell::both(gno(), next_gno())).at(1_700_000_001),
    ];
    let (verdicts, last) = verdicts(&mut host, &device, &messages);
    assert_eq!(verdicts, ["SEEN GNO_REPLACED_BY_GNO"; 2]);
    assert_eq!(last.number("recorded_counter"), None);
    assert_eq!(last.text("evidence"), "seen");
    assert_eq!(last.0["slot"]["state"], "NETWORK_OPERATOR");
}

#[test]
fn test_n10_who_acts_must_stand_in_the_slot() {
    let (device, mut host) = known();
    let stranger = Told {
        party: supplier().eui,
        ..told(1_200, both())
    };
    let (verdicts, last) = verdicts(&mut host, &device, &[stranger]);
    assert_eq!(verdicts, ["NOT_RECORDED UNEXPECTED_PARTY"]);
    assert_eq!(last.number("recorded_counter"), None);
    // Who acted is a riddle, who stands there now is not.
    assert_eq!(last.0["slot"]["state"], "ACB");
}

#[test]
fn test_n11_other_devices_and_generations() {
    for (kind, smets, verdict) in [
        ("ESME", "SMETS2", "NOT_RECORDED NOT_GPF"),
        ("GPF", "SMETS1", "NOT_RECORDED SMETS1"),
    ] {
        let device = Device {
            kind,
            smets,
            ..Device::new(GPF)
        };
        let mut host = Host::knowing(&device, "");
        let decided = host.outcome(&device, &told(1_200, both())).decide_one();
        assert_eq!(decided.verdict(), verdict);
        assert_eq!(decided.number("seen_counter"), None);
    }
}

#[test]
fn test_n12_a_supplier_in_its_own_slot_is_none_of_ours() {
    let (device, mut host) = known();
    let cells = Cell::both(supplier(), &ACB[0]);
    let cells = cells
        .into_iter()
        .map(|c| c.of(RemotePartyRole::Supplier))
        .collect();
    let outcome = Told::new(GPF, supplier(), 900, cells).mode(ReplacementMode::SupplierBySupplier);
    let decided = host.outcome(&device, &outcome).decide_one();
    assert_eq!(decided.verdict(), "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE");
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.network_operator.marks.seen, None);
    assert_eq!(image.supplier.unwrap().marks.seen, Some(900));
}

/// A Supplier slot that was handed over, and then back: the next handover must not be refused for the first.
#[test]
fn a_supplier_slot_once_known_is_followed() {
    let (device, mut host) = known();
    let cells = |cells: Vec<Cell>| -> Vec<Cell> {
        cells
            .into_iter()
            .map(|c| c.of(RemotePartyRole::Supplier))
            .collect()
    };
    let mode = ReplacementMode::SupplierBySupplier;
    let given = Told::new(GPF, &ACB[0], 900, cells(Cell::both(&ACB[0], supplier()))).mode(mode);
    host.outcome(&device, &given.at(100)).decide();
    let request = Request::of(GPF, 1, "Supplier", supplier());
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.verdict(), "REFUSED NOT_DCC_CONTROLLED");
    // By its own base, which is lower.
    let back = Told::new(GPF, supplier(), 7, cells(Cell::both(supplier(), &ACB[0]))).mode(mode);
    host.outcome(&device, &back.at(200)).decide();
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
}

/// A worker that has not read the inventory yet, or a device that it does not name: what is set aside is kept nowhere, so
/// that its cells would never be known.
#[test]
fn test_n12_a_supplier_slot_is_followed_before_the_inventory_has_the_device() {
    let device = Device {
        with_ds: false,
        ..Device::new(GPF)
    };
    let mut host = Host::knowing(&device, "");
    let cells = |cells: Vec<Cell>| -> Vec<Cell> {
        cells
            .into_iter()
            .map(|c| c.of(RemotePartyRole::Supplier))
            .collect()
    };
    let mode = ReplacementMode::SupplierBySupplier;
    let given = Told::new(GPF, &ACB[0], 900, cells(Cell::both(&ACB[0], supplier()))).mode(mode);
    host.outcome(&device, &given).decide();
    host.inventory.clear();
    host.restart();
    let back = Told::new(GPF, supplier(), 7, cells(Cell::both(supplier(), &ACB[1]))).mode(mode);
    let decided = host.outcome(&device, &back).decide_one();
    assert_eq!(decided.verdict(), "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE");
    assert_eq!(decided.0["slot"]["state"], "ACB");
}

#[test]
fn test_n13_n14_the_alert_tells_the_outcome_and_its_payload_the_number() {
    let (device, mut host) = known();
    let accepted = told(1_004, both()).accepted();
    let decided = host.outcome(&device, &accepted).decide_one();
    assert_eq!(decided.verdict(), "NOT_RECORDED NO_OUTCOME");
    for (number, own, verdict) in [
        (1_004, 2_002, "RECORDED ACB_IN_SLOT"),
        (1_003, u64::MAX, "RECORDED LATE"),
    ] {
        let alert = told(number, both()).header(own).at(1_800_000_000);
        let octets = alert.alert(Some(&device.ds));
        let decided = host
            .message(Stream::UpdateOutcomes, GPF, octets)
            .decide_one();
        assert_eq!(decided.verdict(), verdict);
        assert_eq!(decided.number("recorded_counter"), Some(1_004));
        assert_eq!(decided.number("seen_counter"), Some(1_004));
    }
}

#[test]
fn test_n18_a_handover_is_one_on_either_stream() {
    for stream in [Stream::UpdateOutcomes, Stream::HandoverOutcomes] {
        let (device, mut host) = known();
        host.request(&Request::new(GPF, 1).hint(1_301)).decide();
        let outcome = Told::new(GPF, &ACB[0], 1_301, Cell::both(&ACB[0], next_gno()));
        let octets = outcome.response(Some(&device.ds));
        let decided = host.message(stream, GPF, octets).decide_one();
        assert_eq!(decided.verdict(), "HANDOVER_CONFIRMED SLOT_CHANGED");
        assert_eq!(decided.number("recorded_counter"), None);
    }
}

#[test]
fn test_n19_other_modes_report_floors_and_change_cells() {
    let (device, mut host) = known();
    let recovery = ReplacementMode::AnyExceptAbnormalRootByRecovery;
    let outcome = Told::new(GPF, &ACB[1], 7_000, Cell::both(gno(), &ACB[0]))
        .mode(recovery)
        .floor(RemotePartyRole::NetworkOperator, 40);
    let decided = host.outcome(&device, &outcome).decide_one();
    assert_eq!(decided.verdict(), "SEEN SLOT_CHANGED_OTHERWISE");
    // 7000 is the recovery's own number.
    assert_eq!(decided.number("seen_counter"), Some(40));
    assert_eq!(decided.number("recorded_counter"), None);
    assert_eq!(decided.0["slot"]["state"], "ACB");
}

#[test]
fn test_n20_a_false_signature_changes_nothing_but_waits() {
    let (device, mut host) = known();
    let octets = told(1_200, both()).response(None);
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, octets)
        .decide_one();
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
    assert_eq!(decided.number("seen_counter"), None);
    assert_eq!(host.engine.statistics().parked, 1);
    let renewed = Device {
        ds: Device::new(GPF + 9).ka,
        ..Device::new(GPF)
    };
    assert!(host.knows(&renewed).decide().is_empty());
    drop(device);
}

#[test]
fn test_n22_numbers_at_the_edges() {
    const LAST: u64 = (1 << 63) - 1;
    for number in [0, 1, (1 << 53) + 1, LAST - 1, LAST] {
        let device = Device::new(GPF);
        let mut host = Host::knowing(&device, &anchored(issuer()));
        let decided = host.outcome(&device, &told(number, both())).decide_one();
        assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
        assert_eq!(decided.number("recorded_counter"), Some(number));
        assert_eq!(decided.has_flag("EXHAUSTED"), number == LAST);
        host.restart();
        let decided = host.request(&Request::new(GPF, 1).hint(0)).decide_one();
        if number == LAST {
            assert_eq!(decided.verdict(), "REFUSED COUNTER_EXHAUSTED");
        } else {
            assert_eq!(decided.number("originator_counter"), Some(number + 1));
        }
    }
    for header in [1 << 63, u64::MAX] {
        let device = Device::new(GPF);
        let mut host = Host::knowing(&device, &anchored(issuer()));
        let outcome = told(1_200, both()).header(header);
        let decided = host.outcome(&device, &outcome).decide_one();
        assert_eq!(decided.number("recorded_counter"), Some(1_200));
        assert!(decided.has_flag("COUNTER_OUT_OF_RANGE") && decided.has_flag("COUNTERS_DIFFER"));
    }
}

#[test]
fn test_n23_a_later_operator_may_count_from_a_smaller_base() {
    let (device, mut host) = known();
    let messages = [
        told(1_700_000_000_000_000_000, both()).at(100),
        Told::new(
            GPF,
            &ACB[0],
            1_700_000_000_000_000_001,
            Cell::both(&ACB[0], next_gno()),
        )
        .at(200),
        Told::new(GPF, next_gno(), 9, Cell::both(next_gno(), &ACB[0])).at(300),
    ];
    let (_, last) = verdicts(&mut host, &device, &messages);
    assert_eq!(last.verdict(), "RECORDED LATE");
    assert_eq!(last.0["slot"]["state"], "ACB");
    assert_eq!(
        last.number("recorded_counter"),
        Some(1_700_000_000_000_000_000)
    );
}

#[test]
fn test_n24_n25_the_largest_number_within_range_counts() {
    let (device, mut host) = known();
    let decided = host
        .outcome(&device, &told(1_200, both()).header(1_250))
        .decide_one();
    assert_eq!(decided.number("recorded_counter"), Some(1_250));
    assert!(decided.has_flag("COUNTERS_DIFFER"));
    let (device, mut host) = known();
    let outcome = told(1_200, both())
        .floor(RemotePartyRole::NetworkOperator, 3_000)
        .floor(RemotePartyRole::Supplier, 9_000);
    let decided = host.outcome(&device, &outcome).decide_one();
    assert_eq!(decided.number("recorded_counter"), Some(3_000));
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.supplier.unwrap().marks.seen, Some(9_000));
}

/// A message that is set aside is looked at for the numbers of both roles.
#[test]
fn test_n25_a_floor_for_the_other_role_counts_where_the_own_number_is_no_news() {
    let (device, mut host) = known();
    let outcome = |number: u64| {
        let cells = Cell::both(supplier(), supplier());
        let cells = cells
            .into_iter()
            .map(|c| c.of(RemotePartyRole::Supplier))
            .collect();
        Told::new(GPF, supplier(), number, cells).mode(ReplacementMode::SupplierBySupplier)
    };
    host.outcome(&device, &outcome(900)).decide();
    let lower = outcome(7).floor(RemotePartyRole::NetworkOperator, 1_200);
    host.outcome(&device, &lower).decide();
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.network_operator.marks.seen, Some(1_200));
}

#[test]
fn a_mode_that_does_not_fit_is_flagged_and_decides() {
    let (device, mut host) = known();
    let mut octets = told(1_200, both()).response(None);
    // The length of the other information, and in it the Message Code.
    let code = octets.windows(3).position(|w| w == [2, 1, 3]).unwrap();
    octets[code + 2] = 2;
    let signed = sign_anew(octets, &device.ds);
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, signed)
        .decide_one();
    assert_eq!(decided.text("remote_party_role"), "NetworkOperator");
    assert_eq!(decided.0["message"]["message_code"], "0102");
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert!(decided.has_flag("MODE_MISMATCH"));
}

/// Of several faults the first in order is the reason; each message here has all that are still to come.
#[test]
fn each_record_has_one_predictable_reason() {
    let other = Device {
        kind: "ESME",
        ..Device::new(GPF)
    };
    let old = Device {
        smets: "SMETS1",
        ..Device::new(GPF)
    };
    let known = Device::new(GPF);
    let message = |party, cells| Told::new(GPF, party, 1_200, cells).response(None);
    let unexpected = || message(gno(), Cell::both(next_gno(), &ACB[0]));
    let without_cells = Told::new(GPF, gno(), 1_200, both())
        .accepted()
        .response(None);
    for (device, eui, octets, verdict) in [
        (&other, GPF, vec![0xdf, 0x09], "DEAD_LETTER MALFORMED"),
        (&other, GPF + 1, unexpected(), "REJECTED WRONG_DEVICE"),
        (&other, GPF, without_cells, "NOT_RECORDED NO_OUTCOME"),
        (&other, GPF, unexpected(), "NOT_RECORDED NOT_GPF"),
        (&old, GPF, unexpected(), "NOT_RECORDED SMETS1"),
        (&known, GPF, unexpected(), "REJECTED BAD_SIGNATURE"),
    ] {
        let mut host = Host::knowing(device, "");
        let decided = host
            .message(Stream::UpdateOutcomes, eui, octets)
            .decide_one();
        assert_eq!(decided.verdict(), verdict);
        assert_eq!(decided.number("seen_counter"), None);
    }
    let mut host = Host::knowing(&known, "");
    host.outcome(&known, &told(1_200, both())).decide();
    let conflict = Told::new(GPF, gno(), 1_200, Cell::both(next_gno(), &ACB[0]));
    let decided = host.outcome(&known, &conflict).decide_one();
    assert_eq!(decided.verdict(), "DUPLICATE CONFLICTING_CONTENT");
    // A repeat is one before the inventory is asked.
    let octets = told(1_201, both()).response(Some(&known.ds));
    host.message(Stream::UpdateOutcomes, GPF, octets.clone())
        .decide();
    host.knows(&other).decide();
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, octets)
        .decide_one();
    assert_eq!(decided.verdict(), "DUPLICATE SAME_MESSAGE");
}

#[test]
fn a_command_is_no_outcome_and_the_other_device_no_business() {
    let (device, mut host) = known();
    let usage = KeyUsage::DigitalSignature;
    let command = told(1_200, both()).pre_command(&[(&ACB[0].ds, usage)]);
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, command)
        .decide_one();
    assert_eq!(decided.verdict(), "NOT_RECORDED NOT_AN_OUTCOME");
    let octets = told(1_200, both()).response(Some(&device.ds));
    let decided = host
        .message(Stream::UpdateOutcomes, GPF + 1, octets)
        .decide_one();
    assert_eq!(decided.verdict(), "REJECTED WRONG_DEVICE");
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.network_operator.marks.seen, None);
}
