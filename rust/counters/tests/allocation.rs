//! Which Originator Counter a command gets.

use slotkeeper_counters::{
    Allocation, AllocationReason, AllocationRequest, Burned, CounterOutOfRange, CounterTable,
    DEFAULT_CEILING, Exhausted, LAST_COUNTER, Overlay, RequestNote, Role,
};

const GPF: u64 = 0x0011_2233_4455_6677;
const NO: Role = Role::NetworkOperator;

/// A partition as an engine holds it.
struct Partition {
    table: CounterTable,
    overlay: Overlay,
    burned: Burned,
}

impl Partition {
    fn new() -> Self {
        Self {
            table: CounterTable::new(3),
            overlay: Overlay::new(),
            burned: Burned::new(),
        }
    }

    fn recorded(counter: u64) -> Self {
        let mut partition = Self::new();
        assert!(
            partition
                .overlay
                .raise_recorded(&partition.table, GPF, NO, counter)
        );
        partition.fold();
        partition
    }

    fn allocate(&mut self, role: Role, hint: u64) -> Result<Allocation, Exhausted> {
        self.allocate_for(GPF, role, Some(hint))
    }

    fn allocate_for(
        &mut self,
        device: u64,
        role: Role,
        hint: Option<u64>,
    ) -> Result<Allocation, Exhausted> {
        let request = AllocationRequest {
            hint,
            ceiling: DEFAULT_CEILING,
        };
        self.overlay
            .allocate(&self.table, &self.burned, device, role, request)
    }

    fn fold(&mut self) {
        assert_eq!(self.table.fold(&mut self.overlay), Ok(()));
    }
}

fn given(counter: u64, reason: AllocationReason) -> Allocation {
    Allocation { counter, reason }
}

#[test]
fn test_s01_natural_number_below_the_watermark_is_lifted_above_it() {
    let mut partition = Partition::recorded(1200);
    assert_eq!(
        partition.allocate(NO, 1000),
        Ok(given(1201, AllocationReason::WatermarkExceeded))
    );
}

#[test]
fn test_s01_equal_is_not_enough() {
    let mut partition = Partition::recorded(1200);
    assert_eq!(
        partition.allocate(NO, 1200),
        Ok(given(1201, AllocationReason::WatermarkExceeded))
    );
}

#[test]
fn test_s02_natural_number_above_the_watermark_stays() {
    let mut partition = Partition::recorded(1200);
    assert_eq!(
        partition.allocate(NO, 1201),
        Ok(given(1201, AllocationReason::Natural))
    );
    assert_eq!(
        partition.allocate(NO, 5000),
        Ok(given(5000, AllocationReason::Natural))
    );
}

#[test]
fn test_s03_without_evidence_the_natural_number_stays() {
    let mut partition = Partition::new();
    assert_eq!(
        partition.allocate(NO, 7),
        Ok(given(7, AllocationReason::Natural))
    );
    assert_eq!(
        partition.allocate_for(1, NO, None),
        Ok(given(1, AllocationReason::Natural))
    );
    // A device that holds 0 accepts 1 and no less.
    assert_eq!(
        partition.allocate_for(2, NO, Some(0)),
        Ok(given(1, AllocationReason::Natural))
    );
}

#[test]
fn test_s05_two_requests_get_distinct_rising_numbers() {
    let mut partition = Partition::recorded(1200);
    let mut last = 1200;
    for request_counter in 0..3 {
        let allocation = partition.allocate(NO, 1000).unwrap();
        assert!(allocation.counter > last);
        last = allocation.counter;
        let note = RequestNote {
            originator: 9,
            request_counter,
            issued: last,
        };
        partition
            .overlay
            .remember_request(&partition.table, GPF, &note);
        if request_counter == 1 {
            partition.fold();
        }
    }
    let view = partition.overlay.device(&partition.table, GPF);
    assert_eq!(view.find_request(9, 1).map(|note| note.issued), Some(1202));
    assert_eq!(view.find_request(8, 1), None);
    assert!(view.was_issued(1201) && view.was_issued(1203) && !view.was_issued(1200));
}

#[test]
fn an_earlier_command_decides_what_it_alone_forbids() {
    let mut partition = Partition::recorded(1200);
    partition.allocate(NO, 1300).unwrap();
    assert_eq!(
        partition.allocate(NO, 1000),
        Ok(given(1301, AllocationReason::IssuedExceeded))
    );
    // Where evidence from outside stands as high, it is what decided.
    partition
        .overlay
        .raise_seen(&partition.table, GPF, NO, 1301);
    assert_eq!(
        partition.allocate(NO, 1000),
        Ok(given(1302, AllocationReason::WatermarkExceeded))
    );
}

#[test]
fn a_number_of_the_other_role_is_passed_over() {
    let mut partition = Partition::recorded(10);
    for number in 11..14 {
        partition
            .overlay
            .note_issued(&partition.table, GPF, Role::Supplier, number)
            .unwrap();
    }
    assert_eq!(
        partition.allocate(NO, 0),
        Ok(given(14, AllocationReason::IssuedExceeded))
    );
    // The hint does not save it.
    assert_eq!(
        partition.allocate(Role::Supplier, 14),
        Ok(given(15, AllocationReason::IssuedExceeded))
    );
    assert_eq!(
        partition.allocate(NO, 16),
        Ok(given(16, AllocationReason::Natural))
    );
}

