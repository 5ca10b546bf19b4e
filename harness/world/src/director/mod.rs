//! Takes a script step by step.
//!
//! | Module | Holds |
//! |---|---|
//! | `build` | the world that a script declares |
//! | `user` | what users do |

mod build;
mod user;

use std::collections::BTreeMap;
use std::sync::Arc;

use deadzone_contract::wire::MemberChange;
use deadzone_contract::{Action, Parameters, RecordId};
use deadzone_net::Draws;
use deadzone_script::{Act, At, Fault, HostAct, Moment, Script, Step};
use deadzone_trace::{Event, Expectation, NetTotals};
use tokio::time::Instant;

use crate::clock::ms;
use crate::disks::Backup;
use crate::fleet::{Fleet, SERVER, on_host};
use crate::nemesis::Until;
use crate::recorder::{Recorder, WORLD};
use crate::search::Words;
use crate::{audit, outside, settle};

/// After this long without a word, an action is given up: its device hangs. Far beyond the
/// declared bound, which is for an oracle to hold against the time that it really took.
const PATIENCE_MS: u64 = 10 * 60 * 1_000;
/// The longest pause of a user between two steps.
const THINK_MS_MAX: u64 = 250;
/// How often somebody tries to sign in on a new device while hosts go down under him.
const SIGN_INS_MAX: u32 = 5;

/// Runs a script in a world of its own.
pub(crate) struct Director {
    fleet: Arc<Fleet>,
    draws: Draws,
    parameters: Parameters,
    passwords: BTreeMap<String, String>,
    /// Where a record without a parent goes if the script does not say.
    home: String,
    /// The script's names for records, and the workspaces they are in.
    names: BTreeMap<String, (Option<RecordId>, String)>,
    /// Copies of disks, by their names.
    backups: BTreeMap<String, Backup>,
    saved: u64,
    /// What the last look at everything was; nothing has happened since if the trace is as long.
    looked_at: usize,
    /// What is looked for on disks.
    words: Words,
    /// Somebody was signed out or lost a right, so that what stands on disks matters before the
    /// end, too.
    rights_changed: bool,
    /// Nothing but looking happened since the world fell quiet with nothing in its way.
    at_rest: bool,
}

impl Director {
    /// A handle on the trace, for whoever has to take it out after a death.
    pub(crate) fn recorder(&self) -> Recorder {
        self.fleet.recorder.clone()
    }

