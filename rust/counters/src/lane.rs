//! A column beside the rows of a table.

use core::mem::size_of;

use crate::RowId;

/// One value a row, kept in chunks of [`Lane::CHUNK`] rows that appear with their first value.
///
/// Growing never moves what is there, so that memory rises by one chunk at a time; a chunk in which
/// no row has a value costs nothing.
#[derive(Clone, Debug)]
pub struct Lane<T> {
    chunks: Vec<Box<[T]>>,
    vacant: T,
}

impl<T: Clone> Lane<T> {
    /// Rows in a chunk: large enough that the list of chunks of 30 million rows stays in the
    /// processor's second cache, small enough that a partition of few devices stays small.
    pub const CHUNK: usize = 8192;

    /// An empty lane, in which every row reads `vacant`.
    pub fn new(vacant: T) -> Self {
        Self {
            chunks: Vec::new(),
            vacant,
        }
    }

    /// The value of `row`.
    pub fn get(&self, row: RowId) -> &T {
        self.chunks
            .get(row.index() / Self::CHUNK)
            .and_then(|chunk| chunk.get(row.index() % Self::CHUNK))
            .unwrap_or(&self.vacant)
    }

    /// Sets the value of `row`.
    pub fn set(&mut self, row: RowId, value: T) {
        let number = row.index() / Self::CHUNK;
        if self.chunks.len() <= number {
            self.chunks.resize_with(number + 1, Box::default);
        }
        let Some(chunk) = self.chunks.get_mut(number) else {
            return;
        };
        if chunk.is_empty() {
            *chunk = vec![self.vacant.clone(); Self::CHUNK].into_boxed_slice();
        }
        if let Some(place) = chunk.get_mut(row.index() % Self::CHUNK) {
            *place = value;
        }
    }

    /// Bytes held, without what values themselves own elsewhere.
    pub fn memory_bytes(&self) -> usize {
        let values: usize = self
            .chunks
            .iter()
            .map(|chunk| chunk.len() * size_of::<T>())
            .sum();
        values + self.chunks.capacity() * size_of::<Box<[T]>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunks_with_values_cost_memory() {
        let mut lane = Lane::new([0_u8; 97]);
        assert_eq!(lane.memory_bytes(), 0);
        let far = RowId(10 * 8192 + 5);
        lane.set(far, [9; 97]);
        assert_eq!(*lane.get(far), [9; 97]);
        assert_eq!(*lane.get(RowId(0)), [0; 97]);
        assert_eq!(*lane.get(RowId(u32::MAX)), [0; 97]);
        assert!((97 * 8192..98 * 8192).contains(&lane.memory_bytes()));
    }
}
