//! What it takes to link audit records into their chain, against the hash that this cannot do without.

use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use slotkeeper_engine::Stream;

use crate::batch::{End, end, expect_only, stage};
use crate::decisions::{IRRELEVANT, ROUNDS, engine, messages};
use crate::figure::{Figure, Goal};
use crate::measure::{Samples, float, timed};
use crate::synthetic::Parties;

pub(crate) fn figures(parties: &Parties) -> Vec<Figure> {
    let mut engine = engine(parties);
    let batches = messages();
    let (mut sizes, mut costs) = (Samples::default(), Samples::default());
    let (mut to_floor, mut to_decided) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        for batch in &batches {
            let (deciding, staged) = timed(|| stage(&mut engine, batch));
            expect_only(&staged, &IRRELEVANT);
            let (linking, head) = timed(|| staged.audit_head());
            assert!(head.is_some());
            let linked: Vec<&[u8]> = staged
                .records()
                .iter()
                .filter(|record| record.stream == Stream::Audit)
                .filter_map(|record| record.value.as_deref())
                .collect();
            let (floor, ()) = timed(|| {
                for record in &linked {
                    black_box(digest(&SHA256, record));
                }
            });
            let octets: usize = linked.iter().map(|record| record.len()).sum();
            sizes.push(float(octets) / float(linked.len()));
            costs.push(linking * 1e9 / float(linked.len()));
            to_floor.push(linking / floor);
            to_decided.push(deciding / (deciding + linking));
            end(&mut engine, staged, End::Discard);
        }
    }
    vec![
        Figure::median("an audit record, on average", &sizes, "B"),
        Figure::median("to link one", &costs, "ns"),
        Figure::median("to bare SHA-256 of the same octets", &to_floor, "x")
            .goal(Goal::AtMost(1.25)),
        Figure::median("decided and linked a second, to decided", &to_decided, "x"),
    ]
}
