//! Who stands in a cell, on random histories of a device whose messages come late, twice, out of order, or never.

use std::collections::BTreeMap;

use slotkeeper_counters::{
    CellImage, CellSource, CellUse, Due, Link, MessageNote, Occupant, Pending, Standing, Step,
    Trail,
};

const ACB: u64 = 0xacb;
const DS: CellUse = CellUse::DigitalSignature;

/// The histories of each kind; twenty thousand in all.
const HISTORIES: u64 = 5_000;

fn certificate(eui: u64, generation: u8) -> Occupant {
    Occupant {
        eui,
        key_identifier: Some([generation + 1; 8]),
    }
}

fn party(eui: u64) -> Occupant {
    Occupant {
        eui,
        key_identifier: None,
    }
}

fn base(occupant: Occupant, source: CellSource) -> CellImage {
    CellImage {
        occupant: Some(occupant),
        device_time: 0,
        verified: true,
        source,
    }
}

fn with_base(occupant: Occupant, source: CellSource) -> Trail {
    Trail {
        base: [base(occupant, source), CellImage::default()],
        ..Trail::default()
    }
}

fn link(id: u64, existing: Occupant, replacing: Occupant) -> Link {
    Link {
        message: MessageNote {
            identity: id,
            digest: [0; 15],
            verified: true,
        },
        number: id,
        device_time: 0,
        source: CellSource::Outcome,
        steps: [
            Some(Step {
                existing,
                replacing,
            }),
            None,
        ],
    }
}

fn pending(number: u64, existing: Occupant, replacing: Occupant) -> Pending {
    Pending {
        due: Due::AtOnce,
        number,
        steps: [
            Some(Step {
                existing,
                replacing,
            }),
            None,
        ],
    }
}

/// A small generator, so that a history is its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap_or_default()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let count = u32::try_from(of.len()).unwrap_or_default();
        of[self.below(count) as usize]
    }

    fn happens(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let count = u32::try_from(end).unwrap_or_default() + 1;
            items.swap(end, self.below(count) as usize);
        }
    }
}

/// Whether the device's clock is right, missing, or wrong by a lot.
#[derive(Clone, Copy)]
enum Clock {
    Good,
    Missing,
    Wrong,
}

#[derive(Clone, Copy)]
struct Kind {
    has_base: bool,
    lost_percent: u32,
}

/// What became of histories: how often each.
type Found = BTreeMap<&'static str, u64>;

/// One history: operators hand back, renew and lose their slot to recovery; the ACB hands over where the rule does not
/// refuse it. Commands may never arrive; answers may be lost, doubled, late.
#[expect(
    clippy::too_many_lines,
    reason = "one history, from its begin to its end"
)]
fn play(seed: u64, kind: Kind, found: &mut Found) {
    let mut random = Random(seed);
    let mut tell = |what| *found.entry(what).or_default() += 1;
    let clock = random.pick(&[Clock::Good, Clock::Missing, Clock::Wrong]);
    let scales = [0, 1_000_000, 1_700_000_000_000, 1_700_000_000_000_000_000];
    let mut counters: Vec<u64> = (0..4).map(|_| random.pick(&scales)).collect();
    let mut generations = [0_u8; 4];
    let mut holder = if random.happens(50) {
        certificate(ACB, 0)
    } else {
        certificate(0, 0)
    };
    let mut trail = Trail::default();
    if kind.has_base {
        trail = with_base(holder, CellSource::ReadBack);
    }
    let (mut number, mut now, mut silent) = (0, 1_000_u32, false);
    let mut queue: Vec<Link> = Vec::new();

    for id in 1..=u64::from(1 + random.below(12)) {
        now += 1 + random.below(1_000);
        let device_time = match clock {
            Clock::Good => now,
            Clock::Missing => 0,
            Clock::Wrong => random.pick(&[now, now, now + 1_000_000, now / 1_000]),
        };
        let mut arrives = true;
        let replacing;
        let mut sent = 0;
        if random.happens(10) {
            let operator = certificate(u64::from(random.below(4)), random.pick(&[0, 1, 2]));
            replacing = if random.happens(50) {
                certificate(ACB, 0)
            } else {
                operator
            };
        } else if holder.eui == ACB {
            deliver(&mut trail, &mut queue, &mut random, 10);
            let all_told = queue.is_empty() && !silent;
            let standing = trail.standing(DS, false);
            if standing.occupant.is_some_and(|o| o.eui != ACB) && trail.is_certain(DS, ACB) {
                tell(if all_told {
                    "valid handover refused, all told"
                } else {
                    "valid handover refused"
                });
                continue;
            }
            tell("handover issued");
            let operator = random.pick(&[0, 1, 2, 3]);
            let generation = &mut generations[operator];
            *generation += u8::from(random.happens(30));
            replacing = certificate(operator as u64, *generation);
            sent = number.max(1_790_000_000_000 + u64::from(now)) + 1;
            trail.expect(pending(sent, holder, replacing));
            arrives = random.happens(90);
            if arrives {
                number = random.pick(&[0, sent]);
            }
        } else {
            let operator = usize::try_from(holder.eui).unwrap_or_default();
            counters[operator] += u64::from(1 + random.below(5));
            let renews = random.happens(20);
            generations[operator] += u8::from(renews);
            replacing = if renews {
                certificate(holder.eui, generations[operator])
            } else {
                certificate(ACB, 0)
            };
            sent = counters[operator].max(number + 1);
            if random.happens(50) {
                trail.expect(pending(sent, party(holder.eui), replacing));
            }
            arrives = random.happens(90);
            if arrives {
                number = sent;
            }
        }
        if !arrives || replacing == holder {
            continue;
        }
        let told = Link {
            device_time,
            number: sent,
            ..link(id, holder, replacing)
        };
        holder = replacing;
        if random.happens(kind.lost_percent) {
            silent = true;
        } else {
            queue.push(told);
            if random.happens(15) {
                queue.push(told);
            }
        }
    }
    deliver(&mut trail, &mut queue, &mut random, 0);
    let occupant = trail.standing(DS, false).occupant;
    tell(match (silent, occupant) {
        (false, Some(occupant)) if occupant == holder => "nothing lost: right",
        (false, None) => "nothing lost: in doubt",
        (false, Some(_)) => "nothing lost: wrong",
        (true, Some(occupant)) if occupant == holder => "something lost: right",
        (true, None) => "something lost: in doubt",
        (true, Some(_)) => "something lost: wrong",
    });
}

