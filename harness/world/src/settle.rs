//! Waiting for quiet, within a bound.

use std::collections::BTreeMap;

use deadzone_contract::Parameters;
use deadzone_trace::Event;

use crate::clock::ms;
use crate::fleet::{Fleet, SERVER};
use crate::recorder::WORLD;

/// How long `settle` waits for requests that the script holds back, and for hosts that it keeps
/// down, at most: a day.
const LATE_MAX_US: u64 = 24 * 3_600 * 1_000_000;

/// How long nothing may change before the world counts as quiet: every device has pulled once more
/// since, whether it was idle or had just begun its longest pause, and the slowest request has come
/// to its end.
fn quiet_ms(parameters: &Parameters) -> u64 {
    parameters.sync_every.max(parameters.backoff_max) + 2 * parameters.request_timeout
}

/// How long a world may take to fall quiet once nothing is in its way:
///
/// - a device may just have begun its longest pause, and its next attempt may die on a
///   connection or a token that the fault left behind; then once more: two pauses and two
///   attempts;
/// - its queue drains in batches, each as slow as a client's patience allows, twice where a
///   batch has to be stamped or numbered anew;
/// - what it pushed reaches the others with their next pull, which may make conflicts and
///   rebases whose effects reach the first device with its own next pull;
/// - where a limit lets only so many mutations of a user through at a time, all the windows that
///   these need pass first;
/// - then it has to be quiet.
fn bound_ms(parameters: &Parameters, queued: u64) -> u64 {
    let pauses = 2 * (parameters.backoff_max + parameters.request_timeout);
    let batches = 2 * (queued / parameters.push_max + 1) * parameters.request_timeout;
    let pages = (queued / parameters.pull_max + 1) * parameters.request_timeout;
    let propagation = 2 * (parameters.sync_every + pages);
    let windows = queued / parameters.push_limit + 1;
    let limits =
        if windows > 1 { windows * (parameters.limit_window + parameters.request_timeout) } else { 0 };
    pauses + batches + propagation + limits + quiet_ms(parameters)
}

/// Waits until nothing is queued and nothing changes any more. `saved` is how many actions were
/// saved so far: no device can have more of them queued.
pub(crate) async fn settle(fleet: &Fleet, parameters: &Parameters, saved: u64) {
    let (recorder, nemesis) = (&fleet.recorder, &fleet.nemesis);
    let mut exempt = exempt(fleet);
    let (quiet_ms, bound_ms) = (quiet_ms(parameters), bound_ms(parameters, saved));
    let mut end_us = recorder.now_us() + bound_ms * 1_000;
    recorder.record(WORLD, Event::SettleBegan { bound_ms, exempt: exempt.clone() });
    let begun_us = recorder.now_us();
    loop {
        let quiet_from_us =
            recorder.changed_us(|host| exempt.contains_key(host)).max(begun_us) + quiet_ms * 1_000;
        let now_us = recorder.now_us();
        // A fault may bring a host down while everybody waits.
        let fallen = self::exempt(fleet);
        if fallen.keys().any(|device| !exempt.contains_key(device)) {
            exempt.extend(fallen);
            recorder.record(WORLD, Event::SettleBegan { bound_ms, exempt: exempt.clone() });
        }
        if !(nemesis.nothing_late() && nemesis.nobody_returns()) && now_us < begun_us + LATE_MAX_US {
            // A fault that has not ended: how late a request comes, and how long a host stays
            // down, the script said.
            end_us = now_us + bound_ms * 1_000;
        }
        // What a fault has upset meanwhile has as much time as if it had been upset before.
        end_us = end_us.max(recorder.struck_us() + bound_ms * 1_000);
        let waiting = waiting(fleet, &exempt).await;
        if waiting.is_empty() && now_us >= quiet_from_us {
            return recorder.record(WORLD, Event::Settled);
        }
        if now_us >= end_us {
            let waiting =
                if waiting.is_empty() { vec!["something keeps changing".to_owned()] } else { waiting };
            return recorder.record(WORLD, Event::Unsettled { waiting });
        }
        let next_us = if now_us < quiet_from_us { quiet_from_us } else { now_us + 1_000_000 };
        let pause_us = next_us.min(end_us) - now_us;
        tokio::time::sleep(ms(pause_us.div_ceil(1_000))).await;
    }
}

/// The devices that cannot settle now, and why.
fn exempt(fleet: &Fleet) -> BTreeMap<String, String> {
    let mut exempt = BTreeMap::new();
    let server_is_up = fleet.serves(SERVER) || fleet.nemesis.is_returning(SERVER);
    for device in fleet.devices() {
        let reason = if fleet.nemesis.is_returning(&device.name) {
            None
        } else if !device.is_up {
            Some("down".to_owned())
        } else if device.is_asleep {
            Some("asleep".to_owned())
        } else if fleet.machine(&device.name).has_no_secrets() {
            Some("signed out".to_owned())
        } else if device.has_ended {
            Some("its session has ended, and its user has not signed in again".to_owned())
        } else if device.is_too_old {
            Some("the server does not serve its app any more".to_owned())
        } else if !device.online {
            Some("offline".to_owned())
        } else if !server_is_up {
            Some("the server is down".to_owned())
        } else {
            fleet.nemesis.cut_off(&device.name)
        };
        if let Some(reason) = reason {
            exempt.insert(device.name, reason);
        }
    }
    exempt
}

/// Who still waits for what.
async fn waiting(fleet: &Fleet, exempt: &BTreeMap<String, String>) -> Vec<String> {
    let mut waiting = Vec::new();
    if !fleet.nemesis.nothing_late() {
        waiting.push("a late request has not reached the server yet".to_owned());
    }
    for device in fleet.devices().into_iter().filter(|device| !exempt.contains_key(&device.name)) {
        let name = device.name;
        let Some((app, incarnation)) = device.running else {
            waiting.push(format!("{name} runs no app"));
            continue;
        };
        let view = crate::fleet::on_host(&incarnation, async move { app.view().await.status }).await;
        match view {
            Ok(status) if status.queued == 0 => {}
            Ok(status) => {
                let error = status.last_error.map_or_else(String::new, |error| format!(" ({error})"));
                waiting.push(format!("{name} has {} mutations to send{error}", status.queued));
            }
            Err(_) => waiting.push(format!("{name} does not answer its user")),
        }
    }
    waiting
}
