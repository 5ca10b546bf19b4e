//! What a script says about itself.

use std::collections::BTreeSet;

use deadzone_contract::rules::entity;
use deadzone_contract::wire::Role;
use deadzone_contract::{Capability, Change, Model, Parameters};
use deadzone_trace::Claim;

use crate::{Act, Declaration, Item, Script, Step, Suite, UserAction};

/// A device as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceDecl<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its user.
    pub user: &'a str,
    /// How far its clock is ahead at the start; behind, if negative. Whole ms.
    pub skew_ms: i64,
    /// How much faster its clock runs; slower, if negative. Parts per million.
    pub drift_ppm: i32,
    /// The workspaces that it subscribes to; none: all of its user's.
    pub scope: Option<&'a [String]>,
    /// The entities that it subscribes to; none: all.
    pub entities: Option<&'a [String]>,
    /// The version of its app; none: the newest.
    pub app: Option<u32>,
}

impl Script {
    /// Its declarations, in order.
    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.items.iter().filter_map(|item| match item {
            Item::Declaration(declaration) => Some(declaration),
            _ => None,
        })
    }

    /// Its steps in order, each with its line in the file (from 1) and its label: the written
    /// one, or `s` and its ordinal among the steps.
    pub fn steps(&self) -> impl Iterator<Item = (u32, String, &Step)> {
        let mut ordinal = 0;
        self.items.iter().zip(1..).filter_map(move |(item, line)| match item {
            Item::Step(step) => {
                ordinal += 1;
                Some((line, step.label.clone().unwrap_or_else(|| format!("s{ordinal}")), step))
            }
            _ => None,
        })
    }

    /// The scenario's name; empty where no line says it, which [`Script::check`] refuses.
    pub fn name(&self) -> &str {
        self.find(|declaration| match declaration {
            Declaration::Scenario(name) => Some(name.as_str()),
            _ => None,
        })
        .unwrap_or("")
    }

    /// When it runs. Where nothing is said, only when it is asked for by its name.
    pub fn suite(&self) -> Option<Suite> {
        self.find(|declaration| match declaration {
            Declaration::Suite(suite) => Some(*suite),
            _ => None,
        })
    }

    /// The seed of a repro.
    pub fn seed(&self) -> Option<u64> {
        self.find(|declaration| match declaration {
            Declaration::Seed(seed) => Some(*seed),
            _ => None,
        })
    }

    /// The client of a repro.
    pub fn client(&self) -> Option<&str> {
        self.find(|declaration| match declaration {
            Declaration::Client(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The model that it is about, where it says one.
    pub fn model(&self) -> Option<Model> {
        self.find(|declaration| match declaration {
            Declaration::Model(model) => Some(*model),
            _ => None,
        })
    }

    /// The planted defect of a repro.
    pub fn defect(&self) -> Option<&str> {
        self.find(|declaration| match declaration {
            Declaration::Defect(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The digest that a repro has to reach: 64 hexadecimal digits.
    pub fn digest(&self) -> Option<&str> {
        self.find(|declaration| match declaration {
            Declaration::Digest(digest) => Some(digest.as_str()),
            _ => None,
        })
    }

    /// The oracle and its clause that a repro was kept for.
    pub fn violates(&self) -> Option<(&str, &str)> {
        self.find(|declaration| match declaration {
            Declaration::Violates { oracle, clause } => Some((oracle.as_str(), clause.as_str())),
            _ => None,
        })
    }

    /// The situation that each of its runs has to meet.
    pub fn reaches(&self) -> Option<&str> {
        self.find(|declaration| match declaration {
            Declaration::Reaches(situation) => Some(situation.as_str()),
            _ => None,
        })
    }

    /// The numbers of the run: the defaults, and what `set` lines say. A line that
    /// [`Script::check`] refuses changes nothing.
    pub fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::default();
        for declaration in self.declarations() {
            if let Declaration::Set { parameter, value, .. } = declaration {
                let _ = parameters.set(parameter, *value);
            }
        }
        parameters
    }

    /// The workspaces in their order, each with its members and their roles.
    pub fn workspaces(&self) -> impl Iterator<Item = (&str, &[(String, Role)])> {
        self.declarations().filter_map(|declaration| match declaration {
            Declaration::Workspace { name, members } => Some((name.as_str(), members.as_slice())),
            _ => None,
        })
    }

    /// The devices, in their order.
    pub fn devices(&self) -> impl Iterator<Item = DeviceDecl<'_>> {
        self.declarations().filter_map(|declaration| match declaration {
            Declaration::Device { name, user, skew_ms, drift_ppm, scope, entities, app } => {
                Some(DeviceDecl {
                    name,
                    user,
                    skew_ms: *skew_ms,
                    drift_ppm: *drift_ppm,
                    scope: scope.as_deref(),
                    entities: entities.as_deref(),
                    app: *app,
                })
            }
            _ => None,
        })
    }

    /// What a client has to be capable of to go through the script: by the user actions, and by
    /// what is expected of records and fields.
    pub fn needs(&self) -> BTreeSet<Capability> {
        let model = self.model().unwrap_or_default();
        let mut needs = BTreeSet::new();
        for device in self.devices() {
            needs.extend(device.scope.map(|_| Capability::Scope));
            needs.extend(device.entities.map(|_| Capability::Entities));
            needs.extend(device.app.map(|_| Capability::OlderApp));
        }
        for (_, _, step) in self.steps() {
            match &step.act {
                Act::Repeat { act, .. } => action_needs(act, model, &mut needs),
                Act::Expect(expectation) => claim_needs(&expectation.claim, model, &mut needs),
                act => action_needs(act, model, &mut needs),
            }
        }
        needs
    }

    fn find<'a, T>(&'a self, pick: impl FnMut(&'a Declaration) -> Option<T>) -> Option<T> {
        self.declarations().find_map(pick)
    }
}

fn action_needs(act: &Act, model: Model, needs: &mut BTreeSet<Capability>) {
    let Act::User { action, .. } = act else { return };
    match action {
        UserAction::Create { name, place, changes } => {
            change_needs(name, changes, model, needs);
            place.iter().filter(|place| place.contains('/')).for_each(|place| record_needs(place, needs));
        }
        UserAction::Edit { name, changes } => change_needs(name, changes, model, needs),
        UserAction::SignIn { user, .. } => needs.extend(user.as_ref().map(|_| Capability::SignOut)),
        UserAction::SignOut { .. } => needs.extend([Capability::SignOut]),
        UserAction::SetRole(_) => needs.extend([Capability::StepUp]),
        UserAction::Repair => needs.extend([Capability::Repair]),
        UserAction::Undo { name } => {
            record_needs(name, needs);
            needs.insert(Capability::Undo);
        }
        UserAction::Delete { name } => {
            record_needs(name, needs);
            needs.insert(Capability::Delete);
            if name.starts_with("project/") {
                needs.insert(Capability::StepUp);
            }
        }
        UserAction::Discard { name } => {
            record_needs(name, needs);
            needs.insert(Capability::Discard);
        }
        UserAction::Retry { name } => {
            record_needs(name, needs);
            needs.insert(Capability::Retry);
        }
        UserAction::Resolve { name, field, .. } => {
            record_needs(name, needs);
            field_needs(name, field, model, needs);
            needs.insert(Capability::Resolve);
        }
    }
}

fn claim_needs(claim: &Claim, model: Model, needs: &mut BTreeSet<Capability>) {
    match claim {
        Claim::Record { name, fields, .. } => {
            record_needs(name, needs);
            fields.iter().for_each(|claim| field_needs(name, &claim.field, model, needs));
        }
        Claim::Conflict { name, field, .. } => {
            record_needs(name, needs);
            field_needs(name, field, model, needs);
        }
        Claim::Absent { name, .. } | Claim::InTray { name, .. } => record_needs(name, needs),
        Claim::NoConflicts | Claim::TrayEmpty { .. } | Claim::Badge { .. } | Claim::Alert { .. } => {}
    }
}

fn change_needs(name: &str, changes: &[(String, Change)], model: Model, needs: &mut BTreeSet<Capability>) {
    record_needs(name, needs);
    changes.iter().for_each(|(field, _)| field_needs(name, field, model, needs));
}

fn record_needs(name: &str, needs: &mut BTreeSet<Capability>) {
    needs.extend(name.split_once('/').map(|(entity, _)| Capability::Entity(entity.to_owned())));
}

fn field_needs(name: &str, field: &str, model: Model, needs: &mut BTreeSet<Capability>) {
    let decl = name.split_once('/').and_then(|(kind, _)| entity(kind)?.field(field));
    // What the model does not have at all is needed as it is declared, and nobody has it.
    needs.extend(decl.map(|decl| Capability::Rule(decl.rule_in(model).unwrap_or(decl.rule))));
}
