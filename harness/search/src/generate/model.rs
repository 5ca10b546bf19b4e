//! What is true at a point of a script, as far as it can be told without running it.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::Role;

use super::world::{SMALL, WorldPlan};

/// A record that the script creates.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// `task/3`
    pub(super) name: String,
    pub(super) entity: &'static str,
    pub(super) workspace: usize,
    /// The place of what it hangs under.
    pub(super) parent: Option<usize>,
    /// Whose it is, if it is private.
    pub(super) private_to: Option<usize>,
    /// Somebody deleted it.
    pub(super) is_deleted: bool,
    /// How many increments it has had: each is twice the one before, so that every subset has a
    /// sum of its own.
    pub(super) increments: u32,
    /// It was made with a fact that never changes.
    pub(super) is_dated: bool,
    /// The server can have it.
    is_sent: bool,
}

/// A device.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) name: &'static str,
    /// Whose app it is while nobody else takes it over.
    pub(super) owner: usize,
    /// Who is signed in.
    pub(super) user: Option<usize>,
    pub(super) is_old: bool,
    /// It does without comments.
    pub(super) is_small: bool,
    pub(super) scope: Option<usize>,
    pub(super) is_up: bool,
    pub(super) is_asleep: bool,
    pub(super) is_offline: bool,
    pub(super) has_second_app: bool,
    /// Records that its user can have in view.
    pub(super) knows: BTreeSet<usize>,
    /// Records that its user has deleted here.
    pub(super) deleted: BTreeSet<usize>,
    /// Fields that it may have a conflict over.
    pub(super) contested: BTreeSet<(usize, &'static str)>,
    /// Records that it can have failed work on.
    pub(super) failed: BTreeSet<usize>,
    /// Its disk was wiped, and its secrets with it.
    pub(super) was_emptied: bool,
    /// Copies of its disk.
    pub(super) backups: Vec<String>,
}

impl Device {
    /// Whether its app runs.
    pub(super) fn runs(&self) -> bool {
        self.is_up && !self.is_asleep
    }

    /// Whether it can reach the server, as far as it itself is concerned.
    pub(super) fn connects(&self) -> bool {
        self.runs() && !self.is_offline && self.user.is_some()
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) devices: Vec<Device>,
    pub(super) records: Vec<Record>,
    /// By workspace and user.
    pub(super) roles: BTreeMap<(usize, usize), Role>,
    pub(super) server_is_up: bool,
    pub(super) users: usize,
    pub(super) workspaces: usize,
}

impl Model {
    pub(super) fn new(world: &WorldPlan) -> Model {
        let device = |(n, plan): (usize, &super::world::DevicePlan)| Device {
            name: world.device(n),
            owner: plan.user,
            user: Some(plan.user),
            is_old: plan.is_old,
            is_small: plan.is_small,
            scope: plan.scope,
            is_up: true,
            is_asleep: false,
            is_offline: false,
            has_second_app: false,
            knows: BTreeSet::new(),
            deleted: BTreeSet::new(),
            contested: BTreeSet::new(),
            failed: BTreeSet::new(),
            was_emptied: false,
            backups: Vec::new(),
        };
        let mut roles = BTreeMap::new();
        for (workspace, members) in world.workspaces.iter().enumerate() {
            for (user, role) in members.iter().enumerate() {
                roles.extend(role.map(|role| ((workspace, user), role)));
            }
        }
        Model {
            devices: world.devices.iter().enumerate().map(device).collect(),
            records: Vec::new(),
            roles,
            server_is_up: true,
            users: world.users,
            workspaces: world.workspaces.len(),
        }
    }

    /// Devices on which somebody can work now.
    pub(super) fn at_work(&self) -> Vec<usize> {
        self.places(|device| device.runs() && device.user.is_some())
    }

    /// Devices that something is true of.
    pub(super) fn places(&self, is: impl Fn(&Device) -> bool) -> Vec<usize> {
        (0..self.devices.len()).filter(|n| is(&self.devices[*n])).collect()
    }

