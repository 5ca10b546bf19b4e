//! The eyes of a phone's user: what was shown, and which moves of a badge were not legal.

use std::collections::BTreeMap;
use std::sync::Mutex;

use deadzone_contract::seam::Screen;
use deadzone_contract::{RecordId, RecordState, RecordView, Status, TrayItem};

#[derive(Default)]
pub(crate) struct Eyes(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    badges: BTreeMap<RecordId, RecordState>,
    illegal: Vec<String>,
    statuses: Vec<Status>,
}

impl Eyes {
    /// The moves that no badge may make.
    pub(crate) fn illegal(&self) -> Vec<String> {
        self.0.lock().unwrap().illegal.clone()
    }

    /// The database is given up: what is shown of the one that takes its place may be of an earlier
    /// moment, and follows on nothing.
    pub(crate) fn begin_anew(&self) {
        self.0.lock().unwrap().badges.clear();
    }

    /// Every state of the device that was shown, in order.
    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.0.lock().unwrap().statuses.clone()
    }

    /// The badges of the records that are shown.
    pub(crate) fn badges(&self) -> BTreeMap<RecordId, RecordState> {
        self.0.lock().unwrap().badges.clone()
    }
}

impl Screen for Eyes {
    fn record(&self, view: &RecordView) {
        let mut seen = self.0.lock().unwrap();
        if let Some(before) = seen.badges.insert(view.record.clone(), view.state)
            && !may_follow(before, view.state)
        {
            seen.illegal.push(format!("{}: {before} to {}", view.record, view.state));
        }
    }

    fn gone(&self, record: &RecordId) {
        self.0.lock().unwrap().badges.remove(record);
    }

    fn tray(&self, tray: &[TrayItem]) {
        let mut seen = self.0.lock().unwrap();
        let silent = tray.iter().filter(|item| item.reason.is_empty() || item.ways_out.is_empty());
        let silent: Vec<_> = silent.map(|item| format!("{item:?} says nothing")).collect();
        seen.illegal.extend(silent);
    }

    fn status(&self, status: &Status) {
        self.0.lock().unwrap().statuses.push(status.clone());
    }
}

/// The legal moves, as the contract has them.
fn may_follow(from: RecordState, to: RecordState) -> bool {
    use RecordState::{Conflict, Discarded, Failed, Modified, Retrying, Saved, Synced, Syncing};
    from == to
        || match from {
            Saved | Modified => matches!(to, Syncing | Failed | Conflict),
            Syncing => matches!(to, Synced | Retrying | Modified | Failed | Conflict),
            Retrying => matches!(to, Syncing | Modified | Discarded),
            Synced => matches!(to, Modified | Conflict),
            Failed => matches!(to, Syncing | Discarded),
            Conflict => matches!(to, Syncing | Discarded | Synced),
            Discarded => to == Synced,
        }
}