    /// Its hosts, for whoever clears up behind them.
    pub(crate) fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.fleet)
    }

    /// Runs the whole script, then heals, settles and looks at everything.
    pub(crate) async fn run(mut self, script: &Script) {
        self.fleet.nemesis.lay_links();
        // What counts from the beginning of the world has to be there then.
        for (_, label, step) in script.steps() {
            if let Act::Fault(fault) = &step.act
                && is_at_start(step)
            {
                self.fault(&label, fault, Until::Struck);
            }
        }
        self.set_up().await;
        let began = Instant::now();
        for (line, label, step) in script.steps() {
            if is_at_start(step) {
                continue;
            }
            if let Some(At::Time(at)) = step.at {
                tokio::time::sleep_until(began + at).await;
            } else if !matches!(step.act, Act::Expect(_)) {
                let pause = self.draws.key("think").text(&label).between(0, THINK_MS_MAX);
                tokio::time::sleep(ms(pause)).await;
            }
            self.step(line, &label, step).await;
        }
        self.end().await;
    }

    /// Starts everything and signs everybody in. A host that goes down meanwhile is started
    /// again, and its user signs in again.
    async fn set_up(&mut self) {
        self.fleet.boot(SERVER).await;
        for device in self.device_names() {
            for attempt in 1..=SIGN_INS_MAX {
                self.make_serve(SERVER).await;
                self.make_serve(&device).await;
                let again = if attempt == 1 { String::new() } else { format!(".{attempt}") };
                let id = format!("sign-in-{device}{again}");
                if self.sign_in(&device, &id, None, false).await {
                    break;
                }
            }
        }
    }

    /// Signs a user in, or, where none is named, whoever has the device. True if it succeeds.
    async fn sign_in(&mut self, device: &str, id: &str, user: Option<&str>, cannot: bool) -> bool {
        let user = user.map_or_else(|| self.fleet.user(device), str::to_owned);
        let password = self.passwords[&user].clone();
        let sign_in = Action::SignIn { user: user.clone(), password };
        let signed_in = self.act(device, id, None, sign_in, cannot).await;
        if signed_in {
            self.fleet.set_user(device, &user);
        }
        signed_in
    }

    /// Starts a host again unless what belongs on it runs.
    async fn make_serve(&self, host: &str) {
        self.fleet.back(host).await;
        if self.fleet.is_up(host) && !self.fleet.serves(host) {
            self.fleet.crash(host, deadzone_script::Crash::Kill).await;
        }
        self.fleet.boot(host).await;
    }

    fn device_names(&self) -> Vec<String> {
        self.fleet.devices().into_iter().map(|device| device.name).collect()
    }

    async fn step(&mut self, line: u32, label: &str, step: &Step) {
        self.at_rest &= matches!(step.act, Act::Expect(_));
        match &step.act {
            Act::User { devices, action, cannot } => {
                for device in devices {
                    let action_id =
                        if devices.len() == 1 { label.to_owned() } else { format!("{label}.{device}") };
                    self.user(device, &action_id, action, *cannot).await;
                }
            }
            Act::Members(change) => self.change_member(change).await,
            Act::Repeat { times, within, act } => {
                let Act::User { devices, action, cannot } = act.as_ref() else { return };
                let began = Instant::now();
                for i in 1..=*times {
                    if let Some(within) = within {
                        tokio::time::sleep_until(began + *within * (i - 1) / *times).await;
                    }
                    let action = action.numbered(i);
                    for device in devices {
                        let suffix = if devices.len() == 1 { String::new() } else { format!(".{device}") };
                        self.user(device, &format!("{label}.{i}{suffix}"), &action, *cannot).await;
                    }
                }
            }
            Act::Host { hosts, what } => {
                for host in hosts {
                    self.host(host, what).await;
                }
            }
            Act::Wait(time) => tokio::time::sleep(*time).await,
            Act::Fault(fault) => self.fault(label, fault, Until::Healed),
            Act::End(label) => self.fleet.nemesis.end(label),
            Act::Heal => self.heal().await,
            Act::Settle => self.settle().await,
            Act::Expect(expectation) => self.expect(line, expectation).await,
        }
    }

    fn fault(&self, label: &str, fault: &Fault, until: Until) {
        if let Fault::Jump { host, by_ms } = fault {
            self.fleet.machine(host).clock.jump(*by_ms);
        }
        self.fleet.nemesis.begin(label, fault, until);
    }

    async fn host(&mut self, host: &str, what: &HostAct) {
        self.fleet.back(host).await;
        match what {
            HostAct::Sync => self.sync(host).await,
            HostAct::Offline => self.fleet.connect(host, false).await,
            HostAct::Online => self.fleet.connect(host, true).await,
            HostAct::Crash(crash) => self.fleet.crash(host, *crash).await,
            HostAct::Restart => self.make_serve(host).await,
            HostAct::Suspend => self.fleet.suspend(host, true),
            HostAct::Resume => self.fleet.suspend(host, false),
            HostAct::SecondApp => self.fleet.second_app(host).await,
            HostAct::Backup(name) => {
                let backup = self.fleet.backup(host, name);
                self.backups.insert(name.clone(), backup);
            }
            HostAct::Restore(name) => {
                let backup = self.backups.get(name).expect("a checked script makes copies first");
                self.fleet.restore(host, name, backup).await;
            }
            HostAct::Wipe => self.fleet.wipe(host).await,
            HostAct::Upgrade(version) => {
                self.fleet.crash(host, deadzone_script::Crash::Kill).await;
                self.fleet.install(host, *version);
                self.make_serve(host).await;
            }
            HostAct::RequireApp(version) => {
                self.fleet.require_app(*version);
                self.fleet.crash(SERVER, deadzone_script::Crash::Kill).await;
                self.make_serve(SERVER).await;
            }
            HostAct::CloneOnto(onto) => {
                self.fleet.back(onto).await;
                self.fleet.clone_onto(host, onto).await;
            }
        }
    }

    /// Ends with the attempt, or as soon as a fault strikes.
    async fn sync(&mut self, device: &str) {
        let Some((app, incarnation)) = self.fleet.running(device) else { return };
        let struck = std::pin::pin!(self.fleet.nemesis.struck.notified());
        incarnation.record(Event::SyncAsked);
        let sync = std::pin::pin!(on_host(&incarnation, async move { drop(app.sync().await) }));
        let ends = futures_util::future::select(struck, sync);
        // A device that hangs is found by its silence; the script goes on.
        let _ = tokio::time::timeout(ms(PATIENCE_MS), ends).await;
    }

    /// The operator's change is made or not: while nobody answers, both may be.
    async fn change_member(&mut self, change: &MemberChange) {
        self.rights_changed |= change.role.is_none();
        self.fleet.recorder.record(WORLD, Event::Granting(change.clone()));
        let change = change.clone();
        let event = match outside::change_member(&self.fleet, &change).await {
            Ok(()) => Event::Granted(change),
            Err(why) => Event::GrantFailed { change, why },
        };
        self.fleet.recorder.record(WORLD, event);
    }

    async fn heal(&mut self) {
        self.fleet.nemesis.heal();
        self.make_serve(SERVER).await;
        for device in self.fleet.devices() {
            self.fleet.suspend(&device.name, false);
            self.make_serve(&device.name).await;
            if !device.online {
                self.fleet.connect(&device.name, true).await;
            }
        }
        self.fleet.recorder.record(WORLD, Event::Healed);
    }

    async fn settle(&mut self) {
        // Whoever comes up by himself takes part.
        for host in [SERVER.to_owned()].into_iter().chain(self.device_names()) {
            self.fleet.back(&host).await;
        }
        settle::settle(&self.fleet, &self.parameters, self.saved).await;
        self.at_rest = self.fleet.nemesis.is_idle()
            && self.fleet.serves(SERVER)
            && self
                .fleet
                .devices()
                .iter()
                .all(|device| device.online && !device.is_asleep && device.running.is_some());
    }

    async fn expect(&mut self, line: u32, expectation: &Expectation) {
        self.look().await;
        let text = deadzone_script::expectation_text(expectation);
        let expectation = expectation.clone();
        self.fleet.recorder.record(WORLD, Event::Expected { line, text, expectation });
        self.looked_at = self.fleet.recorder.len();
    }

    /// Writes down what the server has and what every device shows, unless nothing happened
    /// since the last look.
    async fn look(&mut self) {
        if self.looked_at == self.fleet.recorder.len() {
            return;
        }
        self.fleet.nemesis.spare_server(true);
        for (user, password) in self.passwords.clone() {
            let event = match audit::audit(&self.fleet, &user, &password).await {
                Ok(records) => Event::Audited { user, records },
                Err(why) => Event::AuditFailed { user, why },
            };
            self.fleet.recorder.record(WORLD, event);
        }
        if let Ok((status, body)) = outside::scrape(&self.fleet).await {
            self.fleet.recorder.record(WORLD, Event::Scraped { status, body });
        }
        self.fleet.nemesis.spare_server(false);
        for device in self.fleet.devices().into_iter().filter(|device| !device.is_asleep) {
            let Some((app, incarnation)) = device.running else { continue };
            if let Ok(view) = on_host(&incarnation, async move { app.view().await }).await {
                incarnation.record(Event::Viewed(view));
            }
        }
        if self.rights_changed {
            self.read_disks();
        }
        self.looked_at = self.fleet.recorder.len();
    }

    /// Writes down what stands on every disk.
    fn read_disks(&mut self) {
        self.fleet.recorder.read(|entries| self.words.learn(entries));
        for host in self.device_names().into_iter().chain([SERVER.to_owned()]) {
            let found = self.words.look_on(&self.fleet.machine(&host));
            self.fleet.recorder.record(&host, found);
        }
    }

    async fn end(&mut self) {
        if !self.at_rest {
            self.heal().await;
            self.settle().await;
        }
        self.look().await;
        if !self.rights_changed {
            self.read_disks();
        }
        let stats = self.fleet.net.stats();
        self.fleet.recorder.record(
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

/// Whether a step is a fault that begins before anything has started.
fn is_at_start(step: &Step) -> bool {
    let counts_from_the_beginning =
        matches!(&step.act, Act::Fault(Fault::Crash { moment: Moment::OperationEver(_), .. }));
    step.at == Some(At::Start) || counts_from_the_beginning
}
