//! Literal traces: each meets a situation, and the same trace with one thing otherwise does not. A
//! situation is a conjunction, and these fail where a part of one is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{Action, Change, FieldChange, Model, Parameters, RecordId, Value};
use deadzone_coverage::{KINDS, SITUATIONS, Totals, kind_of, met};
use deadzone_trace::{Crash, Entry, ErrorKind, Event, Exchange, Header, Trace};

/// A trace with the phone of an editor of `home` and `work`, which a test goes on with.
struct Story {
    trace: Trace,
    actions: usize,
}

impl Story {
    fn new() -> Story {
        let grant = |place: &str| (place.to_owned(), "ana".to_owned(), Role::Editor);
        let header = Header {
            scenario: "x".into(),
            seed: 0,
            client: "c".into(),
            server: "s".into(),
            defect: None,
            devices: BTreeMap::from([("laptop".into(), "ana".into()), ("phone".into(), "ana".into())]),
            model: Model::B,
            apps: BTreeMap::new(),
            scopes: BTreeMap::new(),
            entities: BTreeMap::new(),
            grants: vec![grant("home"), grant("work")],
            parameters: Parameters::default(),
        };
        let story = Story { trace: Trace::default(), actions: 0 };
        story.on("world", Event::Started(Box::new(header)))
    }

    fn on(mut self, host: &str, event: Event) -> Story {
        let at_us = self.trace.entries.len() as u64;
        self.trace.entries.push(Entry { at_us, host: host.into(), event });
        self
    }

    /// The phone saves an action.
    fn saves(mut self, act: Action, record: &str) -> Story {
        self.actions += 1;
        let action = format!("a{}", self.actions);
        let invoked =
            Event::Invoked { action: action.clone(), user: "ana".into(), name: None, act, cannot: false };
        let saved = Event::Saved { action, record: Some(RecordId(record.into())), undid: Vec::new() };
        self.on("phone", invoked).on("phone", saved)
    }

    /// The phone makes a task.
    fn creates(self, record: &str, workspace: &str) -> Story {
        let (entity, workspace) = ("task".to_owned(), workspace.to_owned());
        self.saves(Action::Create { entity, workspace, parent: None, changes: Vec::new() }, record)
    }

    /// The phone edits a task.
    fn edits(self, record: &str) -> Story {
        let change = Change::Put(Value::text("open"));
        let changes = vec![FieldChange { field: "status".into(), change }];
        self.saves(Action::Edit { record: RecordId(record.into()), changes }, record)
    }

    /// The phone sends a request, which reaches the server.
    fn sends(self, exchange: &str, method: &str, path: &str, body: &str) -> Story {
        let sent = Event::Sent {
            exchange: Exchange(exchange.into()),
            method: method.into(),
            path: path.into(),
            headers: vec![("device-id".into(), "p".into())],
            body: body.into(),
        };
        self.on("phone", sent).on("server", Event::Arrived { exchange: Exchange(exchange.into()), copy: 1 })
    }

    /// The phone pushes an edit of a task under a number.
    fn pushes(self, exchange: &str, record: &str, number: u64) -> Story {
        let body = format!(
            r#"{{"mutations":[{{"number":{number},"record":"{record}","kind":"update","stamp":{{"ms":1,"n":0,"device":"p"}},"fields":{{"status":{{"write":{{"value":"open"}}}}}}}}]}}"#
        );
        self.sends(exchange, "POST", "/sync/mutations", &body)
    }

    /// The server answers.
    fn answers(self, exchange: &str, status: u16, body: &str) -> Story {
        let (exchange, body) = (Exchange(exchange.into()), body.to_owned());
        self.on("server", Event::Answered { exchange, copy: 1, status, headers: Vec::new(), body })
    }

    /// The server answers a push of an edit.
    fn takes(self, exchange: &str, result: &str) -> Story {
        let body = format!(
            r#"{{"results":[{{"number":1,"record":"r","outcome":{{"done":{{"fields":{{"status":{result}}}}}}},"state":null}}],"server_time_ms":1}}"#
        );
        self.answers(exchange, 200, &body)
    }

