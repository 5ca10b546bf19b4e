//! Writes traces in few words.
//!
//! The world of every trace: workspace `home` with its editors ana and ben; ana holds `phone` and
//! `tablet`, ben holds `laptop`. A millisecond passes from entry to entry. The record that a
//! script calls `task/1` has the identity `id:task/1`.

mod bodies;
mod wire;
mod words;

use std::collections::BTreeMap;

use deadzone_contract::view::View;
use deadzone_contract::wire::Role;
use deadzone_contract::{Action, Badge, Code, Model, Parameters, RecordId, RecordView, TrayItem};
use deadzone_oracle::{Judgement, judge};
use deadzone_trace::{Claim, Crash, Entry, Event, Expectation, Header, NetTotals, Trace};
use serde_json::Value as Json;

use words::changes;

pub(crate) use bodies::page;
pub(crate) use words::{
    create, create_in, delete, discard, edit, id, in_state, item, member, of, resolve, sign_in, status, task,
    undo, value,
};

pub(crate) const DEVICES: [(&str, &str); 3] = [("phone", "ana"), ("laptop", "ben"), ("tablet", "ana")];

/// A trace in the making.
#[derive(Clone, Default)]
pub(crate) struct Run {
    pub(crate) trace: Trace,
    at_us: u64,
    invoked: BTreeMap<String, (String, Option<String>, Option<RecordId>)>,
    pushes: BTreeMap<String, (String, Vec<String>)>,
    exempt: BTreeMap<String, String>,
    restarts: BTreeMap<String, u32>,
    /// Who signed in last, where that is not the first user of the device.
    signed_in: BTreeMap<String, String>,
}

pub(crate) fn run() -> Run {
    let mut run = Run::default();
    let grants = ["ana", "ben"].map(|user| ("home".to_owned(), user.to_owned(), Role::Editor));
    run.push_entry(
        "world",
        Event::Started(Box::new(Header {
            scenario: "literal".to_owned(),
            seed: 1,
            client: "none".to_owned(),
            server: "none".to_owned(),
            defect: None,
            model: Model::B,
            apps: BTreeMap::new(),
            scopes: BTreeMap::new(),
            entities: BTreeMap::new(),
            devices: DEVICES.iter().map(|(d, u)| ((*d).to_owned(), (*u).to_owned())).collect(),
            grants: grants.into(),
            parameters: Parameters::default(),
        })),
    );
    run.push_entry("server", Event::HostUp { incarnation: 1 });
    for (device, _) in DEVICES {
        run.push_entry(device, Event::HostUp { incarnation: 1 });
    }
    run
}

impl Run {
    fn push_entry(&mut self, host: &str, event: Event) {
        self.at_us += 1_000;
        self.trace.entries.push(Entry { at_us: self.at_us, host: host.to_owned(), event });
    }

    /// Any event.
    pub(crate) fn then(mut self, host: &str, event: Event) -> Run {
        self.push_entry(host, event);
        self
    }

    /// The next entry shares its instant with the last one.
    pub(crate) fn at_once(mut self) -> Run {
        self.at_us -= 1_000;
        self
    }

    /// Time passes.
    pub(crate) fn wait_ms(mut self, ms: u64) -> Run {
        self.at_us += ms * 1_000;
        self
    }

    /// A user begins an action; a create gets its script name from `label`, as in `task/1`.
    pub(crate) fn begin(mut self, device: &str, label: &str, act: Action) -> Run {
        let first = DEVICES.iter().find(|(d, _)| *d == device).map_or("ana", |(_, user)| user);
        let user = self.signed_in.get(device).map_or(first, String::as_str).to_owned();
        let name = matches!(act, Action::Create { .. }).then(|| label.to_owned());
        let record = act.record().cloned();
        self.invoked.insert(label.to_owned(), (device.to_owned(), name.clone(), record));
        let action = label.to_owned();
        self.push_entry(device, Event::Invoked { action, user, name, act, cannot: false });
        self
    }

    pub(crate) fn saved(self, label: &str) -> Run {
        self.saved_and_undid(label, &[])
    }

    /// An undo is saved, and has come to some changes.
    pub(crate) fn saved_and_undid(mut self, label: &str, undid: &[&str]) -> Run {
        let (device, name, record) = self.invoked[label].clone();
        let record = name.as_deref().map(id).or(record);
        let undid = changes(undid);
        self.push_entry(&device, Event::Saved { action: label.to_owned(), record: record.clone(), undid });
        if let (Some(name), Some(record)) = (name, record) {
            self.push_entry("world", Event::Named { name, record });
        }
        self
    }

    pub(crate) fn refused(self, label: &str) -> Run {
        self.refused_because(label, Code::Invalid)
    }

