//! Oracle `alive`: nothing under test panics, hangs or gives up.
//!
//! Invariant: no device and no server panics or stops being able to go on, and a device whose
//! host is up and awake answers every action within its bound. What does not start while its disk
//! is full or has errors is right to say so. A panic of the harness is an error of the harness,
//! not a failure of what it tests.
//!
//! Source: panics are bugs; a user action is saved or refused in bounded time.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `panicked` | code under test panicked |
//! | `broke` | an app did not start, or a server did not open |
//! | `hung` | a device kept silent about an action although its host was up |

use std::collections::BTreeMap;

use deadzone_contract::Action;
use deadzone_trace::Event;

use crate::findings::{Case, Findings};
use crate::history::{ActionRun, Ending, History};
use crate::verdict::Verdict;

/// The harness itself.
const WORLD: &str = "world";

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("alive");
    // When each host went down, panicked or broke; and when it came up.
    let mut ends: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut ups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        let host = entry.host.as_str();
        match &entry.event {
            Event::HostUp { .. } => ups.entry(host).or_default().push(at),
            Event::HostDown { .. } => ends.entry(host).or_default().push(at),
            Event::Panicked { message, location } => {
                ends.entry(host).or_default().push(at);
                if host == WORLD {
                    findings.harness_error(format!("the harness panicked at {location}: {message}"));
                } else {
                    let what = format!("{host} panicked at {location}: {message}");
                    report(history, &mut findings, "panicked", host, at, what);
                }
            }
            Event::Broke { what } if host == WORLD => {
                findings.harness_error(format!("the harness broke: {what}"));
            }
            Event::Broke { what } => {
                ends.entry(host).or_default().push(at);
                if history.hosts.disk_could_fail(host, at, at) {
                    continue;
                }
                report(history, &mut findings, "broke", host, at, format!("{host} cannot go on: {what}"));
            }
            _ => {}
        }
    }
    for action in &history.actions {
        let of = |times: &BTreeMap<&str, Vec<usize>>| times.get(action.device).cloned().unwrap_or_default();
        judge_action(history, action, &of(&ends), &of(&ups), &mut findings);
    }
    if !history.end.finished {
        findings.unknown("the run did not come to its end");
    }
    findings.verdict()
}

fn report(
    history: &History<'_>,
    findings: &mut Findings,
    clause: &'static str,
    host: &str,
    at: usize,
    what: String,
) {
    let effect = if history.header.devices.contains_key(host) { "device" } else { "server" };
    let case = Case::new(clause, effect).device(host).subject(what.clone()).evidence([at]);
    findings.report(case.says(what, format!("{host} goes on")));
}

/// An action without an outcome is explained by the end of its host, and by nothing else.
fn judge_action(
    history: &History<'_>,
    action: &ActionRun<'_>,
    ends: &[usize],
    ups: &[usize],
    findings: &mut Findings,
) {
    // A device that says that it does not know has not kept silent.
    if action.ending != Ending::Indefinite || action.refusal.is_some() {
        return;
    }
    let to_us = history.entries[action.ended].at_us;
    // The end of a host and what follows from it share their instant, in whichever order.
    let ended =
        ends.iter().any(|&at| at > action.begun && (at < action.ended || history.entries[at].at_us == to_us));
    let last_before = |times: &[usize]| times.iter().copied().rfind(|&at| at < action.begun);
    let was_down = last_before(ends) > last_before(ups);
    let parameters = &history.header.parameters;
    let bound_ms = match action.act {
        Action::SignIn { .. } => parameters.save_bound + parameters.request_timeout,
        // It signs in first.
        _ if action.needs_network() => parameters.save_bound + 2 * parameters.request_timeout,
        _ => parameters.save_bound,
    };
    let effect = action.kind();
    let waited_ms = history.hosts.awake_ms(history.entries, action.device, action.begun, action.ended);
    if ended || was_down || waited_ms < bound_ms {
        return;
    }
    let case = Case::new("hung", effect).device(action.device).subject(action.label);
    findings.report(case.evidence(history.outcome(action)).says(
        format!("{} kept silent about {effect} {} for {waited_ms} ms", action.device, action.label),
        format!("saved or refused within {bound_ms} ms"),
    ));
}
