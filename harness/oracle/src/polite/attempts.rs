//! When devices ask again.

use std::collections::{BTreeMap, VecDeque};

use deadzone_trace::{Entry, Event};

use super::word;
use crate::findings::{Case, Findings};
use crate::history::{Class, History, Outcome, Request};
use deadzone_contract::Code;

/// So many requests ahead of their time a user may have asked for. The next one is the device's.
const EARLY_MAX: u32 = 1;
/// Timers are of whole milliseconds, and a message is under way for some.
const EARLY_SLACK_US: u64 = 50_000;
/// So many failed attempts within the longest pause are more than any draw of pauses explains: that
/// of 20 pauses, each up to the longest, all fit into one has a chance of one in 20 factorial.
const FAILED_MAX: usize = 20;
/// So often a mutation may be answered within one life of its app: the answer may have been to
/// several copies, and its commit may fail on the device.
const ANSWERED_MAX: usize = 10;

/// Judges every attempt.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let requests = history.wire.requests();
    let by_sent: BTreeMap<usize, &Request<'_>> =
        requests.iter().map(|request| (request.sent, request)).collect();
    let by_closed: BTreeMap<usize, &Request<'_>> =
        requests.iter().filter_map(|request| Some((request.closed?, request))).collect();
    // A user who signs in or does what needs an answer does not wait.
    let urgent: BTreeMap<usize, &str> =
        history.actions.iter().filter(|run| run.needs_network()).map(|run| (run.begun, run.device)).collect();
    let mut devices: BTreeMap<&str, Device> = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        let is_exchange =
            matches!(entry.event, Event::Sent { .. } | Event::Delivered { .. } | Event::Failed { .. });
        let begins_anew = excuses(entry) || urgent.contains_key(&at);
        if !is_exchange && !begins_anew && entry.event != Event::SyncAsked {
            continue;
        }
        let device = devices.entry(&entry.host).or_default();
        if entry.event == Event::SyncAsked {
            // Who wants it now, gets an attempt now.
            device.kinds.values_mut().for_each(|kind| kind.failed.clear());
        }
        if begins_anew {
            *device = Device::default();
        }
        if let Some(request) = by_sent.get(&at) {
            device.send(entry, request, findings);
        }
        if let Some(request) = by_closed.get(&at) {
            device.close(history, at, request, findings);
        }
    }
}

/// What makes a device ask at once, whatever was before.
fn excuses(entry: &Entry) -> bool {
    matches!(entry.event, Event::HostUp { .. } | Event::Resumed | Event::Connectivity { online: true })
}

/// What one device has been through since it began anew.
#[derive(Default)]
struct Device {
    kinds: BTreeMap<Class, Kind>,
    /// How each mutation was answered, by the name of the device and the number.
    answered: BTreeMap<(String, u64), Answered>,
}

/// How often one mutation was answered.
#[derive(Default)]
struct Answered {
    /// While the disk worked.
    times: usize,
    /// Those while the disk could refuse to note the answer: what is not noted is asked for again
    /// until it is, but as anything that fails, with growing pauses.
    refused: Recent,
}

/// What became of requests of one kind.
#[derive(Default)]
struct Kind {
    /// Until when the server asked for peace, and in which entry it was told.
    peace: Option<(u64, usize)>,
    /// The requests that came before that time, one after the other.
    early: Vec<usize>,
    /// The attempts that failed, one after the other.
    failed: Recent,
}

/// Requests that are not older than the longest pause: when each was sent, and in which entry.
type Recent = VecDeque<(u64, usize)>;

impl Device {
    fn send(&mut self, entry: &Entry, request: &Request<'_>, findings: &mut Findings) {
        let kind = self.kinds.entry(request.class).or_default();
        let Some((until_us, told)) = kind.peace else { return };
        if entry.at_us.saturating_add(EARLY_SLACK_US) >= until_us {
            kind.early.clear();
            return;
        }
        kind.early.push(request.sent);
        if kind.early.len() <= EARLY_MAX as usize {
            return;
        }
        let left_ms = (until_us - entry.at_us) / 1_000;
        let case = Case::new("too-early", word(request.class)).device(request.device);
        findings.report(case.evidence(kind.early.iter().copied()).evidence([told]).says(
            format!("{} asks again {left_ms} ms before the server wants to be asked", request.device),
            "nothing of the kind before the time has passed that `Retry-After` said",
        ));
    }

