//! The hosts of a world: devices, their users and apps, and the server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use deadzone_contract::seam::{ClientEnv, ClientStart, ServerStart};
use deadzone_contract::{Device, Parameters};
use deadzone_net::http;
use deadzone_net::{HostId, Net};
use deadzone_trace::{Crash, Event};
use tokio::sync::oneshot;

use crate::Lineup;
use crate::caught::caught;
use crate::env::{Incarnation, Machine};
use crate::front::Front;
use crate::nemesis::Nemesis;
use crate::recorder::Recorder;
use crate::transport::Tap;

/// The name of the server's host.
pub(crate) const SERVER: &str = "server";
/// Where the server listens.
pub(crate) const PORT: u16 = 443;

/// A machine with whatever runs on it.
pub(crate) struct Node {
    pub(crate) machine: Arc<Machine>,
    pub(crate) host: HostId,
    /// The running incarnation; none while the host is down.
    pub(crate) up: Option<Incarnation>,
}

/// A device and its user.
pub(crate) struct Phone {
    pub(crate) node: Node,
    pub(crate) user: String,
    /// The running app; none while the host is down or where it did not start.
    pub(crate) app: Option<Arc<dyn Device>>,
    pub(crate) online: bool,
    sent: Arc<AtomicU64>,
}

/// Every host of a world.
pub(crate) struct Fleet {
    pub(crate) server: Node,
    pub(crate) devices: BTreeMap<String, Phone>,
    /// The harness's own machine, which asks the server what it has.
    pub(crate) auditor: HostId,
    pub(crate) net: Net,
    lineup: Lineup,
    recorder: Recorder,
    nemesis: Arc<Nemesis>,
    parameters: Parameters,
    start: ServerStart,
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
        match caught(code).await {
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

impl Fleet {
    pub(crate) fn new(
        net: Net,
        lineup: Lineup,
        recorder: Recorder,
        nemesis: Arc<Nemesis>,
        server: (Machine, HostId),
        devices: Vec<(Machine, HostId, String)>,
        start: ServerStart,
    ) -> Fleet {
        let node = |machine: Machine, host| Node { machine: Arc::new(machine), host, up: None };
        let devices = devices.into_iter().map(|(machine, host, user)| {
            let name = machine.name.clone();
            let node = node(machine, host);
            (name, Phone { node, user, app: None, online: true, sent: Arc::default() })
        });
        let auditor = net.add_host("auditor");
        Fleet {
            server: node(server.0, server.1),
            devices: devices.collect(),
            auditor,
            net,
            lineup,
            recorder,
            nemesis,
            parameters: start.parameters.clone(),
            start,
        }
    }

    fn node(&mut self, host: &str) -> &mut Node {
        if host == SERVER { &mut self.server } else { &mut self.device(host).node }
    }

    /// A device by its name.
    pub(crate) fn device(&mut self, name: &str) -> &mut Phone {
        self.devices.get_mut(name).expect("a checked script names devices that exist")
    }

    /// Whether a host is up.
    pub(crate) fn is_up(&mut self, host: &str) -> bool {
        self.node(host).up.is_some()
    }

    fn begin(&mut self, host: &str) -> Incarnation {
        let (net, recorder) = (self.net.clone(), self.recorder.clone());
        let node = self.node(host);
        let incarnation = Incarnation::new(Arc::clone(&node.machine), net.boot(node.host), recorder);
        node.up = Some(incarnation.clone());
        incarnation.record(Event::HostUp { incarnation: incarnation.host.incarnation() });
        incarnation
    }

    /// Starts a host that is down.
    pub(crate) async fn boot(&mut self, host: &str) {
        if host == SERVER { self.boot_server().await } else { self.boot_device(host).await }
    }

    async fn boot_server(&mut self) {
        let incarnation = self.begin(SERVER);
        let starting = self.lineup.server.start(self.start.clone(), incarnation.env());
        let server = match on_host(&incarnation, starting).await {
            Ok(Ok(server)) => server,
            Ok(Err(what)) => return incarnation.record(Event::Broke { what }),
            Err(_) => return,
        };
        let listener = incarnation.host.listen(PORT).expect("a new incarnation has no listeners");
        let nemesis = Arc::clone(&self.nemesis);
        let front = Front { incarnation: incarnation.clone(), server, nemesis };
        incarnation.host.spawn(http::serve(incarnation.host.clone(), listener, front));
    }

    async fn boot_device(&mut self, name: &str) {
        let incarnation = self.begin(name);
        let (server, nemesis) = (self.server.host, Arc::clone(&self.nemesis));
        let parameters = self.parameters.clone();
        let phone = self.device(name);
        let http = http::client(incarnation.host.clone(), server, PORT);
        let tap = Tap { incarnation: incarnation.clone(), http, nemesis, sent: Arc::clone(&phone.sent) };
        let this = Arc::new(incarnation.clone());
        let env = ClientEnv {
            env: incarnation.env(),
            transport: tap.into_transport(),
            secrets: this.clone(),
            screen: this,
        };
        let start = ClientStart { user: phone.user.clone(), parameters, online: phone.online };
        let app = on_host(&incarnation, self.lineup.client.start(start, env)).await;
        match app {
            Ok(Ok(app)) => self.device(name).app = Some(app),
            Ok(Err(refusal)) => incarnation.record(Event::Broke { what: refusal.to_string() }),
            Err(_) => {}
        }
    }

    /// Takes a host down. Nothing of it does anything any more when this returns.
    pub(crate) async fn crash(&mut self, host: &str, crash: Crash) {
        if let Some(phone) = self.devices.get_mut(host) {
            phone.app = None;
        }
        let node = self.node(host);
        let Some(incarnation) = node.up.take() else { return };
        let id = node.host;
        incarnation.record(Event::HostDown { crash });
        let crash = match crash {
            Crash::Kill => deadzone_net::Crash::Kill,
            Crash::PowerLoss => deadzone_net::Crash::PowerLoss,
        };
        self.net.kill(id, crash).await;
    }

    /// Takes a device off the network, or brings it back; its platform tells the app.
    pub(crate) async fn connect(&mut self, name: &str, online: bool) {
        let net = self.net.clone();
        let phone = self.device(name);
        phone.online = online;
        net.set_interface(phone.node.host, online);
        let Some(incarnation) = phone.node.up.clone() else { return };
        incarnation.record(Event::Connectivity { online });
        if let Some(app) = phone.app.clone() {
            // A panic in it is in the trace.
            let _ = on_host(&incarnation, async move { app.connectivity(online) }).await;
        }
    }
}
