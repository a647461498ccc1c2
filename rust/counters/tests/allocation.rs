//! Which Originator Counter a command gets.

use slotkeeper_counters::{
    Allocation, AllocationReason, AllocationRequest, CounterOutOfRange, CounterTable,
    DEFAULT_CEILING, Exhausted, LAST_COUNTER, Ledger, ROLLBACK_MARGIN, Role,
};

const GPF: u64 = 0x0011_2233_4455_6677;
const NO: Role = Role::NetworkOperator;

fn empty() -> Ledger {
    Ledger::new(CounterTable::new(3, DEFAULT_CEILING))
}

fn recorded(counter: u64) -> Ledger {
    let mut ledger = empty();
    assert!(ledger.raise_recorded(GPF, NO, counter));
    ledger.fold();
    ledger
}

fn allocate(ledger: &mut Ledger, role: Role, hint: u64) -> Result<Allocation, Exhausted> {
    allocate_for(ledger, GPF, role, Some(hint))
}

fn allocate_for(
    ledger: &mut Ledger,
    device: u64,
    role: Role,
    hint: Option<u64>,
) -> Result<Allocation, Exhausted> {
    ledger.allocate(device, role, request(0, hint))
}

fn request(request_counter: u64, hint: Option<u64>) -> AllocationRequest {
    AllocationRequest {
        hint,
        originator: 9,
        request_counter,
    }
}

fn given(counter: u64, reason: AllocationReason) -> Allocation {
    Allocation { counter, reason }
}

#[test]
fn test_s01_natural_number_below_the_watermark_is_lifted_above_it() {
    let mut ledger = recorded(1200);
    assert_eq!(
        allocate(&mut ledger, NO, 1000),
        Ok(given(1201, AllocationReason::WatermarkExceeded))
    );
}

#[test]
fn test_s01_equal_is_not_enough() {
    let mut ledger = recorded(1200);
    assert_eq!(
        allocate(&mut ledger, NO, 1200),
        Ok(given(1201, AllocationReason::WatermarkExceeded))
    );
}

#[test]
fn test_s02_natural_number_above_the_watermark_stays() {
    let mut ledger = recorded(1200);
    assert_eq!(
        allocate(&mut ledger, NO, 1201),
        Ok(given(1201, AllocationReason::Natural))
    );
    assert_eq!(
        allocate(&mut ledger, NO, 5000),
        Ok(given(5000, AllocationReason::Natural))
    );
}

#[test]
fn test_s03_without_evidence_the_natural_number_stays() {
    let mut ledger = empty();
    assert_eq!(
        allocate(&mut ledger, NO, 7),
        Ok(given(7, AllocationReason::Natural))
    );
    assert_eq!(
        allocate_for(&mut ledger, 1, NO, None),
        Ok(given(1, AllocationReason::Natural))
    );
    // A device that holds 0 accepts 1 and no less.
    assert_eq!(
        allocate_for(&mut ledger, 2, NO, Some(0)),
        Ok(given(1, AllocationReason::Natural))
    );
}

#[test]
fn test_s05_two_requests_get_distinct_rising_numbers() {
    let mut ledger = recorded(1200);
    let mut last = 1200;
    for request_counter in 0..3 {
        let asked = request(request_counter, Some(1000));
        let allocation = ledger.allocate(GPF, NO, asked).unwrap();
        assert!(allocation.counter > last);
        last = allocation.counter;
        if request_counter == 1 {
            ledger.fold();
        }
    }
    let view = ledger.device(GPF);
    assert_eq!(view.find_request(9, 1).map(|note| note.issued), Some(1202));
    assert_eq!(view.find_request(8, 1), None);
    assert!(view.was_issued(1201) && view.was_issued(1203) && !view.was_issued(1200));
}

#[test]
fn an_earlier_command_decides_what_it_alone_forbids() {
    let mut ledger = recorded(1200);
    allocate(&mut ledger, NO, 1300).unwrap();
    assert_eq!(
        allocate(&mut ledger, NO, 1000),
        Ok(given(1301, AllocationReason::IssuedExceeded))
    );
    // Where evidence from outside stands as high, it is what decided.
    ledger.raise_seen(GPF, NO, 1301);
    assert_eq!(
        allocate(&mut ledger, NO, 1000),
        Ok(given(1302, AllocationReason::WatermarkExceeded))
    );
}

#[test]
fn a_number_of_the_other_role_is_passed_over() {
    let mut ledger = recorded(10);
    for number in 11..14 {
        ledger.note_reported(GPF, Role::Supplier, number).unwrap();
    }
    assert_eq!(
        allocate(&mut ledger, NO, 0),
        Ok(given(14, AllocationReason::IssuedExceeded))
    );
    // The hint does not save it.
    assert_eq!(
        allocate(&mut ledger, Role::Supplier, 14),
        Ok(given(15, AllocationReason::IssuedExceeded))
    );
    assert_eq!(
        allocate(&mut ledger, NO, 16),
        Ok(given(16, AllocationReason::Natural))
    );
}

