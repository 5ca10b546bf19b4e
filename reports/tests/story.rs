//! Stories told from literal traces.

use deadzone_contract::wire::{Mutation, MutationKind, MutationResult, Outcome, PushAnswer, PushRequest};
use deadzone_contract::{Action, Change, Code, FieldChange, RecordId, RecordState, RecordView, Stamp, Value};
use deadzone_oracle::Violation;
use deadzone_reports::{MOMENTS_MAX, Story, story, time};
use deadzone_trace::{Crash, Entry, ErrorKind, Event, Exchange, Trace};

fn at(ms: u64, host: &str, event: Event) -> Entry {
    Entry { at_us: ms * 1_000, host: host.into(), event }
}

fn milk() -> RecordId {
    RecordId("3b4c".into())
}

fn view(id: &str) -> RecordView {
    RecordView {
        record: RecordId(id.into()),
        entity: "task".into(),
        workspace: "home".into(),
        parent: None,
        fields: [("title".to_owned(), Value::text("Buy milk"))].into(),
        state: RecordState::Synced,
        conflicts: Vec::new(),
    }
}

fn mutation(record: &RecordId, kind: MutationKind) -> Mutation {
    let stamp = Stamp { ms: 1, n: 0, device: "phone".into() };
    Mutation { number: None, record: record.clone(), kind, stamp, fields: Default::default() }
}

fn create(record: &RecordId) -> Mutation {
    mutation(record, MutationKind::Create { entity: "task".into(), workspace: "home".into(), parent: None })
}

fn sent(exchange: &str, mutations: Vec<Mutation>) -> Event {
    Event::Sent {
        exchange: Exchange(exchange.into()),
        method: "POST".into(),
        path: "/sync/mutations".into(),
        headers: Vec::new(),
        body: serde_json::to_string(&PushRequest { mutations }).expect("plain data"),
    }
}

fn answered(exchange: &str, copy: u32, record: &RecordId, outcome: Outcome) -> Event {
    let result = MutationResult { number: None, record: record.clone(), outcome, state: None };
    let body = PushAnswer { results: vec![result], server_time_ms: 0 };
    Event::Answered {
        exchange: Exchange(exchange.into()),
        copy,
        headers: Vec::new(),
        status: 200,
        body: serde_json::to_string(&body).expect("plain data"),
    }
}

fn done() -> Outcome {
    Outcome::Done { fields: Default::default() }
}

fn arrived(exchange: &str, copy: u32) -> Event {
    Event::Arrived { exchange: Exchange(exchange.into()), copy }
}

fn failed(exchange: &str) -> Event {
    let error = "connection reset".into();
    Event::Failed { exchange: Exchange(exchange.into()), kind: ErrorKind::Transport, error }
}

fn delivered(exchange: &str) -> Event {
    Event::Delivered { exchange: Exchange(exchange.into()), status: 200, replaced: None }
}

fn violation(evidence: Vec<usize>) -> Violation {
    Violation {
        oracle: "duplicated",
        clause: "record-twice",
        rule: None,
        effect: "create",
        summary: "task/1 stands twice on the server".into(),
        expected: "one record for one create".into(),
        record: Some(milk()),
        device: Some("phone".into()),
        evidence,
    }
}

fn text(story: &Story) -> String {
    let lines = story.moments.iter().map(|moment| format!("{} {}\n", time(moment.at_us), moment.text));
    lines.chain([format!("left out: {}", story.left_out)]).collect()
}

