//! How many devices have a record in the changelog, and which versions: what a restore must find again.

/// The number of stored devices, and a fingerprint of their versions.
///
/// A changelog that lost records looks like one that never had them. A host keeps this beside its
/// positions, in the transaction of each batch, and compares it after a restore: a record that is
/// missing, or an older one in its place, changes the fingerprint.
///
/// The fingerprint is a sum, so that neither the order of records nor that of batches matters. It
/// finds loss and not malice: who can write the changelog can compute it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Stored {
    /// Devices with a record.
    pub devices: u64,
    /// The sum, modulo 2^64, of a mix of each device's EUI-64 and version.
    pub fingerprint: u64,
}

impl Stored {
    /// A device's record of one version takes the place of another one; 0 stands for none.
    pub fn replace(&mut self, device: u64, before: u32, after: u32) {
        if before != 0 {
            self.devices -= 1;
            self.fingerprint = self.fingerprint.wrapping_sub(mix(device, before));
        }
        if after != 0 {
            self.devices += 1;
            self.fingerprint = self.fingerprint.wrapping_add(mix(device, after));
        }
    }
}

impl Stored {
    /// Gives the version that a device's record has in `expected`, if these are its records but for that one, of which
    /// version `held` is here, 0 for none.
    ///
    /// A damaged record hides its version. The fingerprint gives it back where all others are as they were; where they
    /// are not, it gives a number that is a version once in 2^32 times.
    pub fn version_in(mut self, expected: Self, device: u64, held: u32) -> Option<u32> {
        self.replace(device, held, 0);
        let missing = expected.fingerprint.wrapping_sub(self.fingerprint);
        let version = u32::try_from(initial(missing) ^ finalize(device)).ok()?;
        (expected.devices == self.devices + 1 && version != 0).then_some(version)
    }
}

/// Stands in stores, so it never changes: the finalizer of SplitMix64 over the EUI-64 and, again, the version.
fn mix(device: u64, version: u32) -> u64 {
    finalize(finalize(device) ^ u64::from(version))
}

fn finalize(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// What [`finalize`] makes a value of: each of its steps is a bijection.
fn initial(finalized: u64) -> u64 {
    let value = finalized ^ (finalized >> 31) ^ (finalized >> 62);
    let value = value.wrapping_mul(inverse(0x94D0_49BB_1331_11EB));
    let value = value ^ (value >> 27) ^ (value >> 54);
    let value = value.wrapping_mul(inverse(0xBF58_476D_1CE4_E5B9));
    let value = value ^ (value >> 30) ^ (value >> 60);
    value.wrapping_sub(0x9E37_79B9_7F4A_7C15)
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration: each step doubles the bits that are right.
const fn inverse(odd: u64) -> u64 {
    let mut found = odd; // right in 3 bits
    let mut bits = 3;
    while bits < u64::BITS {
        found = found.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(found)));
        bits *= 2;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_from_the_finalizer() {
        for value in (0..1_000).chain(u64::MAX - 1_000..=u64::MAX) {
            assert_eq!(initial(finalize(value)), value);
        }
    }

    #[test]
    fn one_record_may_be_any_other_and_no_second_one() {
        let mut expected = Stored::default();
        for (device, version) in [(7, 3), (8, u32::MAX), (9, 1)] {
            expected.replace(device, 0, version);
        }
        let mut found = expected;
        for (damaged, version) in [(7, 3), (8, u32::MAX), (9, 1)] {
            assert_eq!(
                expected.version_in(expected, damaged, version),
                Some(version)
            );
            found.replace(damaged, version, 0);
            assert_eq!(found.version_in(expected, damaged, 0), Some(version));
            found.replace(damaged, 0, 2);
            assert_eq!(found.version_in(expected, damaged, 2), Some(version));
            found.replace(damaged, 2, version);
        }
        found.replace(9, 1, 2);
        assert_eq!(found.version_in(expected, 7, 3), None);
        found.replace(7, 3, 0);
        assert_eq!(found.version_in(expected, 7, 0), None);
        found.replace(8, u32::MAX, 0);
        assert_eq!(found.version_in(expected, 7, 0), None);
    }

    /// The first numbers that SplitMix64 gives from the seed 0, as its authors publish them.
    #[test]
    fn the_finalizer_is_that_of_split_mix() {
        assert_eq!(finalize(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(finalize(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn what_is_replaced_leaves_no_trace() {
        let mut stored = Stored::default();
        stored.replace(7, 0, 1);
        stored.replace(9, 0, 4);
        stored.replace(7, 1, 2);
        let mut other = Stored::default();
        other.replace(9, 0, 4);
        other.replace(7, 0, 2);
        assert_eq!(stored, other);
        assert_eq!(stored.devices, 2);
        other.replace(7, 2, 1);
        assert_ne!(stored, other);
    }
}
