//! Work that has to be refused: by a device at once, or by the server when it is sent.

use deadzone_contract::rules::{ASSIGNEE, PRIVATE};
use deadzone_contract::wire::{MemberChange, Role};
use deadzone_script::{Act, UserAction};

use crate::generate::model::Device;
use crate::generate::work::put;
use crate::generate::writer::{Choices, Writer};

impl Writer<'_> {
    /// Work waits, and the sign-out that would lose it has to be refused.
    pub(in crate::generate) fn sign_out_with_work(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        self.offline(device);
        self.edit_on(device, choices, 1);
        self.user(device, UserAction::SignOut { anyway: false });
        if choices.below(2) == 0 {
            self.online(device);
        }
    }

    /// A user works on after a sign-out, which has to be refused, and signs in again.
    pub(in crate::generate) fn work_signed_out(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.places(Device::runs)) else { return };
        let known = self.model.writable(device);
        let Some(record) = choices.late_one(&known) else { return };
        self.sign_out_on(device, true);
        let title = self.words.title();
        let is_comment = self.model.records[record].entity == "comment";
        let words = if is_comment { self.words.text() } else { title };
        self.reword(device, record, words);
        if !self.model.devices[device].is_offline {
            self.sign_in_on(device);
        }
    }

    /// What needs a password typed again needs a network too, and is refused without one.
    pub(in crate::generate) fn step_up_offline(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        let projects: Vec<usize> = self
            .model
            .writable(device)
            .into_iter()
            .filter(|record| self.model.records[*record].entity == "project")
            .collect();
        let change = self.member_change(choices);
        let delete = choices
            .one(&projects)
            .map(|project| UserAction::Delete { name: self.model.records[project].name.clone() });
        let action = match change.map(UserAction::SetRole) {
            Some(change) if choices.below(2) == 0 => Some(change),
            change => delete.or(change),
        };
        let Some(action) = action else { return };
        self.while_offline(device, |writer| writer.user(device, action));
    }

    /// Whoever may only read wants to write.
    pub(in crate::generate) fn viewer_edits(&mut self, choices: &mut Choices<'_>) {
        let reads = |device: &usize| {
            let in_view = self.model.in_view(*device);
            in_view.into_iter().any(|one| !self.model.may_write(*device, self.model.records[one].workspace))
        };
        let readers: Vec<usize> = self.model.at_work().into_iter().filter(reads).collect();
        let Some(device) = choices.one(&readers) else { return };
        let mut records = self.model.in_view(device);
        records.retain(|record| !self.model.may_write(device, self.model.records[*record].workspace));
        let Some(record) = choices.late_one(&records) else { return };
        let words = self.words.title();
        self.reword(device, record, words);
    }

    /// A task is made offline by somebody who may only read by the time that it is sent. It is
    /// refused, and with it what hangs on it; later its user may write again, and retries.
    pub(in crate::generate) fn refused_tree(&mut self, choices: &mut Choices<'_>) {
        // The first user keeps their role, so that somebody can go on.
        let able = |device: &usize| self.model.devices[*device].user > Some(0);
        let connected = self.model.places(Device::connects);
        let devices: Vec<usize> = connected.into_iter().filter(able).collect();
        let Some(device) = choices.one(&devices) else { return };
        let mut projects = self.model.writable(device);
        projects.retain(|record| self.model.records[*record].entity == "project");
        let Some(project) = choices.late_one(&projects) else { return };
        let workspace = self.model.records[project].workspace;
        let user = self.model.devices[device].user.expect("it connects");
        let before = self.model.roles[&(workspace, user)];
        // As long as nobody tells the device what became of its rights, it lets its user go on.
        let is_unaware = choices.below(2) == 0 && self.model.has_room_for(device, "comment");
        self.offline(device);
        let changes = vec![put("title", self.words.title())];
        let task = self.create_under(device, "task", project, changes);
        let changes = vec![put("status", self.words.status())];
        self.edit_fields(device, task, changes);
        self.operator(workspace, user, Some(Role::Viewer));
        let fault = is_unaware.then(|| self.lose_identity(device));
        self.online(device);
        self.wait(20_000);
        let comment = is_unaware.then(|| {
            let changes = vec![put("body", self.words.text())];
            self.create_under(device, "comment", task, changes)
        });
        if let Some(fault) = fault {
            self.wait(4_000);
            self.act(Act::End(fault));
        }
        self.operator(workspace, user, Some(before));
        let decides = choices.below(4);
        for record in [Some(task), comment].into_iter().flatten() {
            let name = self.model.records[record].name.clone();
            match decides {
                0 => self.user(device, UserAction::Discard { name }),
                1 => drop(self.model.devices[device].failed.insert(record)),
                _ => self.user(device, UserAction::Retry { name }),
            }
        }
    }

    /// The server carries work out and its answer is lost. Before it is asked again, whoever did the
    /// work is taken out of the workspace, and others go on there.
    pub(in crate::generate) fn revoked_unheard(&mut self, choices: &mut Choices<'_>) {
        let able = |device: &usize| self.model.devices[*device].user > Some(0);
        let devices: Vec<usize> = self.model.at_work().into_iter().filter(able).collect();
        let Some(device) = choices.one(&devices) else { return };
        let Some(record) = choices.late_one(&self.model.writable(device)) else { return };
        let workspace = self.model.records[record].workspace;
        let user = self.model.devices[device].user.expect("it is at work");
        let before = self.model.roles[&(workspace, user)];
        self.online(device);
        self.lose_answers(device);
        let words = self.words.title();
        self.reword(device, record, words);
        self.wait(1_500);
        self.operator(workspace, user, None);
        let comes_back = choices.below(3) == 0;
        self.edit(choices, 1);
        if comes_back {
            self.wait(20_000);
            self.operator(workspace, user, Some(before));
        }
    }

    /// The operator gives somebody a role.
    fn operator(&mut self, workspace: usize, user: usize, role: Option<Role>) {
        let change = MemberChange {
            workspace: self.world.workspace(workspace).to_owned(),
            user: self.world.user(user).to_owned(),
            role,
        };
        self.take_over(&change);
        self.act(Act::Members(change));
    }

    /// Somebody makes a task that only somebody else may see, and goes on working on it.
    pub(in crate::generate) fn for_other_eyes(&mut self, choices: &mut Choices<'_>) {
        let is_no_admin = |device: &usize, workspace: usize| {
            let user = self.model.devices[*device].user.expect("somebody works on it");
            self.model.roles.get(&(workspace, user)) == Some(&Role::Editor)
        };
        let mut places = Vec::new();
        for device in self.model.at_work() {
            let mut projects = self.model.writable(device);
            projects.retain(|record| {
                let record = &self.model.records[*record];
                record.entity == "project" && is_no_admin(&device, record.workspace)
            });
            places.extend(projects.into_iter().map(|project| (device, project)));
        }
        let Some((device, project)) = choices.one(&places) else { return };
        let user = self.model.devices[device].user;
        let others: Vec<usize> = (0..self.model.users).filter(|other| Some(*other) != user).collect();
        let Some(other) = choices.one(&others) else { return };
        self.while_offline(device, |writer| {
            let changes = vec![
                put("title", writer.words.title()),
                put(PRIVATE, "yes".to_owned()),
                put(ASSIGNEE, writer.world.user(other).to_owned()),
            ];
            let task = writer.create_under(device, "task", project, changes);
            let changes = vec![put("status", writer.words.status())];
            writer.edit_fields(device, task, changes);
        });
    }
}