/// The clock is a hint like any other.
#[test]
fn test_d08_a_clock_that_steps_back_lowers_nothing() {
    let mut ledger = recorded(1200);
    assert_eq!(
        allocate(&mut ledger, NO, 5000),
        Ok(given(5000, AllocationReason::Natural))
    );
    ledger.fold();
    assert_eq!(
        allocate(&mut ledger, NO, 3000),
        Ok(given(5001, AllocationReason::IssuedExceeded))
    );
    assert_eq!(
        allocate(&mut ledger, NO, 9000),
        Ok(given(9000, AllocationReason::Natural))
    );
}

#[test]
fn test_s09_last_number_works_once() {
    let mut ledger = recorded(LAST_COUNTER - 1);
    let last = Ok(given(LAST_COUNTER, AllocationReason::WatermarkExceeded));
    assert_eq!(allocate(&mut ledger, NO, 5), last);
    assert_eq!(
        allocate(&mut ledger, NO, 5),
        Err(Exhausted { retryable: false })
    );
    ledger.fold();
    assert_eq!(
        allocate(&mut ledger, NO, 5),
        Err(Exhausted { retryable: false })
    );
    assert!(ledger.table().view(GPF).marks(NO).exhausted());
}

#[test]
fn test_s09_exhaustion_burns_nothing() {
    for counter in [LAST_COUNTER, LAST_COUNTER + 1, u64::MAX] {
        let mut ledger = recorded(counter);
        let exhausted = Err(Exhausted { retryable: false });
        assert_eq!(allocate(&mut ledger, NO, u64::MAX), exhausted);
        assert_eq!(ledger.changed().count(), 0);
        ledger.discard();
        assert!(ledger.burned().is_empty());
        assert_eq!(ledger.table().view(GPF).marks(NO).recorded, Some(counter));
    }
}

#[test]
fn test_s09_exhaustion_by_burned_numbers_alone_is_retryable() {
    let mut ledger = recorded(LAST_COUNTER - 1);
    allocate(&mut ledger, NO, 5).unwrap();
    ledger.discard();
    assert_eq!(
        allocate(&mut ledger, NO, 5),
        Err(Exhausted { retryable: true })
    );
    ledger.raise_seen(GPF, NO, LAST_COUNTER);
    assert_eq!(
        allocate(&mut ledger, NO, 5),
        Err(Exhausted { retryable: false })
    );
}

#[test]
fn test_s09_a_burned_number_of_the_other_role_can_be_the_last_one_too() {
    let mut ledger = recorded(LAST_COUNTER - 1);
    ledger.raise_recorded(GPF, Role::Supplier, LAST_COUNTER - 1);
    let burned = allocate(&mut ledger, Role::Supplier, 0).unwrap();
    assert_eq!(burned.counter, LAST_COUNTER);
    ledger.discard();
    assert_eq!(
        allocate(&mut ledger, NO, 5),
        Err(Exhausted { retryable: true })
    );
}

#[test]
fn test_s14_one_huge_counter_stays_where_it_is() {
    let mut ledger = recorded(LAST_COUNTER);
    assert_eq!(
        allocate_for(&mut ledger, GPF + 1, NO, Some(7)),
        Ok(given(7, AllocationReason::Natural))
    );
    assert_eq!(
        allocate(&mut ledger, Role::Supplier, 7),
        Ok(given(7, AllocationReason::Natural))
    );
    assert!(allocate(&mut ledger, NO, 7).is_err());
}

#[test]
fn test_n22_every_boundary_is_stored_exactly() {
    let boundaries = [
        0,
        1,
        (1 << 53) + 1,
        1 << 62,
        LAST_COUNTER - 1,
        LAST_COUNTER,
        1 << 63,
    ];
    for counter in boundaries.into_iter().chain([u64::MAX]) {
        let mut ledger = recorded(counter);
        assert_eq!(ledger.table().view(GPF).marks(NO).recorded, Some(counter));
        let next = allocate(&mut ledger, NO, 0);
        if counter < LAST_COUNTER {
            assert_eq!(
                next,
                Ok(given(counter + 1, AllocationReason::WatermarkExceeded))
            );
        } else {
            assert_eq!(next, Err(Exhausted { retryable: false }));
        }
    }
}

#[test]
fn test_n22_a_hint_beyond_the_ceiling_falls_to_the_least() {
    for hint in [DEFAULT_CEILING + 1, LAST_COUNTER, 1 << 63, u64::MAX] {
        let mut ledger = recorded(1200);
        assert_eq!(
            allocate(&mut ledger, NO, hint),
            Ok(given(1201, AllocationReason::WatermarkExceeded))
        );
    }
    let mut ledger = recorded(1200);
    let highest = Ok(given(DEFAULT_CEILING, AllocationReason::Natural));
    assert_eq!(allocate(&mut ledger, NO, DEFAULT_CEILING), highest);
}

