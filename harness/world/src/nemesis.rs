//! The nemesis: begins faults, decides the fate of exchanges, and tells when a fault struck.
//!
//! A fault has struck when it has changed something: an answer dropped after its commit, a
//! message stopped by a cut, a write saved on a clock that jumped. That it was active is not
//! enough.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use deadzone_net::{Draws, HostId, How, Link, Net, NetEvent, Toward, Why};
use deadzone_script::{Class, Fault, Target};
use deadzone_trace::Event;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::ms;
use crate::recorder::{Recorder, WORLD};
use crate::weight::{self, Exchanged, Jump, Writes};

/// Brings faults about.
pub(crate) struct Nemesis {
    recorder: Recorder,
    net: Net,
    draws: Draws,
    hosts: BTreeMap<String, HostId>,
    state: Mutex<State>,
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
}

#[derive(Clone)]
struct Active {
    label: String,
    fault: Fault,
    began: Instant,
    /// Exchanges that matched so far.
    matched: u32,
    struck: bool,
}

/// What happens to a request before the server sees it.
#[derive(Clone, Debug)]
pub(crate) enum RequestFate {
    /// It never arrives.
    Lost(Fate),
    /// A proxy answers in the server's place.
    Page(Fate, u16),
    /// It arrives once the client has given up.
    Late(Fate, Duration),
    /// It arrives twice.
    Twice(Fate),
}

/// What happens to an answer.
#[derive(Clone, Debug)]
pub(crate) enum AnswerFate {
    /// It never arrives.
    Lost(Fate),
    /// It arrives late.
    Late(Fate, Duration),
}

/// The fault that decides, with the draws that its details come from.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) label: String,
    pub(crate) draws: Draws,
}

impl Nemesis {
    pub(crate) fn new(
        recorder: Recorder,
        net: Net,
        draws: Draws,
        hosts: BTreeMap<String, HostId>,
    ) -> Arc<Nemesis> {
        let nemesis = Nemesis {
            recorder,
            net,
            draws: draws.child("nemesis"),
            hosts,
            state: Mutex::default(),
            struck: Notify::new(),
        };
        let nemesis = Arc::new(nemesis);
        let observer: Weak<Nemesis> = Arc::downgrade(&nemesis);
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
    pub(crate) fn begin(&self, label: &str, fault: &Fault, text: String) {
        self.recorder.record(WORLD, Event::FaultBegan { fault: label.to_owned(), text });
        match fault {
            Fault::Reset { device, bytes } => self.break_after(device, *bytes, How::Reset),
            Fault::Close { device, bytes } => self.break_after(device, *bytes, How::End),
            _ => {}
        }
        self.lock().active.push(Active {
            label: label.to_owned(),
            fault: fault.clone(),
            began: Instant::now(),
            matched: 0,
            struck: false,
        });
        self.lay_links();
    }

    /// Ends a fault, if it is active.
    pub(crate) fn end(&self, label: &str) {
        let ended = {
            let mut state = self.lock();
            let at = state.active.iter().position(|active| active.label == label);
            at.map(|at| state.active.remove(at))
        };
        if let Some(active) = ended {
            if let Fault::Reset { device, .. } | Fault::Close { device, .. } = &active.fault {
                self.net.clear_breaks(self.host(device));
            }
            self.recorder.record(WORLD, Event::FaultEnded { fault: active.label });
            self.lay_links();
        }
    }

    /// Whether no fault is active.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().active.is_empty()
    }

