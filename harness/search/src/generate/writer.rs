//! The script, line by line.

use std::time::Duration;

use deadzone_script::{Act, Declaration, Fault, HostAct, Item, Script, Step, UserAction};
use proptest::sample::Index;

use super::model::Model;
use super::plan::{Event, Kind, Picks, Plan};
use super::theme::Family;
use super::words::Words;
use super::world::WorldPlan;

/// How many idle pulls all devices together may make in one wait.
const WAIT_PULLS_MAX: u64 = 60;

/// The longest wait, where the numbers of the world do not ask for a longer one.
pub(super) const WAIT_MAX_MS: u64 = 30 * 60 * 1_000;

/// The choices of one event, each made once.
pub(super) struct Choices<'p> {
    left: std::slice::Iter<'p, Index>,
    last: Index,
}

impl<'p> Choices<'p> {
    pub(super) fn of(picks: &'p Picks) -> Choices<'p> {
        Choices { left: picks.iter(), last: picks[0] }
    }

    /// A number below `bound`, which is at least 1. Whoever asks more often than an event has
    /// choices gets the last one again.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.last = self.left.next().copied().unwrap_or(self.last);
        self.last.index(bound)
    }

    /// One of several; none where there are none.
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { Some(of[self.below(of.len())]) }
    }

    /// One of several, the later ones rather than the earlier ones, so that many devices work on
    /// few records.
    pub(super) fn late_one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let hot = of.len().saturating_sub(3);
        let pick = self.one(&[true, true, false])?;
        if pick { self.one(&of[hot..]) } else { self.one(of) }
    }
}

/// Writes a script while keeping track of what is true.
pub(super) struct Writer<'p> {
    pub(super) world: &'p WorldPlan,
    pub(super) model: Model,
    pub(super) words: Words,
    steps: Vec<Step>,
    faults: usize,
    /// How many times a device has made more than a hint can carry.
    pub(super) floods: usize,
    /// The labels of faults that last until somebody ends them.
    pub(super) lasting: Vec<String>,
    /// The server serves no old app any more.
    pub(super) requires_app: bool,
}

impl Plan {
    /// The plan written out, under a name: a legal script.
    pub fn script(&self, name: &str) -> Script {
        let mut writer = Writer::new(&self.world);
        writer.set_up(&self.setup);
        self.events.iter().for_each(|event| writer.event(event));
        writer.wind_up(&self.late);
        let [numbers, hosts] = self.world.declarations();
        let mut items: Vec<Item> = self.head().into_iter().map(Item::Comment).collect();
        items.push(Item::Declaration(Declaration::Scenario(name.to_owned())));
        for declarations in [numbers, hosts] {
            if !declarations.is_empty() {
                items.push(Item::Blank);
            }
            items.extend(declarations.into_iter().map(Item::Declaration));
        }
        items.push(Item::Blank);
        items.extend(writer.steps.into_iter().map(Item::Step));
        Script { items }.labelled()
    }

    /// What a reader wants to know before the first line.
    fn head(&self) -> Vec<String> {
        let rate = |(family, rate): &(Family, u32)| format!("{} {rate}", family.name());
        let rates: Vec<String> = self.swarm.rates.iter().map(rate).collect();
        vec![
            format!("Drawn from a seed. It is about {}.", self.swarm.theme.name()),
            format!("How often each family of events comes: {}.", rates.join(", ")),
        ]
    }
}

