//! What a device sends before what it hangs under is refused for no fault of its user.

use std::collections::BTreeSet;

use crate::findings::{Case, Findings};
use crate::history::{Class, History, Kind};

/// Judges every push. Where a disk forgot, nobody knows what the device had sent.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let mut pushes: Vec<_> =
        history.wire.requests().iter().filter(|request| request.class == Class::Push).collect();
    pushes.sort_by_key(|request| request.sent);
    let mut sent: BTreeSet<(&str, usize)> = BTreeSet::new();
    for request in pushes {
        for mutation in request.mutations.iter().filter(|mutation| mutation.kind == Kind::Create) {
            let Some(record) = mutation.record else { continue };
            sent.insert((request.device, record));
            let Some(parent) = history.parent(record) else { continue };
            let made_here = history.records[parent].creator.is_some_and(|creator| {
                let run = &history.actions[creator];
                run.device == request.device && run.saved() && run.ended < request.sent
            });
            let forgot = history.forgot(request.device, request.sent).is_some();
            if !made_here || forgot || sent.contains(&(request.device, parent)) {
                continue;
            }
            let name = |record: usize| history.name(record);
            let case = Case::new("child-before-parent", "create").device(request.device);
            findings.report(case.record(&mutation.id).evidence([request.sent]).says(
                format!(
                    "{} sends the creation of {} before that of {}, under which it hangs",
                    request.device,
                    name(record),
                    name(parent)
                ),
                "nothing before what it hangs under: the server has to refuse it",
            ));
        }
    }
}
