//! Clocks that are wrong or are set.

use deadzone_contract::{Action, Code};
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Content, Outcome};
use crate::table::Case;
use crate::take::AHEAD_MS;
use crate::walk::See;

const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Delivered { replaced: None, .. } => {
            let ahead = |(_, outcome)| outcome == Outcome::Rejected(Some(Code::StampAhead));
            met.when(see.results().any(ahead), Case::StampTooFarAhead);
        }
        Event::Answered { .. } => answered(see, met),
        Event::Saved { .. } => saved(see, met),
        Event::FaultStruck { fault, .. } => {
            let Some(fault) = see.state.faults.get(fault.as_str()) else { return };
            met.when(fault.text.starts_with("jump server's clock by -"), Case::ServerClockSetBack);
        }
        _ => {}
    }
}

fn answered(see: &See<'_, '_>, met: &mut Met) {
    let Some(Content::Push { server_time_ms, .. }) = see.answer.map(|answer| &answer.content) else { return };
    let Some((no, _)) = see.sender() else { return };
    for (mutation, outcome) in see.results() {
        let is_ahead = mutation.stamp_ms > server_time_ms.saturating_add(AHEAD_MS);
        met.when(mutation.stamp_ms > server_time_ms.saturating_add(YEAR_MS), Case::StampYearsAhead);
        if let Outcome::Done { fresh: true, .. } = outcome {
            let record = &see.state.records[mutation.record];
            met.when(is_ahead, Case::FastClockWithinTolerance);
            let other = record.last_by.is_some_and(|last| last != no);
            met.when(record.is_ahead && other, Case::WriteOverOneFromAFastClock);
        }
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((_, device)), Some(record), Some(begun)) = (see.on(), see.record, see.begun) else { return };
    if let Action::Edit { .. } = begun.act {
        let before = device.before_jump.as_ref().is_some_and(|records| records.contains(&record));
        met.when(before, Case::ClockSetBackBetweenTwoEdits);
    }
}