    pub(crate) fn refused_because(mut self, label: &str, code: Code) -> Run {
        let device = self.invoked[label].0.clone();
        let (action, detail) = (label.to_owned(), "no".to_owned());
        self.push_entry(&device, Event::Refused { action, code, detail });
        self
    }

    pub(crate) fn indefinite(mut self, label: &str) -> Run {
        let device = self.invoked[label].0.clone();
        let why = "the device went down".to_owned();
        self.push_entry(&device, Event::Indefinite { action: label.to_owned(), why });
        self
    }

    /// An action that is saved at once.
    pub(crate) fn does(self, device: &str, label: &str, act: Action) -> Run {
        self.begin(device, label, act).saved(label)
    }

    /// An undo that is saved at once, and comes to some changes.
    pub(crate) fn undoes(self, device: &str, label: &str, name: &str, undid: &[&str]) -> Run {
        self.begin(device, label, undo(name)).saved_and_undid(label, undid)
    }

    /// The script says that the action begun last has to be refused.
    pub(crate) fn which_cannot_be(mut self) -> Run {
        match self.trace.entries.last_mut().map(|entry| &mut entry.event) {
            Some(Event::Invoked { cannot, .. }) => *cannot = true,
            _ => panic!("no action was begun last"),
        }
        self
    }

    /// The run is one of model A.
    pub(crate) fn in_model_a(mut self) -> Run {
        self.header().model = Model::A;
        self
    }

    pub(crate) fn header(&mut self) -> &mut Header {
        match &mut self.trace.entries[0].event {
            Event::Started(header) => header,
            _ => panic!("a trace begins with its header"),
        }
    }

    pub(crate) fn signs_in(mut self, device: &str, label: &str, user: &str) -> Run {
        self.signed_in.insert(device.to_owned(), user.to_owned());
        self.does(device, label, sign_in(user))
    }

    pub(crate) fn signs_out(self, device: &str, label: &str, anyway: bool) -> Run {
        self.does(device, label, Action::SignOut { anyway })
    }

    /// The operator gives a user a role in `home`, or takes the user out.
    pub(crate) fn grants(self, user: &str, role: Option<Role>) -> Run {
        let change = member(user, role);
        self.then("world", Event::Granting(change.clone())).then("world", Event::Granted(change))
    }

    pub(crate) fn shows(self, device: &str, view: RecordView) -> Run {
        self.then(device, Event::Shown(view))
    }

    pub(crate) fn gone(self, device: &str, name: &str) -> Run {
        self.then(device, Event::Gone { record: id(name) })
    }

    pub(crate) fn goes_down(self, host: &str) -> Run {
        self.then(host, Event::HostDown { crash: Crash::PowerLoss })
    }

    pub(crate) fn comes_up(mut self, host: &str) -> Run {
        let restarts = self.restarts.entry(host.to_owned()).or_default();
        *restarts += 1;
        let incarnation = *restarts + 1;
        self.then(host, Event::HostUp { incarnation })
    }

    /// The device goes down and comes up again.
    pub(crate) fn restarts(self, device: &str) -> Run {
        self.goes_down(device).comes_up(device)
    }

    /// A disk forgets what was saved in entry `since` and later.
    pub(crate) fn forgets(self, host: &str, since: usize) -> Run {
        self.then(host, Event::CopiesLost { since, given_up: false, why: "its bits flipped".to_owned() })
    }

    /// The app that runs on a device gives a damaged database up.
    pub(crate) fn gives_up(self, host: &str) -> Run {
        let why = "its app gave the damaged ana.db up".to_owned();
        self.then(host, Event::CopiesLost { since: 0, given_up: true, why })
    }

    /// The device loses everything and starts anew.
    pub(crate) fn loses_all(self, device: &str) -> Run {
        self.goes_down(device).forgets(device, 0).then(device, Event::Wiped).comes_up(device)
    }

    /// The device becomes a copy of another one.
    pub(crate) fn becomes(self, device: &str, from: &str) -> Run {
        let from = from.to_owned();
        self.goes_down(device).forgets(device, 0).then(device, Event::Cloned { from }).comes_up(device)
    }

    /// The disk of a host is looked through after a crash.
    pub(crate) fn checked(self, host: &str, problem: Option<&str>) -> Run {
        let problem = problem.map(str::to_owned);
        self.then(host, Event::DatabaseChecked { database: "app.db".to_owned(), problem })
    }

    /// The index of the next entry.
    pub(crate) fn here(&self) -> usize {
        self.trace.entries.len()
    }

    /// The harness reads all of a disk, and finds these words on it.
    pub(crate) fn disk_holds(self, host: &str, words: &[&str]) -> Run {
        let holds = words.iter().map(|word| (*word).to_owned()).collect();
        self.then(host, Event::DiskRead { bytes: 4_096, holds })
    }

