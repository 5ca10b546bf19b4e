//! What users do, with records in the place of the script's names for them.

use deadzone_contract::wire::MemberChange;
use deadzone_contract::{Action, Change, Code, FieldChange, RecordId, Refusal};
use deadzone_script::UserAction;
use deadzone_trace::Event;

use super::{Director, PATIENCE_MS};
use crate::clock::ms;
use crate::fleet::{NoResult, on_host};

impl Director {
    /// Puts records in the place of names, then acts.
    pub(super) async fn user(&mut self, device: &str, id: &str, action: &UserAction, cannot: bool) {
        let on = |name: &str, act: fn(RecordId) -> Action| self.known(name).map(act);
        let act = match action {
            UserAction::SignIn { user, guess: false } => {
                self.sign_in(device, id, user.as_deref(), cannot).await;
                return;
            }
            UserAction::SignIn { user, guess: true } => {
                let user = user.clone().unwrap_or_else(|| self.fleet.user(device));
                Some(Action::SignIn { user, password: "a guess".to_owned() })
            }
            UserAction::SignOut { anyway } => {
                self.rights_changed = true;
                Some(Action::SignOut { anyway: *anyway })
            }
            UserAction::Repair => Some(Action::Repair),
            UserAction::SetRole(MemberChange { workspace, user, role }) => {
                self.rights_changed |= role.is_none();
                Some(Action::SetRole {
                    workspace: workspace.clone(),
                    member: user.clone(),
                    role: *role,
                    password: self.passwords[&self.fleet.user(device)].clone(),
                })
            }
            UserAction::Undo { name } => on(name, |record| Action::Undo { record }),
            UserAction::Create { name, place, changes } => {
                let (parent, workspace) = self.place(place.as_deref());
                let entity = name.split('/').next().unwrap_or_default().to_owned();
                let create = Action::Create { entity, workspace, parent, changes: field_changes(changes) };
                self.act(device, id, Some(name.clone()), create, cannot).await;
                return;
            }
            UserAction::Edit { name, changes } => {
                self.known(name).map(|record| Action::Edit { record, changes: field_changes(changes) })
            }
            UserAction::Resolve { name, field, choice } => self.known(name).map(|record| Action::Resolve {
                record,
                field: field.clone(),
                choice: choice.clone(),
            }),
            UserAction::Delete { name } => {
                // Who deletes a project has to type the password again.
                let password =
                    name.starts_with("project/").then(|| self.passwords[&self.fleet.user(device)].clone());
                self.known(name).map(|record| Action::Delete { record, password })
            }
            UserAction::Discard { name } => on(name, |record| Action::Discard { record }),
            UserAction::Retry { name } => on(name, |record| Action::Retry { record }),
        };
        match act {
            Some(act) => {
                self.act(device, id, None, act, cannot).await;
            }
            // A record whose create never came to an end has no name; nobody can touch it by it.
            None => self.fleet.recorder.record(
                device,
                Event::Refused {
                    action: id.to_owned(),
                    code: Code::UnknownRecord,
                    detail: "the record was never saved".to_owned(),
                },
            ),
        }
    }

    fn known(&self, name: &str) -> Option<RecordId> {
        self.names.get(name).and_then(|(record, _)| record.clone())
    }

    /// The parent and the workspace that `in PLACE` means.
    fn place(&self, place: Option<&str>) -> (Option<RecordId>, String) {
        match place {
            None => (None, self.home.clone()),
            Some(place) => match self.names.get(place) {
                Some((record, workspace)) => (record.clone(), workspace.clone()),
                None => (None, place.to_owned()),
            },
        }
    }

    /// True if the device says that it is saved.
    pub(super) async fn act(
        &mut self,
        device: &str,
        id: &str,
        name: Option<String>,
        act: Action,
        cannot: bool,
    ) -> bool {
        self.fleet.back(device).await;
        let user = self.fleet.user(device);
        let running = self.fleet.running(device);
        let id = id.to_owned();
        let workspace = match &act {
            Action::Create { workspace, .. } => workspace.clone(),
            _ => String::new(),
        };
        let recorder = self.fleet.recorder.clone();
        let record = |event| recorder.record(device, event);
        record(Event::Invoked { action: id.clone(), user, name: name.clone(), act: act.clone(), cannot });
        let Some((app, incarnation)) = running else {
            record(Event::Indefinite { action: id, why: "the app is not running".to_owned() });
            return false;
        };
        let result = on_host(&incarnation, async move { app.act(act).await });
        let event = match tokio::time::timeout(ms(PATIENCE_MS), result).await {
            Ok(Ok(Ok(saved))) => {
                self.saved += 1;
                if let (Some(name), Some(record)) = (name, saved.record.clone()) {
                    self.names.insert(name.clone(), (Some(record.clone()), workspace));
                    recorder.record(device, Event::Named { name, record });
                }
                self.fleet.nemesis.wrote(device);
                record(Event::Saved { action: id, record: saved.record, undid: saved.undid });
                return true;
            }
            Ok(Ok(Err(Refusal { code: Code::Indefinite, detail }))) => {
                Event::Indefinite { action: id, why: detail }
            }
            Ok(Ok(Err(refusal))) => Event::Refused { action: id, code: refusal.code, detail: refusal.detail },
            Ok(Err(NoResult::Panicked)) => {
                Event::Indefinite { action: id, why: "the app panicked".to_owned() }
            }
            Ok(Err(NoResult::Died)) => Event::Indefinite { action: id, why: "its host went down".to_owned() },
            Err(_) => Event::Indefinite { action: id, why: "the device kept silent".to_owned() },
        };
        record(event);
        false
    }
}

fn field_changes(changes: &[(String, Change)]) -> Vec<FieldChange> {
    let named =
        |(field, change): &(String, Change)| FieldChange { field: field.clone(), change: change.clone() };
    changes.iter().map(named).collect()
}
