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

#[cfg(test)]
mod tests {
    use super::*;

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
