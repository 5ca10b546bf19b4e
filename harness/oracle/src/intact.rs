//! Oracle `intact`: no crash breaks a database.
//!
//! Invariant: every database passes its integrity check after every crash of its host, before the
//! app touches it again. A check that fails is excused only while a fault outside the model may
//! be the cause: the disk forgot or was damaged before, no check has passed since, and no app
//! that started since has synced everything. An app that went on with a damaged database is not
//! excused any more.
//!
//! A crash without a check is unknown where the trace speaks of disks at all and the host is
//! known to have a database: one was checked before, an action was saved on it, or it answered
//! requests, and no sign-out has begun to delete it since. A trace that never speaks of disks is of
//! a world whose storage does not crash.
//!
//! Source: the design's crash model: what is durable survives whole.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `damaged` | a database does not pass its check after a crash |

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::Action;
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::History;
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("intact");
    let mut disks = Disks::default();
    if history.hosts.have_disks {
        for (at, entry) in history.entries.iter().enumerate() {
            disks.take(history, at, entry, &mut findings);
        }
    }
    findings.verdict()
}

/// What is known of every host's disk.
#[derive(Default)]
struct Disks<'t> {
    /// Hosts that have a database.
    used: BTreeSet<&'t str>,
    /// Hosts that crashed, and no database of them was checked since.
    unchecked: BTreeSet<&'t str>,
    /// When each database last passed, by its host and name.
    passed: BTreeMap<(&'t str, &'t str), usize>,
    crashed: BTreeMap<&'t str, usize>,
}

impl<'t> Disks<'t> {
    fn take(&mut self, history: &History<'t>, at: usize, entry: &'t Entry, findings: &mut Findings) {
        let host = entry.host.as_str();
        match &entry.event {
            Event::Saved { .. } | Event::Answered { .. } => {
                self.used.insert(host);
            }
            Event::Wiped => {
                self.used.remove(host);
                self.unchecked.remove(host);
            }
            // It deletes the database, and may die before there is a new one.
            Event::Invoked { act: Action::SignOut { .. }, .. } => {
                self.used.remove(host);
            }
            Event::HostDown { .. } => {
                self.unchecked.insert(host);
                self.crashed.insert(host, at);
            }
            Event::HostUp { .. } => {
                let unchecked = self.unchecked.remove(host);
                if unchecked && self.used.contains(host) {
                    findings
                        .unknown(format!("{host} came up after a crash, and nobody had checked its disk"));
                }
            }
            Event::DatabaseChecked { database, problem } => {
                self.used.insert(host);
                self.unchecked.remove(host);
                match problem {
                    None => {
                        self.passed.insert((host, database), at);
                    }
                    Some(problem) => self.judge(history, at, host, database, problem, findings),
                }
            }
            _ => {}
        }
    }

    fn judge(
        &self,
        history: &History<'_>,
        at: usize,
        host: &str,
        database: &str,
        problem: &str,
        findings: &mut Findings,
    ) {
        let passed = self.passed.get(&(host, database)).copied().unwrap_or_default();
        let mut damages = history.hosts.damages(host).iter();
        if damages.any(|damage| passed < damage.at && damage.at < at && at < damage.over) {
            return;
        }
        let effect = if history.header.devices.contains_key(host) { "device" } else { "server" };
        let case = Case::new("damaged", effect).device(host).subject(database);
        let case = case.evidence(self.crashed.get(host).copied()).evidence([at]);
        findings.report(case.says(
            format!("{database} on {host} does not pass its check after a crash: {problem}"),
            "an intact database: nothing outside the model damaged this one",
        ));
    }
}