fn deliver(trail: &mut Trail, queue: &mut Vec<Link>, random: &mut Random, late_percent: u32) {
    if random.happens(30) {
        random.shuffle(queue);
    }
    let (late, now): (Vec<_>, Vec<_>) = queue.drain(..).partition(|_| random.happens(late_percent));
    for link in now {
        if let Some(Step { existing, .. }) = link.steps[0] {
            trail.settle(existing.eui, link.number);
        }
        trail.tell(&link, false);
    }
    *queue = late;
}

fn played(kind: Kind) -> Found {
    let mut found = Found::new();
    for seed in 0..HISTORIES {
        play(seed, kind, &mut found);
    }
    found
}

/// Of the histories in which something was lost, in thousandths.
fn share(found: &Found, what: &str) -> u64 {
    let of = |what| found.get(what).copied().unwrap_or_default();
    let all =
        of("something lost: right") + of("something lost: in doubt") + of("something lost: wrong");
    of(what) * 1_000 / all
}

#[test]
fn with_a_base_and_nothing_lost_the_occupant_is_right_and_no_valid_handover_is_refused() {
    let found = played(Kind {
        has_base: true,
        lost_percent: 0,
    });
    assert_eq!(found.get("nothing lost: right"), Some(&HISTORIES));
    assert_eq!(found.get("valid handover refused, all told"), None);
}

#[test]
fn without_a_base_and_nothing_lost_the_occupant_is_never_wrong() {
    let found = played(Kind {
        has_base: false,
        lost_percent: 0,
    });
    assert_eq!(found.get("nothing lost: wrong"), None);
    assert_eq!(found.get("valid handover refused, all told"), None);
    assert!(found["nothing lost: right"] > HISTORIES / 2, "{found:?}");
}

/// The bounds on what is wrong are those that the rule reached where it was first tried, on histories of the same kind.
#[test]
fn where_something_was_lost_the_occupant_is_wrong_no_more_often_than_known() {
    let with_base = played(Kind {
        has_base: true,
        lost_percent: 10,
    });
    assert!(
        share(&with_base, "something lost: right") >= 380,
        "{with_base:?}"
    );
    assert!(
        share(&with_base, "something lost: wrong") <= 445,
        "{with_base:?}"
    );
    let without = played(Kind {
        has_base: false,
        lost_percent: 10,
    });
    assert!(
        share(&without, "something lost: right") >= 200,
        "{without:?}"
    );
    assert!(
        share(&without, "something lost: wrong") <= 360,
        "{without:?}"
    );
}

