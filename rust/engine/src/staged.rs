//! A staged batch, on its way from decision to commit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use slotkeeper_counters::Stored;

use crate::authority::Authority;
use crate::chain::AuditHead;
use crate::decision::{Disposition, Reason};
use crate::outbox::Outbox;
use crate::parking::StoredParked;
use crate::seal::{Job, SealError, record};
use crate::stream::{OutputRecord, Stream};
use crate::workers;

/// What a batch will write. Nothing of it is visible in the engine until the batch is folded.
pub struct Staged {
    pub(crate) batch: u64,
    pub(crate) authority: Arc<Authority>,
    pub(crate) partition: u32,
    pub(crate) threads: usize,
    pub(crate) now_ms: u64,
    pub(crate) records: Chained,
    pub(crate) changes: Vec<OutputRecord>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) commands: Option<Vec<OutputRecord>>,
    pub(crate) tally: Tally,
    pub(crate) stored: Stored,
    pub(crate) stored_parked: StoredParked,
    pub(crate) progress: Progress,
}

/// Records whose audit records are linked when they are first wanted: not while the next decision waits.
pub(crate) struct Chained {
    outbox: Mutex<Option<Outbox>>,
    head: Option<AuditHead>,
    threads: usize,
    linked: OnceLock<(Vec<OutputRecord>, Option<AuditHead>)>,
}

impl Chained {
    /// Records that follow `head`.
    pub(crate) fn new(outbox: Outbox, head: Option<AuditHead>, threads: usize) -> Self {
        Self {
            outbox: Mutex::new(Some(outbox)),
            head,
            threads,
            linked: OnceLock::new(),
        }
    }

    fn linked(&self) -> &(Vec<OutputRecord>, Option<AuditHead>) {
        self.linked.get_or_init(|| {
            let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
            match outbox.take() {
                Some(mut outbox) => {
                    let head = outbox.link(self.head, self.threads);
                    (outbox.into_records(), head)
                }
                None => (Vec::new(), self.head),
            }
        })
    }
}

/// How far a batch has come. The engine and the batch share it, since each may be called while the other works.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<AtomicU8>);

const UNSEALED: u8 = 0;
const SEALED: u8 = 1;
const ENDED: u8 = 2;

impl Progress {
    /// A batch without commands has nothing to seal.
    pub(crate) fn of(jobs: &[Job]) -> Self {
        let begins = if jobs.is_empty() { SEALED } else { UNSEALED };
        Self(Arc::new(AtomicU8::new(begins)))
    }

    /// No batch.
    pub(crate) fn ended() -> Self {
        Self(Arc::new(AtomicU8::new(ENDED)))
    }

    pub(crate) fn end(&self) {
        self.0.store(ENDED, Ordering::Release);
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.0.load(Ordering::Acquire) == SEALED
    }

    fn seal(&self) -> Result<(), SealError> {
        let sealed =
            (self.0).compare_exchange(UNSEALED, SEALED, Ordering::AcqRel, Ordering::Acquire);
        match sealed {
            Ok(_) | Err(SEALED) => Ok(()),
            Err(_) => Err(SealError::Ended),
        }
    }

    fn expect_open(&self) -> Result<(), SealError> {
        match self.0.load(Ordering::Acquire) {
            ENDED => Err(SealError::Ended),
            _ => Ok(()),
        }
    }
}

/// How often each decision was taken.
#[derive(Clone, Debug, Default)]
pub struct Tally(Vec<(Disposition, Reason, u64)>);

impl Tally {
    pub(crate) fn count(&mut self, disposition: Disposition, reason: Reason) {
        match self
            .0
            .iter_mut()
            .find(|(d, r, _)| (*d, *r) == (disposition, reason))
        {
            Some((_, _, times)) => *times += 1,
            None => self.0.push((disposition, reason, 1)),
        }
    }

    /// Disposition, reason, times.
    pub fn iter(&self) -> impl Iterator<Item = (Disposition, Reason, u64)> + '_ {
        self.0.iter().copied()
    }
}

impl Staged {
    /// The number by which the engine folds or discards it.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// Builds, signs and MACs the commands on worker threads, and links the audit records. A second call does nothing.
    ///
    /// # Errors
    /// [`SealError::KeysUnavailable`]: discard the batch and try it again. It is all or none. [`SealError::Ended`]: it
    /// was folded, discarded or declared in doubt, before the call or during it.
    pub fn seal(&mut self) -> Result<(), SealError> {
        self.progress.expect_open()?;
        if self.commands.is_none() {
            let acb = self.authority.id();
            let sealed = workers::for_each(self.threads, &self.jobs, |job| {
                record(acb, self.partition, self.now_ms, job)
            });
            let commands = sealed.into_iter().collect::<Result<_, _>>()?;
            // The engine may have dropped the batch meanwhile.
            self.progress.seal()?;
            self.commands = Some(commands);
            self.records.linked();
        }
        Ok(())
    }

    /// Commands waiting to be sealed, or sealed.
    pub fn command_count(&self) -> usize {
        self.jobs.len()
    }

    /// The sealed commands, in the order of their requests; `None` before [`Self::seal`].
    pub fn commands(&self) -> Option<&[OutputRecord]> {
        self.commands.as_deref()
    }

    /// Changelog records: the state of every device that the batch changes, as it will be.
    pub fn changes(&self) -> &[OutputRecord] {
        &self.changes
    }

    /// Audit records, refusals, dead letters and rerouted inputs, in the order of decisions.
    pub fn records(&self) -> &[OutputRecord] {
        &self.records.linked().0
    }

    /// The last audit record once this batch is committed: kept in the same transaction, it is the next batch's
    /// [`BatchContext::audit_head`](crate::BatchContext::audit_head).
    pub fn audit_head(&self) -> Option<AuditHead> {
        self.records.linked().1
    }

    /// How many records go to each stream, by its name.
    pub fn written(&self) -> BTreeMap<&'static str, usize> {
        let commands = self.commands.as_deref().unwrap_or_default();
        let mut written = BTreeMap::new();
        for record in self.records().iter().chain(commands).chain(&self.changes) {
            *written.entry(record.stream.name()).or_default() += 1;
        }
        written
    }

    /// How many dead letters there are of each fault; those that are kept for a person have none.
    pub fn faults(&self) -> BTreeMap<String, usize> {
        let mut faults = BTreeMap::new();
        for letter in self.dead_letters() {
            let fault = header(letter, "fault").unwrap_or_default();
            *faults
                .entry(String::from_utf8_lossy(fault).into_owned())
                .or_default() += 1;
        }
        faults
    }

    /// Offsets of inventory records that became dead letters: the last good record of their device stays in force.
    pub fn void(&self) -> Vec<u64> {
        self.dead_letters()
            .filter(|letter| header(letter, "fault").is_some())
            .filter(|letter| header(letter, "stream") == Some(Stream::Inventory.name().as_bytes()))
            .filter_map(|letter| str::from_utf8(header(letter, "offset")?).ok()?.parse().ok())
            .collect()
    }

    fn dead_letters(&self) -> impl Iterator<Item = &OutputRecord> {
        self.records()
            .iter()
            .filter(|record| record.stream == Stream::DeadLetters)
    }

    /// How many devices have a record in the changelog, and which versions, once this batch is committed: kept in the
    /// same transaction, it tells a later restore whether records are missing.
    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// The same of parked records.
    pub fn stored_parked(&self) -> StoredParked {
        self.stored_parked
    }

    /// How often each decision was taken.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

fn header<'a>(record: &'a OutputRecord, wanted: &str) -> Option<&'a [u8]> {
    record
        .headers
        .iter()
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value.as_slice())
}
