//! Work on many items at once.

use std::sync::Mutex;
use std::thread;

/// Fewer items than this for each thread are done on the calling one: starting a thread costs about as much as one
/// verification.
const LEAST_ITEMS_A_THREAD: usize = 4;
/// Items a thread takes at a time: some milliseconds of signatures, so that no thread waits long for the last one.
const ITEMS_AT_A_TIME: usize = 32;

/// Applies `work` to each item, on up to `threads` threads, and returns the results in order.
///
/// Threads live for one call. For the batches of a signer that costs less than one part in a hundred, and it leaves
/// nothing behind: no pool to shut down, nothing for a forked child to wait for.
pub(crate) fn for_each<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len() / LEAST_ITEMS_A_THREAD);
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(items.len(), || None);
    let at_a_time = ITEMS_AT_A_TIME.min(items.len().div_ceil(threads));
    let portions = Mutex::new(items.chunks(at_a_time).zip(results.chunks_mut(at_a_time)));
    let run = || {
        // A thread that panicked has not touched the portions that are left; its panic goes to the caller.
        let next = || {
            portions
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .next()
        };
        while let Some((items, results)) = next() {
            for (item, result) in items.iter().zip(results) {
                *result = Some(work(item));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn results_keep_the_order_of_items() {
        for count in [0, 1, 7, 8, 31, 32, 33, 1_000] {
            let items: Vec<u64> = (0..count).collect();
            for threads in [0, 1, 2, 3, 16] {
                assert_eq!(
                    for_each(threads, &items, |n| n * 2),
                    items.iter().map(|n| n * 2).collect::<Vec<_>>()
                );
            }
        }
    }

    #[test]
    fn several_threads_take_part() {
        let seen = Mutex::new(HashSet::new());
        let barrier = std::sync::Barrier::new(2);
        for_each(2, &[0_u8; 64], |_| {
            if seen.lock().unwrap().insert(thread::current().id()) {
                barrier.wait();
            }
        });
        assert_eq!(seen.into_inner().unwrap().len(), 2);
    }
}
