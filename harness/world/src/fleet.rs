//! The hosts of a world: devices, their users and apps, and the server. How they start, and how
//! they go down.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use deadzone_contract::seam::{BoxFuture, ClientEnv, ClientStart, Screen, ServerStart};
use deadzone_contract::wire::SCHEMA_VERSION;
use deadzone_contract::{Client, Device, Parameters, Refusal};
use deadzone_disk::Strikes;
use deadzone_net::http;
use deadzone_net::{HostId, Net};
use deadzone_script::{Crash, DeviceDecl};
use deadzone_trace::Event;
use tokio::sync::{Notify, oneshot};

use crate::Lineup;
use crate::caught::caught;
use crate::env::Incarnation;
use crate::front::Front;
use crate::machine::Machine;
use crate::nemesis::Nemesis;
use crate::recorder::Recorder;
use crate::transport::Tap;

/// The name of the server's host.
pub(crate) const SERVER: &str = "server";
/// Where the server listens.
pub(crate) const PORT: u16 = 443;

/// Every host of a world.
pub(crate) struct Fleet {
    nodes: Mutex<BTreeMap<String, Node>>,
    /// The harness's own machine, which asks the server what it has.
    pub(crate) auditor: HostId,
    pub(crate) net: Net,
    pub(crate) recorder: Recorder,
    pub(crate) nemesis: Arc<Nemesis>,
    lineup: Lineup,
    parameters: Parameters,
    /// What the server is told at its next start.
    start: Mutex<ServerStart>,
    /// A host came to another phase of its life.
    changed: Notify,
}

/// A machine with whatever runs on it.
struct Node {
    machine: Arc<Machine>,
    host: HostId,
    phase: Phase,
    /// None for the server.
    phone: Option<Phone>,
}

/// What is the matter with a host.
#[derive(Clone)]
enum Phase {
    Down,
    Booting,
    /// `serves`: what belongs on it runs.
    Up {
        incarnation: Incarnation,
        serves: bool,
    },
    /// Its tasks are being dropped.
    Falling,
}

/// What makes a host a device.
#[derive(Clone)]
pub(crate) struct Phone {
    /// Whose installation it is: the first user.
    owner: String,
    /// Who is signed in.
    user: String,
    online: bool,
    /// The apps that run, the one that its user has in hand last.
    apps: Vec<Arc<dyn Device>>,
    sent: Arc<AtomicU64>,
    too_old: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    app_version: u32,
    scope: Option<Vec<String>>,
    entities: Option<Vec<String>>,
}

impl Phone {
    /// A device as it is declared.
    pub(crate) fn new(declared: &DeviceDecl<'_>) -> Phone {
        Phone {
            owner: declared.user.to_owned(),
            user: declared.user.to_owned(),
            online: true,
            apps: Vec::new(),
            sent: Arc::default(),
            too_old: Arc::default(),
            ended: Arc::default(),
            app_version: declared.app.unwrap_or(SCHEMA_VERSION),
            scope: declared.scope.map(<[String]>::to_vec),
            entities: declared.entities.map(<[String]>::to_vec),
        }
    }
}

/// A device as it is at one moment.
pub(crate) struct DeviceNow {
    pub(crate) name: String,
    pub(crate) is_up: bool,
    pub(crate) is_asleep: bool,
    pub(crate) online: bool,
    /// Whether the server does not serve its app any more.
    pub(crate) is_too_old: bool,
    /// Whether its session has ended, and only its user can begin another one.
    pub(crate) has_ended: bool,
    /// The app that its user has in hand.
    pub(crate) running: Option<(Arc<dyn Device>, Incarnation)>,
}

/// Why code under test gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoResult {
    /// It panicked; the panic is in the trace.
    Panicked,
    /// Its host went down.
    Died,
}

/// Runs code under test as a task of its host, and waits for it.
pub(crate) async fn on_host<T: Send + 'static>(
    incarnation: &Incarnation,
    code: impl Future<Output = T> + Send + 'static,
) -> Result<T, NoResult> {
    let (done, result) = oneshot::channel();
    let this = incarnation.clone();
    incarnation.host.spawn(async move {
        let result = this.machine.gate.behind(caught(code)).await;
        match result {
            // It died over what it did, and tells nobody of it.
            _ if !this.host.is_alive() => {}
            // Nobody waits any more: the step has ended.
            Ok(value) => drop(done.send(Ok(value))),
            Err(panic) => {
                this.record(panic);
                drop(done.send(Err(NoResult::Panicked)));
            }
        }
    });
    result.await.unwrap_or(Err(NoResult::Died))
}

