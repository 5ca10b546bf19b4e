//! Apps and schemas of different ages.

use deadzone_contract::Code;
use deadzone_contract::wire::SCHEMA_VERSION;
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::{Class, Outcome};
use crate::table::Case;
use crate::walk::See;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Delivered { replaced: None, .. } => delivered(see, met),
        Event::Upgraded { .. } => {
            let waits = see.on().is_some_and(|(_, device)| device.has_pending());
            let too_old = see.on().is_some_and(|(_, device)| device.too_old);
            met.when(waits && too_old, Case::UpgradeAfterRefusalWithWork);
        }
        Event::Saved { .. } => {
            let too_old = see.on().is_some_and(|(_, device)| device.too_old);
            met.when(too_old && see.record.is_some(), Case::WorkSavedByAppTooOld);
        }
        _ => {}
    }
}

fn is_old(app: Option<u32>) -> bool {
    app.is_some_and(|app| app < SCHEMA_VERSION)
}

fn delivered(see: &See<'_, '_>, met: &mut Met) {
    let (Some(request), Some((no, device))) = (see.request, see.sender()) else { return };
    let too_old = see.answer.is_some_and(|answer| answer.code == Some(Code::ClientTooOld));
    met.when(too_old && device.has_pending(), Case::AppTooOldWithWork);
    if request.class != Class::Push {
        return;
    }
    for (mutation, outcome) in see.results() {
        if !matches!(outcome, Outcome::Done { .. }) {
            continue;
        }
        met.when(is_old(device.app), Case::OldSchemaWrites);
        let last = see.state.records[mutation.record].author.filter(|author| *author != no);
        let mixed = last.is_some_and(|author| is_old(see.state.devices[author].app) != is_old(device.app));
        met.when(mixed, Case::OldAndNewAppOnOneRecord);
    }
}
