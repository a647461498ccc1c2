//! What the registers say of those who take a slot over (S13): flags of the command, or a refusal.

use slotkeeper_counters::Role;
use slotkeeper_gbcs::Eui64;

use super::Judge;
use crate::decision::{Flags, Reason};
use crate::directory::Gpf;
use crate::records::HandoverRequest;
use crate::settings::Advisory;

/// Each piece of advice as a flag and as the reason of a refusal, the gravest first.
const ADVICE: [(Flags, Reason); 5] = [
    (Flags::OPERATOR_LEAVING, Reason::OperatorLeaving),
    (Flags::OPERATOR_NOT_A_USER, Reason::OperatorNotAUser),
    (
        Flags::NOT_THE_REGISTERED_OPERATOR,
        Reason::NotTheRegisteredOperator,
    ),
    (Flags::CERTIFICATE_REVOKED, Reason::CertificateRevoked),
    (Flags::CERTIFICATE_EXPIRED, Reason::CertificateExpired),
];

const DAY_MS: u64 = 86_400_000;

impl Judge<'_> {
    /// What is known against this handover today.
    pub(super) fn advice(
        &self,
        gpf: &Gpf,
        role: Role,
        operator: Option<Eui64>,
        request: &HandoverRequest,
    ) -> Flags {
        let mut flags = Flags::default();
        if role != Role::NetworkOperator || self.settings.advisory == Advisory::Off {
            return flags;
        }
        let today = (self.now_ms / DAY_MS).cast_signed();
        let standing = operator.and_then(|eui| self.registers.standing(eui, today));
        if let Some(standing) = standing {
            flags.set(Flags::OPERATOR_LEAVING, standing.leaves);
            flags.set(Flags::OPERATOR_NOT_A_USER, standing.is_no_user);
            let registered = gpf.network_party();
            let is_other = registered.is_some_and(|mark| mark != standing.mark);
            flags.set(Flags::NOT_THE_REGISTERED_OPERATOR, is_other);
        }
        let certificates = [
            Some(&request.digital_signing),
            request.key_agreement.as_ref(),
        ];
        for certificate in certificates.into_iter().flatten() {
            let (is_revoked, is_expired) = self.registers.status(certificate, today);
            flags.set(Flags::CERTIFICATE_REVOKED, is_revoked);
            flags.set(Flags::CERTIFICATE_EXPIRED, is_expired);
        }
        flags
    }

    /// Why that refuses, where it is to.
    pub(super) fn refused_by_advice(&self, advice: Flags) -> Option<Reason> {
        if self.settings.advisory != Advisory::Refuse {
            return None;
        }
        let mut known = ADVICE.into_iter();
        known
            .find(|(flag, _)| advice.contains(*flag))
            .map(|(_, reason)| reason)
    }
}
