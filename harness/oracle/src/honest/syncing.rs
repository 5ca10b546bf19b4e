//! Records that a device calls syncing.

use std::collections::BTreeMap;

use crate::findings::{Case, Findings};
use crate::history::{History, Request};

/// Since when each device shows a record as syncing, or has the time to do something about it.
#[derive(Default)]
pub(super) struct Syncing<'t> {
    since: BTreeMap<(&'t str, usize), usize>,
}

impl<'t> Syncing<'t> {
    pub(super) fn begin(&mut self, host: &'t str, record: usize, at: usize) {
        self.since.entry((host, record)).or_insert(at);
    }

    pub(super) fn end(&mut self, host: &'t str, record: usize) {
        self.since.remove(&(host, record));
    }

    /// A device begins anew with all its records.
    pub(super) fn forget(&mut self, host: &str) {
        self.since.retain(|(on, _), _| *on != host);
    }

    /// A device has slept: its timers stood.
    pub(super) fn resume(&mut self, host: &str, at: usize) {
        self.since.iter_mut().filter(|((on, _), _)| *on == host).for_each(|(_, since)| *since = at);
    }

    /// What is called syncing is on its way, or was until a moment ago. Before it leaves, and again
    /// after an answer, the device may have to get new tokens.
    pub(super) fn judge(&self, history: &History<'t>, at: usize, host: &str, findings: &mut Findings) {
        let entries = history.entries;
        let parameters = &history.header.parameters;
        let patience_us =
            (2 * parameters.request_timeout).saturating_add(parameters.save_bound).saturating_mul(1_000);
        let is_long_ago =
            |moment: usize| entries[moment].at_us.saturating_add(patience_us) < entries[at].at_us;
        let ended = |push: &Request<'_>| push.closed.is_some_and(is_long_ago);
        for (&(on, record), &since) in &self.since {
            let is_idle = on == host
                && is_long_ago(since)
                && !history.hosts.disk_could_fail(host, since, at)
                && history.wire.pushes(host, record).all(|push| push.sent > at || ended(push));
            if !is_idle {
                continue;
            }
            let name = history.name(record);
            let case = Case::new("syncing-with-nothing-sent", "syncing").device(host);
            findings.report(case.record(history.records[record].id).evidence([since, at]).says(
                format!("{host} shows {name} as syncing, but no push with work on it is under way"),
                "syncing only while something is on its way",
            ));
        }
    }
}
