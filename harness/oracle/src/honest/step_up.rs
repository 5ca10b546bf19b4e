//! What needs a fresh sign-in is done when the server says so, and not before.

use deadzone_contract::Action;

use crate::findings::{Case, Findings};
use crate::history::{Class, History};

/// Judges every such operation that a device called saved.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    for run in history.actions.iter().filter(|run| run.saved()) {
        let class = match run.act {
            Action::SetRole { .. } => Class::Members,
            Action::Delete { password: Some(_), .. } => Class::Push,
            _ => continue,
        };
        let confirmed = history.wire.requests().iter().any(|request| {
            request.device == run.device
                && request.class == class
                && run.begun <= request.sent
                && request.accepted.is_some_and(|accepted| accepted <= run.ended)
        });
        if !confirmed {
            let case = Case::new("saved-without-an-answer", run.kind()).device(run.device);
            let case = run.act.record().into_iter().fold(case, Case::record);
            findings.report(case.evidence([run.begun, run.ended]).says(
                format!("{} calls {} saved, and no answer of the server says so", run.device, run.label),
                "a refusal without a network: it is never queued",
            ));
        }
    }
}
