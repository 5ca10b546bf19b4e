//! Writes the trace: one ordered stream, stamped with simulated time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use deadzone_contract::wire::PATH_MUTATIONS;
use deadzone_trace::{Entry, Event, Trace};
use tokio::time::Instant;

/// The name under which the harness itself stands in a trace.
pub(crate) const WORLD: &str = "world";

/// A handle on the trace that is being written.
#[derive(Clone)]
pub(crate) struct Recorder {
    started: Instant,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    trace: Trace,
    is_finished: bool,
    /// When something last changed on each host that a user or a server would notice, in us.
    changed_us: BTreeMap<String, u64>,
    /// When a fault last struck, in us.
    struck_us: u64,
}

impl Recorder {
    /// Begins a trace now.
    pub(crate) fn new(started: Instant) -> Recorder {
        Recorder { started, inner: Arc::default() }
    }

    /// Microseconds since the world began.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).expect("a run is shorter than 584,000 years")
    }

    pub(crate) fn record(&self, host: &str, event: Event) {
        let at_us = self.now_us();
        let mut inner = self.lock();
        // What is dropped when the runtime ends is dropped in no order.
        if inner.is_finished {
            return;
        }
        inner.is_finished = matches!(event, Event::Finished(_));
        if is_change(&event) {
            inner.changed_us.insert(host.to_owned(), at_us);
        }
        if matches!(event, Event::FaultStruck { .. }) {
            inner.struck_us = at_us;
        }
        inner.trace.entries.push(Entry { at_us, host: host.to_owned(), event });
    }

    /// When something last changed on a host that is not `exempt`, in us since the world began.
    pub(crate) fn changed_us(&self, exempt: impl Fn(&str) -> bool) -> u64 {
        let inner = self.lock();
        inner.changed_us.iter().filter(|(host, _)| !exempt(host)).map(|(_, us)| *us).max().unwrap_or(0)
    }

    /// When a fault last struck, in us since the world began; 0 where none did.
    pub(crate) fn struck_us(&self) -> u64 {
        self.lock().struck_us
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().trace.entries.len()
    }

    /// Looks at the trace as far as it goes.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&[Entry]) -> T) -> T {
        look(&self.lock().trace.entries)
    }

    /// Takes the trace.
    pub(crate) fn finish(&self) -> Trace {
        std::mem::take(&mut self.lock().trace)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("recording does not panic")
    }
}

/// Whether the world is not quiet while such events occur. Pulls that bring nothing, new tokens, and
/// the badge that tells of them, are what quiet sounds like.
fn is_change(event: &Event) -> bool {
    match event {
        Event::Shown(_)
        | Event::Gone { .. }
        | Event::Tray { .. }
        | Event::Saved { .. }
        | Event::HostUp { .. }
        | Event::HostDown { .. }
        | Event::FaultStruck { .. }
        | Event::Healed => true,
        Event::Sent { path, .. } => path == PATH_MUTATIONS,
        _ => false,
    }
}
