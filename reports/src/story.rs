//! From a trace and a violation to the few moments that matter, in order.
//!
//! Each event of the trace is worth a moment of the story or not, by what it is and by whether
//! it is about the record and the device of the violation. Evidence always is. The weightiest
//! [`MOMENTS_MAX`] are told.

use std::collections::BTreeMap;

use deadzone_contract::wire::{METRIC_LAG_ALERT, MemberChange};
use deadzone_contract::{Action, RecordView};
use deadzone_oracle::Violation;
use deadzone_trace::{Crash, Event, Trace};
use serde::{Deserialize, Serialize};

use crate::exchanges::Calls;
use crate::terminal::shorten;
use crate::words::Names;

/// The most moments that a story tells.
pub const MOMENTS_MAX: usize = 10;
/// The longest sentence of a story, in characters.
const TEXT_MAX: usize = 180;

/// How a violation came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// In order of time.
    pub moments: Vec<Moment>,
    /// How many moments would have been worth telling besides.
    pub left_out: usize,
}

/// One sentence of a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Simulated time since the world began, in us.
    pub at_us: u64,
    /// What happened.
    pub text: String,
}

/// Tells how a violation came about.
pub fn story(trace: &Trace, violation: &Violation) -> Story {
    let teller = Teller { trace, violation, names: Names::of(trace), calls: Calls::of(trace) };
    // By place in the trace, so that several events of one exchange make one moment.
    let mut worth: BTreeMap<usize, Worth> = BTreeMap::new();
    // What came after the last piece of evidence had no part in it.
    let until = violation.evidence.iter().max().map_or(trace.entries.len(), |last| last + 1);
    for at in 0..until.min(trace.entries.len()) {
        if let Some((place, found)) = teller.worth(at) {
            let entry = worth.entry(place).or_insert_with(|| found.clone());
            entry.weight = entry.weight.max(found.weight);
        }
    }
    let mut chosen = gathered(trace, worth);
    let total = chosen.len();
    // Stable: of equally weighty ones the first are told.
    chosen.sort_by_key(|(_, worth)| std::cmp::Reverse(worth.weight));
    chosen.truncate(MOMENTS_MAX);
    chosen.sort_by_key(|(place, _)| *place);
    let moments: Vec<Moment> = chosen
        .into_iter()
        .map(|(place, worth)| Moment {
            at_us: trace.entries[place].at_us,
            text: shorten(&worth.text, TEXT_MAX) + &worth.suffix,
        })
        .collect();
    Story { left_out: total - moments.len(), moments }
}

/// Makes one moment of what happened again and again in the same words.
fn gathered(trace: &Trace, worth: BTreeMap<usize, Worth>) -> Vec<(usize, Worth)> {
    let mut moments: Vec<(usize, Worth)> = Vec::new();
    // By their words: which moment they are, how often they came, and when last.
    let mut repeated: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for (place, found) in worth {
        if found.repeats {
            if let Some((moment, times, last)) = repeated.get_mut(&found.text) {
                let first = &mut moments[*moment].1;
                first.weight = first.weight.max(found.weight);
                (*times, *last) = (*times + 1, place);
                continue;
            }
            repeated.insert(found.text.clone(), (moments.len(), 1, place));
        }
        moments.push((place, found));
    }
    for (moment, times, last) in repeated.into_values().filter(|(_, times, _)| *times > 1) {
        let until = crate::time(trace.entries[last].at_us);
        moments[moment].1.suffix = format!(" ({times} times, until {until})");
    }
    moments
}

#[derive(Clone)]
struct Worth {
    weight: u32,
    text: String,
    /// Whether it is one moment however often it is said.
    repeats: bool,
    /// How often it was said.
    suffix: String,
}

impl Worth {
    fn new(weight: u32, text: String, repeats: bool) -> Worth {
        Worth { weight, text, repeats, suffix: String::new() }
    }
}

/// What the oracle points at is always told.
const EVIDENCE: u32 = 1_000;
const DEATH: u32 = 95;
const STRIKE: u32 = 90;
const ODD_EXCHANGE: u32 = 80;
const OWN_ACTION: u32 = 70;
const CRASH: u32 = 60;
const OWN_EXCHANGE: u32 = 50;
const CONNECTIVITY: u32 = 40;
const REFRESH: u32 = 20;

struct Teller<'t> {
    trace: &'t Trace,
    violation: &'t Violation,
    names: Names<'t>,
    calls: Calls<'t>,
}

