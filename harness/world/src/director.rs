//! Takes a script step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use deadzone_contract::{Action, Change, Code, FieldChange, Parameters, RecordId, seam::ServerStart};
use deadzone_net::{Draws, Net};
use deadzone_script::{Act, Declaration, Fault, HostAct, Script, Step, UserAction};
use deadzone_trace::{Event, Expectation, Header, NetTotals};
use tokio::time::Instant;

use crate::Lineup;
use crate::clock::{WallClock, ms};
use crate::env::Machine;
use crate::fleet::{Fleet, NoResult, SERVER, on_host};
use crate::nemesis::Nemesis;
use crate::recorder::{Recorder, WORLD};
use crate::{audit, settle};

/// After this long without a word, an action is given up: its device hangs. Far beyond the
/// declared bound, which is for an oracle to hold against the time that it really took.
const PATIENCE_MS: u64 = 10 * 60 * 1_000;
/// The longest pause of a user between two steps.
const THINK_MS_MAX: u64 = 250;

/// Runs a script in a world of its own.
pub(crate) struct Director {
    fleet: Fleet,
    nemesis: Arc<Nemesis>,
    recorder: Recorder,
    draws: Draws,
    parameters: Parameters,
    passwords: BTreeMap<String, String>,
    /// Where a record without a parent goes if the script does not say.
    home: String,
    /// The script's names for records, and the workspaces they are in.
    names: BTreeMap<String, (Option<RecordId>, String)>,
    saved: u64,
    /// What the last look at everything was; nothing has happened since if the trace is as long.
    looked_at: usize,
    /// Nothing but looking happened since the world fell quiet with nothing in its way.
    at_rest: bool,
}

impl Director {
    /// Builds the world that a script declares.
    pub(crate) fn new(script: &Script, seed: u64, lineup: &Lineup, net: Net, draws: Draws) -> Director {
        let began = Instant::now();
        let recorder = Recorder::new(began);
        let parameters = script.parameters();
        let mut grants = Vec::new();
        let mut hosts = BTreeMap::new();
        let mut devices = Vec::new();
        let mut home = String::new();
        let machine = |name: &str, skew_ms, drift_ppm| {
            let clock = WallClock::new(began, skew_ms, drift_ppm);
            Machine::new(name, clock, &draws, parameters.disk_latency_max)
        };
        let server = net.add_host(SERVER);
        hosts.insert(SERVER.to_owned(), server);
        for declaration in script.declarations() {
            match declaration {
                Declaration::Workspace { name, members } => {
                    if home.is_empty() {
                        home.clone_from(name);
                    }
                    grants.extend(members.iter().map(|(user, role)| (name.clone(), user.clone(), *role)));
                }
                Declaration::Device { name, user, skew_ms, drift_ppm } => {
                    let host = net.add_host(name);
                    hosts.insert(name.clone(), host);
                    devices.push((machine(name, *skew_ms, *drift_ppm), host, user.clone()));
                }
                _ => {}
            }
        }
        let users = devices.iter().map(|(_, _, user)| user).chain(grants.iter().map(|(_, user, _)| user));
        let passwords: BTreeMap<String, String> =
            users.map(|user| (user.clone(), format!("password of {user}"))).collect();
        let header = Header {
            scenario: script.name().to_owned(),
            seed,
            client: lineup.client.name().to_owned(),
            server: lineup.server.name().to_owned(),
            defect: lineup.defect.clone(),
            devices: devices.iter().map(|(m, _, user)| (m.name.clone(), user.clone())).collect(),
            grants: grants.clone(),
            parameters: parameters.clone(),
        };
        recorder.record(WORLD, Event::Started(header));
        let start = ServerStart { passwords: passwords.clone(), grants, parameters: parameters.clone() };
        let nemesis = Nemesis::new(recorder.clone(), net.clone(), draws, hosts);
        let fleet = Fleet::new(
            net,
            lineup.clone(),
            recorder.clone(),
            Arc::clone(&nemesis),
            (machine(SERVER, 0, 0), server),
            devices,
            start,
        );
        Director {
            fleet,
            nemesis,
            recorder,
            draws,
            parameters,
            passwords,
            home,
            names: BTreeMap::new(),
            saved: 0,
            looked_at: 0,
            at_rest: false,
        }
    }

    /// A handle on the trace, for whoever has to take it out after a death.
    pub(crate) fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Runs the whole script, then heals, settles and looks at everything.
    pub(crate) async fn run(mut self, script: &Script) {
        self.nemesis.lay_links();
        self.fleet.boot(SERVER).await;
        for device in self.device_names() {
            self.fleet.boot(&device).await;
            let user = self.fleet.device(&device).user.clone();
            let password = self.passwords[&user].clone();
            let action = format!("sign-in-{device}");
            self.act(&device, &action, None, Action::SignIn { user, password }).await;
        }
        let began = Instant::now();
        for (line, label, step) in script.steps() {
            if let Some(at) = step.at {
                tokio::time::sleep_until(began + at).await;
            } else if !matches!(step.act, Act::Expect(_)) {
                let pause = self.draws.key("think").text(&label).between(0, THINK_MS_MAX);
                tokio::time::sleep(ms(pause)).await;
            }
            self.step(line, &label, step).await;
        }
        self.end().await;
    }

