//! What users write, delete and decide.

use deadzone_contract::rules::{ASSIGNEE, PRIVATE};
use deadzone_contract::{Change, Choice, Model, Value};
use deadzone_script::{Act, Fault, HostAct, UserAction};

use super::words::PRIORITIES;
use super::writer::{Choices, Writer};

/// Increments are powers of two up to this one.
const INCREMENTS_MAX: u32 = 40;

impl Writer<'_> {
    /// A project, a task or a comment, by what there is to hang it under.
    pub(super) fn create(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        let writable = self.model.writable(device);
        let under = |entity: &str| -> Vec<usize> {
            writable.iter().copied().filter(|place| self.model.records[*place].entity == entity).collect()
        };
        let (projects, tasks) = (under("project"), under("task"));
        match choices.below(8) {
            0 => {
                let able: Vec<usize> = (0..self.model.workspaces)
                    .filter(|workspace| self.model.may_write(device, *workspace))
                    .collect();
                if let Some(workspace) = choices.one(&able) {
                    self.create_project(device, workspace);
                }
            }
            1..3 if !tasks.is_empty() && self.model.has_room_for(device, "comment") => {
                let parent = choices.late_one(&tasks).expect("there is a task");
                let changes = vec![put("body", self.words.text())];
                self.create_under(device, "comment", parent, changes);
            }
            _ => {
                let Some(parent) = choices.late_one(&projects) else { return };
                let changes = self.first_values(choices);
                let dated = changes.iter().any(|(field, _)| field == "created_at");
                let task = self.create_under(device, "task", parent, changes);
                self.model.records[task].is_dated = dated;
            }
        }
    }

    /// What a task begins with.
    fn first_values(&mut self, choices: &mut Choices<'_>) -> Vec<(String, Change)> {
        let mut values = vec![put("title", self.words.title())];
        if choices.below(2) == 0 {
            values.push(put("status", self.words.status()));
        }
        match choices.below(6) {
            0 => values.push(put("due", self.words.day())),
            1 if self.has_sets() => values.push(("tags".to_owned(), Change::Insert(self.words.tag()))),
            2 => values.push(put("created_at", self.words.day())),
            3 if self.model.users > 1 => {
                values.push(put(PRIVATE, "yes".to_owned()));
                values.push(put(ASSIGNEE, self.world.user(choices.below(self.model.users)).to_owned()));
            }
            _ => {}
        }
        values
    }

    pub(super) fn create_project(&mut self, device: usize, workspace: usize) -> usize {
        let record = self.model.blank("project", workspace, None);
        let name = record.name.clone();
        let project = self.model.created(device, record);
        let place = Some(self.world.workspace(workspace).to_owned());
        let changes = vec![put("title", self.words.title())];
        self.user(device, UserAction::Create { name, place, changes });
        project
    }

    pub(super) fn create_under(
        &mut self,
        device: usize,
        entity: &'static str,
        parent: usize,
        changes: Vec<(String, Change)>,
    ) -> usize {
        let mut record = self.model.blank(entity, self.model.records[parent].workspace, Some(parent));
        record.private_to = self.private_to(&changes);
        let place = Some(self.model.records[parent].name.clone());
        let name = record.name.clone();
        let created = self.model.created(device, record);
        self.user(device, UserAction::Create { name, place, changes });
        created
    }

    /// Whose a record is that begins with these values, if it is private.
    fn private_to(&self, changes: &[(String, Change)]) -> Option<usize> {
        let value =
            |wanted: &str| changes.iter().find(|(field, _)| field == wanted).map(|(_, change)| change);
        value(PRIVATE)?;
        let Some(Change::Put(Value::Text(assignee))) = value(ASSIGNEE) else { return None };
        (0..self.model.users).find(|user| self.world.user(*user) == assignee)
    }

    /// One to four edits by one device.
    pub(super) fn edit(&mut self, choices: &mut Choices<'_>, times: usize) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        self.edit_on(device, choices, times);
    }

    /// The same on a certain device.
    pub(super) fn edit_on(&mut self, device: usize, choices: &mut Choices<'_>, times: usize) {
        let writable = self.model.writable(device);
        let Some(record) = choices.late_one(&writable) else { return };
        let first = choices.below(FIELD_SHARES);
        for n in 0..times {
            self.edit_field(device, record, (first + 5 * n) % FIELD_SHARES, choices);
        }
    }

    /// Two devices edit the same field of a record before either can have heard of the other.
    pub(super) fn race(&mut self, choices: &mut Choices<'_>) {
        let at_work = self.model.at_work();
        let Some(one) = choices.one(&at_work) else { return };
        let here = self.model.writable(one);
        let Some(record) = choices.late_one(&here) else { return };
        let others: Vec<usize> = at_work
            .into_iter()
            .filter(|other| *other != one && self.model.writable(*other).contains(&record))
            .collect();
        let Some(other) = choices.one(&others) else { return };
        let field = choices.below(FIELD_SHARES);
        self.edit_field(one, record, field, choices);
        self.edit_field(other, record, field, choices);
        self.contest(record, &[one, other]);
    }

    /// These devices may have a conflict over a record from now on.
    pub(super) fn contest(&mut self, record: usize, devices: &[usize]) {
        let fields = ["status", "due", "description"].into_iter();
        let title = (self.world.model == Model::A).then_some("title");
        for field in fields.chain(title) {
            for device in devices {
                self.model.devices[*device].contested.insert((record, field));
            }
        }
    }

    pub(super) fn edit_field(
        &mut self,
        device: usize,
        record: usize,
        share: usize,
        choices: &mut Choices<'_>,
    ) {
        let change = match self.model.records[record].entity {
            "project" if share.is_multiple_of(2) => put("title", self.words.title()),
            "project" => put("status", self.words.status()),
            "comment" => put("body", self.words.text()),
            _ => self.task_change(device, record, share, choices),
        };
        self.edit_fields(device, record, vec![change]);
    }

    pub(super) fn edit_fields(&mut self, device: usize, record: usize, changes: Vec<(String, Change)>) {
        let name = self.model.records[record].name.clone();
        self.user(device, UserAction::Edit { name, changes });
    }

    fn task_change(
        &mut self,
        device: usize,
        record: usize,
        share: usize,
        choices: &mut Choices<'_>,
    ) -> (String, Change) {
        match share {
            0..4 => put("title", self.words.title()),
            4..9 => put("status", self.words.status()),
            9..11 => put("due", self.words.day()),
            11..13 => put("description", self.words.text()),
            13..16 if self.has_sets() => {
                let tag = self.words.tag();
                let change = if share < 15 { Change::Insert(tag) } else { Change::Remove(tag) };
                ("tags".to_owned(), change)
            }
            16 if !self.model.devices[device].is_old => {
                put("priority", PRIORITIES[choices.below(PRIORITIES.len())].to_owned())
            }
            17 if self.model.records[record].private_to.is_none() => {
                let assignee = choices.below(self.model.users);
                put(ASSIGNEE, self.world.user(assignee).to_owned())
            }
            18 if self.model.records[record].is_dated => put("created_at", self.words.day()),
            _ if !self.has_sets() => put("title", self.words.title()),
            _ => {
                let increments = &mut self.model.records[record].increments;
                let by = 1_i64 << (*increments).min(INCREMENTS_MAX);
                *increments += 1;
                ("completed_count".to_owned(), Change::Add(by))
            }
        }
    }

    pub(super) fn delete(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        let is_project = |record: &usize| self.model.records[*record].entity == "project";
        // A project takes everything along, so it is rarely deleted.
        let keeps_projects = choices.below(10) > 0;
        let mut writable = self.model.writable(device);
        writable.retain(|record| !(keeps_projects && is_project(record)));
        let Some(record) = choices.one(&writable) else { return };
        self.model.records[record].is_deleted = true;
        self.model.devices[device].deleted.insert(record);
        let name = self.model.records[record].name.clone();
        self.user(device, UserAction::Delete { name });
    }

    pub(super) fn undo(&mut self, choices: &mut Choices<'_>) {
        self.decide(choices, |name| UserAction::Undo { name });
    }

    pub(super) fn retry(&mut self, choices: &mut Choices<'_>) {
        self.settle_failed(choices, |name| UserAction::Retry { name });
    }

    pub(super) fn discard(&mut self, choices: &mut Choices<'_>) {
        self.settle_failed(choices, |name| UserAction::Discard { name });
    }

    /// Something is done about failed work where there can be any, else about whatever there is.
    fn settle_failed(&mut self, choices: &mut Choices<'_>, action: impl Fn(String) -> UserAction) {
        let may = |device: &usize| !self.model.devices[*device].failed.is_empty();
        let able: Vec<usize> = self.model.at_work().into_iter().filter(may).collect();
        let Some(device) = choices.one(&able) else { return self.decide(choices, action) };
        let failed: Vec<usize> = self.model.devices[device].failed.iter().copied().collect();
        let record = choices.late_one(&failed).expect("there is one");
        self.user(device, action(self.model.records[record].name.clone()));
    }

    /// Something is thrown away that the device has tried in vain to send.
    pub(super) fn discard_waiting(&mut self, choices: &mut Choices<'_>) {
        let connected = self.model.places(super::model::Device::connects);
        let Some(device) = choices.one(&connected) else { return };
        let writable = self.model.writable(device);
        let Some(record) = choices.late_one(&writable) else { return };
        let share = choices.below(FIELD_SHARES);
        let (a, b) = (self.model.devices[device].name.to_owned(), "server".to_owned());
        // Its connections end, so that nothing of the edit ever leaves it.
        self.host(device, HostAct::Offline);
        let label = self.fault(Fault::Partition { a, b });
        self.edit_field(device, record, share, choices);
        self.host(device, HostAct::Online);
        self.wait([4_000, 20_000][choices.below(2)]);
        let name = self.model.records[record].name.clone();
        self.user(device, UserAction::Discard { name });
        self.act(Act::End(label));
    }

    fn decide(&mut self, choices: &mut Choices<'_>, action: impl Fn(String) -> UserAction) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        let in_view = self.model.in_view(device);
        let Some(record) = choices.late_one(&in_view) else { return };
        self.user(device, action(self.model.records[record].name.clone()));
    }

    /// A conflict is decided, most often one that there can be.
    pub(super) fn resolve(&mut self, choices: &mut Choices<'_>) {
        let may = |device: &usize| !self.model.devices[*device].contested.is_empty();
        let able: Vec<usize> = self.model.at_work().into_iter().filter(may).collect();
        let Some(device) = choices.one(&able) else { return };
        let contested: Vec<_> = self.model.devices[device].contested.iter().copied().collect();
        let Some((record, field)) = choices.late_one(&contested) else { return };
        let is_task = self.model.records[record].entity == "task";
        let field = if is_task { field } else { "status" };
        if self.model.records[record].entity == "comment" {
            return;
        }
        let choice = match choices.below(5) {
            0 | 1 => Choice::KeepMine,
            2 | 3 => Choice::UseTheirs,
            _ => Choice::Merge(Value::Text(self.words.text())),
        };
        let name = self.model.records[record].name.clone();
        let is_away = choices.below(4) == 0 && !self.model.devices[device].is_offline;
        if is_away {
            self.offline(device);
        }
        self.user(device, UserAction::Resolve { name, field: field.to_owned(), choice });
        if is_away {
            self.online(device);
        }
    }

    /// A private task gets another assignee.
    pub(super) fn reassign(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        let mut writable = self.model.writable(device);
        writable.retain(|record| self.model.records[*record].private_to.is_some());
        let Some(record) = choices.one(&writable) else { return };
        let assignee = choices.below(self.model.users);
        self.model.records[record].private_to = Some(assignee);
        let changes = vec![put(ASSIGNEE, self.world.user(assignee).to_owned())];
        let name = self.model.records[record].name.clone();
        self.user(device, UserAction::Edit { name, changes });
    }

    pub(super) fn repair(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        self.user(device, UserAction::Repair);
    }
}

/// How many shares `task_change` divides the fields into.
pub(super) const FIELD_SHARES: usize = 23;

pub(super) fn put(field: &str, value: String) -> (String, Change) {
    (field.to_owned(), Change::Put(Value::Text(value)))
}
