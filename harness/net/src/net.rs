//! The handle on a whole network: for whoever builds a world and breaks it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Draws;
use crate::host::{Crash, Host, HostId};
use crate::link::{Link, LinkStats};
use crate::observe::{How, NetEvent, Observer, Stats, Toward};
use crate::state::{Break, State};

/// A network of hosts. Clones are handles on the same network.
///
/// Its owner polls [`Net::drive`] next to everything else. Nothing is delivered otherwise.
///
/// # Panics
/// Methods that take a [`HostId`] panic on one of another network, except those of [`Host`].
#[derive(Clone)]
pub struct Net {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    observer: Mutex<Option<Observer>>,
    alarm: Mutex<Option<Alarm>>,
    runtime: Handle,
}

/// What wakes the driver when the next event is due. Whoever puts an event into the queue sets it,
/// so that the driver runs for what is due and for nothing else.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When it goes off, in ns; `None` when it has gone off.
    set_for: Option<u64>,
    driver: Waker,
}

impl Alarm {
    /// Sets it to `at`, in ns, which is `instant`, unless it goes off earlier. Whether that was
    /// before now.
    fn set(&mut self, at: u64, instant: Instant) -> bool {
        if self.set_for.is_none_or(|set_for| at < set_for) {
            self.set_for = Some(at);
            self.sleep.as_mut().reset(instant);
        }
        self.sleep.as_mut().poll(&mut Context::from_waker(&self.driver)).is_ready()
    }
}

impl Net {
    /// A network without hosts. What it leaves to chance it draws from `draws`.
    ///
    /// # Panics
    /// Outside a tokio runtime. It should be a current-thread runtime with paused time, as
    /// [`simulate`](crate::simulate) makes one.
    pub fn new(draws: Draws) -> Net {
        let state = Mutex::new(State::new(draws, Instant::now()));
        let (observer, alarm) = (Mutex::new(None), Mutex::new(None));
        Net { shared: Arc::new(Shared { state, observer, alarm, runtime: Handle::current() }) }
    }

