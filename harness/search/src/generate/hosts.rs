//! What happens to machines.

use deadzone_contract::wire::SCHEMA_VERSION;
use deadzone_script::{Act, Crash, HostAct, Survivors};

use super::plan::Kind;
use super::writer::{Choices, Writer};

const SERVER: &str = "server";

impl Writer<'_> {
    pub(super) fn host_event(&mut self, kind: Kind, choices: &mut Choices<'_>) {
        match kind {
            Kind::ServerCrash => return self.server_crash(choices),
            Kind::RequireApp => return self.require_app(),
            Kind::Clone => return self.clone_device(choices),
            _ => {}
        }
        let able = self.model.places(|device| match kind {
            Kind::Sync => device.connects(),
            Kind::Offline => device.runs() && !device.is_offline,
            Kind::Online => device.is_offline,
            Kind::Crash => device.is_up,
            Kind::Restart => !device.is_up,
            Kind::Resume => device.is_asleep,
            Kind::SecondApp => device.runs() && !device.has_second_app,
            Kind::Upgrade => device.runs() && device.is_old,
            Kind::Wipe => true,
            Kind::Restore => !device.backups.is_empty(),
            _ => device.runs(),
        });
        let Some(device) = choices.one(&able) else { return };
        self.host(device, self.what(kind, device, choices));
        self.note(kind, device, choices);
    }

    fn what(&self, kind: Kind, device: usize, choices: &mut Choices<'_>) -> HostAct {
        let backups = &self.model.devices[device].backups;
        match kind {
            Kind::Offline => HostAct::Offline,
            Kind::Online => HostAct::Online,
            Kind::Crash => HostAct::Crash(crash(choices)),
            Kind::Restart => HostAct::Restart,
            Kind::Suspend => HostAct::Suspend,
            Kind::Resume => HostAct::Resume,
            Kind::SecondApp => HostAct::SecondApp,
            Kind::Upgrade => HostAct::Upgrade(SCHEMA_VERSION),
            Kind::Wipe => HostAct::Wipe,
            Kind::Backup => {
                HostAct::Backup(format!("{}-{}", self.model.devices[device].name, backups.len() + 1))
            }
            Kind::Restore => HostAct::Restore(backups[choices.below(backups.len())].clone()),
            _ => HostAct::Sync,
        }
    }

    /// What is true behind the line.
    fn note(&mut self, kind: Kind, place: usize, choices: &mut Choices<'_>) {
        let device = &mut self.model.devices[place];
        match kind {
            Kind::Offline => device.is_offline = true,
            Kind::Online => device.is_offline = false,
            Kind::Suspend => device.is_asleep = true,
            Kind::Resume => device.is_asleep = false,
            Kind::SecondApp => device.has_second_app = true,
            Kind::Upgrade => device.is_old = false,
            Kind::Backup => device.backups.push(format!("{}-{}", device.name, device.backups.len() + 1)),
            Kind::Restart => device.is_up = true,
            Kind::Crash | Kind::Wipe | Kind::Restore => {
                device.is_up = false;
                device.is_asleep = false;
                device.has_second_app = false;
                if kind == Kind::Wipe {
                    self.emptied(place);
                }
                // Most who go down come up soon.
                if choices.below(4) > 0 {
                    self.restart(place);
                }
            }
            _ => self.model.sync(),
        }
    }

    fn restart(&mut self, device: usize) {
        self.model.devices[device].is_up = true;
        self.host(device, HostAct::Restart);
    }

    fn emptied(&mut self, device: usize) {
        self.model.forget(device);
        self.model.devices[device].user = None;
        self.model.devices[device].was_emptied = true;
    }

    /// A device becomes what another one of the same user is.
    fn clone_device(&mut self, choices: &mut Choices<'_>) {
        let running = self.model.places(|device| device.is_up);
        let Some(from) = choices.one(&running) else { return };
        let owner = self.model.devices[from].owner;
        let alike: Vec<usize> = self
            .model
            .places(|device| device.owner == owner)
            .into_iter()
            .filter(|one| *one != from)
            .collect();
        let Some(onto) = choices.one(&alike) else { return };
        if choices.below(2) == 0 {
            // What the copy has heard of, nobody will tell it again.
            self.delete(choices);
            self.wait(5_000);
        }
        self.host(from, HostAct::CloneOnto(self.model.devices[onto].name.to_owned()));
        let copy = self.model.devices[from].clone();
        let device = &mut self.model.devices[onto];
        (device.user, device.knows, device.deleted) = (copy.user, copy.knows, copy.deleted);
        (device.is_up, device.is_asleep, device.has_second_app) = (false, false, false);
        self.restart(onto);
    }

    fn server_crash(&mut self, choices: &mut Choices<'_>) {
        let hosts = vec![SERVER.to_owned()];
        if !self.model.server_is_up {
            self.model.server_is_up = true;
            self.act(Act::Host { hosts, what: HostAct::Restart });
            return;
        }
        let what = HostAct::Crash(crash(choices));
        self.act(Act::Host { hosts: hosts.clone(), what });
        self.wait([500, 5_000, 40_000][choices.below(3)]);
        self.act(Act::Host { hosts, what: HostAct::Restart });
    }

    fn require_app(&mut self) {
        let what = HostAct::RequireApp(SCHEMA_VERSION);
        if self.model.server_is_up && !self.requires_app {
            self.requires_app = true;
            self.act(Act::Host { hosts: vec![SERVER.to_owned()], what });
        }
    }
}

pub(super) fn crash(choices: &mut Choices<'_>) -> Crash {
    match choices.below(7) {
        0..3 => Crash::Kill,
        3 => Crash::PowerLoss(Some(Survivors::LoseAll)),
        4 => Crash::PowerLoss(Some(Survivors::TornPrefix)),
        _ => Crash::PowerLoss(None),
    }
}
