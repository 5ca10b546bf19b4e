//! The alert, against what devices have reported.

use std::collections::BTreeMap;

use deadzone_contract::wire::METRIC_LAG_ALERT;
use deadzone_trace::Event;

use crate::findings::{Case, Findings};
use crate::history::{Class, History, SERVER};

/// The metrics are read a little before the trace says so.
const READING_US: u64 = 1_000_000;
/// A request that was never answered is not heard of after this.
const FORGOTTEN_US: u64 = 60_000_000;

/// What one request told of its device.
struct Report {
    age_ms: u64,
    request: usize,
    arrived: usize,
    /// When the server had answered it for the last time.
    answered: Option<usize>,
    /// Whether it surely counts: the server knows the device and took the request.
    counts: bool,
}

/// Judges every reading of the metrics.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let mut reports: Option<BTreeMap<&str, Vec<Report>>> = None;
    for (at, entry) in history.entries.iter().enumerate() {
        let Event::Scraped { status: 200, body } = &entry.event else { continue };
        let value = body.lines().find_map(|line| line.strip_prefix(METRIC_LAG_ALERT)).map(str::trim);
        let Some(fires) = value.and_then(|value| value.parse::<f64>().ok()).map(|value| value > 0.0) else {
            findings.unknown("the metrics do not tell of the alert");
            continue;
        };
        let reports = reports.get_or_insert_with(|| collect(history));
        Reading { history, at, fires }.judge(reports, findings);
    }
}

fn collect<'t>(history: &History<'t>) -> BTreeMap<&'t str, Vec<Report>> {
    let mut reports: BTreeMap<&str, Vec<Report>> = BTreeMap::new();
    for request in history.wire.requests() {
        let Some((device, age_ms)) = request.device_id.zip(request.queue_age_ms) else { continue };
        let Some(&arrived) = request.arrived.first() else { continue };
        let successes = request.answers.iter().filter(|answer| (200..300).contains(&answer.status));
        reports.entry(device).or_default().push(Report {
            age_ms,
            request: request.sent,
            arrived,
            answered: request.answers.iter().map(|answer| answer.at).max(),
            counts: matches!(request.class, Class::Push | Class::Pull) && successes.count() > 0,
        });
    }
    reports
}

/// One reading of the metrics.
struct Reading<'h, 't> {
    history: &'h History<'t>,
    at: usize,
    fires: bool,
}

impl Reading<'_, '_> {
    fn judge(&self, reports: &BTreeMap<&str, Vec<Report>>, findings: &mut Findings) {
        let most_ms = self.history.header.parameters.lag_alert;
        let mut may_fire = false;
        let mut must_fire = None;
        for (device, reports) in reports {
            let (candidates, may_be_unknown) = self.candidates(reports);
            may_fire |= candidates.iter().any(|report| report.age_ms >= most_ms);
            let late = !may_be_unknown && candidates.iter().all(|report| report.age_ms > most_ms);
            if let Some(first) = candidates.first().filter(|_| late) {
                must_fire = must_fire.or(Some((*device, first.age_ms, first.request)));
            }
        }
        if self.fires && !may_fire {
            let case = Case::new("firing-without-reason", "alert").evidence([self.at]);
            findings.report(case.says(
                "the queue-lag alert fires, but no device has told of work that is too old",
                format!("silence: nothing is older than {most_ms} ms"),
            ));
        }
        if let Some((device, age_ms, request)) = must_fire.filter(|_| !self.fires) {
            let case =
                Case::new("silent-although-late", "alert").evidence([request, self.at]).subject(device);
            findings.report(case.says(
                format!("the queue-lag alert is silent, but device {device} has told of work that is {age_ms} ms old"),
                format!("an alert: it is older than {most_ms} ms"),
            ));
        }
    }

    /// The reports of one device that may be the last that the server knew, and whether it may
    /// have known of none.
    fn candidates<'r>(&self, reports: &'r [Report]) -> (Vec<&'r Report>, bool) {
        let entries = self.history.entries;
        let us = |at: usize| entries[at].at_us;
        let started = self.history.hosts.started(SERVER, self.at).unwrap_or_default();
        let before = || reports.iter().filter(|report| report.arrived < self.at);
        let known = |report: &&Report| {
            let in_time = report.answered.is_some_and(|at| us(at).saturating_add(READING_US) <= us(self.at));
            report.counts && in_time && started < report.arrived
        };
        let last = before().filter(known).map(|report| report.arrived).max();
        let is_over = |report: &Report| match report.answered {
            Some(answered) => last.is_some_and(|last| answered < last),
            None => last.is_some_and(|last| us(report.arrived).saturating_add(FORGOTTEN_US) < us(last)),
        };
        (before().filter(|report| !is_over(report)).collect(), last.is_none())
    }
}
