//! A staged batch, on its way from decision to commit.

use std::sync::Arc;

use crate::authority::Authority;
use crate::decision::{Disposition, Reason};
use crate::seal::{Job, SealError, record};
use crate::stream::OutputRecord;
use crate::workers;

/// What a batch will write. Nothing of it is visible in the engine until the batch is folded.
pub struct Staged {
    pub(crate) batch: u64,
    pub(crate) authority: Arc<Authority>,
    pub(crate) partition: u32,
    pub(crate) threads: usize,
    pub(crate) now_ms: u64,
    pub(crate) records: Vec<OutputRecord>,
    pub(crate) changes: Vec<OutputRecord>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) commands: Option<Vec<OutputRecord>>,
    pub(crate) tally: Tally,
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

    /// Builds, signs and MACs the commands on worker threads. A second call does nothing.
    ///
    /// # Errors
    /// [`SealError::KeysUnavailable`]: discard the batch and try it again. It is all or none.
    pub fn seal(&mut self) -> Result<(), SealError> {
        if self.commands.is_none() {
            let acb = self.authority.id();
            let sealed = workers::for_each(self.threads, &self.jobs, |job| {
                record(acb, self.partition, self.now_ms, job)
            });
            self.commands = Some(sealed.into_iter().collect::<Result<_, _>>()?);
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
        &self.records
    }

    /// How often each decision was taken.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}
