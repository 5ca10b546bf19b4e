//! Draws scripts as data.

mod dice;

use std::collections::BTreeSet;
use std::time::Duration;

use deadzone_contract::parameters::{PARAMETERS, Unit};
use deadzone_contract::rules::{ENTITIES, EntityDecl};
use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{Badge, Change, Choice, Code, Model, Rule, Value};
use deadzone_script::{
    Act, At, Class, Crash, Declaration, DiskOperation, Fault, HostAct, Item, Moment, Script, Step, Suite,
    Survivors, Target, UserAction,
};
use deadzone_trace::{Claim, Expectation, FieldClaim, Place};
use dice::Dice;

/// A script that `check` accepts; if `wild`, one that it may accept.
pub(crate) fn script(numbers: &[u32], wild: bool) -> Script {
    let mut writer = Writer { dice: Dice { numbers, wild }, ..Writer::default() };
    writer.declarations();
    while !writer.dice.numbers.is_empty() {
        writer.line();
    }
    Script { items: writer.items }
}

#[derive(Default)]
struct Writer<'a> {
    dice: Dice<'a>,
    items: Vec<Item>,
    workspaces: Vec<String>,
    devices: Vec<String>,
    records: Vec<String>,
    up: BTreeSet<String>,
    offline: BTreeSet<String>,
    asleep: BTreeSet<String>,
    /// The copies of disks, each with its device.
    backups: Vec<(String, String)>,
    faults: Vec<String>,
    at: Duration,
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl Writer<'_> {
    fn declare(&mut self, declaration: Declaration) {
        if self.dice.below(8) == 1 {
            let comment = self.dice.text().replace(|c: char| c.is_control() && c != '\t', " ");
            self.items.push(if comment.len() % 2 == 0 { Item::Blank } else { Item::Comment(comment) });
        }
        if !self.dice.goes_wild() {
            self.items.push(Item::Declaration(declaration));
        }
    }

    fn declarations(&mut self) {
        let name = self.dice.name(&strings(&["a", "lost-answer", "In_Upper_Case"]));
        self.declare(Declaration::Scenario(name));
        if self.dice.below(2) == 1 {
            let suite = self.dice.pick(&[Suite::Pr, Suite::Nightly]);
            self.declare(Declaration::Suite(suite));
        }
        if self.dice.below(3) == 1 {
            let (client, defect) = (self.dice.text(), self.dice.text());
            let (oracle, clause) = (self.dice.text(), self.dice.text());
            let seed = u64::from(self.dice.draw()) << self.dice.below(33);
            self.declare(Declaration::Seed(seed));
            self.declare(Declaration::Client(client));
            let model = self.dice.pick(&[Model::A, Model::B]);
            self.declare(Declaration::Model(model));
            self.declare(Declaration::Defect(defect));
            self.declare(Declaration::Violates { oracle, clause });
            self.declare(Declaration::Digest(format!("{:064x}", u128::from(seed) << 64)));
        }
        if self.dice.below(4) == 1 {
            let situation = self.dice.name(&strings(&["crash-between-pages", "b"]));
            self.declare(Declaration::Reaches(situation));
        }
        for decl in PARAMETERS.iter().filter(|decl| decl.name.len() % 3 == 0) {
            if self.dice.below(4) == 1 {
                let value = decl.least + u64::from(self.dice.below(100_000));
                let is_time = (decl.unit == Unit::Time) != self.dice.goes_wild();
                self.declare(Declaration::Set { parameter: decl.name.into(), value, is_time });
            }
        }
        let users = strings(&["ana", "ben", "cy_2"]);
        self.workspaces = strings(&["home", "work"][..1 + self.dice.below(2) as usize]);
        for name in self.workspaces.clone() {
            let mut members = Vec::new();
            for user in &users {
                members.push((self.dice.name(std::slice::from_ref(user)), self.role()));
            }
            self.declare(Declaration::Workspace { name, members });
        }
        self.devices = strings(&["phone", "laptop", "Old-Tablet_2", &"d".repeat(64)]);
        self.devices.truncate(1 + self.dice.below(4) as usize);
        for name in self.devices.clone() {
            let user = self.dice.name(&users);
            let skew_ms = if self.dice.below(2) == 1 { self.dice.signed_ms() } else { 0 };
            let drift_ppm = self.dice.pick(&[0, 50, -20, 100_000, -100_000]);
            let scope = (self.dice.below(4) == 1).then(|| {
                let some = 1 + self.dice.below(self.workspaces.len() as u32) as usize;
                self.workspaces[..some].to_vec()
            });
            let entities = (self.dice.below(4) == 1).then(|| {
                let some = 1 + self.dice.below(ENTITIES.len() as u32) as usize;
                ENTITIES[..some].iter().map(|decl| decl.name.to_owned()).collect()
            });
            let app = self.dice.pick(&[None, None, Some(3), Some(4)]);
            let device = name.clone();
            self.declare(Declaration::Device {
                name: device,
                user,
                skew_ms,
                drift_ppm,
                scope,
                entities,
                app,
            });
            self.up.insert(name);
        }
        self.up.insert("server".into());
    }

    fn role(&mut self) -> Role {
        self.dice.pick(&[Role::Viewer, Role::Editor, Role::Admin])
    }

    /// One more step, if what is drawn fits here.
    fn line(&mut self) {
        if self.dice.below(6) == 1 {
            self.items.push(Item::Blank);
        }
        let Some(act) = self.act() else { return };
        let is_fault = matches!(act, Act::Fault(_));
        let label = (self.dice.below(3) == 1).then(|| format!("a{}", self.items.len()));
        if let (Some(label), true) = (&label, is_fault) {
            self.faults.push(label.clone());
        }
        let at = (self.dice.below(5) == 1).then(|| {
            self.at += self.dice.time() / 100 * 100;
            self.at =
                Duration::from_millis(self.at.as_millis() as u64).min(Duration::from_secs(3_000_000_000));
            At::Time(self.at)
        });
        let begun = self
            .items
            .iter()
            .any(|item| matches!(item, Item::Step(step) if !matches!(step.act, Act::Fault(_))));
        let at = if is_fault && !begun && self.dice.below(2) == 0 { Some(At::Start) } else { at };
        let label = if self.dice.goes_wild() { Some(self.dice.text()) } else { label };
        self.items.push(Item::Step(Step { label, at, act }));
    }

    fn act(&mut self) -> Option<Act> {
        match self.dice.below(17) {
            16 => Some(Act::Members(self.member_change(true))),
            0..=5 => self.user_act(),
            6 => self.repeat(),
            7 | 8 => self.host_act(),
            9 => Some(Act::Wait(self.dice.time())),
            10 | 11 => Some(Act::Fault(self.fault())),
            12 => {
                let label = self.faults.pop()?;
                Some(Act::End(self.dice.name(&[label])))
            }
            13 if self.dice.below(3) == 1 => {
                self.up.extend(self.devices.iter().cloned());
                self.up.insert("server".into());
                self.asleep.clear();
                self.offline.clear();
                self.faults.clear();
                Some(Act::Heal)
            }
            13 => Some(Act::Settle),
            _ => self.expectation().map(|claim| Act::Expect(Expectation { claim })),
        }
    }

    /// Devices that are up, each once.
    fn up_devices(&mut self, most: usize) -> Option<Vec<String>> {
        let mut devices: Vec<String> = self.up.iter().filter(|name| *name != "server").cloned().collect();
        let first = self.dice.draw() as usize % devices.len().max(1);
        devices.rotate_left(first);
        devices.truncate(1 + self.dice.draw() as usize % most);
        if self.dice.goes_wild() {
            devices.push(self.dice.text());
        }
        (!devices.is_empty()).then_some(devices)
    }

    fn user_act(&mut self) -> Option<Act> {
        if self.dice.below(2) == 0 || self.records.is_empty() {
            let devices = self.up_devices(1)?;
            let action = self.create("", "")?;
            return Some(Act::User { devices, action, cannot: false });
        }
        let action = if self.dice.below(5) == 1 { self.account() } else { self.use_record()? };
        let cannot = self.dice.below(6) == 1;
        Some(Act::User { devices: self.up_devices(3)?, action, cannot })
    }

    fn repeat(&mut self) -> Option<Act> {
        let times = self.dice.pick(&[1, 2, 3, 50]);
        let within = (self.dice.below(2) == 1).then(|| self.dice.time());
        let act = if self.dice.below(2) == 0 {
            let prefix = self.dice.pick(&["", "r-", "R"]);
            let devices = self.up_devices(1)?;
            let action = self.create(prefix, "#")?;
            let act = Act::User { devices, action, cannot: false };
            let Act::User { action: UserAction::Create { name, .. }, .. } = &act else { unreachable!() };
            let made: Vec<String> = (1..=times).map(|n| deadzone_script::numbered(name, n)).collect();
            self.records.retain(|record| record != name);
            self.records.extend(made);
            act
        } else {
            Act::User { devices: self.up_devices(3)?, action: self.use_record()?, cannot: true }
        };
        Some(Act::Repeat { times, within, act: Box::new(act) })
    }

    /// A create whose record's own name is drawn between `prefix` and `suffix`.
    fn create(&mut self, prefix: &str, suffix: &str) -> Option<UserAction> {
        let decl = self.dice.pick(ENTITIES);
        let place = match decl.parent {
            None if self.workspaces.len() == 1 && self.dice.below(2) == 0 => None,
            None => Some(self.dice.name(&self.workspaces.clone())),
            Some(parent) => {
                let parents: Vec<String> = self
                    .records
                    .iter()
                    .filter(|name| name.starts_with(&format!("{parent}/")))
                    .cloned()
                    .collect();
                if parents.is_empty() {
                    return None;
                }
                Some(self.dice.name(&parents))
            }
        };
        // The line's place keeps names apart.
        let name = format!("{}/{prefix}{}{suffix}", decl.name, self.items.len() + 1_000);
        let name = if prefix.is_empty() && self.dice.below(2) == 1 {
            format!("{}/x{}-y{suffix}", decl.name, self.items.len())
        } else {
            name
        };
        let name = self.dice.name(&[name]);
        let changes = self.changes(&decl, true);
        self.records.push(name.clone());
        Some(UserAction::Create { name, place, changes })
    }

    fn changes(&mut self, decl: &EntityDecl, creates: bool) -> Vec<(String, Change)> {
        let mut changes = Vec::new();
        for field in decl.fields {
            if self.dice.below(3) != 1 {
                continue;
            }
            let change = match (field.rule, self.dice.below(4)) {
                _ if self.dice.goes_wild() => Change::Put(Value::Int(3)),
                (Rule::Counter, _) => Change::Add(self.dice.pick(&[0, 1, 3, -3, i64::MIN, i64::MAX])),
                (Rule::Set, 0) if !creates => Change::Remove(self.dice.text()),
                (Rule::Set, _) => Change::Insert(self.dice.text()),
                _ => Change::Put(Value::Text(self.dice.text())),
            };
            changes.push((self.dice.name(&strings(&[field.name])), change));
        }
        changes
    }

    /// A record that is there, and its declaration.
    fn record(&mut self) -> Option<(String, &'static EntityDecl)> {
        if self.records.is_empty() {
            return None;
        }
        let name = self.dice.pick(&self.records.clone());
        let decl = ENTITIES.iter().find(|decl| name.starts_with(&format!("{}/", decl.name)))?;
        Some((self.dice.name(&[name]), decl))
    }

    fn use_record(&mut self) -> Option<UserAction> {
        let (name, decl) = self.record()?;
        Some(match self.dice.below(9) {
            8 => UserAction::Undo { name },
            0 => UserAction::Delete { name },
            1 => UserAction::Discard { name },
            2 => UserAction::Retry { name },
            3 => UserAction::Resolve { name, field: self.versioned(decl)?, choice: self.choice() },
            4 if decl.field("completed_count").is_some() => {
                let add = Change::Add(self.dice.pick(&[1, -1, 0, i64::MIN, i64::MAX]));
                UserAction::Edit { name, changes: vec![("completed_count".into(), add)] }
            }
            _ => match self.changes(decl, false) {
                changes if changes.is_empty() => return None,
                changes => UserAction::Edit { name, changes },
            },
        })
    }

    /// What users do that is about no record.
    fn account(&mut self) -> UserAction {
        let users = strings(&["ana", "ben", "cy_2"]);
        match self.dice.below(6) {
            0 => UserAction::SignIn { user: None, guess: self.dice.below(4) == 0 },
            1 => UserAction::SignIn { user: Some(self.dice.name(&users)), guess: self.dice.below(4) == 0 },
            2 => UserAction::SignOut { anyway: self.dice.below(2) == 1 },
            3 => UserAction::Repair,
            4 => UserAction::SetRole(self.member_change(true)),
            _ => UserAction::SetRole(self.member_change(false)),
        }
    }

    fn member_change(&mut self, in_it: bool) -> MemberChange {
        let workspace = self.dice.name(&self.workspaces.clone());
        let user = self.dice.name(&strings(&["ana", "ben", "cy_2"]));
        let role = (in_it && self.dice.below(3) != 1).then(|| self.role());
        MemberChange { workspace, user, role }
    }

    fn versioned(&mut self, decl: &EntityDecl) -> Option<String> {
        let fields = decl.fields.iter().filter(|field| field.rule.asks());
        let fields: Vec<String> = fields.map(|field| field.name.to_owned()).collect();
        if fields.is_empty() { None } else { Some(self.dice.name(&fields)) }
    }

    fn choice(&mut self) -> Choice {
        match self.dice.below(3) {
            0 => Choice::KeepMine,
            1 => Choice::UseTheirs,
            _ => Choice::Merge(Value::Text(self.dice.text())),
        }
    }

    fn host_act(&mut self) -> Option<Act> {
        let mut hosts = self.devices.clone();
        hosts.push("server".into());
        let host = self.dice.name(&hosts);
        let is_device = host != "server";
        if self.up.contains(&host) && self.dice.below(8) == 1 {
            let version = self.dice.pick(&[3, 4]);
            let what = if is_device { HostAct::Upgrade(version) } else { HostAct::RequireApp(version) };
            return Some(Act::Host { hosts: vec![host], what });
        }
        if is_device && self.dice.below(3) == 1 {
            return self.disk_act(host);
        }
        if self.asleep.remove(&host) {
            self.up.insert(host.clone());
            return Some(Act::Host { hosts: vec![host], what: HostAct::Resume });
        }
        let what = match self.dice.below(5) {
            0 if is_device && self.offline.remove(&host) => HostAct::Online,
            0 if is_device => {
                self.offline.insert(host.clone());
                HostAct::Offline
            }
            1 if is_device && self.up.contains(&host) => HostAct::Sync,
            2 if is_device && self.up.remove(&host) => {
                self.asleep.insert(host.clone());
                HostAct::Suspend
            }
            3 if is_device && self.up.contains(&host) => HostAct::SecondApp,
            _ if self.up.remove(&host) => HostAct::Crash(self.crash()),
            _ => {
                self.up.insert(host.clone());
                HostAct::Restart
            }
        };
        Some(Act::Host { hosts: vec![host], what })
    }

    fn crash(&mut self) -> Crash {
        let subset = Survivors::Subset(self.dice.below(4));
        let left = [Survivors::LoseAll, Survivors::KeepAll, Survivors::TornPrefix, subset];
        match self.dice.below(3) {
            0 => Crash::Kill,
            1 => Crash::PowerLoss(None),
            _ => Crash::PowerLoss(Some(self.dice.pick(&left))),
        }
    }

    /// Something that happens to the disk of a device.
    fn disk_act(&mut self, device: String) -> Option<Act> {
        let what = match self.dice.below(4) {
            0 => {
                let name = format!("b{}", self.backups.len());
                self.backups.push((name.clone(), device.clone()));
                HostAct::Backup(self.dice.name(&[name]))
            }
            1 => {
                let own: Vec<_> = self.backups.iter().filter(|(_, of)| *of == device).collect();
                let names: Vec<String> = own.iter().map(|(name, _)| name.clone()).collect();
                if names.is_empty() {
                    return None;
                }
                self.switch_off(&device);
                HostAct::Restore(self.dice.name(&names))
            }
            2 => {
                self.switch_off(&device);
                HostAct::Wipe
            }
            _ => {
                let users: Vec<_> = self
                    .items
                    .iter()
                    .filter_map(|item| match item {
                        Item::Declaration(Declaration::Device { name, user, .. }) => Some((name, user)),
                        _ => None,
                    })
                    .collect();
                let user = users.iter().find(|(name, _)| **name == device)?.1;
                let others = users.iter().filter(|(name, theirs)| *theirs == user && **name != device);
                let others: Vec<String> = others.map(|(name, _)| (*name).clone()).collect();
                if others.is_empty() {
                    return None;
                }
                let onto = self.dice.pick(&others);
                self.switch_off(&onto);
                HostAct::CloneOnto(onto)
            }
        };
        Some(Act::Host { hosts: vec![device], what })
    }

    fn switch_off(&mut self, device: &str) {
        self.up.remove(device);
        self.asleep.remove(device);
    }

    fn fault(&mut self) -> Fault {
        let device = self.dice.name(&self.devices.clone());
        let ends = if self.dice.below(2) == 0 { [&*device, "server"] } else { ["server", &*device] };
        let [a, b] = ends.map(str::to_owned);
        let target = Target {
            device: device.clone(),
            nth: self.dice.pick(&[0, 1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111, u32::MAX]),
            class: self.dice.pick(&[Class::Push, Class::Pull, Class::SignIn, Class::Hint, Class::Any]),
        };
        let by = (self.dice.below(2) == 1).then(|| self.dice.time());
        let bytes = u64::from(self.dice.below(1_200));
        match self.dice.below(20) {
            19 => Fault::CacheAnswers,
            14 => {
                let class = target.class;
                let nth = target.nth.max(1);
                let moment = match self.dice.below(4) {
                    0 if a != "server" => Moment::Acknowledged(nth),
                    1 if a != "server" => Moment::Answered(nth, class),
                    2 if self.items.iter().all(|item| !matches!(item, Item::Step(_))) => {
                        Moment::OperationEver(nth)
                    }
                    _ => Moment::Operation(nth),
                };
                Fault::Crash { host: a, crash: self.crash(), moment, down_for: by }
            }
            15 => Fault::FillDisk { host: a, left_bytes: bytes },
            16 => {
                let on = self.dice.pick(&[DiskOperation::Read, DiskOperation::Write, DiskOperation::Sync]);
                Fault::FailDisk { host: a, nth: target.nth, on }
            }
            17 => Fault::LyingDisk { device },
            18 => Fault::FlipBit { device },
            0 => Fault::LoseRequest(target),
            1 => Fault::LoseAnswer(target),
            2 => Fault::DelayAnswer(target, by),
            3 => Fault::DeliverTwice(target),
            4 => Fault::ExecuteLate(target, by),
            5 => Fault::ProxyPage(target, self.dice.pick(&[200, 302, 502, 599])),
            6 => Fault::Partition { a, b },
            7 => Fault::Cut { from: a, to: b },
            8 => Fault::Loss { device, basis_points: self.dice.pick(&[0, 1, 10, 25, 500, 1_250, 10_000]) },
            9 => {
                let (x, y) = (self.dice.time(), self.dice.time());
                Fault::Latency { device, min: x.min(y), max: x.max(y) }
            }
            10 => {
                Fault::Bandwidth { device, bytes_per_s: self.dice.pick(&[1, 999, 1_500, 64_000, u64::MAX]) }
            }
            11 => Fault::Reset { device, bytes },
            12 => Fault::Close { device, bytes },
            _ => Fault::Jump { host: a, by_ms: self.dice.signed_ms() },
        }
    }

    fn expectation(&mut self) -> Option<Claim> {
        let kind = self.dice.below(8);
        let flips = self.up.contains("server") && self.dice.below(2) == 1;
        let devices = self.up_devices(3)?;
        let device = devices[0].clone();
        match kind {
            0 if flips => return Some(Claim::Alert { firing: self.dice.below(2) == 1 }),
            0 => return Some(Claim::NoConflicts),
            1 => return Some(Claim::TrayEmpty { device }),
            2 => {
                let badges = [Badge::Synced, Badge::Syncing, Badge::Offline, Badge::Stale, Badge::Error];
                return Some(Claim::Badge { device, badge: self.dice.pick(&badges) });
            }
            _ => {}
        }
        let (name, decl) = self.record()?;
        let flag = self.dice.below(2) == 1;
        let place = match self.dice.below(3) {
            0 if self.up.contains("server") => Place::Server,
            1 => Place::Devices(devices.clone()),
            _ => Place::Everywhere,
        };
        Some(match kind {
            3 => Claim::Absent { name, place },
            4 => {
                let because = self.dice.pick(&[None, Some(Code::Forbidden), Some(Code::RecordExists)]);
                Claim::InTray { name, device, listed: flag, because }
            }
            5 => Claim::Conflict { name, field: self.versioned(decl)?, shown: flag, devices },
            _ => Claim::Record { name, once: flag, fields: self.claims(decl), place },
        })
    }

    fn claims(&mut self, decl: &EntityDecl) -> Vec<FieldClaim> {
        let mut claims = Vec::new();
        for field in decl.fields {
            if self.dice.below(3) != 1 {
                continue;
            }
            let value = match field.rule {
                Rule::Counter => Value::Int(self.dice.pick(&[0, -1, i64::MIN, i64::MAX])),
                Rule::Set => Value::Set((0..self.dice.below(3)).map(|_| self.dice.text()).collect()),
                _ => Value::Text(self.dice.text()),
            };
            let field = self.dice.name(&strings(&[field.name]));
            claims.push(FieldClaim { field, equal: self.dice.below(2) == 0, value });
        }
        claims
    }
}
