//! What stands between devices and the server's service: answers that get lost, identities that
//! nobody vouches for, caches, hints, limits, and the operator who watches.

use std::time::Duration;

use deadzone_contract::Code;
use deadzone_script::{Act, Claim, Class, Expectation, Fault, HostAct, Target, UserAction};

use crate::generate::model::Device;
use crate::generate::work::{FIELD_SHARES, put};
use crate::generate::writer::{Choices, WAIT_MAX_MS, Writer};

/// So many records are more than one hint carries.
const FLOOD: u32 = 22;

/// More pulls than this in a row are no play any more.
const PESTER_MAX: u64 = 10;

impl Writer<'_> {
    /// The server has done something without its device knowing, and its user throws it away.
    pub(in crate::generate) fn discard_unheard(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.places(Device::connects)) else { return };
        let Some(record) = choices.late_one(&self.model.writable(device)) else { return };
        let fault = self.lose_answers(device);
        self.edit_field(device, record, choices.below(FIELD_SHARES), choices);
        self.wait(2_000);
        let name = self.model.records[record].name.clone();
        self.user(device, UserAction::Discard { name });
        self.act(Act::End(fault));
    }

    /// A token expires while work waits, and there is no other.
    pub(in crate::generate) fn identity_down(&mut self, choices: &mut Choices<'_>) {
        let life = self.world.number("access_life");
        let Some(device) = choices.one(&self.model.places(Device::connects)) else { return };
        if life > WAIT_MAX_MS {
            return self.sign_in(choices);
        }
        self.offline(device);
        self.edit_on(device, choices, 1);
        self.wait(life + life / 8);
        let fault = self.lose_identity(device);
        self.online(device);
        self.wait(10_000);
        self.act(Act::End(fault));
    }

    /// A cache stands before the server, and two users fetch everything anew: first the one who
    /// may see what the other may not, if there are such two.
    pub(in crate::generate) fn shared_cache(&mut self, choices: &mut Choices<'_>) {
        let connected = self.model.places(Device::connects);
        let user = |device: usize| self.model.devices[device].user;
        let of_two_users: Vec<(usize, usize)> = connected
            .iter()
            .flat_map(|one| connected.iter().map(move |other| (*one, *other)))
            .filter(|(one, other)| user(*one) != user(*other))
            .collect();
        let sees_more = |(one, other): &(usize, usize)| {
            let seen = self.model.in_view(*other);
            self.model.in_view(*one).iter().any(|record| !seen.contains(record))
        };
        let unlike: Vec<(usize, usize)> = of_two_users.iter().copied().filter(sees_more).collect();
        let pairs = if unlike.is_empty() { of_two_users } else { unlike };
        let Some((one, other)) = choices.one(&pairs) else { return };
        self.lasting_fault(Fault::CacheAnswers);
        for device in [one, other] {
            self.user(device, UserAction::Repair);
            self.wait(2_000);
        }
    }

    /// A hint is under way for long. Meanwhile its device starts over and gets nowhere, or hears
    /// of what came before the hint and after.
    pub(in crate::generate) fn late_hint(&mut self, choices: &mut Choices<'_>) {
        let Some((device, other)) = self.two_apart(choices) else { return };
        let known = &self.model.devices[device].knows;
        let shared: Vec<usize> =
            self.model.writable(other).into_iter().filter(|record| known.contains(record)).collect();
        let Some(record) = choices.late_one(&shared) else { return };
        let share = choices.below(FIELD_SHARES);
        self.delay_hint(device);
        self.edit_field(other, record, share, choices);
        self.wait(1_000);
        if choices.below(2) == 0 {
            let target =
                Target { device: self.model.devices[device].name.to_owned(), nth: 0, class: Class::Pull };
            let dark = self.fault(Fault::ProxyPage(target, 502));
            self.user(device, UserAction::Repair);
            self.wait(25_000);
            self.act(Act::End(dark));
        } else {
            self.edit_on(other, choices, 1);
            self.host(device, HostAct::Sync);
            self.edit_on(other, choices, 1);
            self.wait(20_000);
        }
    }

    /// A hint is under way for long; meanwhile more has changed than the next one can carry.
    pub(in crate::generate) fn hint_flood(&mut self, choices: &mut Choices<'_>) {
        let Some((device, other)) = self.two_apart(choices) else { return };
        let mut projects = self.model.writable(other);
        projects.retain(|record| {
            self.model.records[*record].entity == "project"
                && self.model.devices[device].knows.contains(record)
        });
        let Some(project) = choices.late_one(&projects) else { return };
        self.delay_hint(device);
        let place = Some(self.model.records[project].name.clone());
        // These are no records that anybody else works on.
        self.floods += 1;
        let name = format!("task/flood-{}-#", self.floods);
        let action = UserAction::Create { name, place, changes: vec![put("title", "Part #".to_owned())] };
        let devices = vec![self.model.devices[other].name.to_owned()];
        let act = Box::new(Act::User { devices, action, cannot: false });
        self.act(Act::Repeat { times: FLOOD, within: None, act });
        self.wait(30_000);
    }

    /// Two devices that are connected, if there are two.
    fn two_apart(&self, choices: &mut Choices<'_>) -> Option<(usize, usize)> {
        let connected = self.model.places(Device::connects);
        let one = choices.one(&connected)?;
        let others: Vec<usize> = connected.into_iter().filter(|other| *other != one).collect();
        Some((one, choices.one(&others)?))
    }

    fn delay_hint(&mut self, device: usize) {
        let device = self.model.devices[device].name.to_owned();
        let target = Target { device, nth: 1, class: Class::Hint };
        self.fault(Fault::DelayAnswer(target, Some(Duration::from_secs(20))));
    }

    /// A device asks for news until the server has enough of it.
    pub(in crate::generate) fn pester(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.places(Device::connects)) else { return };
        for _ in 0..(self.world.number("pull_limit") + 2).min(PESTER_MAX) {
            self.host(device, HostAct::Sync);
        }
        self.edit_on(device, choices, 1);
    }

    /// A device sends more than the limit lets through, and its user goes on with what is put off.
    pub(in crate::generate) fn flood(&mut self, choices: &mut Choices<'_>) {
        let connected = self.model.places(Device::connects);
        let Some(device) = choices.one(&connected) else { return };
        let tasks = self.tasks(device);
        let Some(task) = choices.late_one(&tasks) else { return };
        let limit = u32::try_from(self.world.number("push_limit")).unwrap_or(u32::MAX);
        let name = self.model.records[task].name.clone();
        let word = self.words.title();
        let changes = vec![put("title", format!("{word}, version #"))];
        let devices = vec![self.model.devices[device].name.to_owned()];
        let action = UserAction::Edit { name, changes };
        let act = Box::new(Act::User { devices, action, cannot: false });
        self.act(Act::Repeat { times: limit.min(FLOOD) + 2, within: None, act });
        self.wait(2_000);
        let changes = vec![put("status", self.words.status())];
        self.edit_fields(device, task, changes);
    }

    /// Work gets older than the operator likes; the server is told, but its answers get lost.
    pub(in crate::generate) fn old_work(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.places(Device::connects)) else { return };
        let Some(record) = choices.late_one(&self.model.writable(device)) else { return };
        let share = choices.below(FIELD_SHARES);
        self.offline(device);
        self.edit_field(device, record, share, choices);
        self.wait(self.world.number("lag_alert").min(WAIT_MAX_MS) + 2_000);
        let fault = self.lose_answers(device);
        self.online(device);
        self.wait(2_000);
        // Whatever is claimed, the metrics are read here; no device ever says this.
        let claim = Claim::InTray {
            name: self.model.records[record].name.clone(),
            device: self.model.devices[device].name.to_owned(),
            listed: false,
            because: Some(Code::Malformed),
        };
        self.act(Act::Expect(Expectation { claim }));
        self.act(Act::End(fault));
    }
}
