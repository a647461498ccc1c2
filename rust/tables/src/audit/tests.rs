use arrow_array::cast::AsArray;

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
    let mut tables = AuditTables::new(2);
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
    assert_eq!(flags("opening"), [true, true, false, false]);
    assert_eq!(flags("ds_doubtful"), [false, false, false, true]);
    assert_eq!(tables.decisions().unwrap().num_rows(), 4);
    assert_eq!(tables.attempts().unwrap().num_rows(), 4);
    assert_eq!(tables.faults(), &Faults::default());
}

#[test]
fn a_device_of_which_nothing_was_known_begins_with_what_the_next_message_found() {
    let mut tables = AuditTables::new(0);
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
        ["DECISION", "EXISTED", "DECISION"].map(|word| Some(word.to_owned()))
    );
}

#[test]
fn what_rests_on_no_known_authority_is_marked() {
    let mut tables = AuditTables::new(0);
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
    ] {
        let mut tables = AuditTables::new(0);
        tables.take(0, Some(&record(&held(ACB), told)));
        let rows = tables.history().unwrap();
        assert_eq!(
            text(&rows, "at_source"),
            [Some(source.to_owned())],
            "{told}"
        );
    }
}

#[test]
fn hostile_records_cost_no_other_anything() {
    let mut tables = AuditTables::new(4);
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
