//! `GET /metrics`: what an operator watches, as Prometheus text.
//!
//! What devices report and what was answered is kept in memory and begins anew with each start;
//! what the database holds is counted when it is asked for.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deadzone_contract::wire::{METRIC_LAG_ALERT, METRIC_QUEUE_AGE, MutationResult, Outcome};
use rusqlite::Connection;

use crate::App;

/// More devices than this are not told apart by their ages: a device id costs its sender nothing.
const DEVICES_MAX: usize = 10_000;

/// What was reported and answered since the start.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Device to the age of its oldest pending mutation, in ms, as it told last.
    queue_ages_ms: BTreeMap<String, u64>,
    done: u64,
    rejected: u64,
    deferred: u64,
}

impl Metrics {
    /// A device tells the age of its oldest pending mutation.
    pub(crate) fn report(&self, device: &str, age_ms: u64) {
        let mut seen = self.seen();
        if let Some(age) = seen.queue_ages_ms.get_mut(device) {
            *age = age_ms;
            return;
        }
        if seen.queue_ages_ms.len() >= DEVICES_MAX {
            seen.queue_ages_ms.retain(|_, age_ms| *age_ms > 0);
        }
        if seen.queue_ages_ms.len() < DEVICES_MAX {
            seen.queue_ages_ms.insert(device.to_owned(), age_ms);
        }
    }

    /// Mutations were answered.
    pub(crate) fn answered(&self, results: &[MutationResult]) {
        let mut seen = self.seen();
        for result in results {
            match result.outcome {
                Outcome::Done { .. } => seen.done += 1,
                Outcome::Rejected { .. } => seen.rejected += 1,
                Outcome::Deferred => seen.deferred += 1,
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything there is to watch. Where the database cannot be read, what it holds is left out: an
/// operator needs the alert then most of all.
pub(crate) async fn render(app: &App) -> String {
    let held = match app.read().await {
        Ok(db) => Held::count(&db),
        Err(error) => Err(error),
    };
    let held = match held {
        Ok(held) => Some(held),
        Err(error) => {
            app.doubt(&error).await;
            None
        }
    };
    let seen = app.metrics.seen();
    let mut page = Page::default();
    let ages = seen.queue_ages_ms.iter().map(|(device, age_ms)| {
        (format!("{{device=\"{}\"}}", escaped(device)), format!("{}.{:03}", age_ms / 1_000, age_ms % 1_000))
    });
    page.metric(
        METRIC_QUEUE_AGE,
        "gauge",
        "Age of the oldest pending mutation that a device told last.",
        ages,
    );
    let lags = seen.queue_ages_ms.values().any(|age_ms| *age_ms > app.parameters.lag_alert);
    let about = "1 while a device tells of a pending mutation older than is acceptable.";
    page.value(METRIC_LAG_ALERT, about, u64::from(lags));
    let answered = [("deferred", seen.deferred), ("done", seen.done), ("rejected", seen.rejected)];
    let answered = answered.map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), count.to_string()));
    page.metric("sync_mutations_total", "counter", "Mutations that were answered.", answered);
    if let Some(held) = held {
        page.value("sync_open_conflicts", "Conflicts that wait for a decision.", held.open_conflicts);
        page.value("sync_stored_answers", "Answers that are kept for repetitions.", held.answers);
        page.value(
            "sync_tombstones",
            "Deleted records that are kept for devices to learn of.",
            held.tombstones,
        );
    }
    page.0
}

/// How much of what the database holds.
struct Held {
    answers: u64,
    tombstones: u64,
    open_conflicts: u64,
}

impl Held {
    fn count(db: &Connection) -> rusqlite::Result<Held> {
        let count = |sql| db.prepare_cached(sql)?.query_row([], |row| row.get(0));
        Ok(Held {
            answers: count("SELECT count(*) FROM answers")?,
            tombstones: count("SELECT count(*) FROM records WHERE deleted_ms IS NOT NULL AND purged = 0")?,
            open_conflicts: count("SELECT count(*) FROM conflicts")?,
        })
    }
}

/// Prometheus text in the making.
#[derive(Default)]
struct Page(String);

impl Page {
    fn value(&mut self, name: &str, about: &str, value: u64) {
        self.metric(name, "gauge", about, [(String::new(), value.to_string())]);
    }

    /// One metric with its samples: labels and value.
    fn metric(
        &mut self,
        name: &str,
        kind: &str,
        about: &str,
        samples: impl IntoIterator<Item = (String, String)>,
    ) {
        let Page(text) = self;
        let written = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
        let written = samples
            .into_iter()
            .fold(written, |written, (labels, value)| written.and(writeln!(text, "{name}{labels} {value}")));
        written.expect("a string takes everything");
    }
}

/// A value between quotes. It comes from a header, so it has no line breaks.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}
