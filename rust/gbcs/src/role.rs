//! The enumerations of a Trust Anchor Cell: whose it is, what for, and how its replacement went.

/// An enumeration with the number GBCS gives each value and the name it is shown by.
macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$doc])* $variant = $number,)+
        }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The value with this number on the wire.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The number on the wire.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The name that GBCS gives the value.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

pub(crate) use numbered;

numbered! {
    /// `remotePartyRole`: the role for which a device holds certificates and one anti-replay number.
    RemotePartyRole {
        /// The root of the device's public key infrastructure.
        Root = 0, "root";
        /// The party that can recover a slot whose keys are lost.
        Recovery = 1, "recovery";
        /// The energy supplier.
        Supplier = 2, "supplier";
        /// The network operator.
        NetworkOperator = 3, "networkOperator";
        /// The DCC's Access Control Broker.
        AccessControlBroker = 4, "accessControlBroker";
        /// The DCC's transitional change-of-supplier party.
        TransitionalCos = 5, "transitionalCoS";
        /// The provider of the wide area network.
        WanProvider = 6, "wanProvider";
        /// A certification authority.
        IssuingAuthority = 7, "issuingAuthority";
        /// The load controller.
        LoadController = 8, "loadController";
        /// None of the others.
        Other = 127, "other";
    }
}

numbered! {
    /// `cellUsage`: which of two key-agreement cells of a supplier.
    CellUsage {
        /// Every cell but one.
        Management = 0, "management";
        /// The supplier's key-agreement cell for prepayment top-ups.
        PrePaymentTopUp = 1, "prePaymentTopUp";
    }
}

numbered! {
    /// `statusCode`: how the replacement of one cell went (numbers of RFC 5934).
    StatusCode {
        /// The certificate is in its cell.
        Success = 0, "success";
        /// The certificate's content is at fault.
        BadCertificate = 5, "badCertificate";
        /// No certification path to the device's root.
        NoTrustAnchor = 10, "noTrustAnchor";
        /// The device has no room for it.
        InsufficientMemory = 17, "insufficientMemory";
        /// The device has no cell for that role (CS02a).
        TrustAnchorNotFound = 25, "trustAnchorNotFound";
        /// The device is busy.
        ResourcesBusy = 30, "resourcesBusy";
        /// Another failure.
        Other = 127, "other";
    }
}

/// `keyUsage`: what the key in a Trust Anchor Cell is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUsage {
    /// Verifies KRP signatures.
    DigitalSignature,
    /// Agrees the keys of MACs and of encryption.
    KeyAgreement,
    /// Verifies certificates: the root's cell.
    KeyCertSign,
}

impl KeyUsage {
    /// The name that GBCS gives the value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digitalSignature",
            Self::KeyAgreement => "keyAgreement",
            Self::KeyCertSign => "keyCertSign",
        }
    }

    /// The content of the BIT STRING: count of unused bits, then the bits (RFC 5280, 4.2.1.3; DER's shortest form).
    pub(crate) const fn bit_string(self) -> [u8; 2] {
        match self {
            Self::DigitalSignature => [7, 0x80],
            Self::KeyAgreement => [3, 0x08],
            Self::KeyCertSign => [2, 0x04],
        }
    }

    pub(crate) const fn from_bit_string(content: &[u8]) -> Option<Self> {
        match content {
            [7, 0x80] => Some(Self::DigitalSignature),
            [3, 0x08] => Some(Self::KeyAgreement),
            [2, 0x04] => Some(Self::KeyCertSign),
            _ => None,
        }
    }
}
