//! Which message it is: CRA flag, message code, credentials replacement mode.

use std::fmt;

use crate::role::numbered;

numbered! {
    /// The CRA flag of the Grouping Header: command, response or alert.
    Cra {
        /// To a device.
        Command = 1, "COMMAND";
        /// A device's answer to a command.
        Response = 2, "RESPONSE";
        /// Sent by a device of its own accord.
        Alert = 3, "ALERT";
    }
}

numbered! {
    /// `credentialsReplacementMode`: whose certificates are replaced, and by whom.
    ReplacementMode {
        /// A supplier replaces the root's.
        RootBySupplier = 0, "rootBySupplier";
        /// The WAN provider replaces the root's.
        RootByWanProvider = 1, "rootByWanProvider";
        /// A supplier replaces the supplier's.
        SupplierBySupplier = 2, "supplierBySupplier";
        /// The occupant of the Network Operator cells replaces them: SRV 6.15.1 by the operator, SRV 6.21 by the ACB.
        NetworkOperatorByNetworkOperator = 3, "networkOperatorByNetworkOperator";
        /// The Access Control Broker replaces its own.
        AccessControlBrokerByAcb = 4, "accessControlBrokerByACB";
        /// The WAN provider replaces its own.
        WanProviderByWanProvider = 5, "wanProviderByWanProvider";
        /// The transitional CoS party replaces its own.
        TransCosByTransCos = 6, "transCoSByTransCoS";
        /// The transitional CoS party replaces a supplier's.
        SupplierByTransCos = 7, "supplierByTransCoS";
        /// Recovery: any but an abnormal root.
        AnyExceptAbnormalRootByRecovery = 8, "anyExceptAbnormalRootByRecovery";
        /// Contingency: any.
        AnyByContingency = 9, "anyByContingency";
    }
}

impl ReplacementMode {
    /// The message code that commands and responses of this mode carry: 0100 plus the mode.
    pub const fn message_code(self) -> MessageCode {
        MessageCode(0x0100 + self as u16)
    }

    /// Recovery and contingency travel without MAC Header and MAC (GBCS 13.3.3.1).
    pub(crate) const fn is_without_mac(self) -> bool {
        matches!(
            self,
            Self::AnyExceptAbnormalRootByRecovery | Self::AnyByContingency
        )
    }
}

/// The Message Code of the Grouping Header. Shown as four hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageCode(pub u16);

impl MessageCode {
    /// CS02a Provide Security Credential Details, command and response.
    pub const CS02A: Self = Self(0x0008);
    /// The alert that reports the outcome of a future-dated CS02b, whatever its mode.
    pub const CS02B_ALERT: Self = Self(0x00CB);

    /// The mode that goes with the code of a CS02b command or response.
    pub fn replacement_mode(self) -> Option<ReplacementMode> {
        let number = self.0.checked_sub(0x0100)?;
        ReplacementMode::from_number(u8::try_from(number).ok()?)
    }

    /// `CS02a` or `CS02b`; `None` for every other use case.
    pub fn use_case(self) -> Option<&'static str> {
        match self {
            Self::CS02A => Some("CS02a"),
            Self::CS02B_ALERT => Some("CS02b"),
            _ => self.replacement_mode().map(|_| "CS02b"),
        }
    }
}

impl fmt::Display for MessageCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

/// What a message is to those who handle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A command on its way to the party that adds the MAC: without MAC, with or without the operator's signature.
    PreCommand,
    /// A command as the device gets it.
    Command,
    /// A device's answer.
    Response,
    /// A device's report of a future-dated command.
    Alert,
}

impl Kind {
    /// `PRECOMMAND`, `COMMAND`, `RESPONSE` or `ALERT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreCommand => "PRECOMMAND",
            Self::Command => "COMMAND",
            Self::Response => "RESPONSE",
            Self::Alert => "ALERT",
        }
    }
}
