//! The badge of a device at which nobody is signed in.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Action, Badge};
use deadzone_trace::Event;

use crate::findings::{Case, Findings};
use crate::history::History;

/// A device that was signed out or wiped syncs nothing until somebody signs in, and says so.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let devices = history.header.devices.keys().map(String::as_str);
    let outs: BTreeSet<(usize, &str)> = devices
        .flat_map(|device| history.users.sign_outs(device).map(move |out| (out, device)))
        .filter(|(out, _)| out.certain)
        .map(|(out, device)| (out.ended, device))
        .collect();
    // Since when nobody is, for all that the device can know.
    let mut nobody: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        let device = entry.host.as_str();
        let status = match &entry.event {
            Event::Wiped => {
                nobody.insert(device, at);
                continue;
            }
            Event::Invoked { act: Action::SignIn { .. }, .. } | Event::Cloned { .. } => {
                nobody.remove(device);
                continue;
            }
            Event::Status(status) => status,
            Event::Viewed(view) => &view.status,
            _ if outs.contains(&(at, device)) => {
                nobody.insert(device, at);
                continue;
            }
            _ => continue,
        };
        let Some(&since) = nobody.get(device).filter(|_| status.badge != Badge::Error) else { continue };
        let case = Case::new("sign-in-not-asked-for", "device").device(device).evidence([since, at]);
        findings.report(case.says(
            format!("{device} calls itself {}, although nobody is signed in", status.badge),
            "error: it needs a sign-in, and syncs nothing until then",
        ));
    }
}
