//! The Merkle tree of RFC 6962, section 2.1, with SHA-256: one digest for many lines, and a proof for each.

use std::cell::Cell;

use ct_merkle::HashableLeaf;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use sha2::digest::Update;

use crate::digest::Sha256Begun;

/// A tree that grows by its leaves. Of a leaf it keeps digests alone, at most 96 octets.
pub struct HashTree(MemoryBackedTree<Sha256, Leaf>);

impl HashTree {
    /// A tree without leaves, whose root is the SHA-256 of nothing.
    pub fn new() -> Self {
        Self(MemoryBackedTree::new())
    }

    /// Appends a leaf; gives its digest, as [`leaf_digest`] does.
    pub fn push(&mut self, content: Vec<u8>) -> [u8; 32] {
        let digest = leaf_digest(&content);
        self.0.push(Leaf(Cell::new(content)));
        digest
    }

    /// How many leaves there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The Merkle Tree Hash.
    pub fn root(&self) -> [u8; 32] {
        (*self.0.root().as_bytes()).into()
    }

    /// The Merkle Audit Path of a leaf, from its sibling upwards; `None` where there is no such leaf.
    pub fn path(&self, index: u64) -> Option<Vec<[u8; 32]>> {
        let index = usize::try_from(index).ok().filter(|_| index < self.len())?;
        let proof = self.0.prove_inclusion(index);
        let (digests, _) = proof.as_bytes().as_chunks();
        Some(digests.to_vec())
    }
}

impl Default for HashTree {
    fn default() -> Self {
        Self::new()
    }
}

/// SHA-256 of an octet 00 and a leaf's content.
pub fn leaf_digest(content: &[u8]) -> [u8; 32] {
    Sha256Begun::with(&[0]).finish(content)
}

/// The tree hashes a leaf once, when it is appended; after that nobody needs the content.
struct Leaf(Cell<Vec<u8>>);

impl HashableLeaf for Leaf {
    fn hash<H: Update>(&self, hasher: &mut H) {
        hasher.update(&self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    /// The definition itself: split at the largest power of two below the number of leaves.
    fn root_of(leaves: &[Vec<u8>]) -> [u8; 32] {
        match leaves {
            [] => sha256(b""),
            [one] => leaf_digest(one),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                parent(&root_of(left), &root_of(right))
            }
        }
    }

    fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
        sha256(&[&[1][..], left, right].concat())
    }

    /// The root that a path leads to: RFC 9162, section 2.1.3.2.
    fn root_by(path: &[[u8; 32]], leaf: [u8; 32], index: u64, size: u64) -> [u8; 32] {
        let (mut node, mut last, mut digest) = (index, size - 1, leaf);
        for sibling in path {
            if node % 2 == 1 || node == last {
                digest = parent(sibling, &digest);
                while node.is_multiple_of(2) && node != 0 {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                digest = parent(&digest, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        digest
    }

    #[test]
    fn roots_and_paths_are_those_of_the_rfc() {
        let mut tree = HashTree::new();
        let mut leaves = Vec::new();
        assert!(tree.is_empty());
        assert_eq!(tree.root(), root_of(&leaves));
        for number in 0..40_u8 {
            let leaf = vec![number; usize::from(number) * 3];
            assert_eq!(tree.push(leaf.clone()), leaf_digest(&leaf));
            leaves.push(leaf);
            assert_eq!(tree.root(), root_of(&leaves));
            for (index, leaf) in (0..).zip(&leaves) {
                let path = tree.path(index).unwrap();
                let led = root_by(&path, leaf_digest(leaf), index, tree.len());
                assert_eq!(led, tree.root());
            }
            assert_eq!(tree.path(tree.len()), None);
        }
    }

    #[test]
    fn an_example_of_another_implementation() {
        // Certificate Transparency's own reference tree of these seven entries.
        let entries = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
        ];
        let mut tree = HashTree::new();
        for entry in entries {
            tree.push(hex::decode(entry).unwrap());
        }
        let expected = "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c";
        assert_eq!(hex::encode(tree.root()), expected);
    }
}
