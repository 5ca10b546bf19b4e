//! People whose work meets, and chains of work that nobody has heard of.

use deadzone_contract::Change;

use crate::generate::model::Device;
use crate::generate::work::put;
use crate::generate::writer::{Choices, WAIT_MAX_MS, Writer};

impl Writer<'_> {
    /// Two devices edit the same fields of a task, several of them in one action.
    pub(in crate::generate) fn wide_race(&mut self, choices: &mut Choices<'_>) {
        let Some((one, other, task)) = self.two_on_a_task(choices) else { return };
        let asked = ["status", "due", "description"][choices.below(3)];
        for device in [one, other] {
            let mut changes = vec![put(asked, self.words.status())];
            if choices.below(2) == 0 {
                changes.push(put("title", self.words.title()));
            } else if self.has_sets() {
                changes.push(("tags".to_owned(), Change::Insert(self.words.tag())));
            }
            self.edit_fields(device, task, changes);
        }
        self.contest(task, &[one, other]);
    }

    /// One device adds tags and another takes one of them away, then both add what the other has.
    pub(in crate::generate) fn tag_race(&mut self, choices: &mut Choices<'_>) {
        if !self.has_sets() {
            return self.wide_race(choices);
        }
        let Some((one, other, task)) = self.two_on_a_task(choices) else { return };
        let tag = self.words.tag();
        let change = |change: Change| vec![("tags".to_owned(), change)];
        self.edit_fields(one, task, change(Change::Insert(tag.clone())));
        let second = if choices.below(2) == 0 { tag } else { self.words.tag() };
        self.edit_fields(other, task, change(Change::Remove(second)));
        let third = self.words.tag();
        self.edit_fields(other, task, change(Change::Insert(third)));
    }

    /// Two devices write what never changes once it is written; the second has more to say.
    pub(in crate::generate) fn first_wins(&mut self, choices: &mut Choices<'_>) {
        let Some((one, other, task)) = self.two_on_a_task(choices) else { return };
        if std::mem::replace(&mut self.model.records[task].is_dated, true) {
            return;
        }
        let day = put("created_at", self.words.day());
        self.edit_fields(one, task, vec![day]);
        let changes = vec![put("created_at", self.words.day()), put("title", self.words.title())];
        self.edit_fields(other, task, changes);
        // Either may be the one that came too late.
        self.model.devices[one].failed.insert(task);
        self.model.devices[other].failed.insert(task);
    }

    /// Two devices at work, and a task that both of them may write.
    fn two_on_a_task(&self, choices: &mut Choices<'_>) -> Option<(usize, usize, usize)> {
        let at_work = self.model.at_work();
        let one = choices.one(&at_work)?;
        let tasks = self.tasks(one);
        let task = choices.late_one(&tasks)?;
        let others: Vec<usize> =
            at_work.into_iter().filter(|other| *other != one && self.tasks(*other).contains(&task)).collect();
        Some((one, choices.one(&others)?, task))
    }

    /// A project, a task in it and a comment on that are made before any of them is sent.
    pub(in crate::generate) fn generations(&mut self, choices: &mut Choices<'_>) {
        let Some(device) = choices.one(&self.model.at_work()) else { return };
        let workspaces: Vec<usize> =
            (0..self.model.workspaces).filter(|workspace| self.model.may_write(device, *workspace)).collect();
        let Some(workspace) = choices.one(&workspaces) else { return };
        self.while_offline(device, |writer| {
            let project = writer.create_project(device, workspace);
            let changes = vec![put("title", writer.words.title())];
            let task = writer.create_under(device, "task", project, changes);
            if writer.model.has_room_for(device, "comment") {
                let changes = vec![put("body", writer.words.text())];
                writer.create_under(device, "comment", task, changes);
            }
        });
    }

    /// A device is away with work for longer than tombstones and answers are kept.
    pub(in crate::generate) fn absence(&mut self, choices: &mut Choices<'_>) {
        let horizon = self.world.number("tombstone_horizon");
        if horizon > WAIT_MAX_MS {
            return self.delete(choices);
        }
        let Some(device) = choices.one(&self.model.places(Device::connects)) else { return };
        self.offline(device);
        self.edit_on(device, choices, 1);
        self.delete(choices);
        self.wait(horizon + horizon / 8);
        self.online(device);
    }

    /// The newest app gives a task a deadline, which an old app knows by another name.
    pub(in crate::generate) fn deadline_elsewhere(&mut self, choices: &mut Choices<'_>) {
        let at_work = self.model.at_work();
        let olds: Vec<usize> = self.model.places(|device| device.is_old);
        let known = |task: &usize| olds.iter().any(|old| self.model.devices[*old].knows.contains(task));
        let mut places = Vec::new();
        for device in at_work.into_iter().filter(|device| !self.model.devices[*device].is_old) {
            let tasks = self.tasks(device).into_iter().filter(known);
            places.extend(tasks.map(|task| (device, task)));
        }
        let Some((device, task)) = choices.late_one(&places) else { return };
        let changes = vec![put("due", self.words.day())];
        self.edit_fields(device, task, changes);
    }
}
