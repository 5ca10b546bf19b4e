//! Disks that are full, fail, lie, or hold something else than they did.

use deadzone_contract::Code;
use deadzone_trace::Event;

use crate::kinds::KINDS;
use crate::met::Met;
use crate::state::Class;
use crate::table::Case;
use crate::walk::See;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Refused { code: Code::Storage, .. } => refused(see, met),
        Event::FaultStruck { fault, .. } => struck(see, fault, met),
        Event::Delivered { .. } => {
            let fails = see.sender().is_some_and(|(_, device)| device.disk_fails);
            let told = see.answer.is_some_and(|answer| answer.status == 200);
            let data = see.request.is_some_and(|r| matches!(r.class, Class::Push | Class::Pull));
            met.when(fails && told && data, Case::AnswerMeetsAFailingDisk);
        }
        Event::SecondApp { refused: Some(_) } => second_app(see, met),
        Event::Wiped => wiped(see, met),
        Event::Restored { backup } => {
            let Some(copy) = see.state.backups.get(backup.as_str()) else { return };
            met.when(!copy.queue.is_empty(), Case::RestoredWithOldWork);
        }
        Event::Cloned { from } => {
            let from = see.state.device_no(from).map(|no| &see.state.devices[no]);
            met.when(from.is_some_and(|from| from.has_pending()), Case::ClonedWithWork);
            met.when(from.is_some_and(|from| from.heard_of_a_delete), Case::ClonedAfterADelete);
        }
        Event::Saved { .. } => {
            let clones = see.on().is_some_and(|(_, device)| device.was_cloned);
            met.when(clones && see.record.is_some(), Case::CloneWorksOn);
        }
        _ => {}
    }
}

fn refused(see: &See<'_, '_>, met: &mut Met) {
    let Some((no, device)) = see.on() else { return };
    let full = see.state.is_struck_by(no, "fill-disk");
    met.when(full && device.has_pending(), Case::DiskFullWithWork);
    met.when(see.state.is_struck_by(no, "fail-disk"), Case::SaveRefusedForIoError);
}

fn struck(see: &See<'_, '_>, fault: &str, met: &mut Met) {
    let Some(fault) = see.state.faults.get(fault) else { return };
    let Some(kind) = fault.kind.map(|kind| KINDS[kind]) else { return };
    let waits = fault.device.is_some_and(|no| see.state.devices[no].has_pending());
    let others_wait = see.state.devices.iter().any(|device| device.has_pending());
    match kind {
        "flip-bit" => met.when(waits, Case::BitFlippedWithWork),
        "lying-disk" => met.when(fault.device.is_some(), Case::LyingSyncLosesSomething),
        "fail-disk" => met.when(fault.device.is_none() && others_wait, Case::ServerDiskFailsInPush),
        _ => {}
    }
}

fn second_app(see: &See<'_, '_>, met: &mut Met) {
    let Some((_, device)) = see.on() else { return };
    met.when(device.has_pending(), Case::SecondProcessRefusedWithWork);
}

fn wiped(see: &See<'_, '_>, met: &mut Met) {
    let Some((_, device)) = see.on() else { return };
    met.when(device.has_pending(), Case::WipedWithWork);
}
