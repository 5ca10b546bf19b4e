//! Hosts that go down, by what they were at.

use deadzone_trace::{Crash, Event};

use crate::met::Met;
use crate::state::{Class, Device, DeviceNo};
use crate::table::Case;
use crate::walk::See;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::HostDown { crash } => match see.on() {
            Some((no, device)) => device_down(see, no, device, *crash, met),
            None => server_down(see, *crash, met),
        },
        Event::DiskSurvived { outcome } => survived(see, outcome, met),
        Event::Suspended => suspended(see, met),
        Event::Resumed => {
            let waits = see.on().is_some_and(|(_, device)| device.slept_with_work);
            met.when(waits, Case::WakesWithWork);
        }
        Event::Saved { .. } => {
            let down = !see.state.server_up;
            let others = see.state.devices.iter().filter(|device| device.has_pending()).count();
            met.when(down && others > 1, Case::SeveralDevicesWriteWhileServerDown);
        }
        _ => {}
    }
}

fn device_down(see: &See<'_, '_>, no: DeviceNo, device: &Device<'_>, crash: Crash, met: &mut Met) {
    met.when(device.is_asleep, Case::CrashAsleep);
    met.when(device.was_cloned, Case::CopyCrashes);
    met.when(device.busy > 0, Case::CrashWhileSaving);
    met.when(device.is_paging, Case::CrashBetweenPages);
    met.when(device.fresh_answer == Some(Class::Push), Case::CrashBetweenAnswerAndApply);
    met.when(device.is_resyncing && device.has_pending(), Case::CrashInResyncWithWork);
    met.when(device.refused_by_disk, Case::CrashAfterDiskRefused);
    met.when(!device.conflicts.is_empty(), Case::CrashWithOpenConflict);
    let unsent = device.pending().any(|pending| pending.sent == 0);
    match crash {
        Crash::Kill => met.when(unsent, Case::KilledBetweenSaveAndPush),
        Crash::PowerLoss => met.when(unsent, Case::PowerLossBetweenSaveAndPush),
    }
    met.when(device.pending().any(|pending| pending.crashes > 0), Case::WorkSurvivesTwoCrashes);
    for request in see.state.open_requests(no) {
        match request.class {
            Class::Push if request.committed => met.add(Case::CrashBetweenCommitAndAnswer),
            Class::Push => met.add(Case::CrashWithPushUnderWay),
            _ => {}
        }
    }
}

fn server_down(see: &See<'_, '_>, crash: Crash, met: &mut Met) {
    let state = see.state;
    met.when(crash == Crash::PowerLoss && state.acknowledged, Case::ServerLosesPowerAfterAnswering);
    for request in state.requests.values().filter(|request| !request.closed && request.class == Class::Push) {
        let in_hand = request.arrived && request.answer.is_none();
        met.when(in_hand && request.mutations.len() > 1, Case::ServerDownInBatch);
        met.when(request.committed, Case::ServerDownBeforeItsAnswerArrives);
    }
}

fn survived(see: &See<'_, '_>, outcome: &str, met: &mut Met) {
    let Some((_, device)) = see.on() else { return };
    if device.has_pending() {
        match outcome {
            "lose-all" => met.add(Case::PowerLossLosesAllUnsynced),
            "torn-prefix" => met.add(Case::PowerLossTearsAWrite),
            "subset" => met.add(Case::PowerLossKeepsASubset),
            _ => {}
        }
    }
}

fn suspended(see: &See<'_, '_>, met: &mut Met) {
    let Some((no, device)) = see.on() else { return };
    met.when(device.has_pending(), Case::SleepsWithWork);
    let under_way = see.state.open_requests(no).any(|request| request.class == Class::Push);
    met.when(under_way, Case::SleepsWithPushUnderWay);
}