#[test]
fn a_mark_above_the_ceiling_is_still_exceeded() {
    let mut ledger = recorded(DEFAULT_CEILING + 5);
    let above = Ok(given(
        DEFAULT_CEILING + 6,
        AllocationReason::WatermarkExceeded,
    ));
    assert_eq!(allocate(&mut ledger, NO, 9), above);
}

#[test]
fn unknown_none_and_zero_are_three_states() {
    let mut ledger = empty();
    assert!(!ledger.table().view(GPF).is_known());
    ledger.ensure(GPF);
    assert!(ledger.table().view(GPF).is_known());
    assert_eq!(ledger.table().view(GPF).marks(NO).recorded, None);
    assert!(ledger.raise_recorded(GPF, NO, 0));
    assert!(!ledger.raise_recorded(GPF, NO, 0));
    ledger.fold();
    assert_eq!(ledger.table().view(GPF).marks(NO).recorded, Some(0));
}

#[test]
fn an_issued_number_beyond_the_last_is_refused() {
    let mut ledger = empty();
    let refused = ledger.note_reported(GPF, NO, LAST_COUNTER + 1);
    assert_eq!(refused, Err(CounterOutOfRange));
    assert_eq!(ledger.note_reported(GPF, NO, LAST_COUNTER), Ok(true));
    assert_eq!(ledger.note_reported(GPF, NO, 3), Ok(true));
    assert_eq!(ledger.note_reported(GPF, NO, 3), Ok(false));
    assert_eq!(ledger.note_reported(GPF, NO, LAST_COUNTER), Ok(false));
    assert_eq!(ledger.device(GPF).marks(NO).issued, Some(LAST_COUNTER));
    assert!(ledger.device(GPF).was_issued(3));
}

#[test]
fn d05_each_acknowledged_loss_of_commits_lifts_what_is_given_by_the_margin() {
    let mut ledger = empty();
    ledger.raise_seen(GPF, NO, 500);
    ledger.set_rollbacks(1);
    let mut give = |device, hint| {
        let given = allocate_for(&mut ledger, device, NO, Some(hint));
        given.map(|given| (given.counter, given.reason))
    };
    assert_eq!(
        give(GPF, 500 + ROLLBACK_MARGIN),
        Ok((501 + ROLLBACK_MARGIN, AllocationReason::WatermarkExceeded))
    );
    // Of a device without any record nothing may be known because it was lost.
    assert_eq!(
        give(GPF + 1, 7),
        Ok((1 + ROLLBACK_MARGIN, AllocationReason::Natural))
    );
}

/// The lost command of a request may have had the number that its hint gives, and others may have followed it.
#[test]
fn d05_after_a_loss_a_hint_does_not_give_its_own_number() {
    for losses in [1, 2, 3, 1_000] {
        let mut ledger = recorded(500);
        ledger.set_rollbacks(losses);
        let margin = u64::from(losses) * ROLLBACK_MARGIN;
        let given = allocate(&mut ledger, NO, 1 << 40).unwrap();
        let least = (1 << 40) + margin + 1;
        assert!((least..least + ROLLBACK_MARGIN).contains(&given.counter));
        assert_eq!(given.reason, AllocationReason::IssuedExceeded);
        let again = allocate_for(&mut ledger, GPF + 1, NO, Some((1 << 40) + 1)).unwrap();
        assert_eq!(again.counter, given.counter);
    }
}

#[test]
fn d05_a_hint_that_a_loss_lifts_beyond_the_last_number_is_passed_over() {
    let mut ledger = Ledger::new(CounterTable::new(3, LAST_COUNTER));
    ledger.raise_recorded(GPF, NO, 500);
    ledger.set_rollbacks(1);
    let given = allocate(&mut ledger, NO, LAST_COUNTER - 1).unwrap();
    assert_eq!(given.counter, 501 + ROLLBACK_MARGIN);
    assert_eq!(given.reason, AllocationReason::WatermarkExceeded);
}

/// The second number of the time after one loss may be the first one of the time after the next, where a margin is
/// all that lies between.
#[test]
fn d05_from_the_second_loss_on_each_time_has_numbers_of_its_own() {
    let mut remainders = std::collections::BTreeSet::new();
    for losses in 2..1_000 {
        let mut ledger = recorded(500);
        ledger.set_rollbacks(losses);
        let first = allocate(&mut ledger, NO, 7).unwrap();
        let second = allocate(&mut ledger, NO, 7).unwrap();
        let margin = u64::from(losses) * ROLLBACK_MARGIN;
        assert!(first.counter > 500 + margin && second.counter > first.counter + margin);
        assert!(first.counter <= 500 + margin + ROLLBACK_MARGIN);
        assert_eq!(first.reason, AllocationReason::WatermarkExceeded);
        assert_eq!(
            first.counter % ROLLBACK_MARGIN,
            second.counter % ROLLBACK_MARGIN
        );
        assert!(remainders.insert(first.counter % ROLLBACK_MARGIN));
    }
}