    /// Delivers what is due, for ever. It sleeps until the next event, so that a paused clock
    /// jumps there. One call at a time.
    pub async fn drive(&self) {
        let _driving = Driving(self);
        poll_fn(|cx| {
            loop {
                self.wait_for_alarm(cx.waker());
                let next = self.with(|state| {
                    let now = state.now();
                    state.run_due(now);
                    state.queue.arm().map(|at| (at, state.instant(at)))
                });
                let Some((at, instant)) = next else { return Poll::<()>::Pending };
                if !self.set_alarm(at, instant) {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    /// Notes who is to be woken, and that the alarm has gone off if it has.
    fn wait_for_alarm(&self, driver: &Waker) {
        let mut alarm = lock(&self.shared.alarm);
        let alarm = alarm.get_or_insert_with(|| Alarm {
            sleep: Box::pin(sleep_until(Instant::now())),
            set_for: None,
            driver: driver.clone(),
        });
        alarm.driver.clone_from(driver);
        if alarm.sleep.is_elapsed() {
            alarm.set_for = None;
        }
    }

    /// Whether the driver has to run at once. False when there is none.
    fn set_alarm(&self, at: u64, instant: Instant) -> bool {
        lock(&self.shared.alarm).as_mut().is_some_and(|alarm| alarm.set(at, instant))
    }

    fn wake_driver(&self) {
        let driver = lock(&self.shared.alarm).as_ref().map(|alarm| alarm.driver.clone());
        driver.into_iter().for_each(Waker::wake);
    }

    /// Lets `observer` hear of every [`NetEvent`], in place of a former observer. It may use
    /// the network. It should not hold a `Net` that nobody takes out again: that would keep
    /// both for ever.
    pub fn observe(&self, observer: Box<dyn Fn(&NetEvent) + Send + Sync>) {
        let former = lock(&self.shared.observer).replace(observer.into());
        drop(former);
    }

    /// What was done so far, and what is held.
    pub fn stats(&self) -> Stats {
        self.with(|state| state.stats())
    }

    /// A hash over every delivery so far: its time, hosts, connection, kind and bytes. Two runs
    /// with the same digest have seen the same network.
    pub fn digest(&self) -> u64 {
        self.with(|state| state.digest.value())
    }

    // ---- hosts ----

    /// Adds a machine, switched on, its process started. Its links are those of
    /// [`Link::default`], and one without latency to itself.
    pub fn add_host(&self, name: &str) -> HostId {
        self.with(|state| state.add_host(name))
    }

    /// The present incarnation of a host, or the last if it has crashed.
    pub fn host(&self, id: HostId) -> Host {
        Host::new(self.clone(), self.with(|state| state.machine(id).incarnation.clone()))
    }

    /// The name that a host was added under.
    pub fn host_name(&self, id: HostId) -> Arc<str> {
        self.with(|state| state.machine(id).name.clone())
    }

    /// Ends the present incarnation of a host, also from within one of its own tasks: from now on
    /// nothing it does reaches anybody. Its tasks go with [`Net::kill`], which has to follow.
    pub fn halt(&self, id: HostId, crash: Crash) {
        self.with(|state| state.crash(id, crash));
    }

    /// Ends the present incarnation of a host, and waits until every task of it is dropped.
    /// The network knows of the crash as soon as the future is first polled. A machine that
    /// has no power stays so; one whose process is dead can still lose its power.
    pub async fn kill(&self, id: HostId, crash: Crash) {
        let incarnation = self.with(|state| state.crash(id, crash));
        incarnation.abort_tasks().await;
    }

    /// Switches the machine on, if need be, and starts a new incarnation of its process. Does
    /// nothing if one is alive, and answers with that.
    pub fn boot(&self, id: HostId) -> Host {
        Host::new(self.clone(), self.with(|state| state.boot(id)))
    }

    /// Switches all links of a host off or on, but for the one to itself: airplane mode. While
    /// it is off, connecting from there fails at once; what is open stalls, and resumes by
    /// retransmission or times out.
    pub fn set_interface(&self, id: HostId, up: bool) {
        self.with(|state| state.machine(id).interface_up = up);
    }

    // ---- links ----

    /// The link from one host to another.
    pub fn link(&self, from: HostId, to: HostId) -> Link {
        self.with(|state| *state.link(from, to))
    }

    /// Changes the link from one host to another, for what is sent from now on, and sent again.
    /// What is on its way is not touched.
    pub fn set_link(&self, from: HostId, to: HostId, link: Link) {
        self.with(|state| state.links[from.index()][to.index()].link = link);
    }

    /// Changes both links between two hosts.
    pub fn set_links(&self, one: HostId, other: HostId, link: Link) {
        self.set_link(one, other, link);
        self.set_link(other, one, link);
    }

    /// Changes some of a link: `net.change_link(a, b, |link| link.cut = true)`.
    pub fn change_link(&self, from: HostId, to: HostId, change: impl FnOnce(&mut Link)) {
        let mut link = self.link(from, to);
        change(&mut link);
        self.set_link(from, to, link);
    }

    /// What went over the link from one host to another.
    pub fn link_stats(&self, from: HostId, to: HostId) -> LinkStats {
        self.with(|state| state.links[from.index()][to.index()].stats)
    }

    // ---- breaks ----

    /// Breaks one connection of a host in the middle: the one that carries the last of the
    /// next `bytes` that are delivered in the direction `toward`, counted over all its
    /// connections. Exactly so many arrive; with 0, nothing of the next message does. Faults on
    /// the same direction of a host count one after the other.
    pub fn break_after(&self, host: HostId, toward: Toward, bytes: u64, how: How) {
        let fault = Break { toward, bytes_left: bytes, how };
        self.with(|state| state.machine(host).breaks.push_back(fault));
    }

    /// Takes back the breaks of a host that have not struck; answers how many these were.
    pub fn clear_breaks(&self, host: HostId) -> usize {
        self.with(|state| std::mem::take(&mut state.machine(host).breaks).len())
    }

    // ---- for the other handles ----

    /// Works on the state, then wakes whom it concerns. `work` must not call back.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.shared.state);
        let result = work(&mut state);
        let after = state.after.take();
        drop(state);
        if let Some(after) = after {
            if let Some((at, instant)) = after.alarm
                && self.set_alarm(at, instant)
            {
                self.wake_driver();
            }
            after.run(|| lock(&self.shared.observer).clone());
        }
        result
    }

    pub(crate) fn tell(&self, notice: NetEvent) {
        self.with(|state| state.after.tell(notice));
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }
}

/// Stands for the driver as long as it runs: it takes the alarm with it, which belongs to its
/// runtime.
struct Driving<'a>(&'a Net);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        *lock(&self.0.shared.alarm) = None;
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}

/// A panic under the lock is a bug of this crate, or of its owner who named a host of another
/// network. It has been raised then; to raise it again in every destructor would only hide it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