    fn device_names(&self) -> Vec<String> {
        self.fleet.devices.keys().cloned().collect()
    }

    async fn step(&mut self, line: u32, label: &str, step: &Step) {
        self.at_rest &= matches!(step.act, Act::Expect(_));
        match &step.act {
            Act::User { devices, action } => {
                for device in devices {
                    let action_id =
                        if devices.len() == 1 { label.to_owned() } else { format!("{label}.{device}") };
                    self.user(device, &action_id, action).await;
                }
            }
            Act::Repeat { times, within, act } => {
                let Act::User { devices, action } = act.as_ref() else { return };
                let began = Instant::now();
                for i in 1..=*times {
                    if let Some(within) = within {
                        tokio::time::sleep_until(began + *within * (i - 1) / *times).await;
                    }
                    let action = action.numbered(i);
                    for device in devices {
                        let suffix = if devices.len() == 1 { String::new() } else { format!(".{device}") };
                        self.user(device, &format!("{label}.{i}{suffix}"), &action).await;
                    }
                }
            }
            Act::Host { hosts, what } => {
                for host in hosts {
                    self.host(host, *what).await;
                }
            }
            Act::Wait(time) => tokio::time::sleep(*time).await,
            Act::Fault(fault) => {
                if let Fault::Jump { host, by_ms } = fault {
                    self.jump(host, *by_ms);
                }
                self.nemesis.begin(label, fault, fault.to_string());
            }
            Act::End(label) => self.nemesis.end(label),
            Act::Heal => self.heal().await,
            Act::Settle => self.settle().await,
            Act::Expect(expectation) => self.expect(line, expectation).await,
        }
    }

    fn jump(&mut self, host: &str, by_ms: i64) {
        let machine =
            if host == SERVER { &self.fleet.server.machine } else { &self.fleet.device(host).node.machine };
        machine.clock.jump(by_ms);
    }

    async fn host(&mut self, host: &str, what: HostAct) {
        match what {
            HostAct::Sync => self.sync(host).await,
            HostAct::Offline => self.fleet.connect(host, false).await,
            HostAct::Online => self.fleet.connect(host, true).await,
            HostAct::Crash(crash) => self.fleet.crash(host, crash).await,
            HostAct::Restart => {
                if !self.fleet.is_up(host) {
                    self.fleet.boot(host).await;
                }
            }
        }
    }

    /// Ends with the attempt, or as soon as a fault strikes.
    async fn sync(&mut self, device: &str) {
        let phone = self.fleet.device(device);
        let (Some(app), Some(incarnation)) = (phone.app.clone(), phone.node.up.clone()) else { return };
        let struck = std::pin::pin!(self.nemesis.struck.notified());
        let sync = std::pin::pin!(on_host(&incarnation, async move { drop(app.sync().await) }));
        let ends = futures_util::future::select(struck, sync);
        // A device that hangs is found by its silence; the script goes on.
        let _ = tokio::time::timeout(ms(PATIENCE_MS), ends).await;
    }

    async fn heal(&mut self) {
        self.nemesis.end_all();
        let hosts: Vec<String> = std::iter::once(SERVER.to_owned()).chain(self.device_names()).collect();
        for host in hosts {
            if !self.fleet.is_up(&host) {
                self.fleet.boot(&host).await;
            }
            if host != SERVER && !self.fleet.device(&host).online {
                self.fleet.connect(&host, true).await;
            }
        }
        self.recorder.record(WORLD, Event::Healed);
    }

    async fn settle(&mut self) {
        settle::settle(&self.fleet, &self.nemesis, &self.recorder, &self.parameters, self.saved).await;
        self.at_rest = self.nemesis.is_idle()
            && self.fleet.server.up.is_some()
            && self.fleet.devices.values().all(|phone| phone.online && phone.node.up.is_some());
    }