/// Ana creates a task; the answer to the push that carries it is lost; the phone crashes, pushes
/// again, and the server makes a second record.
fn answer_lost() -> Trace {
    let act = Action::Create {
        entity: "task".into(),
        workspace: "home".into(),
        parent: None,
        changes: vec![FieldChange { field: "title".into(), change: Change::Put(Value::text("Buy milk")) }],
    };
    let other = RecordId("ffff".into());
    let entries = vec![
        at(0, "phone", Event::HostUp { incarnation: 1 }),
        at(
            200,
            "phone",
            Event::Invoked {
                action: "s2".into(),
                user: "ana".into(),
                name: Some("task/1".into()),
                act,
                cannot: false,
            },
        ),
        at(203, "phone", Event::Named { name: "task/1".into(), record: milk() }),
        at(203, "phone", Event::Saved { action: "s2".into(), record: Some(milk()), undid: Vec::new() }),
        at(
            210,
            "world",
            Event::FaultBegan { fault: "f".into(), text: "lose the answer to phone's next push".into() },
        ),
        at(300, "phone", sent("phone#2", vec![mutation(&other, MutationKind::Update), create(&milk())])),
        at(340, "server", arrived("phone#2", 1)),
        at(345, "server", answered("phone#2", 1, &milk(), done())),
        at(
            345,
            "world",
            Event::FaultStruck {
                fault: "f".into(),
                what: "the answer to phone's push was lost after the server committed it".into(),
            },
        ),
        at(500, "phone", failed("phone#2")),
        at(900, "phone", Event::HostDown { crash: Crash::Kill }),
        at(20_900, "phone", Event::HostUp { incarnation: 2 }),
        at(21_000, "phone", sent("phone#3", vec![create(&milk())])),
        at(21_040, "server", arrived("phone#3", 1)),
        at(21_050, "server", answered("phone#3", 1, &milk(), done())),
        at(21_090, "phone", delivered("phone#3")),
        at(30_000, "world", Event::Audited { user: "ana".into(), records: vec![view("3b4c"), view("77aa")] }),
    ];
    Trace { entries }
}