    fn close(&mut self, history: &History<'_>, at: usize, request: &Request<'_>, findings: &mut Findings) {
        let now_us = history.entries[at].at_us;
        let kind = self.kinds.entry(request.class).or_default();
        // Of several copies, it may have been any answer, also one that asks for no peace.
        let own = request.answers.iter().filter(|answer| Some(answer.status) == request.status);
        if let Some(after_s) = own.map(|answer| answer.retry_after_s).min().flatten() {
            kind.peace = Some((now_us.saturating_add(after_s.saturating_mul(1_000_000)), at));
        }
        match request.status {
            // To 426 the answer is an upgrade; until then it is the same whenever it is asked for.
            Some(status) if status < 500 && !matches!(status, 426 | 429) => kind.failed.clear(),
            _ => kind.fail(history, request, findings),
        }
        if request.accepted == Some(at) {
            self.count(history, request, at, findings);
        }
    }

    /// Counts the answers to each mutation that leave nothing to ask.
    fn count(&mut self, history: &History<'_>, request: &Request<'_>, at: usize, findings: &mut Findings) {
        let Some(name) = request.device_id else { return };
        let refused = history.hosts.disk_could_fail(request.device, at, at);
        for (position, mutation) in request.mutations.iter().enumerate() {
            let is_final = request.outcomes(position).any(|(_, outcome)| match outcome {
                Outcome::Done { .. } => true,
                Outcome::Rejected(code) => !matches!(code, Some(Code::StampAhead | Code::NumberReused)),
                Outcome::Open => false,
            });
            let Some(number) = mutation.number.filter(|_| is_final) else { continue };
            let answered = self.answered.entry((name.to_owned(), number)).or_default();
            let (times, most) = if refused {
                note(&mut answered.refused, history, request.sent);
                (answered.refused.len(), FAILED_MAX)
            } else {
                answered.times += 1;
                (answered.times, ANSWERED_MAX)
            };
            if times <= most {
                continue;
            }
            let case = Case::new("answered-again", "push").device(request.device).record(&mutation.id);
            findings.report(case.evidence([request.sent]).evidence(request.accepted).says(
                format!("{} has sent mutation {number} {times} times, and each was answered", request.device),
                if refused {
                    "growing pauses between attempts to note an answer on a disk that fails"
                } else {
                    "a mutation that was answered leaves the queue"
                },
            ));
        }
    }
}

/// Notes what was sent, and forgets what was sent longer ago than the longest pause.
fn note(recent: &mut Recent, history: &History<'_>, sent: usize) {
    let longest_us = longest_us(history);
    let sent_us = history.entries[sent].at_us;
    recent.push_back((sent_us, sent));
    while recent.front().is_some_and(|(first_us, _)| first_us.saturating_add(longest_us) < sent_us) {
        recent.pop_front();
    }
}

/// The longest pause between two attempts.
fn longest_us(history: &History<'_>) -> u64 {
    history.header.parameters.backoff_max.saturating_mul(1_000)
}

impl Kind {
    fn fail(&mut self, history: &History<'_>, request: &Request<'_>, findings: &mut Findings) {
        note(&mut self.failed, history, request.sent);
        if self.failed.len() <= FAILED_MAX {
            return;
        }
        let ends = [self.failed.front(), self.failed.back()].into_iter().flatten().map(|(_, sent)| *sent);
        let case = Case::new("hammering", word(request.class)).device(request.device).evidence(ends);
        findings.report(case.says(
            format!(
                "{} has tried {} times in a row within {} s, and failed each time",
                request.device,
                self.failed.len(),
                longest_us(history) / 1_000_000,
            ),
            "growing pauses between attempts, up to the longest",
        ));
        self.failed.clear();
    }
}