    /// Ends every fault.
    pub(crate) fn end_all(&self) {
        let labels: Vec<String> = self.lock().active.iter().map(|active| active.label.clone()).collect();
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
            (fresh, target(&active.fault).is_some_and(|target| target.nth != 0))
        };
        if fresh || spent {
            self.recorder.record(WORLD, Event::FaultStruck { fault: label.to_owned(), what });
        }
        if spent {
            self.end(label);
        }
        self.struck.notify_waiters();
    }

    /// What is to happen to a request that reaches the server's machine.
    pub(crate) fn request_fate(&self, device: &str, class: Class) -> Option<RequestFate> {
        self.fate(device, class, |fate, fault| match fault {
            Fault::LoseRequest(_) => Some(RequestFate::Lost(fate)),
            Fault::ProxyPage(_, status) => Some(RequestFate::Page(fate, *status)),
            Fault::ExecuteLate(_, by) => Some(RequestFate::Late(fate.clone(), late(&fate, *by))),
            Fault::DeliverTwice(_) => Some(RequestFate::Twice(fate)),
            _ => None,
        })
    }

    /// What is to happen to the answer of a request that took effect.
    pub(crate) fn answer_fate(&self, device: &str, class: Class) -> Option<AnswerFate> {
        self.fate(device, class, |fate, fault| match fault {
            Fault::LoseAnswer(_) => Some(AnswerFate::Lost(fate)),
            Fault::DelayAnswer(_, by) => Some(AnswerFate::Late(fate.clone(), late(&fate, *by))),
            _ => None,
        })
    }

    fn fate<T>(&self, device: &str, class: Class, kind: impl Fn(Fate, &Fault) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        let mut chosen = None;
        // Each fault counts for itself; where several want an exchange, the oldest has it.
        for active in &mut state.active {
            let Some(target) = target(&active.fault) else { continue };
            let key = self.draws.key("fate").text(&active.label).num(u64::from(active.matched));
            let fate = Fate { label: active.label.clone(), draws: key.draws() };
            let Some(found) = kind(fate, &active.fault) else { continue };
            if target.device != device || !(target.class == Class::Any || target.class == class) {
                continue;
            }
            active.matched += 1;
            if chosen.is_none() && (target.nth == 0 || target.nth == active.matched) {
                chosen = Some(found);
            }
        }
        chosen
    }

    /// Counts a request that will be executed late, until [`Nemesis::late_done`].
    pub(crate) fn late_begun(&self) {
        self.lock().late += 1;
    }

    pub(crate) fn late_done(&self) {
        self.lock().late -= 1;
    }

    /// Whether nothing is under way that will still reach the server.
    pub(crate) fn nothing_late(&self) -> bool {
        self.lock().late == 0
    }

    /// Why a device cannot sync with the server now, if a fault is the reason.
    pub(crate) fn cut_off(&self, device: &str) -> Option<String> {
        let state = self.lock();
        let cut = state.active.iter().find(|active| match &active.fault {
            Fault::Partition { a, b } => a == device || b == device,
            Fault::Cut { from, to } => from == device || to == device,
            fault => target(fault).is_some_and(|target| target.nth == 0 && target.device == device),
        })?;
        Some(format!("cut off by fault {}", cut.label))
    }

    /// An exchange of a device came to its end: what slowed it has struck.
    pub(crate) fn exchange_ended(&self, device: &str, exchange: Exchanged) {
        let own = self.base_link(device);
        self.strike_all(|Active { fault, .. }| match fault {
            Fault::Latency { device: slow, .. } | Fault::Bandwidth { device: slow, .. }
                if slow == device && weight::slowed(fault, &own, exchange) =>
            {
                Some(format!("slowed an exchange of {device}"))
            }
            _ => None,
        });
    }

    /// A host saved something: a clock that jumped has struck where that is seen by the stamps.
    pub(crate) fn wrote(&self, host: &str) {
        let now = Instant::now();
        let mut writes = self.lock().writes.clone();
        self.strike_all(|Active { fault, began, .. }| {
            let Fault::Jump { host: jumped, by_ms } = fault else { return None };
            let jump = Jump { host: jumped, by_ms: *by_ms, at: *began };
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
        *self.hosts.get(name).expect("a checked script names hosts that exist")
    }

    fn name(&self, id: HostId) -> String {
        let found = self.hosts.iter().find(|(_, host)| **host == id);
        found.map_or_else(|| "somewhere".to_owned(), |(name, _)| name.clone())
    }

    fn break_after(&self, device: &str, bytes: u64, how: How) {
        self.net.break_after(self.host(device), Toward::Host, bytes, how);
    }

    /// Lays every link between a device and the server as it is now: its own properties, and
    /// what the active faults make of them.
    pub(crate) fn lay_links(&self) {
        let state = self.lock();
        let server = self.host("server");
        for (name, host) in self.hosts.iter().filter(|(name, _)| *name != "server") {
            let mut base = self.base_link(name);
            let (mut up_cut, mut down_cut) = (false, false);
            for active in &state.active {
                match &active.fault {
                    Fault::Partition { a, b } if touches(name, a, b) => (up_cut, down_cut) = (true, true),
                    Fault::Cut { from, to } if from == name && to == "server" => up_cut = true,
                    Fault::Cut { from, to } if from == "server" && to == name => down_cut = true,
                    Fault::Loss { device, basis_points } if device == name => {
                        base.loss = f64::from(*basis_points) / 10_000.0;
                    }
                    Fault::Latency { device, min, max } if device == name => {
                        base.latency = *min;
                        base.jitter = max.saturating_sub(*min);
                    }
                    Fault::Bandwidth { device, bytes_per_s } if device == name => {
                        base.bytes_per_s = Some(*bytes_per_s);
                    }
                    _ => {}
                }
            }
            self.net.set_link(*host, server, Link { cut: up_cut, ..base });
            self.net.set_link(server, *host, Link { cut: down_cut, ..base });
        }
    }

    /// A device's ordinary link: from a good wire to a poor mobile network, by seed.
    fn base_link(&self, device: &str) -> Link {
        let latency_ms = self.draws.key("latency").text(device).between(2, 60);
        let jitter_ms = self.draws.key("jitter").text(device).between(0, latency_ms / 2);
        Link { latency: ms(latency_ms), jitter: ms(jitter_ms), ..Link::default() }
    }
}

fn touches(device: &str, a: &str, b: &str) -> bool {
    (a == device && b == "server") || (b == device && a == "server")
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

/// How late: as the script says, or past any client's patience.
fn late(fate: &Fate, by: Option<Duration>) -> Duration {
    by.unwrap_or_else(|| ms(fate.draws.key("late").between(31_000, 90_000)))
}