    fn subscribes(&self, device: usize, workspace: usize) -> bool {
        self.devices[device].scope.is_none_or(|scope| scope == workspace)
    }

    /// Whether a device subscribes to records of an entity.
    pub(super) fn has_room_for(&self, device: usize, entity: &str) -> bool {
        !self.devices[device].is_small || SMALL.contains(&entity)
    }

    /// Whether the user of a device may write in a workspace that it subscribes to.
    pub(super) fn may_write(&self, device: usize, workspace: usize) -> bool {
        let role = self.devices[device].user.and_then(|user| self.roles.get(&(workspace, user)));
        self.subscribes(device, workspace) && role.is_some_and(|role| *role != Role::Viewer)
    }

    /// Whether a user may see a record.
    fn may_see(&self, user: usize, record: usize) -> bool {
        let one = &self.records[record];
        let Some(role) = self.roles.get(&(one.workspace, user)) else { return false };
        let is_for_them = one.private_to.is_none_or(|assignee| assignee == user || *role == Role::Admin);
        is_for_them && one.parent.is_none_or(|parent| self.may_see(user, parent))
    }

    /// The records that a device's user can have in view.
    pub(super) fn in_view(&self, device: usize) -> Vec<usize> {
        let Device { user: Some(user), knows, deleted, .. } = &self.devices[device] else {
            return Vec::new();
        };
        let in_view = |record: &usize| {
            let one = &self.records[*record];
            !deleted.contains(record)
                && !one.parent.is_some_and(|parent| deleted.contains(&parent))
                && self.may_see(*user, *record)
        };
        knows.iter().copied().filter(in_view).collect()
    }

    /// Those of them that the user may change.
    pub(super) fn writable(&self, device: usize) -> Vec<usize> {
        let mut records = self.in_view(device);
        records.retain(|record| self.may_write(device, self.records[*record].workspace));
        records
    }

    /// A new record, known on the device that creates it.
    pub(super) fn created(&mut self, device: usize, record: Record) -> usize {
        self.records.push(record);
        let place = self.records.len() - 1;
        self.devices[device].knows.insert(place);
        place
    }

    /// A record of this name, not yet created.
    pub(super) fn blank(&self, entity: &'static str, workspace: usize, parent: Option<usize>) -> Record {
        let before = self.records.iter().filter(|record| record.entity == entity).count();
        Record {
            name: format!("{entity}/{}", before + 1),
            entity,
            workspace,
            parent,
            private_to: None,
            is_deleted: false,
            increments: 0,
            is_dated: false,
            is_sent: false,
        }
    }

    /// Time has gone by: whoever can, has sent what it has and fetched what there is.
    pub(super) fn sync(&mut self) {
        if !self.server_is_up {
            return;
        }
        let connected = self.places(Device::connects);
        for device in &connected {
            for record in &self.devices[*device].knows {
                self.records[*record].is_sent = true;
            }
        }
        for device in connected {
            let user = self.devices[device].user.expect("it is signed in");
            let arrived = |record: &usize| {
                let one = &self.records[*record];
                one.is_sent
                    && !one.is_deleted
                    && self.subscribes(device, one.workspace)
                    && self.has_room_for(device, one.entity)
                    && self.may_see(user, *record)
            };
            let arrived: Vec<usize> = (0..self.records.len()).filter(arrived).collect();
            let (records, known) = (&self.records, &mut self.devices[device].knows);
            known.retain(|record| !records[*record].is_deleted);
            known.extend(arrived);
        }
    }

    /// Whatever was on the device is gone.
    pub(super) fn forget(&mut self, device: usize) {
        let device = &mut self.devices[device];
        device.knows.clear();
        device.deleted.clear();
        device.contested.clear();
        device.failed.clear();
    }

    /// Faults have ended; nobody is signed in who was not.
    pub(super) fn heal(&mut self) {
        self.server_is_up = true;
        for device in &mut self.devices {
            device.is_up = true;
            device.is_asleep = false;
            device.is_offline = false;
        }
    }
}
