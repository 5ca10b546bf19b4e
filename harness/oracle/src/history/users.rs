//! Who is signed in on which device, and when a sign-out wiped it.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::Action;
use deadzone_trace::{Entry, Event, Header};

use super::{ActionRun, Ending};

/// Everybody's sessions.
#[derive(Debug, Default)]
pub(crate) struct Users<'t> {
    by_device: BTreeMap<&'t str, Device<'t>>,
}

/// One device.
#[derive(Debug)]
struct Device<'t> {
    /// Its user when the world began.
    first: &'t str,
    /// In the order in which they began.
    changes: Vec<Change<'t>>,
}

/// Somebody signs in or out.
#[derive(Clone, Copy, Debug)]
struct Change<'t> {
    begun: usize,
    ended: usize,
    /// Whether it is known to have happened.
    certain: bool,
    /// Whose the device is then; none: nobody's.
    to: Option<&'t str>,
    /// It wiped the device.
    is_sign_out: bool,
}

/// A sign-out that was not refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignOut {
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    /// Whether it is known to have happened.
    pub(crate) certain: bool,
}

impl<'t> Users<'t> {
    pub(super) fn read(header: &'t Header, actions: &[ActionRun<'t>], entries: &'t [Entry]) -> Users<'t> {
        let device = |(name, user): (&'t String, &'t String)| {
            (name.as_str(), Device { first: user, changes: Vec::new() })
        };
        let mut users = Users { by_device: header.devices.iter().map(device).collect() };
        for run in actions.iter().filter(|run| run.may_have_happened()) {
            let (to, is_sign_out) = match run.act {
                Action::SignIn { user, .. } => (Some(user.as_str()), false),
                Action::SignOut { .. } => (None, true),
                _ => continue,
            };
            let certain = run.ending == Ending::Saved;
            let change = Change { begun: run.begun, ended: run.ended, certain, to, is_sign_out };
            if let Some(device) = users.by_device.get_mut(run.device) {
                device.changes.push(change);
            }
        }
        for (at, entry) in entries.iter().enumerate() {
            // A copy speaks for whoever its origin spoke for.
            let Event::Cloned { from } = &entry.event else { continue };
            let origin: Vec<_> = users.at(from, at).into_iter().collect();
            let Some(device) = users.by_device.get_mut(entry.host.as_str()) else { continue };
            let before = device.changes.partition_point(|change| change.begun < at);
            for (n, &to) in origin.iter().enumerate() {
                let change = Change { begun: at, ended: at, certain: n == 0, to, is_sign_out: false };
                device.changes.insert(before + n, change);
            }
        }
        users
    }

    /// Who may be signed in on a device at a moment; none among them: nobody may be.
    pub(crate) fn at(&self, device: &str, at: usize) -> BTreeSet<Option<&'t str>> {
        let Some(device) = self.by_device.get(device) else { return BTreeSet::new() };
        let mut possible = BTreeSet::from([Some(device.first)]);
        for change in device.changes.iter().take_while(|change| change.begun <= at) {
            if change.certain && change.ended <= at {
                possible.clear();
            }
            possible.insert(change.to);
        }
        possible
    }

    /// Who is signed in on a device at a moment, if that is certain and anybody is.
    pub(crate) fn surely_at(&self, device: &str, at: usize) -> Option<&'t str> {
        let possible = self.at(device, at);
        if possible.len() == 1 { possible.into_iter().next().flatten() } else { None }
    }

    /// The sign-outs on a device that were not refused, in order.
    pub(crate) fn sign_outs(&self, device: &str) -> impl DoubleEndedIterator<Item = SignOut> {
        let changes = self.by_device.get(device).map(|device| device.changes.as_slice());
        let outs = changes.unwrap_or_default().iter().filter(|change| change.is_sign_out);
        outs.map(|&Change { begun, ended, certain, .. }| SignOut { begun, ended, certain })
    }

    /// When a sign-out that may have wiped a device last began before `at`.
    pub(crate) fn wiped(&self, device: &str, at: usize) -> Option<usize> {
        self.sign_outs(device).rev().map(|out| out.begun).find(|&begun| begun < at)
    }
}
