//! What a decision is called: dispositions, reasons and flags of `docs/streams.md`.

macro_rules! names {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum $type { $($(#[$doc])* $variant,)+ }

        impl $type {
            /// The name on the streams.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

names! {
    /// What became of a record.
    Disposition {
        /// Unreadable; its octets are kept as a dead letter.
        DeadLetter = "DEAD_LETTER",
        /// Seen before.
        Duplicate = "DUPLICATE",
        /// The device reports that a handover took place.
        HandoverConfirmed = "HANDOVER_CONFIRMED",
        /// The device reports that a handover did not take place.
        HandoverFailed = "HANDOVER_FAILED",
        /// A command was made.
        Issued = "ISSUED",
        /// An outcome that hands no slot back.
        NotRecorded = "NOT_RECORDED",
        /// Kept until more is known.
        Parked = "PARKED",
        /// A slot was handed back and its number recorded.
        Recorded = "RECORDED",
        /// No command can be made for this request.
        Refused = "REFUSED",
        /// Contradicts itself or what is known for certain.
        Rejected = "REJECTED",
        /// Written again to the partition it belongs to.
        Rerouted = "REROUTED",
        /// A number was noted; no slot was handed back.
        Seen = "SEEN",
    }
}

names! {
    /// Why.
    Reason {
        /// The device took the command and will execute it later.
        AcceptedForLater = "ACCEPTED_FOR_LATER",
        /// Both cells hold the ACB's certificates.
        AcbInSlot = "ACB_IN_SLOT",
        /// The certificate is known, its private key is not held here.
        AcbKeyNotHeld = "ACB_KEY_NOT_HELD",
        /// A raise, a back-fill or an import.
        Adjusted = "ADJUSTED",
        /// No replacement succeeded.
        AllCellsFailed = "ALL_CELLS_FAILED",
        /// A certificate is unreadable, of the wrong usage, or its certification path does not hold.
        BadCertificate = "BAD_CERTIFICATE",
        /// The record's key is no EUI-64.
        BadKey = "BAD_KEY",
        /// The device's signature is false.
        BadSignature = "BAD_SIGNATURE",
        /// A certificate's role is not the slot's.
        CertificateRoleMismatch = "CERTIFICATE_ROLE_MISMATCH",
        /// Same message by its headers, other octets.
        ConflictingContent = "CONFLICTING_CONTENT",
        /// No Originator Counter is left below 2^63.
        CounterExhausted = "COUNTER_EXHAUSTED",
        /// Past its last day, by the registers.
        CertificateExpired = "CERTIFICATE_EXPIRED",
        /// Revoked, by the registers.
        CertificateRevoked = "CERTIFICATE_REVOKED",
        /// The DCC reports certificates that came into cells.
        CredentialsUpdated = "CREDENTIALS_UPDATED",
        /// The device is gone for good.
        DeviceRetired = "DEVICE_RETIRED",
        /// The engine failed over the record: a defect, to be reported with its dead letter.
        EngineFault = "ENGINE_FAULT",
        /// The service failed before the device.
        ErrorResponse = "ERROR_RESPONSE",
        /// A floor is required by the settings.
        FloorAbsent = "FLOOR_ABSENT",
        /// A floor above the ceiling.
        FloorImplausible = "FLOOR_IMPLAUSIBLE",
        /// Renewal or sale: the number rose, nobody left.
        GnoReplacedByGno = "GNO_REPLACED_BY_GNO",
        /// An earlier command's number decided.
        IssuedExceeded = "ISSUED_EXCEEDED",
        /// Brought in by people, as of a day.
        Imported = "IMPORTED",
        /// A number below the record.
        Late = "LATE",
        /// Another GPF took the device's place, or it took another one's.
        LogRestored = "LOG_RESTORED",
        /// Cannot be decoded.
        Malformed = "MALFORMED",
        /// The hint held.
        Natural = "NATURAL",
        /// Nothing known of this slot, and the settings ask for evidence.
        NoEvidence = "NO_EVIDENCE",
        /// Nothing new.
        NoChange = "NO_CHANGE",
        /// The inventory has no usable key agreement certificate of the device.
        NoDeviceCertificate = "NO_DEVICE_CERTIFICATE",
        /// Accepted, or acknowledged, without an outcome.
        NoOutcome = "NO_OUTCOME",
        /// Two different persons are needed.
        NotAuthorised = "NOT_AUTHORISED",
        /// A command on an outcome stream, or a message of another use case.
        NotAnOutcome = "NOT_AN_OUTCOME",
        /// The digital-signature cell is known not to be the ACB's.
        NotDccControlled = "NOT_DCC_CONTROLLED",
        /// The execution date lies ahead.
        NotDue = "NOT_DUE",
        /// Another type of device.
        NotGpf = "NOT_GPF",
        /// The message acts for another role.
        NotNetworkOperatorRole = "NOT_NETWORK_OPERATOR_ROLE",
        /// The inventory names another party as the device's.
        NotTheRegisteredOperator = "NOT_THE_REGISTERED_OPERATOR",
        /// The operator has said that it leaves.
        OperatorLeaving = "OPERATOR_LEAVING",
        /// The operator is no DCC User.
        OperatorNotAUser = "OPERATOR_NOT_A_USER",
        /// Evicted because parking was full.
        ParkingFull = "PARKING_FULL",
        /// Only the digital-signature cell.
        PartialDs = "PARTIAL_DS",
        /// Only the key-agreement cell.
        PartialKa = "PARTIAL_KA",
        /// A signed pre-command on its way down.
        PreCommand = "PRE_COMMAND",
        /// The DCC holds a request back.
        Quarantined = "QUARANTINED",
        /// The device reported what it holds.
        ReadBack = "READ_BACK",
        /// Recovery put the ACB's certificates into cells.
        Recovered = "RECOVERED",
        /// Octets seen before.
        SameMessage = "SAME_MESSAGE",
        /// A RequestID that was answered with a command before.
        SameRequest = "SAME_REQUEST",
        /// A handover took place.
        SlotChanged = "SLOT_CHANGED",
        /// Recovery, contingency or change of supplier touched the slot.
        SlotChangedOtherwise = "SLOT_CHANGED_OTHERWISE",
        /// Out of scope.
        Smets1 = "SMETS1",
        /// Longer than `[limits] message_bytes`, or under a key longer than any.
        TooLarge = "TOO_LARGE",
        /// The sender is not the occupant whom the outcome itself names.
        UnexpectedParty = "UNEXPECTED_PARTY",
        /// An ACB EUI with a key identifier that is not configured.
        UnknownAcbCertificate = "UNKNOWN_ACB_CERTIFICATE",
        /// An alert names a certificate that no register has.
        UnknownCertificate = "UNKNOWN_CERTIFICATE",
        /// The device is not in the inventory.
        UnknownDevice = "UNKNOWN_DEVICE",
        /// The certificate's party is on no list.
        UnknownParty = "UNKNOWN_PARTY",
        /// No such command is known here.
        Unsolicited = "UNSOLICITED",
        /// Not served for this role.
        UnsupportedRole = "UNSUPPORTED_ROLE",
        /// The signature could not be checked.
        Unverified = "UNVERIFIED",
        /// A number used on the device decided.
        WatermarkExceeded = "WATERMARK_EXCEEDED",
        /// The message, or the RequestID, is another device's.
        WrongDevice = "WRONG_DEVICE",
        /// Another partition's.
        WrongPartition = "WRONG_PARTITION",
    }
}

/// Flags of an audit record, a set.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags(u32);

impl Flags {
    /// A number above `[counter] ceiling`.
    pub const ABOVE_CEILING: Self = Self(1);
    /// The request carried no floor and none was sent.
    pub const ABSENT_FLOOR_OMITTED: Self = Self(1 << 1);
    /// The request carried no floor and 0 was sent.
    pub const ABSENT_FLOOR_ZEROED: Self = Self(1 << 2);
    /// A certificate of the command is past its last day.
    pub const CERTIFICATE_EXPIRED: Self = Self(1 << 11);
    /// A certificate of the command is revoked.
    pub const CERTIFICATE_REVOKED: Self = Self(1 << 12);
    /// A header counter beyond 2^63-1, which was not taken.
    pub const COUNTER_OUT_OF_RANGE: Self = Self(1 << 3);
    /// Header counter and authorising number differ.
    pub const COUNTERS_DIFFER: Self = Self(1 << 4);
    /// A message of the device was evicted from parking and never judged.
    pub const EVICTED: Self = Self(1 << 9);
    /// The mark is 2^63-1: no command can exceed it.
    pub const EXHAUSTED: Self = Self(1 << 5);
    /// The replacement mode does not fit the Message Code.
    pub const MODE_MISMATCH: Self = Self(1 << 6);
    /// The inventory names another party than the one that takes over.
    pub const NOT_THE_REGISTERED_OPERATOR: Self = Self(1 << 13);
    /// Who takes over has said that it leaves.
    pub const OPERATOR_LEAVING: Self = Self(1 << 14);
    /// Who takes over is no DCC User.
    pub const OPERATOR_NOT_A_USER: Self = Self(1 << 15);
    /// Rests on a certificate that no `verify.issuing_certificates` vouch for, since there are none.
    pub const UNANCHORED: Self = Self(1 << 8);
    /// The inventory does not name the device, and its number is not kept: `[limits] strangers` are.
    pub const STRANGERS_FULL: Self = Self(1 << 10);
    /// Believed, or kept, without a checked signature.
    pub const UNVERIFIED: Self = Self(1 << 7);

    const NAMES: [(Self, &'static str); 16] = [
        (Self::ABOVE_CEILING, "ABOVE_CEILING"),
        (Self::ABSENT_FLOOR_OMITTED, "ABSENT_FLOOR_OMITTED"),
        (Self::ABSENT_FLOOR_ZEROED, "ABSENT_FLOOR_ZEROED"),
        (Self::CERTIFICATE_EXPIRED, "CERTIFICATE_EXPIRED"),
        (Self::CERTIFICATE_REVOKED, "CERTIFICATE_REVOKED"),
        (Self::COUNTER_OUT_OF_RANGE, "COUNTER_OUT_OF_RANGE"),
        (Self::COUNTERS_DIFFER, "COUNTERS_DIFFER"),
        (Self::EVICTED, "EVICTED"),
        (Self::EXHAUSTED, "EXHAUSTED"),
        (Self::MODE_MISMATCH, "MODE_MISMATCH"),
        (
            Self::NOT_THE_REGISTERED_OPERATOR,
            "NOT_THE_REGISTERED_OPERATOR",
        ),
        (Self::OPERATOR_LEAVING, "OPERATOR_LEAVING"),
        (Self::OPERATOR_NOT_A_USER, "OPERATOR_NOT_A_USER"),
        (Self::STRANGERS_FULL, "STRANGERS_FULL"),
        (Self::UNANCHORED, "UNANCHORED"),
        (Self::UNVERIFIED, "UNVERIFIED"),
    ];

    /// Adds those flags when the condition holds.
    pub(crate) fn set(&mut self, flags: Self, condition: bool) {
        if condition {
            self.0 |= flags.0;
        }
    }

    /// Whether all of those are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(flag, _)| self.contains(*flag))
            .map(|(_, name)| name)
    }
}
