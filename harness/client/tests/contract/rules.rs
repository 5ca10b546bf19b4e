//! What becomes of a field by its rule, and of work on a record that is gone.

use std::collections::BTreeSet;

use deadzone_client::ReferenceClient;
use deadzone_contract::wire::{Base, FieldOp, MutationKind, Outcome, PATH_MUTATIONS, ServerField};
use deadzone_contract::{
    Action, Capability, Change, Choice, Client, Code, Model, RecordId, RecordState, Rule, Value, WayOut,
};

use crate::kit::answers::problem;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

fn words(words: &str) -> Option<Value> {
    Some(Value::text(words))
}

/// Two devices of one field: another one writes `theirs` while this one, offline, writes `mine`.
/// What is shown before and after, and what the tray says then.
fn concurrent(field: &'static str) -> (Option<Value>, Option<Value>, Vec<(RecordState, String)>) {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        app.device.connectivity(false);
        app.set(&task, field, "mine").await.unwrap();
        match field {
            "created_at" => {
                let op = FieldOp::Put { value: Value::text("a theirs") };
                server.does(&task, MutationKind::Update, &[(field, op)]);
            }
            _ => server.write(&task, field, "a theirs"),
        }
        let before = app.field(&task, field).await;
        app.settle().await;
        let tray = app.tray().await.into_iter().map(|item| (item.state, item.reason)).collect();
        let after = app.field(&task, field).await;
        app.kill().await;
        (before, after, tray)
    })
}

#[test]
fn of_two_concurrent_writes_the_rule_says_what_becomes() {
    let conflict =
        |field| vec![(RecordState::Conflict, format!("conflict: the server has {field}=\"a theirs\""))];
    let cases = [
        ("status", conflict("status")),
        ("description", conflict("description")),
        // The test server's merge takes the lesser word.
        ("priority", vec![]),
        ("created_at", vec![(RecordState::Failed, "immutable: no".to_owned())]),
    ];
    for (field, tray) in cases {
        assert_eq!(concurrent(field), (words("mine"), words("a theirs"), tray), "{field}");
    }
}

#[test]
fn what_has_its_value_for_ever_is_not_written_again() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        app.set(&task, "created_at", "may").await.unwrap();
        for settled in [false, true] {
            let refusal = app.set(&task, "created_at", "june").await.unwrap_err();
            assert_eq!(refusal.code, Code::Immutable, "settled: {settled}");
            app.settle().await;
        }
        assert_eq!(server.field("Roof", "created_at"), words("may"));
        let fields = server.state.lock().unwrap().records[&task].record.fields.clone();
        assert!(matches!(fields["created_at"], ServerField::Fixed { .. }));
        app.kill().await;
    });
}

#[test]
fn a_conflict_between_others_is_shown_and_can_be_decided_here() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        server.write(&task, "description", "one");
        let base = Base { version: 0, after: None };
        let other = FieldOp::Write { value: Value::text("other"), base, closes: None };
        server.does(&task, MutationKind::Update, &[("description", other)]);
        app.settle().await;
        assert_eq!(app.record(&task).await.unwrap().state, RecordState::Conflict);
        let (record, field) = (task.clone(), "description".to_owned());
        app.act(Action::Resolve { record, field, choice: Choice::KeepMine }).await.unwrap();
        app.settle().await;
        assert_eq!(server.field("Roof", "description"), words("other"));
        assert_eq!(app.record(&task).await.unwrap().state, RecordState::Synced);
        app.kill().await;
    });
}

/// A comment that was edited here, offline, and deleted elsewhere.
async fn gone(app: &App, server: &Server) -> RecordId {
    let (_, task) = app.house().await;
    let comment = app.comment(&task, "first words").await.unwrap();
    app.settle().await;
    app.device.connectivity(false);
    app.set(&comment, "body", "last words").await.unwrap();
    server.does(&comment, MutationKind::Delete { base: Base { version: 1, after: None } }, &[]);
    app.settle().await;
    comment
}

#[test]
fn an_edit_of_what_is_gone_stands_in_the_tray_with_the_whole_record() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let comment = gone(&app, &server).await;
        app.kill().await;
        let app = phone.start(&server, true).await.unwrap();
        app.settle().await;
        let shown = app.record(&comment).await.unwrap();
        assert_eq!(
            (shown.state, shown.fields["body"].clone()),
            (RecordState::Failed, Value::text("last words"))
        );
        let tray = app.tray().await;
        assert_eq!((tray.len(), tray[0].reason.as_str()), (1, "gone: no"));
        assert_eq!(tray[0].ways_out, [WayOut::Retry, WayOut::Discard]);
        app.act(Action::Discard { record: comment.clone() }).await.unwrap();
        app.settle().await;
        assert_eq!((app.record(&comment).await, app.tray().await), (None, vec![]));
        app.kill().await;
    });
}