#[test]
fn nothing_told_is_unknown_and_a_gap_is_doubt() {
    let mut trail = Trail::default();
    assert_eq!(trail.standing(DS, false), Standing::default());
    trail.tell(&link(1, certificate(1, 0), certificate(ACB, 0)), false);
    assert_eq!(
        trail.standing(DS, false).occupant,
        Some(certificate(ACB, 0))
    );
    trail.tell(&link(2, certificate(2, 0), certificate(3, 0)), false);
    let standing = trail.standing(DS, false);
    assert_eq!((standing.occupant, standing.is_told), (None, true));
    assert_eq!(standing.ends.len(), 2);
    trail.tell(&link(3, certificate(ACB, 0), certificate(2, 0)), false);
    assert_eq!(trail.standing(DS, false).occupant, Some(certificate(3, 0)));
}

#[test]
fn a_lost_answer_is_bridged_by_the_command_that_was_sent() {
    let mut trail = with_base(certificate(1, 0), CellSource::ReadBack);
    trail.expect(pending(5, party(1), certificate(ACB, 0)));
    assert!(!trail.is_certain(DS, ACB), "it may have left by now");
    trail.tell(&link(2, certificate(ACB, 0), certificate(2, 0)), false);
    assert_eq!(trail.standing(DS, false).occupant, Some(certificate(2, 0)));
}

/// N15: it leads nowhere, not even from one certificate of its party to another.
#[test]
fn n15_what_takes_a_command_back_is_not_read_as_executed() {
    let mut trail = with_base(certificate(1, 0), CellSource::ReadBack);
    trail.expect(Pending {
        due: Due::Never { accepted: false },
        ..pending(5, party(1), party(1))
    });
    trail.tell(&link(2, certificate(1, 1), certificate(ACB, 0)), false);
    assert_eq!(trail.standing(DS, false).occupant, None);
    // A renewal without an answer does.
    trail.expect(pending(4, party(1), certificate(1, 1)));
    assert_eq!(
        trail.standing(DS, false).occupant,
        Some(certificate(ACB, 0))
    );
}

#[test]
fn nobody_is_certain_from_whom_commands_without_an_answer_lead_to_the_acb() {
    let (one, other) = (certificate(1, 0), certificate(2, 0));
    let mut trail = Trail::default();
    trail.tell(&link(1, one, other), false);
    assert!(trail.is_certain(DS, ACB));
    trail.expect(pending(2, party(2), one));
    assert!(trail.is_certain(DS, ACB), "sold, and not handed back");
    trail.expect(pending(3, party(1), certificate(ACB, 0)));
    assert!(!trail.is_certain(DS, ACB), "sold and handed back, perhaps");
    trail.settle(2, 2);
    assert!(trail.is_certain(DS, ACB), "it did not sell");
}

#[test]
fn a_base_of_which_only_the_party_is_known_is_the_start_of_its_party() {
    let mut trail = with_base(party(1), CellSource::ReadBack);
    assert_eq!(trail.standing(DS, false).occupant, Some(party(1)));
    trail.tell(&link(1, certificate(1, 0), certificate(ACB, 0)), false);
    assert_eq!(
        trail.standing(DS, false).occupant,
        Some(certificate(ACB, 0))
    );
}

#[test]
fn what_rests_on_a_presumption_is_not_certain() {
    for source in [
        CellSource::Import,
        CellSource::Presumption,
        CellSource::Earlier,
    ] {
        let mut trail = with_base(certificate(1, 0), source);
        assert!(!trail.is_certain(DS, ACB));
        trail.tell(&link(1, certificate(1, 0), certificate(2, 0)), false);
        assert!(trail.is_certain(DS, ACB), "told without it as well");
    }
    assert!(with_base(certificate(1, 0), CellSource::ReadBack).is_certain(DS, ACB));
}

#[test]
fn an_occupant_of_whom_the_latest_message_does_not_tell_is_not_certain() {
    let mut trail = with_base(certificate(1, 0), CellSource::ReadBack);
    let at = |id, existing, replacing, device_time| Link {
        device_time,
        ..link(id, existing, replacing)
    };
    trail.tell(&at(1, certificate(1, 0), certificate(ACB, 0), 200), false);
    trail.tell(&at(2, certificate(ACB, 0), certificate(2, 0), 100), false);
    assert_eq!(trail.standing(DS, false).occupant, Some(certificate(2, 0)));
    assert!(!trail.is_certain(DS, ACB));
}

