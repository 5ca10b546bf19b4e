//! The badge of a device when all is quiet.

use deadzone_contract::Badge;
use deadzone_trace::Event;

use crate::findings::{Case, Findings};
use crate::history::History;

/// A device that is connected to a world that has fallen quiet has no reason to call itself
/// offline or busy.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let Ok(last) = &history.last else { return };
    for device in history.header.devices.keys() {
        let Some(look) = last.look(device).filter(|_| last.exemption(device).is_none()) else { continue };
        let status = &look.view.status;
        let (clause, what) = match status.badge {
            Badge::Offline => ("offline-although-connected", "calls itself offline"),
            Badge::Syncing if status.queued == 0 => {
                ("busy-with-nothing", "calls itself syncing with nothing queued")
            }
            _ => continue,
        };
        // What began after the quiet may be the reason.
        let since = history.entries.get(last.quiet..look.at).unwrap_or_default();
        if since.iter().any(|entry| disturbs(&entry.event)) {
            continue;
        }
        let case = Case::new(clause, "device").device(device).evidence([last.quiet, look.at]);
        findings.report(case.says(
            format!("{device} {what}, although it is connected and all is quiet"),
            "synced, or error where something needs its user",
        ));
    }
}

fn disturbs(event: &Event) -> bool {
    matches!(
        event,
        Event::FaultBegan { .. }
            | Event::Connectivity { .. }
            | Event::HostDown { .. }
            | Event::HostUp { .. }
            | Event::Suspended
            | Event::Resumed
    )
}