#[test]
fn a_lost_answer_is_one_moment_and_not_four_events() {
    let told = story(&answer_lost(), &violation(vec![3, 7, 14, 16]));
    insta::assert_snapshot!(text(&told), @r#"
    +0.200s ana on phone: create task/1 title="Buy milk" (saved)
    +0.345s the answer to phone's push (create task/1 and 1 more) was lost after the server committed it
    +0.900s phone is killed
    +20.9s phone starts again
    +21.0s the server committed phone's push (create task/1)
    +30.0s the server has for ana task/1 title="Buy milk" (synced)
    left out: 0
    "#);
}

#[test]
fn what_the_story_is_not_about_is_left_out() {
    let mut trace = answer_lost();
    let quiet = RecordId("ffff".into());
    trace.entries.push(at(31_000, "phone", sent("phone#4", vec![create(&quiet)])));
    trace.entries.push(at(31_000, "server", arrived("phone#4", 1)));
    trace.entries.push(at(31_000, "server", answered("phone#4", 1, &quiet, done())));
    trace.entries.push(at(31_100, "phone", delivered("phone#4")));
    let one = text(&story(&trace, &violation(Vec::new())));
    assert!(!one.contains("+31.0s"), "{one}");
    let other = text(&story(&trace, &violation(vec![19])));
    assert!(other.contains("+31.0s the server committed phone's push (create record ffff)"), "{other}");
}

#[test]
fn what_came_after_the_evidence_is_left_out() {
    let told = text(&story(&answer_lost(), &violation(vec![3, 7])));
    assert!(told.contains("was lost after the server committed it") && !told.contains("is killed"), "{told}");
}

#[test]
fn a_strike_at_work_on_another_record_is_left_out() {
    let mut trace = answer_lost();
    for entry in &mut trace.entries {
        if let Event::Sent { exchange, body, .. } = &mut entry.event
            && exchange.0 == "phone#2"
        {
            let mutations = vec![create(&RecordId("ffff".into()))];
            *body = serde_json::to_string(&PushRequest { mutations }).expect("plain data");
        }
    }
    let told = text(&story(&trace, &violation(vec![3, 14])));
    assert!(!told.contains("was lost after"), "{told}");
}

#[test]
fn each_fate_of_a_request_has_its_words() {
    let refused = Outcome::Rejected { code: Code::Forbidden, detail: String::new() };
    let cases: Vec<(Vec<Event>, &str)> = vec![
        (vec![failed("p#1")], "phone's push (create task/1) never reached the server (connection reset)"),
        (
            vec![arrived("p#1", 1), failed("p#1")],
            "the server never answered phone's push (create task/1) (connection reset)",
        ),
        (
            vec![arrived("p#1", 1), answered("p#1", 1, &milk(), refused), delivered("p#1")],
            "the server rejected (forbidden) phone's push (create task/1)",
        ),
        (
            vec![
                arrived("p#1", 1),
                answered("p#1", 1, &milk(), done()),
                delivered("p#1"),
                arrived("p#1", 2),
                answered("p#1", 2, &milk(), done()),
            ],
            "the server committed phone's push (create task/1); it was delivered twice",
        ),
        (
            vec![Event::Delivered {
                exchange: Exchange("p#1".into()),
                status: 502,
                replaced: Some("x".into()),
            }],
            "somebody else than the server answered phone's push (create task/1) with status 502",
        ),
        (
            vec![failed("p#1"), arrived("p#1", 1), answered("p#1", 1, &milk(), done())],
            "the server committed phone's push (create task/1) after its device had given it up",
        ),
        (Vec::new(), "phone's push (create task/1) was on its way and never arrived"),
    ];
    for (fate, words) in cases {
        let mut entries = vec![
            at(0, "phone", Event::Named { name: "task/1".into(), record: milk() }),
            at(1, "phone", sent("p#1", vec![create(&milk())])),
        ];
        entries.extend(fate.into_iter().map(|event| at(2, "server", event)));
        let told = story(&Trace { entries }, &violation(Vec::new()));
        assert_eq!(told.moments.last().map(|m| m.text.as_str()), Some(words));
    }
}

#[test]
fn a_long_history_is_cut_to_what_weighs_most() {
    let mut trace = answer_lost();
    for i in 0..40 {
        let exchange = format!("phone#{}", 10 + i);
        trace.entries.push(at(40_000 + i, "phone", sent(&exchange, vec![create(&milk())])));
        trace.entries.push(at(40_000 + i, "server", arrived(&exchange, 1)));
        trace.entries.push(at(40_000 + i, "server", answered(&exchange, 1, &milk(), done())));
        trace.entries.push(at(40_000 + i, "phone", delivered(&exchange)));
    }
    let last = trace.entries.len() - 1;
    let told = story(&trace, &violation(vec![3, 16, last]));
    assert_eq!(told.moments.len(), MOMENTS_MAX);
    assert_eq!(told.left_out, 46 - MOMENTS_MAX);
    let text = text(&told);
    for kept in ["create task/1 title", "was lost after", "is killed", "the server has for ana"] {
        assert!(text.contains(kept), "{kept} is missing from\n{text}");
    }
}

#[test]
fn what_happens_again_and_again_is_one_moment() {
    let refused = |i: u64| {
        let exchange = format!("phone#{i}");
        let body = String::from("<html>");
        let answered = Event::Answered {
            exchange: Exchange(exchange.clone()),
            copy: 1,
            status: 500,
            headers: Vec::new(),
            body,
        };
        let delivered =
            Event::Delivered { exchange: Exchange(exchange.clone()), status: 500, replaced: None };
        [
            at(i * 1_000, "phone", sent(&exchange, vec![create(&milk())])),
            at(i * 1_000, "server", arrived(&exchange, 1)),
            at(i * 1_000, "server", answered),
            at(i * 1_000, "phone", delivered),
        ]
    };
    let entries: Vec<Entry> = (1..=30).flat_map(refused).collect();
    let settled = Violation { record: None, ..violation(Vec::new()) };
    insta::assert_snapshot!(text(&story(&Trace { entries }, &settled)), @r"
    +1.000s the server refused (status 500) phone's push (30 times, until +30.0s)
    left out: 0
    ");
}

#[test]
fn a_broken_trace_has_a_story_too() {
    assert_eq!(story(&Trace::default(), &violation(vec![7])), Story::default());
}
