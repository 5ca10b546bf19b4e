//! Taking back the last change of a record; and fetching everything anew.

use std::collections::BTreeMap;

use deadzone_contract::wire::{PATH_SYNC, Role};
use deadzone_contract::{Action, Change, Code, FieldChange, RecordId, RecordState, Refusal, Value};

use crate::kit::rules::rejected;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

fn change(field: &str, change: Change) -> FieldChange {
    FieldChange { field: field.into(), change }
}

fn put(field: &str, words: &str) -> FieldChange {
    change(field, Change::Put(Value::text(words)))
}

async fn edit(app: &App, record: &RecordId, changes: &[FieldChange]) {
    app.act(Action::Edit { record: record.clone(), changes: changes.to_vec() }).await.unwrap();
}

/// A task with a value in every field but `assignee`.
async fn full_task(app: &App) -> RecordId {
    let (_, task) = app.house().await;
    let mut changes: Vec<_> =
        ["status", "description", "priority", "created_at"].map(|field| put(field, "before")).into();
    changes.push(change("completed_count", Change::Add(10)));
    changes.push(change("tags", Change::Insert("home".into())));
    edit(app, &task, &changes).await;
    app.settle().await;
    task
}

/// When the change is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Unsent,
    Synced,
    Restarted,
}

/// Makes changes and takes them back. What undid them, and whether the record is as it was.
fn undone(when: When, changes: &[FieldChange]) -> Result<(Vec<FieldChange>, bool), Refusal> {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let task = full_task(&app).await;
        let before = server.everything()[&task].clone();
        app.device.connectivity(false);
        edit(&app, &task, changes).await;
        if when != When::Unsent {
            app.settle().await;
        }
        let app = if when == When::Restarted {
            app.kill().await;
            phone.start(&server, false).await.unwrap()
        } else {
            app
        };
        let undid = app.undo(&task).await;
        let shown = app.record(&task).await.unwrap().fields;
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        if undid.is_ok() {
            assert_eq!(shown, server.everything()[&task], "it is shown at once");
            assert_eq!(app.undo(&task).await.unwrap_err().code, Code::Invalid, "once is enough");
        }
        app.kill().await;
        undid.map(|saved| (saved.undid, server.everything()[&task] == before))
    })
}

#[test]
fn every_kind_of_change_is_taken_back_by_its_opposite() {
    let insert = |member: &str| change("tags", Change::Insert(member.into()));
    let remove = |member: &str| change("tags", Change::Remove(member.into()));
    let add = |by| change("completed_count", Change::Add(by));
    let cases = [
        (vec![put("title", "after")], vec![put("title", "Roof")]),
        (vec![put("status", "after")], vec![put("status", "before")]),
        (vec![put("description", "after")], vec![put("description", "before")]),
        (vec![add(5)], vec![add(-5)]),
        (vec![insert("urgent")], vec![remove("urgent")]),
        (vec![remove("home")], vec![insert("home")]),
        (
            vec![put("title", "after"), add(5), insert("urgent"), remove("home")],
            vec![insert("home"), remove("urgent"), add(-5), put("title", "Roof")],
        ),
        // What changed nothing is left out.
        (vec![insert("home"), add(1)], vec![add(-1)]),
        (vec![remove("urgent"), add(1)], vec![add(-1)]),
    ];
    for when in [When::Unsent, When::Synced, When::Restarted] {
        for (changes, undid) in &cases {
            assert_eq!(undone(when, changes), Ok((undid.clone(), true)), "{when:?}");
        }
    }
}

#[test]
fn what_cannot_be_put_back_is_refused() {
    for changes in [
        vec![put("assignee", "ben")],
        vec![put("assignee", "ben"), put("title", "after")],
        vec![change("tags", Change::Insert("home".into()))],
    ] {
        assert_eq!(undone(When::Synced, &changes).unwrap_err().code, Code::Invalid, "{changes:?}");
    }
}

#[test]
fn what_has_its_value_for_ever_is_left_out() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        edit(&app, &task, &[put("created_at", "may"), put("title", "after")]).await;
        assert_eq!(app.undo(&task).await.unwrap().undid, [put("title", "Roof")]);
        app.settle().await;
        assert_eq!(server.field("Roof", "created_at"), Some(Value::text("may")));
        app.kill().await;
    });
}

#[test]
fn a_change_that_does_not_stand_is_not_taken_back() {
    for fate in ["refused", "discarded", "in conflict", "somebody else's"] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let task = full_task(&app).await;
            app.kill().await;
            // Another app of the user has made the record.
            let app = Phone::new(2).signed_in(&server).await;
            app.settle().await;
            app.device.connectivity(false);
            if fate != "somebody else's" {
                edit(&app, &task, &[put("status", "mine")]).await;
            }
            match fate {
                "in conflict" => server.write(&task, "status", "theirs"),
                "refused" => server.judge(|_| Some(rejected(Code::Invalid))),
                "discarded" => {
                    server.intercept(|_| Some(crate::kit::answers::page(502)));
                    app.device.connectivity(true);
                    sleep_s(1).await;
                    app.act(Action::Discard { record: task.clone() }).await.unwrap();
                    server.behave();
                }
                _ => {}
            }
            app.settle().await;
            assert_eq!(app.undo(&task).await.unwrap_err().code, Code::Invalid, "{fate}");
            app.kill().await;
        });
    }
}

