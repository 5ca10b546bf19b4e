//! The nemesis: begins faults, decides the fate of exchanges, and tells when a fault struck.
//!
//! A fault has struck when it has changed something: an answer dropped after its commit, a
//! message stopped by a cut, a write saved on a clock that jumped. That it was active is not
//! enough.
//!
//! | Module | Holds |
//! |---|---|
//! | `cache` | a proxy that keeps answers |
//! | `exchanges` | what happens to single requests and answers |
//! | `links` | the links as the active faults make them |
//! | `hosts` | hosts that a fault brings down, and disks that fail |

mod cache;
mod exchanges;
mod hosts;
mod links;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use deadzone_net::{Draws, HostId, How, Net, NetEvent, Toward, Why};
use deadzone_script::{Fault, Target};
use deadzone_trace::Event;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::fleet::{Placed, SERVER};
use crate::probe::Sights;
use crate::recorder::{Recorder, WORLD};
use crate::weight::{self, Exchanged, Jump, Writes};

use cache::Kept;
pub(crate) use exchanges::{AnswerFate, Fate, RequestFate};
pub(crate) use hosts::Fall;

/// Brings faults about.
pub(crate) struct Nemesis {
    recorder: Recorder,
    net: Net,
    draws: Draws,
    hosts: BTreeMap<String, Placed>,
    state: Mutex<State>,
    /// How far ahead of its own clock the server takes stamps.
    stamp_ahead_ms: u64,
    /// Hosts that a fault has brought down, for whoever clears up behind them.
    falls: mpsc::UnboundedSender<Fall>,
    /// Where it tells what a fault could have lain in wait for.
    sights: Sights,
    /// This, for the traps on disks.
    this: Weak<Nemesis>,
    /// Told whenever a fault strikes.
    pub(crate) struck: Notify,
}

#[derive(Default)]
struct State {
    /// In the order in which they began.
    active: Vec<Active>,
    /// Requests that were taken to be executed later and have not been yet.
    late: u32,
    writes: Writes,
    /// What a shared cache keeps, by path.
    kept: BTreeMap<String, Kept>,
    hosts: hosts::State,
}

#[derive(Clone)]
struct Active {
    label: String,
    fault: Fault,
    began: Instant,
    /// Exchanges, or answers to mutations, that matched so far.
    matched: u32,
    struck: bool,
    until: Until,
    /// What it does to a disk.
    on_disk: hosts::OnDisk,
}

/// What ends a fault that no line of the script ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// A `heal`.
    Healed,
    /// Its strike, where it lies in wait for one thing to happen: it came with the world, and a
    /// `heal` does not end it. Else a `heal`.
    Struck,
}

impl Nemesis {
    pub(crate) fn new(
        recorder: Recorder,
        net: Net,
        draws: Draws,
        hosts: BTreeMap<String, Placed>,
        stamp_ahead_ms: u64,
        falls: mpsc::UnboundedSender<Fall>,
        sights: Sights,
    ) -> Arc<Nemesis> {
        let nemesis = Arc::new_cyclic(|this| Nemesis {
            recorder,
            net,
            draws: draws.child("nemesis"),
            hosts,
            state: Mutex::default(),
            stamp_ahead_ms,
            falls,
            sights,
            this: this.clone(),
            struck: Notify::new(),
        });
        let observer = Arc::downgrade(&nemesis);
        nemesis.net.observe(Box::new(move |event| {
            if let Some(nemesis) = observer.upgrade() {
                nemesis.observe(event);
            }
        }));
        nemesis
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the nemesis does not panic")
    }

    /// Begins a fault. A clock that jumps is for the caller to move.
    pub(crate) fn begin(&self, label: &str, fault: &Fault, until: Until) {
        let text = fault.to_string();
        self.recorder.record(WORLD, Event::FaultBegan { fault: label.to_owned(), text });
        match fault {
            Fault::Reset { device, bytes } => self.break_after(device, *bytes, How::Reset),
            Fault::Close { device, bytes } => self.break_after(device, *bytes, How::End),
            _ => {}
        }
        let on_disk = self.begin_on_disk(fault);
        self.lock().active.push(Active {
            label: label.to_owned(),
            fault: fault.clone(),
            began: Instant::now(),
            matched: 0,
            struck: false,
            until,
            on_disk,
        });
        self.lay_links();
        self.lay_disk(label, fault);
    }

    /// Ends a fault, if it is active.
    pub(crate) fn end(&self, label: &str) {
        self.look_at_disks();
        let ended = {
            let mut state = self.lock();
            let at = state.active.iter().position(|active| active.label == label);
            at.map(|at| state.active.remove(at))
        };
        if let Some(active) = ended {
            if let Fault::Reset { device, .. } | Fault::Close { device, .. } = &active.fault {
                self.net.clear_breaks(self.host(device));
            }
            self.end_on_disk(&active);
            self.recorder.record(WORLD, Event::FaultEnded { fault: active.label });
            self.lay_links();
        }
    }