    fn hears(self, exchange: &str, status: u16) -> Story {
        self.on("phone", Event::Delivered { exchange: Exchange(exchange.into()), status, replaced: None })
    }

    fn loses(self, exchange: &str) -> Story {
        let (exchange, kind) = (Exchange(exchange.into()), ErrorKind::Transport);
        self.on("phone", Event::Failed { exchange, kind, error: "reset".into() })
    }

    /// The phone pulls and has a page.
    fn pulls(self, exchange: &str, next: u64, more: bool) -> Story {
        let page =
            format!(r#"{{"changes":[],"next":{next},"more":{more},"server_time_ms":1,"schema_version":4}}"#);
        self.sends(exchange, "GET", "/sync?since=0", "").answers(exchange, 200, &page).hears(exchange, 200)
    }

    #[track_caller]
    fn meets(self, situation: &str) {
        assert!(SITUATIONS.iter().any(|known| known.name == situation), "{situation} is no situation");
        let met = met(&self.trace);
        assert!(met.holds(situation), "{situation} is not among {:?}", met.names().collect::<Vec<_>>());
    }

    #[track_caller]
    fn misses(self, situation: &str) {
        assert!(SITUATIONS.iter().any(|known| known.name == situation), "{situation} is no situation");
        assert!(!met(&self.trace).holds(situation), "{situation} is met");
    }
}

const APPLIED: &str = r#""applied""#;
const CONFLICT: &str =
    r#"{"conflict":{"open":{"id":"c","field":"status","mine":"open","theirs":"done","version":2}}}"#;

#[test]
fn an_answer_lost_after_its_commit_while_the_same_record_is_edited() {
    let pushed = || Story::new().edits("r").pushes("phone#1", "r", 1);
    pushed().takes("phone#1", APPLIED).loses("phone#1").edits("r").meets("answer-lost-then-edited");
    pushed().takes("phone#1", APPLIED).loses("phone#1").edits("other").misses("answer-lost-then-edited");
    pushed().takes("phone#1", APPLIED).hears("phone#1", 200).edits("r").misses("answer-lost-then-edited");
    pushed().loses("phone#1").edits("r").misses("answer-lost-then-edited");
}

#[test]
fn a_conflict_while_another_edit_of_that_record_is_queued() {
    let told = |story: Story| story.takes("phone#1", CONFLICT).hears("phone#1", 200);
    let pushed = || Story::new().edits("r").pushes("phone#1", "r", 1);
    told(pushed().edits("r")).meets("conflict-with-another-edit-queued");
    told(pushed().edits("other")).misses("conflict-with-another-edit-queued");
    told(pushed()).misses("conflict-with-another-edit-queued");
}

#[test]
fn a_crash_between_the_pages_of_a_pull() {
    let down = || Event::HostDown { crash: Crash::Kill };
    Story::new().pulls("phone#1", 3, true).on("phone", down()).meets("crash-between-pages");
    Story::new().pulls("phone#1", 3, false).on("phone", down()).misses("crash-between-pages");
    Story::new().pulls("phone#1", 3, true).on("laptop", down()).misses("crash-between-pages");
}

#[test]
fn a_crash_at_each_phase_of_a_push() {
    let down = |story: Story| story.on("phone", Event::HostDown { crash: Crash::Kill });
    let saved = || Story::new().edits("r");
    let pushed = || saved().pushes("phone#1", "r", 1);
    let answered = || pushed().takes("phone#1", APPLIED);
    down(saved()).meets("killed-between-save-and-push");
    down(pushed()).meets("crash-with-push-under-way");
    down(answered()).meets("crash-between-commit-and-answer");
    down(answered().hears("phone#1", 200)).meets("crash-between-answer-and-apply");
    down(pushed()).misses("killed-between-save-and-push");
    down(answered()).misses("crash-with-push-under-way");
    down(answered().hears("phone#1", 200)).misses("crash-between-commit-and-answer");
    let gone = Event::Gone { record: RecordId("x".into()) };
    down(answered().hears("phone#1", 200).on("phone", gone)).misses("crash-between-answer-and-apply");
}

#[test]
fn a_hint_older_than_the_cursor() {
    let hint = |since: u64| {
        let data = format!(r#"{{"since":{since},"next":9,"changes":[],"server_time_ms":1}}"#);
        Story::new()
            .pulls("phone#1", 5, false)
            .sends("phone#2", "GET", "/sync/hints?since=3", "")
            .answers("phone#2", 200, &format!("event: hint\ndata: {data}\n\n"))
            .hears("phone#2", 200)
    };
    hint(3).meets("hint-older-than-cursor");
    hint(5).misses("hint-older-than-cursor");
}

#[test]
fn a_revocation_with_pending_work() {
    let revoked = |place: &str| {
        Event::Granted(MemberChange { workspace: place.into(), user: "ana".into(), role: None })
    };
    let story = || Story::new().creates("r", "home");
    story().on("world", revoked("home")).meets("revoked-with-work");
    story().on("world", revoked("work")).misses("revoked-with-work");
    Story::new().on("world", revoked("home")).misses("revoked-with-work");
}

#[test]
fn a_resync_with_pending_work() {
    let expired = |story: Story| {
        let problem = r#"{"status":410,"code":"cursor-expired","detail":"start over"}"#;
        story
            .sends("phone#9", "GET", "/sync?since=2", "")
            .answers("phone#9", 410, problem)
            .hears("phone#9", 410)
    };
    expired(Story::new().edits("r")).meets("cursor-expires-with-work");
    expired(Story::new()).misses("cursor-expires-with-work");
}

#[test]
fn work_that_is_answered_waits_no_longer() {
    let answered = Story::new().edits("r").pushes("phone#1", "r", 1).takes("phone#1", APPLIED);
    let down = Event::HostDown { crash: Crash::PowerLoss };
    answered.hears("phone#1", 200).on("phone", down).misses("power-loss-between-save-and-push");
}

#[test]
fn strikes_are_counted_by_kind() {
    let fault = |text: &str| Event::FaultBegan { fault: "f".into(), text: text.into() };
    let struck = || Event::FaultStruck { fault: "f".into(), what: String::new() };
    let story = Story::new().on("world", fault("lose the answer to phone's every push"));
    let met = met(&story.on("world", struck()).on("world", struck()).trace);
    assert_eq!(met.strikes().collect::<Vec<_>>(), [("lose-answer", 2)]);
    let mut totals = Totals::default();
    totals.count(&met);
    totals.count(&met);
    assert_eq!(totals.strikes().filter(|(_, times)| *times > 0).collect::<Vec<_>>(), [("lose-answer", 4)]);
    assert_eq!(kind_of("dance a tango").map(|kind| KINDS[kind]), None);
}

#[test]
fn what_was_met_travels_as_text() {
    let met = met(&Story::new().edits("r").on("phone", Event::HostDown { crash: Crash::Kill }).trace);
    assert!(met.names().count() > 0);
    let text = serde_json::to_string(&met).expect("it has string keys");
    assert_eq!(serde_json::from_str::<deadzone_coverage::Met>(&text).ok(), Some(met));
}

#[test]
fn every_situation_has_a_name_of_its_own_one_sentence_and_a_source() {
    let mut names = BTreeSet::new();
    for situation in SITUATIONS {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(names.insert(situation.name) && situation.name.chars().all(plain), "{}", situation.name);
        let sentence = situation.meaning;
        assert!(sentence.ends_with('.') && sentence.matches(". ").count() == 0, "{}", situation.name);
        let source =
            ["000: ", "001: ", "002: ", "003: ", "004: "].iter().any(|s| situation.source.starts_with(s));
        assert!(source, "{}", situation.name);
    }
    assert!(names.len() >= 60);
}
