//! The rule by which a command gets its Originator Counter.

use thiserror::Error;

use crate::role::LAST_COUNTER;

/// The default of the ceiling: 2^62, above every clock in nanoseconds.
pub const DEFAULT_CEILING: u64 = 1 << 62;

/// What is asked of an allocation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AllocationRequest {
    /// The number that the caller's own generator would give, 0 to 2^64-1. It is a hint: one that
    /// is too low or above the ceiling is passed over, never a reason to refuse.
    pub hint: Option<u64>,
    /// The EUI-64 of the RequestID's originator.
    pub originator: u64,
    /// The counter of the RequestID, 0 to 2^64-1.
    pub request_counter: u64,
}

/// The Originator Counter of a command, and what decided it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allocation {
    /// The number, 1 to [`LAST_COUNTER`].
    pub counter: u64,
    /// What decided it.
    pub reason: AllocationReason,
}

/// What decided an allocated number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AllocationReason {
    /// The number of an earlier command, or of one whose batch was aborted.
    IssuedExceeded,
    /// The hint held (S2), or there is neither hint nor evidence (S3).
    Natural,
    /// The recorded or seen number, also where an earlier command's number equals it (S1).
    WatermarkExceeded,
}

/// No Originator Counter is left for this device and role (S9). Nothing was burned.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("no Originator Counter up to 2^63-1 is left for this device and role")]
pub struct Exhausted {
    /// Whether only burned numbers stand in the way, so that another process could allocate.
    pub retryable: bool,
}

/// By how much a number must exceed all that is known of a device for each time that what was committed last was lost.
///
/// The numbers of the lost commits are unknown, and stand above those that are known. A million is more than a device
/// gets between two backups, and a small step towards 2^62.
pub const ROLLBACK_MARGIN: u64 = 1 << 20;

/// The numbers that an allocation must exceed, and the highest hint that it believes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floors {
    pub(crate) watermark: Option<u64>,
    pub(crate) issued: Option<u64>,
    /// What is added to `watermark` and `issued`.
    pub(crate) losses: u32,
    pub(crate) burned: Option<u64>,
    pub(crate) ceiling: u64,
}

/// From the remainder of one loss to that of the next: odd, so that no two are equal below 2^20 losses, and that
/// of Fibonacci hashing (Knuth, 6.4), so that they lie far apart.
const REMAINDER_STEP: u32 = 0x9E37_79B1;

/// Chooses a number. `free` gives the first number from one on that the device's other role does
/// not have; `burned_elsewhere` is the highest number that an aborted command of it had.
pub(crate) fn allocate(
    floors: Floors,
    hint: Option<u64>,
    free: impl Fn(u64) -> u64,
    burned_elsewhere: Option<u64>,
) -> Result<Allocation, Exhausted> {
    choose(floors, hint, |number| {
        let number = free(number);
        if Some(number) == burned_elsewhere {
            // A burned number is at most 2^63-1.
            free(number + 1)
        } else {
            number
        }
    })
    .ok_or_else(|| {
        let unburned = Floors {
            burned: None,
            ..floors
        };
        Exhausted {
            retryable: choose(unburned, hint, free).is_some(),
        }
    })
}

fn choose(floors: Floors, hint: Option<u64>, free: impl Fn(u64) -> u64) -> Option<Allocation> {
    let known = floors.watermark.max(floors.issued);
    let highest = known.max(floors.burned);
    let margin = u64::from(floors.losses) * ROLLBACK_MARGIN;
    let above = known.unwrap_or(0).checked_add(margin)?;
    let least = above.max(floors.burned.unwrap_or(0)).checked_add(1)?;
    let by_hint = hint
        .filter(|&hint| least <= hint && hint <= floors.ceiling)
        .and_then(|hint| Some((hint, after_lost_hint(hint, floors.losses)?)));
    let (wanted, reason) = match by_hint {
        Some((hint, wanted)) if hint == wanted => (wanted, AllocationReason::Natural),
        // What lifts it is the command that it may have had among the lost ones.
        Some((_, wanted)) => (wanted, AllocationReason::IssuedExceeded),
        None => {
            let reason = match highest {
                None => AllocationReason::Natural,
                Some(_) if floors.watermark == highest => AllocationReason::WatermarkExceeded,
                Some(_) => AllocationReason::IssuedExceeded,
            };
            (after_losses(least, floors.losses)?, reason)
        }
    };
    let counter = free(wanted);
    let reason = if counter == wanted {
        reason
    } else {
        AllocationReason::IssuedExceeded
    };
    (counter <= LAST_COUNTER).then_some(Allocation { counter, reason })
}

/// The first number from `least` on that no number of the time after an earlier loss can be.
///
/// Each command of such a time is a margin above the one before, so that its second one may meet the first
/// one of the time after the next loss, whose margin is twice as large. So from the second loss on each time
/// has its own remainder of the margin; after the first loss, it is enough to be above what was lost.
fn after_losses(least: u64, losses: u32) -> Option<u64> {
    if losses < 2 {
        return Some(least);
    }
    with_remainder_of(losses, least)
}

/// The number that a hint gives; `None` where it gives none up to 2^63-1.
///
/// Without a loss that is the hint itself. After one, the request may have come before with the same hint, and its
/// command been lost, and with it commands that followed: so the number is a margin above the hint for each loss, as it
/// is above what is known, and has the remainder of this loss from the first one on, since lost numbers that other hints
/// gave may lie anywhere.
fn after_lost_hint(hint: u64, losses: u32) -> Option<u64> {
    if losses == 0 {
        return Some(hint);
    }
    let above = hint.checked_add(u64::from(losses) * ROLLBACK_MARGIN)?;
    with_remainder_of(losses, above.checked_add(1)?).filter(|&number| number <= LAST_COUNTER)
}

/// The first number from `least` on that has this loss's own remainder of the margin.
fn with_remainder_of(losses: u32, least: u64) -> Option<u64> {
    let own = u64::from(losses.wrapping_mul(REMAINDER_STEP));
    least.checked_add(own.wrapping_sub(least) % ROLLBACK_MARGIN)
}
