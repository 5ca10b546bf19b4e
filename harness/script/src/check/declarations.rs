//! Declarations, comments, and the names of things.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::parameters::{PARAMETERS, Unit};
use deadzone_contract::rules;
use deadzone_contract::wire::{MemberChange, Role, SCHEMA_VERSION, SCHEMA_VERSION_MIN};

use super::{Checker, FaultPhase};
use crate::amount::Time;
use crate::limits::{DRIFT_PPM_MAX, TIME_MAX, TIME_MS_MAX};
use crate::part::Part;
use crate::words::{is_reserved, is_word};
use crate::{Act, Declaration, Item, suggest};

const NAME_HELP: &str = "a name is a letter, then letters, digits, `-` and `_`, 64 at most in all";

/// What has been declared above a line.
#[derive(Default)]
struct Above<'a> {
    /// By keyword, with the item of the first.
    keywords: BTreeMap<&'static str, usize>,
    /// Keyword and name.
    names: BTreeSet<(&'static str, &'a str)>,
}

impl<'a> Checker<'a> {
    /// All declarations; whatever the steps may refer to is known afterwards.
    pub(super) fn declarations(&mut self) {
        let script = self.script;
        self.collect_names();
        let mut above = Above::default();
        let mut after_step = false;
        for (item, line) in script.items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.item = item;
            match line {
                Item::Blank => {}
                Item::Comment(words) if words.chars().any(|c| c.is_control() && c != '\t') => {
                    self.report(Part::Line, "the comment has a control character in it");
                }
                Item::Comment(_) => {}
                Item::Step(_) => after_step = true,
                Item::Declaration(declaration) => {
                    if after_step {
                        self.report(Part::Line, "declarations come before the first step");
                    }
                    self.order(keyword(declaration), &mut above);
                    self.declaration(declaration, &mut above);
                }
            }
        }
        if !above.keywords.contains_key("scenario") {
            self.item = 0;
            let help = String::from("its first declaration is `scenario` and a name");
            self.report_with(Part::Line, "the script has no `scenario` line", help);
        }
    }

    fn collect_names(&mut self) {
        let script = self.script;
        for declaration in script.declarations() {
            match declaration {
                Declaration::Workspace { name, members } => {
                    self.workspaces.insert(name);
                    self.users.extend(members.iter().map(|(user, _)| user.as_str()));
                }
                Declaration::Device { name, .. } => {
                    self.devices.insert(name);
                }
                _ => {}
            }
        }
    }

    /// `scenario` comes first, and of most declarations there is one at most.
    fn order(&mut self, keyword: &'static str, above: &mut Above<'a>) {
        if keyword == "scenario" && !above.keywords.is_empty() && !above.keywords.contains_key(keyword) {
            self.report(Part::Line, "`scenario` comes before every other declaration");
        }
        let first = *above.keywords.entry(keyword).or_insert(self.item);
        if first != self.item && !matches!(keyword, "set" | "workspace" | "device") {
            let line = Self::line(first);
            self.report(Part::Line, format!("`{keyword}` stands twice; first in line {line}"));
        }
    }

    fn declaration(&mut self, declaration: &'a Declaration, above: &mut Above<'a>) {
        let keyword = keyword(declaration);
        match declaration {
            Declaration::Scenario(name) | Declaration::Reaches(name) => self.name(name, Part::Name),
            Declaration::Digest(digest) => {
                let is_hex = digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if digest.len() != 64 || !is_hex {
                    self.report(Part::Amount, "a digest has 64 hexadecimal digits, in lower case");
                }
            }
            Declaration::Set { parameter, value, is_time } => {
                if !above.names.insert((keyword, parameter)) {
                    self.report(Part::Name, format!("`{parameter}` is set twice"));
                }
                self.parameter(parameter, *value, *is_time);
            }
            Declaration::Workspace { name, members } => {
                self.name(name, Part::Name);
                if !above.names.insert((keyword, name)) {
                    self.report(Part::Name, format!("there are two workspaces `{name}`"));
                }
                self.members(members);
            }
            Declaration::Device { name, user, skew_ms, drift_ppm, scope, entities, app } => {
                self.free_name(name, Part::Name, "device");
                if !above.names.insert((keyword, name)) {
                    self.report(Part::Name, format!("there are two devices `{name}`"));
                }
                self.clock(*skew_ms, *drift_ppm);
                self.scope(scope.as_deref());
                self.entities(entities.as_deref());
                if let Some(app) = app {
                    self.app(*app, Part::Amount);
                }
                self.user(user, Part::User(0));
            }
            Declaration::Suite(_)
            | Declaration::Seed(_)
            | Declaration::Client(_)
            | Declaration::Model(_)
            | Declaration::Defect(_)
            | Declaration::Violates { .. } => {}
        }
    }

    fn members(&mut self, members: &'a [(String, Role)]) {
        if members.is_empty() {
            self.report(Part::Line, "a workspace has at least one member");
        }
        let mut names = BTreeSet::new();
        for (n, (user, _)) in members.iter().enumerate() {
            self.name(user, Part::User(n));
            if !names.insert(user) {
                self.report(Part::User(n), format!("`{user}` is a member twice"));
            }
        }
    }

    /// What a device subscribes to, where it says so; a list has something in it.
    fn some_of(&mut self, list: Option<&'a [String]>) -> Option<&'a [String]> {
        if list.is_some_and(<[String]>::is_empty) {
            self.report(Part::Line, "a device subscribes to one thing at least");
        }
        list
    }

    /// Subscriptions name workspaces, each once.
    fn scope(&mut self, scope: Option<&'a [String]>) {
        let Some(scope) = self.some_of(scope) else { return };
        let mut seen = BTreeSet::new();
        for (n, workspace) in scope.iter().enumerate() {
            self.workspace(workspace, Part::Workspace(n));
            if !seen.insert(workspace) {
                self.report(Part::Workspace(n), format!("`{workspace}` is in the list twice"));
            }
        }
    }

    /// Subscriptions name entities, each once, and with each what it hangs under.
    fn entities(&mut self, entities: Option<&'a [String]>) {
        let Some(entities) = self.some_of(entities) else { return };
        let mut seen = BTreeSet::new();
        for (n, name) in entities.iter().enumerate() {
            let part = Part::Subscribed(n);
            if !seen.insert(name) {
                self.report(part, format!("`{name}` is in the list twice"));
                continue;
            }
            let Some(decl) = rules::entity(name) else {
                self.no_entity(name, part);
                continue;
            };
            if let Some(parent) = decl.parent.filter(|parent| !entities.iter().any(|kept| kept == parent)) {
                let help = format!("a {name} hangs under a {parent}, and comes after it or not at all");
                self.report_with(part, format!("`{name}` is in the list without `{parent}`"), help);
            }
        }
    }

    pub(super) fn workspace(&mut self, workspace: &'a str, part: Part) {
        if !self.workspaces.contains(workspace) && self.unknown.insert(workspace) {
            let help = suggest::help(workspace, self.workspaces.iter().copied(), "the workspaces are");
            self.report_with(part, format!("there is no workspace `{workspace}`"), help);
        }
    }

    pub(super) fn user(&mut self, user: &'a str, part: Part) {
        if !self.users.contains(user) {
            let help = suggest::help(user, self.users.iter().copied(), "the members of workspaces are");
            self.report_with(part, format!("there is no user `{user}`"), help);
        }
    }

    /// A change of what a user may do in a workspace.
    pub(super) fn member_change(&mut self, change: &'a MemberChange) {
        self.workspace(&change.workspace, Part::Place);
        self.user(&change.user, Part::User(0));
    }

    /// Apps of these versions exist.
    pub(super) fn app(&mut self, version: u32, part: Part) {
        if !(SCHEMA_VERSION_MIN..=SCHEMA_VERSION).contains(&version) {
            let message = format!("apps are of version {SCHEMA_VERSION_MIN} to {SCHEMA_VERSION}");
            self.report(part, message);
        }
    }

    fn clock(&mut self, skew_ms: i64, drift_ppm: i32) {
        self.signed(skew_ms, Part::Skew);
        if drift_ppm.unsigned_abs() > DRIFT_PPM_MAX.unsigned_abs() {
            let message = format!("a clock drifts by {DRIFT_PPM_MAX}ppm at most, either way");
            self.report(Part::Value(0), message);
        }
    }

    /// A time that may be negative has to be within bounds.
    pub(super) fn signed(&mut self, ms: i64, part: Part) {
        if ms.unsigned_abs() > TIME_MS_MAX {
            let most = Time::of(TIME_MAX);
            self.report(part, format!("the time is too long; the longest time is {most}"));
        }
    }

    fn parameter(&mut self, name: &str, value: u64, is_time: bool) {
        let Some(decl) = PARAMETERS.iter().find(|decl| decl.name == name) else {
            let help = suggest::did_you_mean(name, PARAMETERS.iter().map(|decl| decl.name))
                .unwrap_or_else(|| PARAMETERS.iter().map(|decl| decl.name).collect::<Vec<_>>().join(", "));
            self.report_with(Part::Name, format!("there is no parameter `{name}`"), help);
            return;
        };
        let wants_time = decl.unit == Unit::Time;
        if wants_time != is_time {
            self.report(Part::Amount, format!("`{name}` is {}", decl.unit));
        } else if value < decl.least {
            let least = if is_time { Time(decl.least).to_string() } else { decl.least.to_string() };
            self.report(Part::Amount, format!("`{name}` is at least {least}"));
        } else if is_time && value > TIME_MS_MAX {
            let most = Time::of(TIME_MAX);
            self.report(Part::Amount, format!("the time is too long; the longest time is {most}"));
        }
    }

    /// Labels name steps and faults, so each is there once: the written ones, and those that
    /// steps without one have by their ordinal.
    pub(super) fn labels(&mut self) {
        let script = self.script;
        let mut written: BTreeMap<&str, usize> = BTreeMap::new();
        for (item, line) in script.items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            let Item::Step(step) = line else { continue };
            let Some(label) = &step.label else { continue };
            self.item = item;
            self.free_name(label, Part::Label, "label");
            if self.devices.contains(label.as_str()) {
                self.report(Part::Label, format!("`{label}` is a device"));
            }
            if let Some(first) = written.get(label.as_str()) {
                let line = Self::line(*first);
                self.report(Part::Label, format!("the label `{label}` stands twice; first in line {line}"));
                continue;
            }
            written.insert(label, item);
            if matches!(step.act, Act::Fault(_)) {
                self.faults.insert(label, FaultPhase::Later(item));
            }
        }
        for (line, label, step) in script.steps() {
            if let (None, Some(item)) = (&step.label, written.get(label.as_str())) {
                self.item = *item;
                let message = format!("`{label}` names the step in line {line} already");
                let help = String::from("a step without a label is named by its place among the steps");
                self.report_with(Part::Label, message, help);
            }
        }
    }

    fn name(&mut self, name: &str, part: Part) {
        if !is_word(name) {
            self.report_with(part, format!("`{name}` is no name"), String::from(NAME_HELP));
        }
    }

    /// A name that must not be taken for the beginning of a step.
    fn free_name(&mut self, name: &str, part: Part, what: &str) {
        self.name(name, part);
        if is_reserved(name) {
            self.report(part, format!("`{name}` is a word of the language; no {what} can be called so"));
        }
    }
}

fn keyword(declaration: &Declaration) -> &'static str {
    match declaration {
        Declaration::Scenario(_) => "scenario",
        Declaration::Suite(_) => "suite",
        Declaration::Seed(_) => "seed",
        Declaration::Client(_) => "client",
        Declaration::Model(_) => "model",
        Declaration::Defect(_) => "defect",
        Declaration::Digest(_) => "digest",
        Declaration::Violates { .. } => "violates",
        Declaration::Reaches(_) => "reaches",
        Declaration::Set { .. } => "set",
        Declaration::Workspace { .. } => "workspace",
        Declaration::Device { .. } => "device",
    }
}