#[test]
fn a_create_is_taken_back_by_a_delete_and_a_delete_by_an_edit() {
    for synced in [false, true] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let task = full_task(&app).await;
            let before = server.everything();
            app.device.connectivity(synced);
            let other = app.task(&app.shown().await.keys().next().unwrap().clone(), "other").await;
            let other = other.unwrap();
            if synced {
                app.settle().await;
            }
            assert_eq!(app.undo(&other).await.unwrap().undid, []);
            assert_eq!(app.record(&other).await, None);
            app.delete(&task).await.unwrap();
            if synced {
                app.settle().await;
                assert!(!server.everything().contains_key(&task));
            }
            app.kill().await;
            let app = phone.start(&server, false).await.unwrap();
            assert_eq!(app.undo(&task).await.unwrap().undid, []);
            assert_eq!(app.record(&task).await.map(|view| view.fields), before.get(&task).cloned());
            app.settle().await;
            assert_eq!(server.everything(), before, "synced: {synced}");
            assert_eq!(app.shown().await, before);
            app.kill().await;
        });
    }
}

#[test]
fn a_project_is_deleted_with_a_password_only_and_comes_back_without() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, _) = app.house().await;
        assert_eq!(app.undo(&project).await.unwrap_err().code, Code::StepUpRequired);
        let before = server.everything();
        app.delete(&project).await.unwrap();
        assert!(!server.everything().contains_key(&project));
        app.undo(&project).await.unwrap();
        app.settle().await;
        assert_eq!((server.everything(), app.shown().await), (before.clone(), before));
        app.kill().await;
    });
}

#[test]
fn what_a_delete_takes_for_good_does_not_come_back() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        let comment = app.comment(&task, "words").await.unwrap();
        app.settle().await;
        app.delete(&comment).await.unwrap();
        for _ in 0..2 {
            assert_eq!(app.undo(&comment).await.unwrap_err().code, Code::Invalid);
            app.settle().await;
        }
        assert_eq!(app.record(&comment).await, None);
        app.kill().await;
    });
}

#[test]
fn what_could_be_put_back_goes_with_the_right_to_see_it() {
    for way in ["removed", "deleted, and no member any more", "taken back, and removed"] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let task = full_task(&app).await;
            server.write(&task, "description", "somebody else's words");
            app.settle().await;
            match way {
                "deleted, and no member any more" => {
                    app.delete(&task).await.unwrap();
                    app.settle().await;
                    assert!(phone.disk.snapshot().contains(b"somebody else's words"), "a copy is kept");
                    let mut state = server.state.lock().unwrap();
                    state.roles = BTreeMap::from([("work".to_owned(), Role::Editor)]);
                }
                _ => {
                    edit(&app, &task, &[put("description", "mine")]).await;
                    app.settle().await;
                    if way == "taken back, and removed" {
                        app.device.connectivity(false);
                        app.undo(&task).await.unwrap();
                    }
                    server.state.lock().unwrap().hide(&task);
                }
            }
            app.settle().await;
            let _ = app.create_in("elsewhere").await;
            sleep_s(1).await;
            app.settle().await;
            assert!(!phone.disk.snapshot().contains(b"somebody else's words"), "{way}");
            assert_eq!(app.tray().await.len(), usize::from(way == "taken back, and removed"), "{way}");
            app.kill().await;
        });
    }
}

#[test]
fn only_so_many_changes_are_remembered() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, first) = app.house().await;
        app.device.connectivity(false);
        let mut last = first.clone();
        for n in 0..1_000 {
            last = app.task(&project, &n.to_string()).await.unwrap();
        }
        app.settle().await;
        assert_eq!(app.undo(&first).await.unwrap_err().code, Code::Invalid);
        app.undo(&last).await.unwrap();
        app.kill().await;
    });
}

#[test]
fn a_repair_fetches_everything_anew_and_keeps_what_waits() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, task) = app.house().await;
        // The device has missed something, and no cursor will bring it.
        server.state.lock().unwrap().records.remove(&task);
        let title = server.state.lock().unwrap().records[&project].record.fields["title"].clone();
        server
            .state
            .lock()
            .unwrap()
            .records
            .get_mut(&project)
            .unwrap()
            .record
            .fields
            .insert("status".into(), title);
        app.settle().await;
        assert_ne!(app.shown().await, server.everything());
        app.device.connectivity(false);
        app.set(&project, "title", "Home").await.unwrap();
        let repaired = app.act(Action::Repair).await.unwrap();
        assert_eq!(repaired.record, None);
        assert_eq!(app.record(&project).await.unwrap().state, RecordState::Modified);
        server.log.lock().unwrap().clear();
        app.device.connectivity(true);
        sleep_s(1).await;
        assert_eq!(app.shown().await, server.everything());
        assert_eq!(server.titled("Home"), 1);
        let first = server.log.lock().unwrap().iter().find_map(|(_, request)| {
            (request.uri().path() == PATH_SYNC).then(|| request.uri().query().unwrap().to_owned())
        });
        assert!(first.unwrap().starts_with("since=0&"));
        app.kill().await;
    });
}