    /// Puts records in the place of names, then acts.
    async fn user(&mut self, device: &str, id: &str, action: &UserAction) {
        let on = |name: &str, act: fn(RecordId) -> Action| self.known(name).map(act);
        let act = match action {
            UserAction::Create { name, place, changes } => {
                let (parent, workspace) = self.place(place.as_deref());
                let entity = name.split('/').next().unwrap_or_default().to_owned();
                let create = Action::Create { entity, workspace, parent, changes: field_changes(changes) };
                return self.act(device, id, Some(name.clone()), create).await;
            }
            UserAction::Edit { name, changes } => {
                self.known(name).map(|record| Action::Edit { record, changes: field_changes(changes) })
            }
            UserAction::Resolve { name, field, choice } => self.known(name).map(|record| Action::Resolve {
                record,
                field: field.clone(),
                choice: choice.clone(),
            }),
            UserAction::Delete { name } => on(name, |record| Action::Delete { record }),
            UserAction::Discard { name } => on(name, |record| Action::Discard { record }),
            UserAction::Retry { name } => on(name, |record| Action::Retry { record }),
        };
        match act {
            Some(act) => self.act(device, id, None, act).await,
            // A record whose create never came to an end has no name; nobody can touch it by it.
            None => self.recorder.record(
                device,
                Event::Refused {
                    action: id.to_owned(),
                    code: Code::UnknownRecord,
                    detail: "the record was never saved".to_owned(),
                },
            ),
        }
    }

    fn known(&self, name: &str) -> Option<RecordId> {
        self.names.get(name).and_then(|(record, _)| record.clone())
    }

    /// The parent and the workspace that `in PLACE` means.
    fn place(&self, place: Option<&str>) -> (Option<RecordId>, String) {
        match place {
            None => (None, self.home.clone()),
            Some(place) => match self.names.get(place) {
                Some((record, workspace)) => (record.clone(), workspace.clone()),
                None => (None, place.to_owned()),
            },
        }
    }

    async fn act(&mut self, device: &str, id: &str, name: Option<String>, act: Action) {
        let phone = self.fleet.device(device);
        let user = phone.user.clone();
        let (app, incarnation) = (phone.app.clone(), phone.node.up.clone());
        let id = id.to_owned();
        let workspace = match &act {
            Action::Create { workspace, .. } => workspace.clone(),
            _ => String::new(),
        };
        let recorder = self.recorder.clone();
        let record = |event| recorder.record(device, event);
        record(Event::Invoked { action: id.clone(), user, name: name.clone(), act: act.clone() });
        let (Some(app), Some(incarnation)) = (app, incarnation) else {
            return record(Event::Indefinite { action: id, why: "the app is not running".to_owned() });
        };
        let result = on_host(&incarnation, async move { app.act(act).await });
        let event = match tokio::time::timeout(ms(PATIENCE_MS), result).await {
            Ok(Ok(Ok(saved))) => {
                self.saved += 1;
                if let (Some(name), Some(record)) = (name, saved.record.clone()) {
                    self.names.insert(name.clone(), (Some(record.clone()), workspace));
                    recorder.record(device, Event::Named { name, record });
                }
                self.nemesis.wrote(device);
                Event::Saved { action: id, record: saved.record }
            }
            Ok(Ok(Err(refusal))) => Event::Refused { action: id, code: refusal.code, detail: refusal.detail },
            Ok(Err(NoResult::Panicked)) => {
                Event::Indefinite { action: id, why: "the app panicked".to_owned() }
            }
            Ok(Err(NoResult::Died)) => Event::Indefinite { action: id, why: "its host went down".to_owned() },
            Err(_) => Event::Indefinite { action: id, why: "the device kept silent".to_owned() },
        };
        record(event);
    }

    async fn expect(&mut self, line: u32, expectation: &Expectation) {
        self.look().await;
        let text = deadzone_script::expectation_text(expectation);
        let expectation = expectation.clone();
        self.recorder.record(WORLD, Event::Expected { line, text, expectation });
        self.looked_at = self.recorder.len();
    }

    /// Writes down what the server has and what every device shows, unless nothing happened
    /// since the last look.
    async fn look(&mut self) {
        if self.looked_at == self.recorder.len() {
            return;
        }
        for (user, password) in self.passwords.clone() {
            let event = match audit::audit(&self.fleet, &user, &password).await {
                Ok(records) => Event::Audited { user, records },
                Err(why) => Event::AuditFailed { user, why },
            };
            self.recorder.record(WORLD, event);
        }
        for phone in self.fleet.devices.values() {
            let (Some(app), Some(incarnation)) = (phone.app.clone(), phone.node.up.as_ref()) else {
                continue;
            };
            if let Ok(view) = on_host(incarnation, async move { app.view().await }).await {
                incarnation.record(Event::Viewed(view));
            }
        }
        self.looked_at = self.recorder.len();
    }

    async fn end(&mut self) {
        if !self.at_rest {
            self.heal().await;
            self.settle().await;
        }
        self.look().await;
        let stats = self.fleet.net.stats();
        self.recorder.record(
            WORLD,
            Event::Finished(NetTotals {
                delivered: stats.delivered,
                lost: stats.lost,
                connections: stats.connections,
                bytes: stats.bytes,
                digest: self.fleet.net.digest(),
            }),
        );
    }
}

fn field_changes(changes: &[(String, Change)]) -> Vec<FieldChange> {
    let named =
        |(field, change): &(String, Change)| FieldChange { field: field.clone(), change: change.clone() };
    changes.iter().map(named).collect()
}