impl<'p> Writer<'p> {
    fn new(world: &'p WorldPlan) -> Writer<'p> {
        let model = Model::new(world);
        Writer {
            world,
            model,
            words: Words::default(),
            steps: Vec::new(),
            faults: 0,
            floods: 0,
            lasting: Vec::new(),
            requires_app: false,
        }
    }

    /// A project in each workspace and a few tasks that everybody knows.
    fn set_up(&mut self, picks: &[Picks]) {
        for workspace in 0..self.model.workspaces {
            let able: Vec<usize> =
                self.model.at_work().into_iter().filter(|d| self.model.may_write(*d, workspace)).collect();
            if let Some(device) = able.first() {
                self.create_project(*device, workspace);
            }
        }
        self.model.sync();
        self.act(Act::Settle);
        for picks in picks {
            self.create(&mut Choices::of(picks));
        }
        self.model.sync();
        self.act(Act::Settle);
    }

    /// First faults, then they end, then it has to be quiet.
    fn wind_up(&mut self, late: &[Event]) {
        self.act(Act::Heal);
        self.model.heal();
        self.lasting.clear();
        for device in 0..self.model.devices.len() {
            self.bring_back(device);
        }
        self.model.sync();
        self.act(Act::Settle);
        if !late.is_empty() {
            late.iter().for_each(|event| self.event(event));
            self.act(Act::Settle);
        }
    }

    fn event(&mut self, event: &Event) {
        let choices = &mut Choices::of(&event.picks);
        match event.kind {
            Kind::Create => self.create(choices),
            Kind::Edit => self.edit(choices, 1),
            Kind::Burst => self.edit(choices, 4),
            Kind::Race => self.race(choices),
            Kind::WideRace => self.wide_race(choices),
            Kind::TagRace => self.tag_race(choices),
            Kind::FirstWins => self.first_wins(choices),
            Kind::Generations => self.generations(choices),
            Kind::Delete => self.delete(choices),
            Kind::Absence => self.absence(choices),
            Kind::Undo => self.undo(choices),
            Kind::Resolve => self.resolve(choices),
            Kind::Retry => self.retry(choices),
            Kind::Discard => self.discard(choices),
            Kind::DiscardWaiting => self.discard_waiting(choices),
            Kind::DiscardUnheard => self.discard_unheard(choices),
            Kind::Reassign => self.reassign(choices),
            Kind::Repair => self.repair(choices),
            Kind::ShortWait => self.short_wait(choices),
            Kind::LongWait => self.long_wait(choices),
            Kind::Settle => {
                self.act(Act::Settle);
                self.model.sync();
            }
            Kind::SignIn => self.sign_in(choices),
            Kind::SignOut => self.sign_out(choices),
            Kind::SwitchUser => self.switch_user(choices),
            Kind::SignOutWithWork => self.sign_out_with_work(choices),
            Kind::WorkSignedOut => self.work_signed_out(choices),
            Kind::StepUpOffline => self.step_up_offline(choices),
            Kind::IdentityDown => self.identity_down(choices),
            Kind::ForOtherEyes => self.for_other_eyes(choices),
            Kind::ViewerEdits => self.viewer_edits(choices),
            Kind::RevokedUnheard => self.revoked_unheard(choices),
            Kind::RefusedTree => self.refused_tree(choices),
            Kind::DeadlineElsewhere => self.deadline_elsewhere(choices),
            Kind::HintFlood => self.hint_flood(choices),
            Kind::LateHint => self.late_hint(choices),
            Kind::SharedCache => self.shared_cache(choices),
            Kind::Flood => self.flood(choices),
            Kind::Pester => self.pester(choices),
            Kind::OldWork => self.old_work(choices),
            Kind::Grant => self.grant(choices),
            Kind::SetRole => self.set_role(choices),
            Kind::Sync
            | Kind::Offline
            | Kind::Online
            | Kind::Crash
            | Kind::Restart
            | Kind::Suspend
            | Kind::Resume
            | Kind::SecondApp
            | Kind::ServerCrash
            | Kind::Upgrade
            | Kind::RequireApp
            | Kind::Wipe
            | Kind::Backup
            | Kind::Restore
            | Kind::Clone => self.host_event(event.kind, choices),
            Kind::LinkFault
            | Kind::ExchangeFault
            | Kind::HintFault
            | Kind::ProxyPage
            | Kind::Cache
            | Kind::EndFault
            | Kind::CrashLater
            | Kind::ServerCrashLater
            | Kind::ServerDisk
            | Kind::FullDisk
            | Kind::FailingDisk
            | Kind::Jump
            | Kind::LyingDisk
            | Kind::FlipBit => self.fault_event(event.kind, choices),
        }
    }

    fn short_wait(&mut self, choices: &mut Choices<'_>) {
        self.wait([300, 2_000, 7_000, 20_000][choices.below(4)]);
    }

    /// Long enough for something to run out.
    fn long_wait(&mut self, choices: &mut Choices<'_>) {
        let names = [
            "sync_every",
            "access_life",
            "refresh_life",
            "tombstone_horizon",
            "schema_tolerance",
            "limit_window",
            "stale_after",
            "lag_alert",
        ];
        let number = self.world.number(names[choices.below(names.len())]);
        let devices = self.model.devices.len() as u64;
        let most = self.world.number("sync_every") * WAIT_PULLS_MAX / devices;
        self.wait((number + number / 4).min(most).clamp(1_000, WAIT_MAX_MS));
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.act(Act::Wait(Duration::from_millis(ms)));
        if ms >= 2_000 {
            self.model.sync();
        }
    }

    pub(super) fn act(&mut self, act: Act) {
        self.steps.push(Step { label: None, at: None, act });
    }

    /// A user acts on a device.
    pub(super) fn user(&mut self, device: usize, action: UserAction) {
        let devices = vec![self.model.devices[device].name.to_owned()];
        self.act(Act::User { devices, action, cannot: false });
    }

    /// Something happens to a device.
    pub(super) fn host(&mut self, device: usize, what: HostAct) {
        let hosts = vec![self.model.devices[device].name.to_owned()];
        self.act(Act::Host { hosts, what });
    }

    /// A fault begins; its label.
    pub(super) fn fault(&mut self, fault: Fault) -> String {
        self.faults += 1;
        let label = format!("f{}", self.faults);
        self.steps.push(Step { label: Some(label.clone()), at: None, act: Act::Fault(fault) });
        label
    }
}
