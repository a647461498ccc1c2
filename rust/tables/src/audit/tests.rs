use arrow_array::cast::AsArray;
use slotkeeper_gbcs::Eui64;

use super::*;

const DEVICE: &str = "00-DB-12-34-56-78-90-A3";
const GNO: (&str, &str) = ("90-B3-D5-1F-30-01-00-00", "1111111111111111");
const ACB: (&str, &str) = ("90-B3-D5-1F-30-00-00-02", "2222222222222222");

fn cell((eui, key): (&str, &str)) -> String {
    format!(r#"{{"subject_unique_id":"{eui}","subject_key_identifier":"{key}"}}"#)
}

fn record(slot: &str, more: &str) -> Vec<u8> {
    format!(
        r#"{{"device_id":"{DEVICE}","remote_party_role":"NetworkOperator","disposition":"RECORDED",
        "reason":"ACB_IN_SLOT","stream":"srv-6.15.1-responses","offset":3,"slot":{slot}{more},
        "decided_at":"2026-11-01T00:00:00.000Z","previous":null,"number":9}}"#
    )
    .into_bytes()
}

fn held(by: (&str, &str)) -> String {
    let cell = cell(by);
    format!(r#"{{"digital_signature":{cell},"key_agreement":{cell},"state":"X"}}"#)
}

fn text(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column
        .iter()
        .map(|value| value.map(str::to_owned))
        .collect()
}

#[test]
fn a_row_for_each_change_and_what_the_first_message_found() {
    let mut tables = AuditTables::new(2, false);
    let existing = format!(
        r#","cells":[{{"key_usage":"digitalSignature","existing_subject_unique_id":"{}",
        "existing_subject_key_identifier":"{}"}}]"#,
        GNO.0, GNO.1
    );
    assert_eq!(
        tables.take(5, Some(&record(&held(ACB), &existing))),
        Some(9)
    );
    tables.take(6, Some(&record(&held(ACB), "")));
    tables.take(7, Some(&record(&held(GNO), &existing)));
    tables.take(8, Some(&record(r#"{"state":"DOUBTFUL"}"#, "")));
    let rows = tables.history().unwrap();
    assert_eq!(
        text(&rows, "at_source"),
        ["EXISTED", "DECISION", "DECISION", "DECISION"].map(|word| Some(word.to_owned()))
    );
    assert_eq!(
        text(&rows, "ds_eui"),
        [Some(GNO.0), Some(ACB.0), Some(GNO.0), None].map(|eui| eui.map(str::to_owned))
    );
    let flags = |name| -> Vec<_> {
        let column = rows.column_by_name(name).unwrap().as_boolean();
        (0..column.len()).map(|row| column.value(row)).collect()
    };
    assert_eq!(flags("ds_doubtful"), [false, false, false, true]);
    assert_eq!(tables.decisions().unwrap().num_rows(), 4);
    assert_eq!(tables.attempts().unwrap().num_rows(), 4);
    assert_eq!(tables.faults(), &Faults::default());
}

#[test]
fn a_device_of_which_nothing_was_known_begins_with_what_the_next_message_found() {
    let mut tables = AuditTables::new(0, false);
    let existing = format!(
        r#","cells":[{{"key_usage":"keyAgreement","existing_subject_unique_id":"{}"}}]"#,
        GNO.0
    );
    tables.take(0, Some(&record(r#"{"state":"UNKNOWN"}"#, "")));
    tables.take(1, Some(&record(&held(ACB), &existing)));
    let rows = tables.history().unwrap();
    let sources = text(&rows, "at_source");
    assert_eq!(
        sources,
        ["EXISTED", "DECISION"].map(|word| Some(word.to_owned()))
    );
}

#[test]
fn what_rests_on_no_known_authority_is_marked() {
    let mut tables = AuditTables::new(0, false);
    let flagged = r#","flags":["ABOVE_CEILING","UNANCHORED"]"#;
    tables.take(0, Some(&record(&held(GNO), "")));
    tables.take(1, Some(&record(&held(ACB), flagged)));
    tables.take(2, Some(&record(&held(GNO), r#","flags":["UNVERIFIED",7]"#)));
    let rows = tables.history().unwrap();
    let column = rows.column_by_name("unanchored").unwrap().as_boolean();
    let marked: Vec<_> = column.iter().flatten().collect();
    assert_eq!(marked, [false, true, false]);
}

#[test]
fn a_device_s_clock_is_believed_up_to_a_day_ahead() {
    for (told, source) in [
        (
            r#","message":{"device_time":"2026-11-01T23:59:59Z"}"#,
            "DEVICE",
        ),
        (
            r#","message":{"device_time":"2026-11-02T00:00:01Z"}"#,
            "DECISION",
        ),
        (
            r#","received_at":"2026-10-01T00:00:00+01:00","message":{"device_time":"2026-10-02T12:00:00Z"}"#,
            "RECEIVED",
        ),
        (r#","message":{"device_time":7}"#, "DECISION"),
        // Before there were such devices: a clock that was never set.
        (
            r#","received_at":"2026-10-01T00:00:00Z","message":{"device_time":"2015-12-31T23:59:59Z"}"#,
            "RECEIVED",
        ),
    ] {
        let mut tables = AuditTables::new(0, false);
        tables.take(0, Some(&record(&held(ACB), told)));
        let rows = tables.history().unwrap();
        assert_eq!(
            text(&rows, "at_source"),
            [Some(source.to_owned())],
            "{told}"
        );
    }
}

/// A verified message of the device that says at a time, by its own clock, that one came in for another.
fn replaced(at: &str, existing: (&str, &str), replacing: (&str, &str)) -> String {
    let cells: Vec<_> = ["digitalSignature", "keyAgreement"]
        .map(|usage| {
            format!(
                r#"{{"key_usage":"{usage}","status":"success",
                "existing_subject_unique_id":"{}","existing_subject_key_identifier":"{}",
                "replacing_subject_unique_id":"{}","replacing_subject_key_identifier":"{}"}}"#,
                existing.0, existing.1, replacing.0, replacing.1
            )
        })
        .into();
    format!(
        r#","received_at":"2026-10-20T00:00:00Z","cells":[{}],
        "message":{{"device_time":"{at}T00:00:00Z","signature":"valid"}}"#,
        cells.join(",")
    )
}

/// When each row holds from, and who came in; by time, then in the order of the audit trail.
fn course(tables: &mut AuditTables) -> Vec<(String, String)> {
    let rows = tables.history().unwrap();
    let at = rows.column_by_name("at").unwrap();
    let at = at.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
    let days = (0..rows.num_rows()).map(|row| at.value_as_date(row).unwrap().to_string());
    let holders = text(&rows, "ds_eui")
        .into_iter()
        .map(Option::unwrap_or_default);
    let mut found: Vec<_> = days.zip(holders).collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn days(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(day, eui): &(&str, &str)| ((*day).to_owned(), (*eui).to_owned());
    rows.iter().map(owned).collect()
}

const NEXT: (&str, &str) = ("90-B3-D5-1F-30-02-00-00", "3333333333333333");
const EVER: &str = "0001-01-01";

#[test]
fn p31_a_message_that_comes_late_stands_at_its_own_time() {
    let mut tables = AuditTables::new(0, false);
    tables.take(
        0,
        Some(&record(&held(NEXT), &replaced("2026-10-09", ACB, NEXT))),
    );
    tables.take(
        1,
        Some(&record(&held(NEXT), &replaced("2026-10-02", GNO, ACB))),
    );
    let expected = [
        (EVER, ACB.0),
        (EVER, GNO.0),
        ("2026-10-02", ACB.0),
        ("2026-10-09", NEXT.0),
    ];
    assert_eq!(course(&mut tables), days(&expected));
}

#[test]
fn a_late_message_is_placed_where_another_had_shown_that_one_was_missing() {
    let mut tables = AuditTables::new(0, false);
    tables.take(
        0,
        Some(&record(&held(ACB), &replaced("2026-10-01", GNO, ACB))),
    );
    // It was NEXT that left: who stands there is as before.
    tables.take(
        1,
        Some(&record(&held(ACB), &replaced("2026-10-09", NEXT, ACB))),
    );
    tables.take(
        2,
        Some(&record(&held(ACB), &replaced("2026-10-05", ACB, NEXT))),
    );
    let expected = [
        (EVER, GNO.0),
        ("2026-10-01", ACB.0),
        ("2026-10-05", NEXT.0),
        ("2026-10-09", ACB.0),
    ];
    assert_eq!(course(&mut tables), days(&expected));
}

#[test]
fn a_message_that_goes_on_from_what_is_known_is_no_earlier_whatever_its_clock_says() {
    let mut tables = AuditTables::new(0, false);
    tables.take(
        0,
        Some(&record(&held(ACB), &replaced("2026-10-09", GNO, ACB))),
    );
    tables.take(
        1,
        Some(&record(&held(NEXT), &replaced("2019-01-01", ACB, NEXT))),
    );
    let expected = [(EVER, GNO.0), ("2026-10-09", ACB.0), ("2026-10-20", NEXT.0)];
    assert_eq!(course(&mut tables), days(&expected));
}

#[test]
fn doubt_that_a_late_message_ends_has_ended_since_the_last_one() {
    let mut tables = AuditTables::new(0, false);
    tables.take(
        0,
        Some(&record(&held(GNO), &replaced("2026-10-01", NEXT, GNO))),
    );
    let doubt = r#"{"state":"DOUBTFUL"}"#;
    tables.take(1, Some(&record(doubt, &replaced("2026-10-09", ACB, NEXT))));
    tables.take(
        2,
        Some(&record(&held(NEXT), &replaced("2026-10-05", GNO, ACB))),
    );
    let expected = [
        (EVER, NEXT.0),
        ("2026-10-01", GNO.0),
        ("2026-10-05", ACB.0),
        ("2026-10-09", ""),
        ("2026-10-09", NEXT.0),
    ];
    assert_eq!(course(&mut tables), days(&expected));
}

#[test]
fn a_partition_that_goes_on_makes_the_rows_that_a_whole_one_makes() {
    let records = [
        record(&held(ACB), &replaced("2026-10-01", GNO, ACB)),
        record(&held(ACB), &replaced("2026-10-09", NEXT, ACB)),
        record(&held(ACB), &replaced("2026-10-05", ACB, NEXT)),
        record(&held(ACB), ""),
    ];
    let mut whole = AuditTables::new(0, false);
    for (offset, octets) in records.iter().enumerate() {
        whole.take(offset as u64, Some(octets));
    }
    let mut first = AuditTables::new(0, false);
    first.take(0, Some(&records[0]));
    let mut second = AuditTables::new(0, true);
    for (offset, octets) in records.iter().enumerate().skip(1) {
        second.take(offset as u64, Some(octets));
    }
    let waiting = text(&second.waiting().unwrap(), "device");
    assert_eq!(waiting, vec![Some(DEVICE.to_owned()); 3]);
    assert_eq!(second.history().unwrap().num_rows(), 0);
    let cell = (
        Eui64::parse(ACB.0.as_bytes()).map(Eui64::to_u64),
        Some([0x22; 8]),
    );
    let day = 86_400_000_000;
    second.know([KnownRow {
        device: Eui64::parse(DEVICE.as_bytes()).map(Eui64::to_u64).unwrap(),
        cells: [cell, cell],
        is_doubtful: false,
        latest: 20_727 * day,
        source: "DEVICE",
        earliest: 20_727 * day,
    }]);
    let mut both = course(&mut first);
    both.extend(course(&mut second));
    both.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(both, course(&mut whole));
}

#[test]
fn hostile_records_cost_no_other_anything() {
    let mut tables = AuditTables::new(4, false);
    let nested = "[".repeat(100_000);
    let undated = record(&held(ACB), "");
    let undated = String::from_utf8(undated)
        .unwrap()
        .replace("2026-11-01T00:00:00.000Z", "soon");
    let unnamed = record(&held(("nobody", "1")), "");
    let hostile: [&[u8]; 8] = [
        b"{",
        b"[]",
        b"7",
        b"\xff",
        nested.as_bytes(),
        undated.as_bytes(),
        &unnamed,
        br#"{"device_id":"00-DB-12-34-56-78-90-A3","remote_party_role":"NetworkOperator","slot":7}"#,
    ];
    for (offset, octets) in hostile.into_iter().enumerate() {
        tables.take(offset as u64, Some(octets));
    }
    tables.take(8, None);
    tables.take(9, Some(&record(&held(ACB), "")));
    assert_eq!(tables.faults().count, 9);
    assert_eq!(tables.faults().named[0].offset, 0);
    assert_eq!(tables.history().unwrap().num_rows(), 1);
}