impl Teller<'_> {
    /// Which moment an event belongs to, by its place in the trace, and what that is worth; none
    /// where it is not worth telling.
    fn worth(&self, at: usize) -> Option<(usize, Worth)> {
        let evidence = self.violation.evidence.contains(&at);
        let entry = &self.trace.entries[at];
        if let Some(place) = self.calls.place(&entry.event) {
            return self.exchange(place, evidence);
        }
        if let Event::FaultStruck { what, .. } = &entry.event
            && let Some(place) = self.calls.struck(what, at)
        {
            // A push that carried nothing of the record had no part in what became of it.
            let (moment, told) = self.exchange(place, true)?;
            let apart = self.violation.record.is_some() && self.exchange(place, false).is_none();
            let push = !self.calls.list[place].mutations.is_empty();
            return (!(apart && push)).then_some((moment, Worth { weight: STRIKE, ..told }));
        }
        let place = match &entry.event {
            Event::Saved { action, .. }
            | Event::Refused { action, .. }
            | Event::Indefinite { action, .. } => self.invoked(&entry.host, action)?,
            _ => at,
        };
        let (weight, text) = self.event(place)?;
        let weight = if evidence { EVIDENCE } else { weight };
        let repeats = matches!(self.trace.entries[place].event, Event::Unsettled { .. });
        (weight > 0).then_some((place, Worth::new(weight, text, repeats)))
    }

    fn exchange(&self, place: usize, evidence: bool) -> Option<(usize, Worth)> {
        let call = &self.calls.list[place];
        let record = self.violation.record.as_ref();
        let own = record.is_some_and(|record| call.is_about(record));
        // A violation that is about no record may be about what its device went through.
        let suffered = record.is_none() && self.violation.device.as_deref() == Some(call.device);
        let weight = match (evidence, call.is_ordinary()) {
            (true, _) => EVIDENCE,
            (false, false) if (own || suffered) && call.is_refreshed() => REFRESH,
            (false, false) if own || suffered => ODD_EXCHANGE,
            (false, true) if own => OWN_EXCHANGE,
            (false, _) => return None,
        };
        Some((call.decided(), Worth::new(weight, call.words(&self.names, record), !call.is_ordinary())))
    }

    fn invoked(&self, host: &str, label: &str) -> Option<usize> {
        self.trace.entries.iter().position(|entry| {
            entry.host == host && matches!(&entry.event, Event::Invoked { action, .. } if action == label)
        })
    }

    /// What an event that is part of no exchange is worth, and its words; a weight of 0 is told
    /// only as evidence.
    fn event(&self, at: usize) -> Option<(u32, String)> {
        let entry = &self.trace.entries[at];
        let host = &entry.host;
        Some(match &entry.event {
            Event::HostDown { crash: Crash::Kill } => (CRASH, format!("{host} is killed")),
            Event::HostDown { crash: Crash::PowerLoss } => (CRASH, format!("{host} loses power")),
            Event::DiskSurvived { outcome } => (0, format!("what {host}'s disk had not synced: {outcome}")),
            Event::CopiesLost { why, .. } => (STRIKE, format!("{host}'s disk is damaged: {why}")),
            Event::DatabaseChecked { database, problem: Some(problem) } => {
                (STRIKE, format!("{database} on {host} is damaged: {problem}"))
            }
            // The fault that causes it is told with its own words.
            Event::DiskFault { active: true } => (0, format!("what {host} writes may fail")),
            Event::DiskFault { active: false } => (0, format!("{host}'s disk works again")),
            Event::Suspended => (CONNECTIVITY, format!("{host} goes to sleep")),
            Event::Resumed => (CONNECTIVITY, format!("{host} wakes up")),
            Event::SyncAsked => (0, format!("{host} is asked to sync")),
            Event::SecondApp { refused: None } => (CRASH, format!("a second app runs on {host}")),
            Event::SecondApp { refused: Some(why) } => {
                (CRASH, format!("a second app on {host} does not start: {why}"))
            }
            Event::BackedUp { backup } => (CRASH, format!("{host} is copied aside as {backup}")),
            Event::Restored { backup } => (CRASH, format!("{host} is restored from {backup}")),
            Event::Wiped => (CRASH, format!("{host} is wiped")),
            Event::Cloned { from } => (CRASH, format!("{host} becomes a copy of {from}")),
            Event::HostUp { incarnation: 1 } => (0, format!("{host} starts")),
            Event::HostUp { .. } => (CRASH, format!("{host} starts again")),
            Event::Invoked { .. } => self.action(at)?,
            Event::Named { name, .. } => (0, format!("{host} calls the new record {name}")),
            Event::Shown(view) if self.is_own(view) => {
                (0, format!("{host} shows {} ({})", self.names.view(view), view.state))
            }
            Event::Shown(view) => (0, format!("{host} shows {}", self.names.view(view))),
            Event::Gone { record } => (0, format!("{host} no longer shows {}", self.names.record(record))),
            Event::Tray { items } => (0, format!("{host}'s tray holds {}", self.names.tray(items))),
            Event::Status(status) => {
                let error = status.last_error.as_ref().map_or_else(String::new, |e| format!(", error: {e}"));
                (0, format!("{host}'s badge is {}, {} waiting{error}", status.badge, status.queued))
            }
            Event::FaultBegan { text, .. } => (0, format!("fault begins: {text}")),
            Event::FaultStruck { what, .. } => (STRIKE, what.clone()),
            Event::FaultEnded { fault } => (0, format!("fault {fault} ends")),
            Event::Connectivity { online: true } => (CONNECTIVITY, format!("{host} is online again")),
            Event::Connectivity { online: false } => (CONNECTIVITY, format!("{host} goes offline")),
            Event::Healed => (0, "every fault has ended, every host is up".to_owned()),
            Event::SettleBegan { bound_ms, .. } => {
                (0, format!("the world has {} s to fall quiet", bound_ms.div_ceil(1_000)))
            }
            Event::Settled => (0, "the world is quiet".to_owned()),
            Event::Unsettled { waiting } => (STRIKE, format!("still not quiet: {}", waiting.join("; "))),
            Event::Audited { user, records } => {
                (0, format!("the server has for {user} {}", self.found(records)))
            }
            Event::AuditFailed { user, why } => {
                (0, format!("the server could not be asked what it has for {user}: {why}"))
            }
            Event::Viewed(view) => (0, format!("{host} shows {}", self.found(&view.records))),
            Event::Expected { line, text, .. } => (0, format!("line {line} expects: {text}")),
            Event::Granted(change) => (CRASH, format!("the operator {}", member_words(change))),
            Event::GrantFailed { change, why } => {
                (STRIKE, format!("whether the operator {} nobody knows: {why}", member_words(change)))
            }
            Event::Upgraded { to } => (CRASH, format!("{host} gets version {to} of the app")),
            Event::Scraped { body, .. } => (0, format!("the metrics say that {}", alert_words(body))),
            Event::DiskRead { bytes, .. } => (0, format!("{host}'s disk is read ({bytes} bytes)")),
            Event::Panicked { message, location } => {
                (DEATH, format!("code under test panics on {host}: {message} ({location})"))
            }
            Event::Broke { what } => (DEATH, format!("{host} cannot go on: {what}")),
            // The header, the end, what belongs to an exchange, and what belongs to an action.
            _ => return None,
        })
    }

    /// What a user did, with what came of it.
    fn action(&self, at: usize) -> Option<(u32, String)> {
        let host = &self.trace.entries[at].host;
        let Event::Invoked { action, user, name, act, .. } = &self.trace.entries[at].event else {
            return None;
        };
        let mut record = act.record();
        let mut ending = "nobody knows".to_owned();
        for later in self.trace.entries[at..].iter().filter(|entry| entry.host == *host) {
            match &later.event {
                Event::Saved { action: ended, record: saved, .. } if ended == action => {
                    record = record.or(saved.as_ref());
                    ending = "saved".to_owned();
                    break;
                }
                Event::Refused { action: ended, code, detail } if ended == action => {
                    ending = format!("refused, {code}: {detail}");
                    break;
                }
                Event::Indefinite { action: ended, why } if ended == action => {
                    ending = format!("nobody knows: {why}");
                    break;
                }
                _ => {}
            }
        }
        let own = record.is_some() && record == self.violation.record.as_ref();
        let weight = match act {
            // What rights there are, and who holds the device, is part of every story.
            Action::SignOut { .. } | Action::SetRole { .. } => CRASH,
            _ if own => OWN_ACTION,
            _ => 0,
        };
        Some((weight, format!("{user} on {host}: {} ({ending})", self.names.action(name.as_deref(), act))))
    }

    fn is_own(&self, view: &RecordView) -> bool {
        self.violation.record.as_ref() == Some(&view.record)
    }

    /// What of the violation's record is among others; how many there are where it is about none.
    fn found(&self, records: &[RecordView]) -> String {
        let Some(own) = &self.violation.record else { return count(records.len()) };
        match records.iter().find(|view| view.record == *own) {
            Some(view) => format!("{} ({})", self.names.view(view), view.state),
            None => format!("no {}", self.names.record(own)),
        }
    }
}

fn count(records: usize) -> String {
    match records {
        0 => "nothing".to_owned(),
        1 => "1 record".to_owned(),
        n => format!("{n} records"),
    }
}

fn member_words(change: &MemberChange) -> String {
    let MemberChange { workspace, user, role } = change;
    match role {
        Some(role) => format!("makes {user} {role} in {workspace}"),
        None => format!("takes {user} out of {workspace}"),
    }
}

fn alert_words(metrics: &str) -> &'static str {
    let alert = metrics.lines().find_map(|line| line.strip_prefix(METRIC_LAG_ALERT));
    match alert.map(str::trim) {
        Some("1") => "the lag alert is firing",
        Some("0") => "the lag alert is silent",
        _ => "nothing of the lag alert",
    }
}