#[test]
fn what_is_gone_is_created_anew_under_another_name() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let comment = gone(&app, &server).await;
        let anew = app.act(Action::Retry { record: comment.clone() }).await.unwrap().record.unwrap();
        assert_ne!(anew, comment);
        assert_eq!((app.record(&comment).await, app.tray().await), (None, vec![]));
        assert_eq!(app.field(&anew, "body").await, words("last words"));
        app.settle().await;
        assert_eq!(server.everything()[&anew]["body"], Value::text("last words"));
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

#[test]
fn a_copy_of_a_record_has_every_kind_of_field() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        for field in ["status", "description", "priority", "created_at"] {
            app.set(&task, field, "word").await.unwrap();
        }
        app.add(&task, 3).await.unwrap();
        app.edit(&task, "tags", Change::Insert("urgent".into())).await.unwrap();
        app.settle().await;
        let before = server.everything()[&task].clone();
        app.device.connectivity(false);
        app.add(&task, 4).await.unwrap();
        let comment = app.comment(&task, "words").await.unwrap();
        server.judge(|mutation| {
            let code = match mutation.kind {
                MutationKind::Create { .. } => Code::UnknownRecord,
                _ => Code::Gone,
            };
            Some(Outcome::Rejected { code, detail: "purged".into() })
        });
        app.settle().await;
        server.behave();
        let anew = app.act(Action::Retry { record: task.clone() }).await.unwrap().record.unwrap();
        assert_ne!(anew, task);
        app.act(Action::Retry { record: comment.clone() }).await.unwrap();
        app.settle().await;
        let mut expected = before;
        expected.insert("completed_count".into(), Value::Int(7));
        assert_eq!(server.everything()[&anew], expected);
        let parent = server.state.lock().unwrap().records[&comment].record.parent.clone();
        assert_eq!(parent, Some(anew), "what was refused along with it hangs under the copy");
        app.kill().await;
    });
}

/// The numbers that the retry of failed work came with, after `status` had been the answer.
fn numbers_of_a_retry(status: u16, code: Code) -> usize {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.parameters.attempts_max = 2;
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        server.log.lock().unwrap().clear();
        server.intercept(move |request| {
            (request.uri().path() == PATH_MUTATIONS).then(|| problem(status, code))
        });
        app.add(&task, 5).await.unwrap();
        while app.tray().await.is_empty() {
            sleep_s(1).await;
        }
        server.behave();
        app.act(Action::Retry { record: task.clone() }).await.unwrap();
        app.settle().await;
        assert_eq!(server.field("Roof", "completed_count"), Some(Value::Int(5)));
        let numbers: BTreeSet<_> = server.pushed().iter().map(|mutation| mutation.number).collect();
        app.kill().await;
        numbers.len()
    })
}

#[test]
fn a_retry_keeps_its_number_where_nobody_knows_what_became_of_it() {
    assert_eq!(numbers_of_a_retry(500, Code::Internal), 1);
    assert_eq!(numbers_of_a_retry(400, Code::Malformed), 2);
}

#[test]
fn under_model_a_a_title_is_asked_about_and_nothing_is_counted() {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.model = Model::A;
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        for refused in [app.add(&task, 1).await, app.edit(&task, "tags", Change::Insert("x".into())).await] {
            assert_eq!(refused.unwrap_err().code, Code::Invalid);
        }
        app.device.connectivity(false);
        app.set(&task, "title", "mine").await.unwrap();
        server.write(&task, "title", "theirs");
        app.settle().await;
        assert_eq!(app.record(&task).await.unwrap().state, RecordState::Conflict);
        let (record, field) = (task.clone(), "title".to_owned());
        app.act(Action::Resolve { record, field, choice: Choice::KeepMine }).await.unwrap();
        app.settle().await;
        assert_eq!((server.titled("mine"), app.tray().await), (1, vec![]));
        app.kill().await;
    });
    let supports = |model, rule| {
        let client = ReferenceClient::default().in_model(model);
        client.supports(&Capability::Rule(rule))
    };
    for rule in [Rule::Set, Rule::Counter] {
        assert!(supports(Model::B, rule) && !supports(Model::A, rule));
    }
    assert!(supports(Model::A, Rule::Version) && supports(Model::A, Rule::Lww));
}
