//! The chain of a partition's audit records.

use slotkeeper_crypto::sha256;
use slotkeeper_engine::{AuditHead, OutputRecord, Staged, link_audit};

use crate::support::*;

/// Follows a chain through values, from a head on; gives the head after them.
fn follow<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
    mut head: Option<AuditHead>,
) -> Option<AuditHead> {
    for value in values {
        let read: serde_json::Value = serde_json::from_slice(value).unwrap();
        let previous = head.map(|head| hex::encode(head.digest));
        assert_eq!(read["previous"].as_str(), previous.as_deref());
        let number = head.map_or(1, |head| head.number + 1);
        assert_eq!(read["number"], number);
        let digest = sha256(value);
        head = Some(AuditHead { number, digest });
    }
    head
}

fn audit(records: &[OutputRecord]) -> impl Iterator<Item = &[u8]> {
    let records = records.iter();
    records
        .filter(|record| record.stream == Stream::Audit)
        .filter_map(|record| record.value.as_deref())
}

fn values(staged: &Staged) -> Vec<Vec<u8>> {
    audit(staged.records()).map(<[u8]>::to_vec).collect()
}

#[test]
fn each_record_names_the_one_before_it_from_the_first_one_on() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    assert_eq!(host.audit_head, None, "inventory records have no decision");
    for number in 1..40 {
        let told = Told::new(GPF, gno(), 1_000 + number, Cell::both(gno(), &ACB[0]));
        host.outcome(&device, &told);
        host.request(&Request::new(GPF, number));
        // Dead letters and refusals stand between the audit records, and are no part of the chain.
        host.publish(Stream::UpdateOutcomes, GPF, Some(b"{".to_vec()));
        host.request(&Request::new(GPF + 1, number));
        if number % 7 == 0 {
            host.decide();
        }
    }
    host.decide();
    assert!(audit(&host.outputs).count() == 4 * 39);
    assert_eq!(follow(audit(&host.outputs), None), host.audit_head);
}

#[test]
fn decisions_that_are_taken_again_are_in_the_chain() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &told).decide();
    let decided = host.knows(&device).decide_one();
    assert!(decided.is_redecision());
    assert_eq!(follow(audit(&host.outputs), None), host.audit_head);
    assert_eq!(host.audit_head.unwrap().number, 2);
}

#[test]
fn a_batch_that_was_dropped_leaves_the_chain_as_it_was() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    host.request(&Request::new(GPF, 1)).decide();
    let before = host.audit_head;
    host.request(&Request::new(GPF, 2));
    let staged = host.stage();
    let dropped = values(&staged);
    host.engine.discard(staged.batch()).unwrap();
    assert_eq!(host.audit_head, before);
    host.decide();
    let staged = host.request(&Request::new(GPF, 3)).stage();
    host.engine.in_doubt(staged.batch()).unwrap();
    host.restart();
    host.decide();
    assert_eq!(follow(audit(&host.outputs), None), host.audit_head);
    assert!(!audit(&host.outputs).any(|value| value == dropped[0]));
}

#[test]
fn any_number_of_threads_makes_the_same_chain() {
    let records: Vec<_> = (0..200)
        .map(|number| {
            let mut host = Host::new("");
            host.request(&Request::new(GPF, number));
            host.drop_waiting().remove(0)
        })
        .collect();
    let heads: Vec<_> = [1, 2, 7]
        .into_iter()
        .map(|threads| {
            let mut host = Host::new("");
            host.engine = engine("", &[AcbKey::Held(0)], 1, threads);
            host.engine.open().unwrap();
            host.take(&records);
            host.decide();
            host.audit_head
        })
        .collect();
    assert_eq!(heads[0].unwrap().number, 200);
    assert!(heads.iter().all(|head| *head == heads[0]));
}

#[test]
fn a_batch_without_commands_is_linked_without_being_sealed() {
    let mut host = Host::new("");
    host.request(&Request::new(GPF, 1)).decide();
    let head = host.audit_head;
    host.request(&Request::new(GPF, 2));
    let waiting = host.drop_waiting();
    let inputs: Vec<_> = waiting.iter().map(Record::input).collect();
    let context = slotkeeper_engine::BatchContext {
        now_ms: NOW_MS,
        audit_head: head,
        ..Default::default()
    };
    let staged = host.engine.stage(&inputs, &context).unwrap();
    let written = values(&staged);
    let after = follow(written.iter().map(Vec::as_slice), head);
    assert_eq!(staged.audit_head(), after);
}

#[test]
fn a_record_of_the_host_follows_as_one_of_the_engine_does() {
    let mut host = Host::new("");
    host.request(&Request::new(GPF, 1)).decide();
    let (own, after) = link_audit(br#"{"kind":"note"}"#, host.audit_head);
    let mut all: Vec<_> = audit(&host.outputs).map(<[u8]>::to_vec).collect();
    all.push(own);
    host.audit_head = Some(after);
    host.outputs.clear();
    host.request(&Request::new(GPF, 2)).decide();
    all.extend(audit(&host.outputs).map(<[u8]>::to_vec));
    assert_eq!(follow(all.iter().map(Vec::as_slice), None), host.audit_head);
}
