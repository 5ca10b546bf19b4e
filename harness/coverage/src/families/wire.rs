//! Requests and answers that get lost, come late or come twice, with work under way.

use deadzone_contract::Action;
use deadzone_trace::Event;

use crate::kinds::KINDS;
use crate::met::Met;
use crate::state::{Class, Outcome};
use crate::table::Case;
use crate::walk::See;
use crate::work::Deed;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Failed { .. } => failed(see, met),
        Event::Delivered { status, replaced: Some(_), .. } => replaced(see, *status, met),
        Event::Sent { .. } => sent(see, met),
        Event::Arrived { copy, .. } => arrived(see, *copy, met),
        Event::Answered { .. } => answered(see, met),
        Event::Saved { .. } => saved(see, met),
        Event::FaultStruck { fault, .. } => struck(see, fault, met),
        _ => {}
    }
}

fn failed(see: &See<'_, '_>, met: &mut Met) {
    let Some(request) = see.request.filter(|request| request.class == Class::Push) else { return };
    let does = |deed| request.mutations.iter().any(|mutation| mutation.work.has(deed));
    if request.committed {
        met.when(does(Deed::CREATE), Case::AnswerLostOfCreate);
        met.when(does(Deed::COUNT), Case::AnswerLostOfCounter);
        met.when(does(Deed::TAG) || does(Deed::UNTAG), Case::AnswerLostOfSet);
        met.when(does(Deed::DELETE), Case::AnswerLostOfDelete);
    } else if !request.arrived {
        met.add(Case::PushLostOnTheWay);
    }
    let Some((_, device)) = see.sender() else { return };
    let carried = |record: usize| request.mutations.iter().any(|mutation| mutation.record == record);
    let others = device
        .queue
        .iter()
        .any(|(record, queue)| queue.iter().any(|pending| pending.sent == 0) && !carried(*record));
    met.when(others, Case::LostBetweenBatches);
}

fn replaced(see: &See<'_, '_>, status: u16, met: &mut Met) {
    let Some(request) = see.request.filter(|request| request.class == Class::Push) else { return };
    if !request.mutations.is_empty() {
        let case = if status < 300 { Case::PortalTakesPush } else { Case::ProxyErrorForPush };
        met.add(case);
    }
}

fn sent(see: &See<'_, '_>, met: &mut Met) {
    let Some(request) = see.request.filter(|request| request.class == Class::Push) else { return };
    let Some((_, device)) = see.sender() else { return };
    for mutation in &request.mutations {
        let waits = device.pending_on(mutation.record);
        let Some(known) = waits.iter().find(|one| one.number == mutation.number && one.sent > 0) else {
            continue;
        };
        met.when(known.is_answer_lost() && known.crashes > 0, Case::AnswerLostThenCrashThenRetry);
        met.when(known.stamp_ms != mutation.stamp_ms, Case::StampedAnew);
    }
}

fn arrived(see: &See<'_, '_>, copy: u32, met: &mut Met) {
    let Some(request) = see.request.filter(|request| request.class == Class::Push) else { return };
    let does = |deed| request.mutations.iter().any(|mutation| mutation.work.has(deed));
    if copy > 1 {
        met.when(does(Deed::COUNT), Case::DeliveredTwiceCounts);
        met.when(does(Deed::CREATE), Case::DeliveredTwiceCreates);
    }
    if request.closed && copy == 1 {
        let case =
            if see.is_done(request) { Case::ExecutedLateAfterRetry } else { Case::ExecutedLateBeforeRetry };
        met.add(case);
    }
}

fn answered(see: &See<'_, '_>, met: &mut Met) {
    let Some((no, device)) = see.sender() else { return };
    for (mutation, outcome) in see.results() {
        let Outcome::Done { fresh, .. } = outcome else { continue };
        let waits = device.pending_on(mutation.record);
        let lost = waits.iter().any(|one| one.number == mutation.number && one.is_answer_lost());
        met.when(!fresh && lost, Case::RetryAnsweredFromStore);
        if fresh {
            let unheard = waits.iter().any(|one| one.number == mutation.number && one.unheard);
            met.when(unheard, Case::RequestLostThenDone);
            elsewhere(see, no, mutation.record, met);
        }
    }
}

/// The server carries something out on a record while another device waits for an answer about it.
fn elsewhere(see: &See<'_, '_>, by: usize, record: usize, met: &mut Met) {
    for (no, device) in see.state.devices.iter().enumerate() {
        if no != by && device.pending_on(record).iter().any(|one| one.is_answer_lost()) {
            met.add(Case::AnswerLostThenChangedElsewhere);
        }
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((no, device)), Some(record), Some(begun)) = (see.on(), see.record, see.begun) else { return };
    let lost = device.pending_on(record).iter().any(|one| one.is_answer_lost());
    let waits = device.pending_on(record).iter().any(|one| one.sent > 0);
    let mut others = (0..see.state.devices.len()).filter(|other| *other != no);
    let is_cut_off = others.any(|other| see.state.is_struck_by(other, "partition"));
    met.when(is_cut_off, Case::OthersWorkInPartition);
    match begun.act {
        Action::Edit { .. } => {
            met.when(lost, Case::AnswerLostThenEdited);
            met.when(waits, Case::EditWhilePushUnderWay);
            let cut = ["partition", "cut"].iter().any(|kind| see.state.is_struck_by(no, kind));
            met.when(cut, Case::EditInPartition);
        }
        Action::Delete { .. } => met.when(waits, Case::DeleteWhilePushUnderWay),
        Action::Discard { .. } => met.when(lost, Case::DiscardAfterLostAnswer),
        _ => {}
    }
}

fn struck(see: &See<'_, '_>, fault: &str, met: &mut Met) {
    let Some(fault) = see.state.faults.get(fault) else { return };
    let Some(kind) = fault.kind.map(|kind| KINDS[kind]) else { return };
    let waits = see.state.devices.iter().any(|device| device.has_pending());
    match kind {
        "loss" => met.when(waits, Case::PacketLossWithWork),
        "latency" | "bandwidth" => met.when(waits, Case::SlowLinkWithWork),
        "cut" => met.when(waits, Case::OneWayCutWithWork),
        "reset" | "close" => met.when(waits, Case::ConnectionBrokenWithWork),
        "cache" => {
            let users: Vec<_> = see.state.devices.iter().filter_map(|device| device.user).collect();
            met.when(users.iter().any(|user| *user != users[0]), Case::CacheBetweenUsers);
        }
        _ => {}
    }
}
