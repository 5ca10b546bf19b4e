//! Limits, long queues and the alert on them.

use deadzone_contract::{Action, Code};
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Class, Outcome};
use crate::table::Case;
use crate::take::fires;
use crate::walk::See;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Delivered { replaced: None, .. } => delivered(see, met),
        Event::Sent { .. } => sent(see, met),
        Event::Saved { .. } => saved(see, met),
        Event::Scraped { body, .. } => {
            met.when(see.state.is_alerted && !fires(body), Case::LagAlertClears);
        }
        _ => {}
    }
}

fn delivered(see: &See<'_, '_>, met: &mut Met) {
    let (Some(request), Some((_, device))) = (see.request, see.sender()) else { return };
    let deferred = see.results().any(|(_, outcome)| outcome == Outcome::Deferred);
    let done = see.results().any(|(_, outcome)| matches!(outcome, Outcome::Done { .. }));
    met.when(deferred && done, Case::BatchTakenInPart);
    let Some(answer) = see.answer else { return };
    let limited = answer.code == Some(Code::TooManyRequests) && answer.has_retry_after;
    met.when(limited && request.class == Class::Push, Case::PushLimited);
    met.when(limited && request.class == Class::Pull, Case::PullLimited);
    let failed = answer.code == Some(Code::Internal) || answer.code == Some(Code::Unavailable);
    met.when(failed && device.has_pending(), Case::ServerErrorWithWork);
}

fn sent(see: &See<'_, '_>, met: &mut Met) {
    let (Some(request), Some((_, device)), Some(header)) = (see.request, see.sender(), see.state.header)
    else {
        return;
    };
    let most = usize::try_from(header.parameters.push_max).unwrap_or(usize::MAX);
    if request.class == Class::Push {
        met.when(request.mutations.len() == most && device.waiting() > most, Case::QueueLongerThanAPush);
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((_, device)), Some(record), Some(begun)) = (see.on(), see.record, see.begun) else { return };
    if let Action::Edit { .. } = begun.act {
        let deferred = device.pending_on(record).iter().any(|pending| pending.deferred);
        met.when(deferred, Case::EditWhileDeferred);
    }
}
