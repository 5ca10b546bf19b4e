//! What becomes of accounts and rights.

use deadzone_contract::wire::{MemberChange, Role};
use deadzone_script::{Act, HostAct, UserAction};

use super::writer::{Choices, Writer};

impl Writer<'_> {
    pub(super) fn sign_in(&mut self, choices: &mut Choices<'_>) {
        let running = self.model.places(|device| device.runs() && !device.is_offline);
        let Some(device) = choices.one(&running) else { return };
        self.sign_in_on(device);
    }

    /// Whoever has the device signs in on it.
    pub(super) fn sign_in_on(&mut self, device: usize) {
        let owner = self.model.devices[device].owner;
        let user = self.model.devices[device].user.unwrap_or(owner);
        self.model.devices[device].user = Some(user);
        self.user(device, UserAction::SignIn { user: Some(self.world.user(user).to_owned()), guess: false });
    }

    pub(super) fn sign_out(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        let anyway = choices.below(3) > 0;
        self.sign_out_on(device, anyway);
    }

    pub(super) fn sign_out_on(&mut self, device: usize, anyway: bool) {
        self.user(device, UserAction::SignOut { anyway });
        // Without force it may be refused; that line comes to nothing then.
        if anyway {
            self.model.devices[device].user = None;
            self.model.forget(device);
        }
    }

    /// A device changes hands.
    pub(super) fn switch_user(&mut self, choices: &mut Choices<'_>) {
        let running = self.model.places(|device| device.runs() && !device.is_offline);
        let Some(device) = choices.one(&running) else { return };
        let before = self.model.devices[device].user;
        let others: Vec<usize> = (0..self.model.users).filter(|user| Some(*user) != before).collect();
        let Some(user) = choices.one(&others) else { return };
        if before.is_some() {
            self.sign_out_on(device, true);
        }
        self.model.devices[device].user = Some(user);
        self.user(device, UserAction::SignIn { user: Some(self.world.user(user).to_owned()), guess: false });
    }

    /// The operator changes a role.
    pub(super) fn grant(&mut self, choices: &mut Choices<'_>) {
        if let Some(change) = self.member_change(choices) {
            self.take_over(&change);
            self.act(Act::Members(change));
        }
    }

    /// An admin changes a role, on a device.
    pub(super) fn set_role(&mut self, choices: &mut Choices<'_>) {
        let Some(change) = self.member_change(choices) else { return };
        let workspace = (0..self.model.workspaces).find(|one| self.world.workspace(*one) == change.workspace);
        let workspace = workspace.expect("the change is about one of them");
        let is_admin = |device: &usize| {
            let user = self.model.devices[*device].user.expect("somebody works on it");
            self.model.roles.get(&(workspace, user)) == Some(&Role::Admin)
                && self.world.user(user) != change.user
        };
        let admins: Vec<usize> = self.model.at_work().into_iter().filter(is_admin).collect();
        let Some(device) = choices.one(&admins) else { return };
        if self.model.devices[device].connects() {
            self.take_over(&change);
        }
        self.user(device, UserAction::SetRole(change));
    }

    /// Another role for somebody. The first user keeps theirs, so that somebody can go on.
    pub(super) fn member_change(&mut self, choices: &mut Choices<'_>) -> Option<MemberChange> {
        let others: Vec<usize> = (1..self.model.users).collect();
        let user = choices.one(&others)?;
        let workspace = choices.below(self.model.workspaces);
        let before = self.model.roles.get(&(workspace, user)).copied();
        let roles = [None, Some(Role::Viewer), Some(Role::Editor), Some(Role::Admin), None];
        let other: Vec<Option<Role>> = roles.into_iter().filter(|role| *role != before).collect();
        let role = choices.one(&other)?;
        let workspace = self.world.workspace(workspace).to_owned();
        Some(MemberChange { workspace, user: self.world.user(user).to_owned(), role })
    }

    pub(super) fn take_over(&mut self, change: &MemberChange) {
        let user = (0..self.model.users).find(|one| self.world.user(*one) == change.user);
        let workspace = (0..self.model.workspaces).find(|one| self.world.workspace(*one) == change.workspace);
        let (Some(user), Some(workspace)) = (user, workspace) else { return };
        match change.role {
            Some(role) => drop(self.model.roles.insert((workspace, user), role)),
            None => drop(self.model.roles.remove(&(workspace, user))),
        }
    }

    /// When everything is healed, whoever had to sign in does so, and old apps are replaced.
    pub(super) fn bring_back(&mut self, device: usize) {
        // Where the server still serves them, some old apps stay.
        let stays = !self.requires_app && self.world.devices[device].is_kept;
        if self.model.devices[device].is_old && !stays {
            self.model.devices[device].is_old = false;
            self.host(device, HostAct::Upgrade(deadzone_contract::wire::SCHEMA_VERSION));
        }
        let is_signed_out = self.model.devices[device].user.is_none();
        let expires = self.world.numbers.iter().any(|(name, _)| *name == "refresh_life");
        if is_signed_out || expires || self.model.devices[device].was_emptied {
            self.sign_in_on(device);
        }
    }
}