#[test]
fn what_is_unverified_is_read_until_something_verified_is_told() {
    let unverified = |link: Link| Link {
        message: MessageNote {
            verified: false,
            ..link.message
        },
        ..link
    };
    let mut trail = Trail::default();
    trail.tell(
        &unverified(link(1, certificate(8, 0), certificate(9, 0))),
        false,
    );
    let standing = trail.standing(DS, false);
    assert_eq!(
        (standing.occupant, standing.verified),
        (Some(certificate(9, 0)), false)
    );
    assert!(!trail.is_certain(DS, ACB));
    trail.tell(&link(2, certificate(1, 0), certificate(ACB, 0)), false);
    let standing = trail.standing(DS, false);
    assert_eq!(
        (standing.occupant, standing.verified),
        (Some(certificate(ACB, 0)), true)
    );
    assert!(!trail.tell(
        &unverified(link(3, certificate(ACB, 0), certificate(9, 0))),
        false
    ));
    assert_eq!(trail.links.len(), 1);
}

/// None of them tells that one went and the other came.
#[test]
fn two_certificates_of_a_party_that_are_both_there_are_doubt() {
    let told = [party(1), certificate(1, 0), certificate(1, 1)];
    let mut trail = Trail::default();
    for (id, occupant) in (1..).zip(told) {
        trail.tell(&link(id, occupant, occupant), false);
        let expected = [Some(party(1)), Some(certificate(1, 0)), None];
        let stands = trail.standing(DS, false).occupant;
        assert_eq!(Some(stands), expected.get(trail.links.len() - 1).copied());
    }
}

/// Of the cell of which something verified was known it told nothing while nobody could verify it.
#[test]
fn a_message_that_is_verified_later_tells_of_both_cells() {
    let (a, b, acb) = (certificate(1, 0), certificate(2, 0), certificate(ACB, 0));
    let mut trail = with_base(a, CellSource::ReadBack);
    let mut told = link(1, a, b);
    told.steps = [told.steps[0]; 2];
    told.message.verified = false;
    assert!(trail.tell(&told, false));
    assert_eq!(trail.standing(DS, false).occupant, Some(a));
    told.message.verified = true;
    assert!(trail.tell(&told, false));
    assert_eq!(trail.standing(DS, false).occupant, Some(b));
    trail.tell(&link(2, b, acb), false);
    assert_eq!(trail.standing(DS, false).occupant, Some(acb));
}

/// Unverified answers are read, and forgotten with the first verified message; the command is there before and after.
#[test]
fn a_command_is_not_read_as_executed_beside_its_unverified_answer() {
    let (a, b) = (certificate(1, 0), certificate(2, 0));
    let (acb, next) = (certificate(ACB, 0), certificate(ACB, 1));
    for answer_first in [true, false] {
        let mut trail = with_base(a, CellSource::ReadBack);
        trail.base[0].verified = false;
        let sent = pending(7, party(1), acb);
        let mut failed = link(7, a, a);
        failed.message.verified = false;
        let mut missed = link(9, acb, b);
        missed.message.verified = false;
        for told in [&failed, &missed] {
            if !answer_first {
                trail.expect(sent);
            }
            trail.tell(told, false);
            trail.expect(sent);
        }
        assert_eq!(trail.pending, [sent]);
        assert_eq!(trail.standing(DS, false).occupant, None);
        trail.tell(&link(10, b, next), false);
        assert_eq!(trail.pending, [sent]);
    }
}

#[test]
fn a_contradiction_is_doubt_until_the_cell_is_told_of_again() {
    let mut trail = with_base(certificate(1, 0), CellSource::ReadBack);
    assert!(trail.dispute(DS));
    assert!(!trail.dispute(DS));
    let standing = trail.standing(DS, false);
    assert_eq!((standing.occupant, standing.is_told), (None, true));
    trail.tell(&link(1, certificate(1, 0), certificate(ACB, 0)), false);
    assert_eq!(
        trail.standing(DS, false).occupant,
        Some(certificate(ACB, 0))
    );
}

#[test]
fn beyond_64_links_the_oldest_go_into_the_base() {
    let operator = |n| certificate(n, 0);
    let mut trail = with_base(operator(0), CellSource::ReadBack);
    for id in 0..500 {
        trail.tell(&link(id, operator(id % 7), operator((id + 1) % 7)), false);
        assert_eq!(
            trail.standing(DS, false).occupant,
            Some(operator((id + 1) % 7)),
            "{id}"
        );
    }
    assert_eq!(trail.links.len(), 64);
    assert!(
        !trail.tell(&link(499, operator(2), operator(3)), false),
        "its repeat"
    );
}

#[test]
fn without_a_base_a_forgotten_link_makes_nobody_wrong() {
    let mut trail = Trail::default();
    for id in 0..500 {
        trail.tell(&link(id, certificate(id, 0), certificate(id + 1, 0)), false);
        assert_eq!(
            trail.standing(DS, false).occupant,
            Some(certificate(id + 1, 0)),
            "{id}"
        );
    }
    assert_eq!(trail.links.len(), 64);
}