/// The clock is a hint like any other.
#[test]
fn test_d08_a_clock_that_steps_back_lowers_nothing() {
    let mut partition = Partition::recorded(1200);
    assert_eq!(
        partition.allocate(NO, 5000),
        Ok(given(5000, AllocationReason::Natural))
    );
    partition.fold();
    assert_eq!(
        partition.allocate(NO, 3000),
        Ok(given(5001, AllocationReason::IssuedExceeded))
    );
    assert_eq!(
        partition.allocate(NO, 9000),
        Ok(given(9000, AllocationReason::Natural))
    );
}

#[test]
fn test_s09_last_number_works_once() {
    let mut partition = Partition::recorded(LAST_COUNTER - 1);
    let last = Ok(given(LAST_COUNTER, AllocationReason::WatermarkExceeded));
    assert_eq!(partition.allocate(NO, 5), last);
    assert_eq!(
        partition.allocate(NO, 5),
        Err(Exhausted { retryable: false })
    );
    partition.fold();
    assert_eq!(
        partition.allocate(NO, 5),
        Err(Exhausted { retryable: false })
    );
    assert!(partition.table.view(GPF).marks(NO).exhausted());
}

#[test]
fn test_s09_exhaustion_burns_nothing() {
    for counter in [LAST_COUNTER, LAST_COUNTER + 1, u64::MAX] {
        let mut partition = Partition::recorded(counter);
        let exhausted = Err(Exhausted { retryable: false });
        assert_eq!(partition.allocate(NO, u64::MAX), exhausted);
        assert_eq!(partition.overlay.changed().count(), 0);
        partition.overlay.burn_into(&mut partition.burned);
        assert!(partition.burned.is_empty());
        assert_eq!(partition.table.view(GPF).marks(NO).recorded, Some(counter));
    }
}

#[test]
fn test_s09_exhaustion_by_burned_numbers_alone_is_retryable() {
    let mut partition = Partition::recorded(LAST_COUNTER - 1);
    partition.allocate(NO, 5).unwrap();
    partition.overlay.burn_into(&mut partition.burned);
    assert_eq!(
        partition.allocate(NO, 5),
        Err(Exhausted { retryable: true })
    );
    partition
        .overlay
        .raise_seen(&partition.table, GPF, NO, LAST_COUNTER);
    assert_eq!(
        partition.allocate(NO, 5),
        Err(Exhausted { retryable: false })
    );
}

#[test]
fn test_s09_a_burned_number_of_the_other_role_can_be_the_last_one_too() {
    let mut partition = Partition::recorded(LAST_COUNTER - 1);
    partition.burned.add(GPF, Role::Supplier, LAST_COUNTER);
    assert_eq!(
        partition.allocate(NO, 5),
        Err(Exhausted { retryable: true })
    );
}

#[test]
fn test_s14_one_huge_counter_stays_where_it_is() {
    let mut partition = Partition::recorded(LAST_COUNTER);
    assert_eq!(
        partition.allocate_for(GPF + 1, NO, Some(7)),
        Ok(given(7, AllocationReason::Natural))
    );
    assert_eq!(
        partition.allocate(Role::Supplier, 7),
        Ok(given(7, AllocationReason::Natural))
    );
    assert!(partition.allocate(NO, 7).is_err());
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
        let mut partition = Partition::recorded(counter);
        assert_eq!(partition.table.view(GPF).marks(NO).recorded, Some(counter));
        let next = partition.allocate(NO, 0);
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
        let mut partition = Partition::recorded(1200);
        assert_eq!(
            partition.allocate(NO, hint),
            Ok(given(1201, AllocationReason::WatermarkExceeded))
        );
    }
    let mut partition = Partition::recorded(1200);
    let highest = Ok(given(DEFAULT_CEILING, AllocationReason::Natural));
    assert_eq!(partition.allocate(NO, DEFAULT_CEILING), highest);
}

#[test]
fn a_mark_above_the_ceiling_is_still_exceeded() {
    let mut partition = Partition::recorded(DEFAULT_CEILING + 5);
    let above = Ok(given(
        DEFAULT_CEILING + 6,
        AllocationReason::WatermarkExceeded,
    ));
    assert_eq!(partition.allocate(NO, 9), above);
}

#[test]
fn unknown_none_and_zero_are_three_states() {
    let mut partition = Partition::new();
    assert!(!partition.table.view(GPF).is_known());
    partition.table.ensure(GPF);
    assert!(partition.table.view(GPF).is_known());
    assert_eq!(partition.table.view(GPF).marks(NO).recorded, None);
    assert!(
        partition
            .overlay
            .raise_recorded(&partition.table, GPF, NO, 0)
    );
    assert!(
        !partition
            .overlay
            .raise_recorded(&partition.table, GPF, NO, 0)
    );
    partition.fold();
    assert_eq!(partition.table.view(GPF).marks(NO).recorded, Some(0));
}

#[test]
fn an_issued_number_beyond_the_last_is_refused() {
    let mut partition = Partition::new();
    let Partition { table, overlay, .. } = &mut partition;
    let refused = overlay.note_issued(table, GPF, NO, LAST_COUNTER + 1);
    assert_eq!(refused, Err(CounterOutOfRange));
    assert_eq!(overlay.note_issued(table, GPF, NO, LAST_COUNTER), Ok(true));
    assert_eq!(overlay.note_issued(table, GPF, NO, 3), Ok(true));
    assert_eq!(overlay.note_issued(table, GPF, NO, 3), Ok(false));
    assert_eq!(overlay.note_issued(table, GPF, NO, LAST_COUNTER), Ok(false));
    assert_eq!(
        overlay.device(table, GPF).marks(NO).issued,
        Some(LAST_COUNTER)
    );
    assert!(overlay.device(table, GPF).was_issued(3));
}