    /// Whether no fault is active.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().active.is_empty()
    }

    /// Ends every fault, except those that lie in wait from the start.
    pub(crate) fn heal(&self) {
        let lies_in_wait = |active: &&Active| active.until == Until::Struck && is_spent(&active.fault);
        let labels: Vec<String> = {
            let state = self.lock();
            let ended = state.active.iter().filter(|active| !lies_in_wait(active));
            ended.map(|active| active.label.clone()).collect()
        };
        labels.iter().for_each(|label| self.end(label));
    }

    /// Notes that a fault changed something. A fault that lies in wait for one exchange has then
    /// done its work and ends.
    pub(crate) fn strike(&self, label: &str, what: String) {
        let (fresh, spent) = {
            let mut state = self.lock();
            let Some(active) = state.active.iter_mut().find(|active| active.label == label) else {
                self.recorder.record(WORLD, Event::FaultStruck { fault: label.to_owned(), what });
                self.struck.notify_waiters();
                return;
            };
            let fresh = !std::mem::replace(&mut active.struck, true);
            (fresh, is_spent(&active.fault))
        };
        if fresh || spent {
            self.recorder.record(WORLD, Event::FaultStruck { fault: label.to_owned(), what });
        }
        if spent {
            self.end(label);
        }
        self.struck.notify_waiters();
    }

    /// Why a device cannot sync with the server now, if a fault is the reason.
    pub(crate) fn cut_off(&self, device: &str) -> Option<String> {
        let state = self.lock();
        let cut = state.active.iter().find(|active| match &active.fault {
            Fault::Partition { a, b } => a == device || b == device,
            Fault::Cut { from, to } => from == device || to == device,
            // How slow is too slow nobody can say.
            Fault::Loss { device: slow, .. }
            | Fault::Latency { device: slow, .. }
            | Fault::Bandwidth { device: slow, .. } => slow == device,
            Fault::FillDisk { host, .. } => host == device || host == SERVER,
            Fault::FailDisk { host, nth: 0, .. } => host == device || host == SERVER,
            fault => target(fault).is_some_and(|target| target.nth == 0 && target.device == device),
        })?;
        Some(format!("held up by fault {}", cut.label))
    }

    /// An exchange of a device came to its end: what slowed it has struck.
    pub(crate) fn exchange_ended(&self, device: &str, exchange: Exchanged) {
        self.look_at_disks();
        self.strike_all(|Active { fault, .. }| match fault {
            Fault::Latency { device: slow, .. } | Fault::Bandwidth { device: slow, .. }
                if slow == device && weight::slowed(fault, &self.base_link(device), exchange) =>
            {
                Some(format!("slowed an exchange of {device}"))
            }
            _ => None,
        });
    }

    /// A host saved something: a clock that jumped has struck where that is seen by the stamps.
    pub(crate) fn wrote(&self, host: &str) {
        self.look_at_disks();
        let now = Instant::now();
        let mut writes = self.lock().writes.clone();
        self.strike_all(|Active { fault, began, .. }| {
            let Fault::Jump { host: jumped, by_ms } = fault else { return None };
            let jump = Jump { host: jumped, by_ms: *by_ms, at: *began };
            if weight::beyond_bound(jump, host, self.stamp_ahead_ms) {
                return Some(format!("{jumped}'s clock is further off than the server takes"));
            }
            weight::reorders(jump, host, now, &writes).then(|| {
                format!("{host} wrote, and the jump of {jumped}'s clock turned the order of two stamps")
            })
        });
        writes.insert(host.to_owned(), now);
        self.lock().writes = writes;
    }

    fn observe(&self, event: &NetEvent) {
        match event {
            NetEvent::Stopped { from, to, why } => {
                let (from, to) = (self.name(*from), self.name(*to));
                self.strike_all(|Active { fault, .. }| {
                    let stopped = match fault {
                        Fault::Partition { a, b } => {
                            *why == Why::Cut && ((*a == from && *b == to) || (*b == from && *a == to))
                        }
                        Fault::Cut { from: f, to: t } => *why == Why::Cut && *f == from && *t == to,
                        Fault::Loss { device, .. } => *why == Why::Loss && (*device == from || *device == to),
                        _ => false,
                    };
                    stopped.then(|| format!("stopped a message from {from} to {to}"))
                });
            }
            NetEvent::Broken { host, .. } => {
                let host = self.name(*host);
                self.strike_all(|Active { fault, .. }| match fault {
                    Fault::Reset { device, .. } if *device == host => {
                        Some(format!("reset a connection of {host} in the middle"))
                    }
                    Fault::Close { device, .. } if *device == host => {
                        Some(format!("closed a connection of {host} in the middle"))
                    }
                    _ => None,
                });
            }
            _ => {}
        }
    }

    fn strike_all(&self, what: impl Fn(&Active) -> Option<String>) {
        let struck: Vec<(String, String)> = {
            let state = self.lock();
            let fresh = state.active.iter().filter(|active| !active.struck);
            fresh.filter_map(|active| Some((active.label.clone(), what(active)?))).collect()
        };
        for (label, what) in struck {
            self.strike(&label, what);
        }
    }

    fn host(&self, name: &str) -> HostId {
        self.placed(name).1
    }

    fn placed(&self, name: &str) -> &Placed {
        self.hosts.get(name).expect("a checked script names hosts that exist")
    }

    fn name(&self, id: HostId) -> String {
        let found = self.hosts.iter().find(|(_, (_, host))| *host == id);
        found.map_or_else(|| "somewhere".to_owned(), |(name, _)| name.clone())
    }

    fn break_after(&self, device: &str, bytes: u64, how: How) {
        self.net.break_after(self.host(device), Toward::Host, bytes, how);
    }
}

/// Whether a fault has done its work once it has struck.
fn is_spent(fault: &Fault) -> bool {
    match fault {
        Fault::Crash { .. } => true,
        Fault::FailDisk { nth, .. } => *nth != 0,
        fault => target(fault).is_some_and(|target| target.nth != 0),
    }
}

/// The exchange that a fault lies in wait for.
fn target(fault: &Fault) -> Option<&Target> {
    match fault {
        Fault::LoseRequest(target)
        | Fault::LoseAnswer(target)
        | Fault::DelayAnswer(target, _)
        | Fault::DeliverTwice(target)
        | Fault::ExecuteLate(target, _)
        | Fault::ProxyPage(target, _) => Some(target),
        _ => None,
    }
}