impl Node {
    fn alive(&self) -> Option<&Incarnation> {
        match &self.phase {
            Phase::Up { incarnation, .. } if incarnation.host.is_alive() => Some(incarnation),
            _ => None,
        }
    }
}

/// A machine and its place in the net.
pub(crate) type Placed = (Arc<Machine>, HostId);

impl Fleet {
    pub(crate) fn new(
        net: Net,
        lineup: Lineup,
        recorder: Recorder,
        nemesis: Arc<Nemesis>,
        server: Placed,
        devices: Vec<(Placed, Phone)>,
        start: ServerStart,
    ) -> Fleet {
        let node = |(machine, host): Placed, phone| {
            (machine.name.clone(), Node { machine, host, phase: Phase::Down, phone })
        };
        let phones = devices.into_iter().map(|(placed, phone)| node(placed, Some(phone)));
        let nodes = phones.chain([node(server, None)]).collect();
        let auditor = net.add_host("auditor");
        Fleet {
            nodes: Mutex::new(nodes),
            auditor,
            net,
            recorder,
            nemesis,
            lineup,
            parameters: start.parameters.clone(),
            start: Mutex::new(start),
            changed: Notify::new(),
        }
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<String, Node>> {
        self.nodes.lock().expect("no code of others runs under this lock")
    }

    fn with<T>(&self, host: &str, work: impl FnOnce(&mut Node) -> T) -> T {
        work(self.nodes().get_mut(host).expect("a checked script names hosts that exist"))
    }

    fn set_phase(&self, host: &str, phase: Phase) {
        let before = self.with(host, |node| std::mem::replace(&mut node.phase, phase));
        // Outside the lock: the last handle on an incarnation closes what it had open.
        drop(before);
        self.changed.notify_waiters();
    }

    pub(crate) fn machine(&self, host: &str) -> Arc<Machine> {
        self.with(host, |node| Arc::clone(&node.machine))
    }

    pub(crate) fn host_id(&self, host: &str) -> HostId {
        self.with(host, |node| node.host)
    }

    pub(crate) fn user(&self, device: &str) -> String {
        self.with(device, |node| node.phone.as_ref().map(|phone| phone.user.clone()).unwrap_or_default())
    }

    /// Another user has signed in on a device.
    pub(crate) fn set_user(&self, device: &str, user: &str) {
        self.with(device, |node| node.phone.iter_mut().for_each(|phone| user.clone_into(&mut phone.user)));
    }

    /// A device has another version of its app from its next start on.
    pub(crate) fn install(&self, device: &str, app_version: u32) {
        self.with(device, |node| node.phone.iter_mut().for_each(|phone| phone.app_version = app_version));
        self.recorder.record(device, Event::Upgraded { to: app_version });
    }

    /// The server serves no app older than this from its next start on.
    pub(crate) fn require_app(&self, version: u32) {
        let mut start = self.start.lock().expect("no code of others runs under this lock");
        start.parameters.app_version_min = u64::from(version);
    }

    /// Whether a host is up.
    pub(crate) fn is_up(&self, host: &str) -> bool {
        self.with(host, |node| node.alive().is_some())
    }

    /// Whether a host is up and what belongs on it runs.
    pub(crate) fn serves(&self, host: &str) -> bool {
        self.with(host, |node| node.alive().is_some() && matches!(node.phase, Phase::Up { serves: true, .. }))
    }

    /// The app that a device's user has in hand.
    pub(crate) fn running(&self, device: &str) -> Option<(Arc<dyn Device>, Incarnation)> {
        self.with(device, |node| {
            let app = node.phone.as_ref().and_then(|phone| phone.apps.last().cloned());
            app.zip(node.alive().cloned())
        })
    }

    /// Every device, by name.
    pub(crate) fn devices(&self) -> Vec<DeviceNow> {
        let nodes = self.nodes();
        let devices = nodes.iter().filter_map(|(name, node)| {
            let phone = node.phone.as_ref()?;
            Some(DeviceNow {
                name: name.clone(),
                is_up: node.alive().is_some(),
                is_asleep: node.machine.gate.is_asleep(),
                online: phone.online,
                is_too_old: phone.too_old.load(Ordering::Relaxed),
                has_ended: phone.ended.load(Ordering::Relaxed),
                running: phone.apps.last().cloned().zip(node.alive().cloned()),
            })
        });
        devices.collect()
    }

    /// Waits until a host that a fault has brought down for a while is back.
    pub(crate) async fn back(&self, host: &str) {
        while self.nemesis.is_returning(host) {
            self.changed.notified().await;
        }
    }

    /// A host that a fault had brought down for a while is up again.
    pub(crate) fn came_back(&self, host: &str) {
        self.nemesis.returned(host);
        self.changed.notify_waiters();
    }

    /// Starts a host that is down. Waits for one that is falling or starting.
    pub(crate) async fn boot(&self, host: &str) {
        loop {
            let done = self.with(host, |node| match &node.phase {
                Phase::Down => {
                    node.phase = Phase::Booting;
                    Some(true)
                }
                Phase::Up { incarnation, .. } if incarnation.host.is_alive() => Some(false),
                Phase::Up { .. } | Phase::Booting | Phase::Falling => None,
            });
            match done {
                Some(true) => break,
                Some(false) => return,
                None => self.changed.notified().await,
            }
        }
        // A machine that went down is awake: its crash saw to that.
        let machine = self.machine(host);
        let net_host = self.net.boot(self.host_id(host));
        let incarnation = Incarnation::new(machine, net_host, self.recorder.clone());
        let strikes = incarnation.machine.disk.strikes();
        incarnation.record(Event::HostUp { incarnation: incarnation.host.incarnation() });
        self.set_phase(host, Phase::Up { incarnation: incarnation.clone(), serves: false });
        self.nemesis.host_up(host);
        let started = if host == SERVER {
            self.boot_server(&incarnation).await
        } else {
            self.boot_device(host, &incarnation).await
        };
        let serves = started.unwrap_or_else(|why| self.not_started(&incarnation, strikes, why));
        self.with(host, |node| match &mut node.phase {
            Phase::Up { incarnation: now, serves: does }
                if now.host.incarnation() == incarnation.host.incarnation() =>
            {
                *does = serves;
            }
            _ => {}
        });
        self.changed.notify_waiters();
    }

    /// What code under test says when it does not start: wrong, unless its disk is failing, or has
    /// refused something since it had met with `before`.
    fn not_started(&self, incarnation: &Incarnation, before: Strikes, what: String) -> bool {
        let machine = &incarnation.machine;
        let since = machine.disk.strikes();
        let refused = since.full > before.full || since.errors > before.errors;
        incarnation.record(if refused || self.nemesis.disk_is_failing(&machine.name) {
            Event::NotStarted { why: what }
        } else {
            Event::Broke { what }
        });
        false
    }

    /// Whether it serves; or what it says instead of starting.
    async fn boot_server(&self, incarnation: &Incarnation) -> Result<bool, String> {
        let start = self.start.lock().expect("no code of others runs under this lock").clone();
        let starting = self.lineup.server.start(start, incarnation.env());
        let server = match on_host(incarnation, starting).await {
            Ok(Ok(server)) => server,
            Ok(Err(what)) => return Err(what),
            Err(_) => return Ok(false),
        };
        // The host may have gone down while its server started.
        let Ok(listener) = incarnation.host.listen(PORT) else { return Ok(false) };
        let nemesis = Arc::clone(&self.nemesis);
        let front = Front { incarnation: incarnation.clone(), server, nemesis }.into_service();
        incarnation.host.spawn(http::serve(incarnation.host.clone(), listener, front));
        Ok(true)
    }

    /// As [`Fleet::boot_server`].
    async fn boot_device(&self, name: &str, incarnation: &Incarnation) -> Result<bool, String> {
        match on_host(incarnation, self.start_app(name, incarnation)).await {
            Ok(Ok(app)) => {
                self.take_in_hand(name, app);
                Ok(true)
            }
            Ok(Err(refusal)) => Err(refusal.to_string()),
            Err(_) => Ok(false),
        }
    }

    /// A device's user has this app in hand from now on.
    fn take_in_hand(&self, device: &str, app: Arc<dyn Device>) {
        self.with(device, |node| node.phone.iter_mut().for_each(|phone| phone.apps.push(Arc::clone(&app))));
    }

    fn start_app(
        &self,
        name: &str,
        incarnation: &Incarnation,
    ) -> BoxFuture<'static, Result<Arc<dyn Device>, Refusal>> {
        let http = http::client(incarnation.host.clone(), self.host_id(SERVER), PORT);
        let phone = self.with(name, |node| node.phone.clone()).expect("apps run on devices");
        let tap = Tap {
            incarnation: incarnation.clone(),
            http,
            nemesis: self.nemesis.clone(),
            sent: phone.sent,
            too_old: phone.too_old,
            ended: phone.ended,
        };
        let this = Arc::new(incarnation.clone());
        let env = ClientEnv {
            env: incarnation.env(),
            transport: tap.into_transport(),
            secrets: this.clone(),
            screen: this,
        };
        let start = ClientStart {
            user: phone.owner,
            parameters: self.parameters.clone(),
            online: phone.online,
            app_version: phone.app_version,
            scope: phone.scope,
            entities: phone.entities,
        };
        let client: &Arc<dyn Client> = &self.lineup.client;
        client.start(start, env)
    }

