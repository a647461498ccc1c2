//! Raises, back-fill and imports: the only way for people to change a number, and only upwards (D10, D11).

use std::borrow::Cow;

use slotkeeper_counters::{CounterOutOfRange, Role, VERSION_LEAP};
use slotkeeper_gbcs::Eui64;

use super::{Adjusted, Decision, Judge};
use crate::decision::{Disposition, Flags, Reason};
use crate::directory::{Device, EVICTED, damaged};
use crate::message::role_of_name;
use crate::records::{Adjustment, Raise, Vouched};

impl Judge<'_> {
    pub(crate) fn adjustment(&mut self, key: Eui64, adjustment: &Adjustment) -> Decision {
        if adjustment.device != key {
            return Decision::new(Disposition::Rejected, Reason::WrongDevice)
                .detail(format!("the adjustment is for {}", adjustment.device));
        }
        let Some(role) = role_of_name(&adjustment.role) else {
            return Decision::new(Disposition::NotRecorded, Reason::NotNetworkOperatorRole)
                .detail("only the slots NetworkOperator and Supplier have a record");
        };
        let above_ceiling = adjustment.highest() > self.settings.ceiling;
        let mut flags = Flags::default();
        flags.set(Flags::ABOVE_CEILING, above_ceiling);
        if matches!(self.inventory(key), Device::Other) {
            return Decision::new(Disposition::NotRecorded, Reason::NotGpf)
                .role(role)
                .flags(flags);
        }
        if let Err(why) = self.authorise(&adjustment.vouched, above_ceiling) {
            return Decision::new(Disposition::Rejected, Reason::NotAuthorised)
                .role(role)
                .flags(flags)
                .detail(why);
        }
        let device = key.to_u64();
        let mends = self.mends(device, role, adjustment);
        let mut changed = false;
        if let Some(at_least) = adjustment.at_least {
            changed |= match adjustment.raise {
                Raise::Recorded => {
                    self.ledger.raise_recorded(device, role, at_least)
                        | self.ledger.raise_seen(device, role, at_least)
                }
                Raise::Seen => self.ledger.raise_seen(device, role, at_least),
                Raise::Issued => is_news(self.ledger.note_reported(device, role, at_least)),
            };
        }
        for &(first, last) in &adjustment.issued_blocks {
            changed |= is_news(self.ledger.note_block(device, role, first, last));
        }
        if let Some(floor) = adjustment.issued_floor {
            changed |= is_news(self.ledger.raise_issued(device, role, floor));
        }
        for &(originator, request_counter, issued) in &adjustment.request_ids {
            let originator = originator.to_u64();
            changed |= is_news(self.ledger.note_imported_request(
                device,
                role,
                originator,
                request_counter,
                issued,
            ));
        }
        if mends == Ok(true) {
            self.mend(device, role);
            changed = true;
        }
        if adjustment.at_least.is_some() && adjustment.raise != Raise::Issued {
            let before = self.ledger.device(device).flags();
            changed |= self.ledger.set_flags(device, before & !EVICTED);
        }
        self.state_flags(key, role, &mut flags);
        let reason = if changed {
            Reason::Adjusted
        } else {
            Reason::NoChange
        };
        let decision = Decision {
            adjusted: changed.then(|| {
                Box::new(Adjusted {
                    adjustment: adjustment.clone(),
                    named: adjustment.named(self.settings.ceiling),
                })
            }),
            ..Decision::new(Disposition::Seen, reason)
                .role(role)
                .flags(flags)
        };
        match mends {
            Ok(_) => decision,
            Err(least) => decision.detail(format!(
                "the stored record of the device was damaged: its numbers are known again after an adjustment of kind \
                 issued by two different persons who know of this damage, of at least {least} and of the highest number \
                 found in the outputs"
            )),
        }
    }

    /// Whether enough persons stand behind it, or why they do not (D11). Nothing above the ceiling is believed by
    /// claims: nobody could ever lower it again.
    fn authorise(&self, vouched: &Vouched, above_ceiling: bool) -> Result<(), Cow<'static, str>> {
        let two = self.settings.dual_control || above_ceiling;
        let persons = vouched.persons();
        let why = match (&self.settings.signers, vouched) {
            (Some(_), Vouched::Proven(proof)) => {
                let which = if above_ceiling {
                    " above the ceiling"
                } else {
                    ""
                };
                return match (two, persons) {
                    (true, 0 | 1) => Err(format!(
                        "two different persons must sign a number{which}: {proof}"
                    )
                    .into()),
                    (false, 0) => Err(format!("it must be signed: {proof}").into()),
                    _ => Ok(()),
                };
            }
            (Some(_), Vouched::Claimed(_) | Vouched::Unproven) => {
                "it is not signed, and adjustments.signers asks for signatures"
            }
            (None, Vouched::Proven(_) | Vouched::Unproven) => {
                "it is signed, and there are no adjustments.signers to verify it by"
            }
            (None, Vouched::Claimed(_)) if above_ceiling => {
                "two different persons must sign a number above the ceiling, and there are no adjustments.signers"
            }
            (None, Vouched::Claimed(_)) if two && persons < 2 => {
                "two different persons are needed in `by`"
            }
            (None, Vouched::Claimed(_)) => return Ok(()),
        };
        Err(why.into())
    }

    /// Whether an adjustment makes up for a damaged record of the role (D12): two persons looked up the highest number
    /// that was issued, and it is none that older records contradict. Whoever signed before an acknowledgement did not look
    /// at what is there now. The error is the least that it must name.
    fn mends(&self, device: u64, role: Role, adjustment: &Adjustment) -> Result<bool, u64> {
        let view = self.ledger.device(device);
        if view.flags() & damaged(role) == 0 {
            return Ok(false);
        }
        let marks = view.marks(role);
        let known = marks.watermark().max(marks.issued);
        let least = known.unwrap_or(0).max(1);
        // Damage moves the version on by the leap: whoever named an earlier one knew of earlier damage.
        let version = view.version();
        let knew_of_it = adjustment.mends.is_none_or(|named| {
            version
                .checked_sub(named)
                .is_some_and(|changes| changes < VERSION_LEAP)
        });
        let looked_up = knew_of_it
            && adjustment.raise == Raise::Issued
            && adjustment.vouched.persons_now() >= 2
            && adjustment
                .at_least
                .is_some_and(|at_least| at_least >= least);
        if looked_up { Ok(true) } else { Err(least) }
    }

    fn mend(&mut self, device: u64, role: Role) {
        let left = self.ledger.device(device).flags() & !damaged(role);
        self.ledger.set_flags(device, left);
    }
}

/// Whether something changed; reading the record has bounded its numbers already.
fn is_news(noted: Result<bool, CounterOutOfRange>) -> bool {
    noted.unwrap_or(false)
}