    pub(crate) fn exempt(mut self, device: &str) -> Run {
        self.exempt.insert(device.to_owned(), "signed out".to_owned());
        self
    }

    pub(crate) fn settle_begins(self) -> Run {
        let exempt = self.exempt.clone();
        self.then("world", Event::SettleBegan { bound_ms: 90_000, exempt })
    }

    pub(crate) fn settles(self) -> Run {
        self.settle_begins().then("world", Event::Settled)
    }

    pub(crate) fn audit(self, user: &str, records: &[RecordView]) -> Run {
        self.then("world", Event::Audited { user: user.to_owned(), records: records.to_vec() })
    }

    /// A device as a whole; its badge says what its tray does.
    pub(crate) fn look(self, device: &str, records: &[RecordView], tray: &[TrayItem]) -> Run {
        let badge = if tray.is_empty() { Badge::Synced } else { Badge::Error };
        let (records, tray) = (records.to_vec(), tray.to_vec());
        self.then(device, Event::Viewed(View { records, tray, status: status(badge, 0) }))
    }

    /// A device with something queued, and nothing in its tray.
    pub(crate) fn look_with_queue(self, device: &str, records: &[RecordView], queued: u64) -> Run {
        let (records, status) = (records.to_vec(), status(Badge::Error, queued));
        self.then(device, Event::Viewed(View { records, tray: Vec::new(), status }))
    }

    /// The audits and the looks, all with the same records.
    pub(crate) fn everywhere(self, records: &[RecordView]) -> Run {
        let run = self.audit("ana", records).audit("ben", records);
        DEVICES.iter().fold(run, |run, (device, _)| run.look(device, records, &[]))
    }

    pub(crate) fn expects(self, claim: Claim) -> Run {
        let expectation = Expectation { claim };
        self.then("world", Event::Expected { line: 9, text: "the claim".to_owned(), expectation })
    }

    pub(crate) fn finish(self) -> Run {
        self.then("world", Event::Finished(NetTotals::default()))
    }

    /// The world settles; server and devices all show the same; the run is over.
    pub(crate) fn ends_with(self, records: &[RecordView]) -> Run {
        self.settles().everywhere(records).finish()
    }

    pub(crate) fn judge(&self) -> Judgement {
        judge(&self.trace)
    }

    /// What one oracle says, for people.
    pub(crate) fn verdict(&self, oracle: &str) -> String {
        let judgement = self.judge();
        let verdict = judgement.verdict(oracle).expect("an oracle of that name");
        let mut text = verdict.outcome.to_string();
        for violation in &verdict.violations {
            let key = violation.key().to_string();
            let key = key.strip_prefix(oracle).expect("a key begins with its oracle");
            let evidence: Vec<String> = violation.evidence.iter().map(|&at| self.brief(at)).collect();
            text += &format!("\n{}: {}", key.trim(), violation.summary);
            text += &format!("\n  expected: {}", violation.expected);
            text += &format!("\n  evidence: {}", evidence.join(", "));
        }
        text + &verdict.unknown.as_ref().map_or_else(String::new, |why| format!("\nunknown: {why}"))
    }

    /// Asserts that an oracle finds nothing wrong and lacks nothing.
    #[track_caller]
    pub(crate) fn passes(&self, oracle: &str) {
        assert_eq!(self.verdict(oracle), "pass");
    }

    /// Asserts that some oracles find nothing wrong and lack nothing.
    #[track_caller]
    pub(crate) fn passes_all(&self, oracles: &[&str]) {
        for oracle in oracles {
            self.passes(oracle);
        }
    }

    /// Asserts that the first thing that an oracle finds has this key: `lost at-end create`.
    #[track_caller]
    pub(crate) fn violates(&self, key: &str) {
        let oracle = key.split_once(' ').expect("an oracle and a clause").0;
        let judgement = self.judge();
        let violations = &judgement.verdict(oracle).expect("an oracle of that name").violations;
        let found: Vec<String> = violations.iter().map(|violation| violation.key().to_string()).collect();
        assert_eq!(found.first().map(String::as_str), Some(key), "{}", self.verdict(oracle));
    }

    /// An entry in two words.
    fn brief(&self, at: usize) -> String {
        let entry = &self.trace.entries[at];
        let line: Json = serde_json::from_str(&entry.to_line()).expect("an entry is JSON");
        let of = |key: &str| line.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let what = ["action", "exchange", "user"].iter().map(|key| of(key)).find(|words| !words.is_empty());
        format!("{} {}", of("event"), what.unwrap_or_else(|| entry.host.clone()))
    }
}
