//! Hints: the server tells when something changed, and sometimes what.
//!
//! One request for hints is open while the device may sync. What a hint brings is applied where it
//! continues exactly what this device has; everything else only means that a pull is worthwhile.
//! Truth is what a pull says.

use std::sync::Arc;
use std::time::Duration;

use deadzone_contract::wire::{Hint, PATH_HINTS, PulledChange};
use futures_util::future::{self, Either};

use crate::app::App;
use crate::call::{Ask, CallError};
use crate::pause::Pause;
use crate::policy::Hints;
use crate::shared::Stay;
use crate::store::{Meta, Result, RowStatus, Tx};
use crate::{pull, scope, session};

/// How long to sleep where only an event can make listening possible again.
const IDLE: Duration = Duration::from_secs(24 * 3600);

/// Listens for as long as the app runs, if there is anything to listen to.
pub(crate) async fn run(app: Arc<App>) {
    let parameters = &app.start.parameters;
    if parameters.hint_hold == 0 {
        return;
    }
    let clock = Arc::clone(&app.env.env.clock);
    let mut pause = Pause::default();
    loop {
        let now = clock.elapsed();
        let stay = app.stay();
        let left = pause.not_before.saturating_sub(now).max(app.held().unwrap_or_default());
        if !app.shared().may_listen(stay) || left > Duration::ZERO {
            let left = if app.shared().may_listen(stay) { left } else { IDLE };
            future::select(Box::pin(app.listen.notified()), clock.sleep(left)).await;
            continue;
        }
        match listen(&app, stay).await {
            Ok(()) => {
                pause = Pause::default();
                // However much the server has to tell, it is asked now and then only.
                pause.not_before = now + Duration::from_millis(parameters.backoff_first);
            }
            Err(error) => {
                // Whatever is wrong, a round finds out.
                app.nudge(false);
                pause.failed(&app, error.retry_after());
            }
        }
    }
}

/// One request: waits until there is something to tell, or until the server has waited enough.
async fn listen(app: &App, stay: Stay) -> std::result::Result<(), CallError> {
    let deletes = app.shared().deletes;
    let asked = app.read().await?.meta.clone();
    let path = format!("{PATH_HINTS}?since={}{}", asked.cursor, scope::query(app));
    let parameters = &app.start.parameters;
    let patience = Duration::from_millis(parameters.hint_hold + parameters.request_timeout);
    let ask = Ask::listen(path).within(patience);
    let mut answer = Box::pin(session::authorized(app, stay, &asked.device_id, &ask));
    let hints = loop {
        match future::select(answer, Box::pin(app.listen.notified())).await {
            Either::Left((hints, _)) => break hints?,
            // Nobody may listen any more: the request is dropped.
            Either::Right(_) if !app.shared().may_listen(stay) => return Ok(()),
            Either::Right((_, waiting)) => answer = waiting,
        }
    };
    for hint in hints {
        if !take(app, stay, &asked, deletes, &hint).await? {
            app.shared().hinted = true;
            app.nudge(false);
            break;
        }
    }
    Ok(())
}

/// The hints in an answer; none where one is not whole.
pub(crate) fn told(body: &str) -> Option<Vec<Hint>> {
    let mut hints = Vec::new();
    for event in body.replace("\r\n", "\n").split("\n\n") {
        let value = |field: &'static str| {
            event
                .lines()
                .filter_map(move |line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim_start()))
        };
        if value("event").next_back() == Some("hint") {
            let data = value("data").collect::<Vec<_>>().join("\n");
            hints.push(serde_json::from_str(&data).ok()?);
        }
    }
    Some(hints)
}

/// Applies a hint that was asked for when so many `deletes` had been answered. False where only a pull
/// helps.
async fn take(app: &App, stay: Stay, asked: &Meta, deletes: u64, hint: &Hint) -> Result<bool> {
    let mut tx = app.begin_in(stay).await?;
    if tx.meta.cursor == hint.next {
        return Ok(true); // a pull has brought it already
    }
    let is_same = (&tx.meta.device_id, tx.meta.epoch) == (&asked.device_id, asked.epoch);
    // What a full resync does not bring goes, and only a pull is to be believed in that.
    let fits = is_same && tx.meta.cursor == hint.since && !tx.is_pulling_anew()?
        || app.policy.hints == Hints::AppliedOutOfOrder;
    let Some(changes) = hint.changes.as_ref().filter(|_| fits) else {
        return Ok(false);
    };
    if is_under_way(&tx, changes)? || app.shared().deletes != deletes && brings_unknown(&tx, changes)? {
        return Ok(false);
    }
    if pull::take(app, &mut tx, &asked.device_id, changes)? {
        tx.meta.cursor = hint.next;
    }
    app.commit(tx).await?;
    Ok(true)
}

/// Whether a hint takes a record away on which work has just been sent. The answer to that says
/// what became of the work; who goes by the hint would call refused what may have been taken.
fn is_under_way(tx: &Tx<'_>, changes: &[PulledChange]) -> Result<bool> {
    for change in changes {
        if let PulledChange::Removed { record } = change
            && tx.queue_of(record)?.iter().any(|row| row.status == RowStatus::Sending)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a hint brings a record that is not here: it may have been deleted here since.
fn brings_unknown(tx: &Tx<'_>, changes: &[PulledChange]) -> Result<bool> {
    for change in changes {
        if let PulledChange::Record(server) = change
            && tx.record(&server.record)?.is_none()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn of_a_stream_only_whole_hints_are_read() {
        let hint = |next: u64| format!(r#"{{"since":1,"next":{next},"changes":null,"server_time_ms":0}}"#);
        let cases = [
            (String::new(), Some(vec![])),
            (": nothing yet\n\n".to_owned(), Some(vec![])),
            (format!("event: hint\ndata: {}\n\n", hint(2)), Some(vec![2])),
            (
                format!("event:hint\r\ndata:{}\r\n\r\nevent: hint\ndata: {}\n\n", hint(2), hint(3)),
                Some(vec![2, 3]),
            ),
            (format!("event: weather\ndata: fine\n\nevent: hint\ndata: {}", hint(2)), Some(vec![2])),
            ("event: hint\ndata: {\"since\":1".to_owned(), None),
        ];
        for (body, expected) in cases {
            let read = told(&body).map(|hints| hints.iter().map(|hint| hint.next).collect::<Vec<_>>());
            assert_eq!(read, expected, "{body:?}");
        }
    }
}