    /// Starts another process of the app, on the same database. Where it runs, its user goes on
    /// in it.
    pub(crate) async fn second_app(&self, name: &str) {
        let Some((first, incarnation)) = self.running(name) else { return };
        let refused = match on_host(&incarnation, self.start_app(name, &incarnation)).await {
            Ok(Ok(app)) => {
                self.take_in_hand(name, app);
                None
            }
            Ok(Err(refusal)) => Some(refusal.to_string()),
            Err(_) => return,
        };
        let is_refused = refused.is_some();
        incarnation.record(Event::SecondApp { refused });
        // Its user is back in the first one, and sees what that says.
        if is_refused && let Ok(view) = on_host(&incarnation, async move { first.view().await }).await {
            Screen::status(&incarnation, &view.status);
        }
    }

    /// A device that becomes a copy of another has its session.
    pub(crate) fn copy_session(&self, from: &str, onto: &str) {
        let ended = |name| self.with(name, |node| node.phone.as_ref().map(|phone| Arc::clone(&phone.ended)));
        if let (Some(from), Some(onto)) = (ended(from), ended(onto)) {
            onto.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Takes a host down. Nothing of it does anything any more when this returns.
    pub(crate) async fn crash(&self, host: &str, crash: Crash) {
        let (fallen, apps, machine, id) = self.with(host, |node| {
            let up = matches!(node.phase, Phase::Up { .. });
            let phase = up.then(|| std::mem::replace(&mut node.phase, Phase::Falling));
            let apps = node.phone.as_mut().map(|phone| std::mem::take(&mut phone.apps));
            (phase, apps, Arc::clone(&node.machine), node.host)
        });
        let Some(Phase::Up { incarnation, .. }) = fallen else { return };
        self.nemesis.halt(host, crash);
        // The disk first: a dying process writes nothing more, not even when it closes its files.
        incarnation.mount.kill();
        drop(apps);
        self.net.kill(id, how(crash)).await;
        drop(incarnation);
        machine.gate.open();
        self.nemesis.lay_links();
        if let Crash::PowerLoss(survivors) = crash {
            let outcome = machine.outcome(survivors);
            let losses = machine.disk.power_loss(outcome);
            self.recorder.record(host, Event::DiskSurvived { outcome: outcome.to_string() });
            self.nemesis.power_lost(host, &losses);
        }
        crate::disks::check(&machine, &self.recorder);
        self.set_phase(host, Phase::Down);
    }

    /// Takes a device off the network, or brings it back; its platform tells the app.
    pub(crate) async fn connect(&self, name: &str, online: bool) {
        self.with(name, |node| node.phone.iter_mut().for_each(|phone| phone.online = online));
        self.net.set_interface(self.host_id(name), online);
        let Some(incarnation) = self.with(name, |node| node.alive().cloned()) else { return };
        incarnation.record(Event::Connectivity { online });
        let apps = self.with(name, |node| node.phone.clone()).map(|phone| phone.apps).unwrap_or_default();
        for app in apps {
            // A panic in it is in the trace. One that sleeps hears of it when it wakes up.
            if incarnation.machine.gate.is_asleep() {
                incarnation.spawn(async move { app.connectivity(online) });
            } else {
                let _ = on_host(&incarnation, async move { app.connectivity(online) }).await;
            }
        }
    }

    /// Puts a device to sleep, or wakes it up.
    pub(crate) fn suspend(&self, name: &str, asleep: bool) {
        let Some(incarnation) = self.with(name, |node| node.alive().cloned()) else { return };
        let gate = &incarnation.machine.gate;
        if asleep == gate.is_asleep() {
            return;
        }
        if asleep {
            incarnation.record(Event::Suspended);
            gate.close();
        } else {
            incarnation.record(Event::Resumed);
            gate.open();
        }
        self.nemesis.lay_links();
    }
}

/// What a crash is to the network.
pub(crate) fn how(crash: Crash) -> deadzone_net::Crash {
    match crash {
        Crash::Kill => deadzone_net::Crash::Kill,
        Crash::PowerLoss(_) => deadzone_net::Crash::PowerLoss,
    }
}
