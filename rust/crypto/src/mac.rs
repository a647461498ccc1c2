//! The ACB-SMD MAC, and its mirror, the SMD-ACB MAC.

use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes128;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key_agreement::SharedSecret;

/// What the Grouping Header contributes to the MAC key and to the nonce.
///
/// The values are those of the Grouping Header, whichever party makes the MAC: in a command of a network
/// operator the ACB's key makes it, and yet the operator is the originator here.
///
/// # No reuse
///
/// Key and nonce follow from these four values and the static [`SharedSecret`] alone; there is no
/// random part. So they repeat exactly when an Originator Counter repeats between the same two
/// parties, and GCM with a repeated key and nonce gives away its authentication key. The law that no
/// two different messages leave with the same originator, counter and recipient is therefore the
/// nonce rule of GCM as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacContext {
    /// EUI-64 of the Business Originator.
    pub originator: [u8; 8],
    /// The CRA flag: 1 command, 2 response, 3 alert.
    pub cra: u8,
    /// The Originator Counter.
    pub originator_counter: u64,
    /// EUI-64 of the Business Target.
    pub recipient: [u8; 8],
}

/// Makes the ACB-SMD MAC of a command, or the SMD-ACB MAC of a response.
///
/// `secret` is that of the ACB's and the device's key-agreement keys; `maced_octets` run from the
/// `DF` tag of the Grouping Header to the end of the signature part, its length octet included.
pub fn acb_smd_mac(secret: &SharedSecret, context: &MacContext, maced_octets: &[u8]) -> [u8; 12] {
    let key = derive_key(secret, context);
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&context.originator);

    // The crate takes associated data in one piece only. Copying them costs a sixteenth of the MAC.
    let mut associated_data = Vec::with_capacity(AAD_PREFIX.len() + maced_octets.len());
    associated_data.extend_from_slice(&AAD_PREFIX);
    associated_data.extend_from_slice(maced_octets);

    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the only error is associated data of 2^61 octets, more than memory can hold"
    )]
    AesGcm::<Aes128, U12, U12>::new((&*key).into())
        .encrypt_inout_detached(&nonce.into(), &associated_data, (&mut [][..]).into())
        .expect("associated data fit in memory")
        .into()
}

/// Whether `mac` is the MAC of these octets; takes the same time whichever octets differ.
///
/// The MAC has 12 octets by type: a shorter one cannot be offered.
pub fn verify_mac(
    secret: &SharedSecret,
    context: &MacContext,
    maced_octets: &[u8],
    mac: &[u8; 12],
) -> bool {
    acb_smd_mac(secret, context, maced_octets).ct_eq(mac).into()
}

/// The single-step KDF of NIST SP 800-56A with SHA-256; one round gives more than the key needs.
fn derive_key(secret: &SharedSecret, context: &MacContext) -> Zeroizing<[u8; 16]> {
    let mut block = Zeroizing::new([0; 32]);
    Sha256::new()
        .chain_update(1_u32.to_be_bytes())
        .chain_update(secret.expose())
        .chain_update(ALGORITHM_ID)
        .chain_update(context.originator)
        .chain_update([TRANSACTION_ID_LENGTH, context.cra])
        .chain_update(context.originator_counter.to_be_bytes())
        .chain_update(context.recipient)
        .finalize_into((&mut *block).into());
    let mut key = Zeroizing::new([0; 16]);
    key.copy_from_slice(&block[..16]);
    key
}

/// The `AlgorithmID` that GBCS gives AES-GCM-128 in the KDF's `OtherInfo`, proven by DCC's test vectors.
const ALGORITHM_ID: [u8; 7] = [0x60, 0x85, 0x74, 0x06, 0x08, 0x03, 0x00];

/// GBCS 7.2.7: the length of the transaction id, CRA flag and Originator Counter, before it.
const TRANSACTION_ID_LENGTH: u8 = 9;

/// Security control 11 (authenticated, suite 1), then the five empty fields of general-ciphering. An
/// early draft of GBCS shows fewer zeros; DCC's test vectors prove five.
const AAD_PREFIX: [u8; 6] = [0x11, 0, 0, 0, 0, 0];
