//! Records that could not be used.

/// Of a table, so many are named; all are counted.
const NAMED: usize = 20;

/// A record that could not be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Of the stream.
    pub partition: u32,
    /// Where the record stands.
    pub offset: u64,
    /// Why; a text of this program's own that quotes nothing of the record.
    pub reason: &'static str,
}

/// The records of a table that could not be used: how many, and the first of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Faults {
    /// How many.
    pub count: u64,
    /// The first 20.
    pub named: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, partition: u32, offset: u64, reason: &'static str) {
        self.count = self.count.saturating_add(1);
        if self.named.len() < NAMED {
            self.named.push(Fault {
                partition,
                offset,
                reason,
            });
        }
    }
}
