//! Hints that lie, come late, or come just in time.

use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Class, Content, What};
use crate::table::Case;
use crate::walk::See;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Delivered { replaced: None, .. } => delivered(see, met),
        Event::Failed { .. } => {
            let lost = see.request.is_some_and(|request| {
                let told = request.answer.as_ref().map(|answer| &answer.content);
                request.class == Class::Hints && matches!(told, Some(Content::Hint { .. }))
            });
            met.when(lost, Case::HintLost);
        }
        _ => {}
    }
}

fn delivered(see: &See<'_, '_>, met: &mut Met) {
    let Some((_, device)) = see.sender() else { return };
    let Some(Content::Hint { since, changes, .. }) = see.answer.map(|answer| &answer.content) else { return };
    met.when(device.is_resyncing, Case::HintInResync);
    met.when(changes.is_none(), Case::HintWithoutChanges);
    let Some(cursor) = device.cursor else { return };
    met.when(*since < cursor, Case::HintOlderThanCursor);
    if *since == cursor && changes.is_some() {
        let waits = |(record, _): &&(usize, What)| !device.pending_on(*record).is_empty();
        met.when(see.changes().iter().any(|change| waits(&change)), Case::HintOnARecordWithWork);
    }
}
