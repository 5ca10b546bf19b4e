//! A server of the contract in a hundred lines: creates, `lww` fields and counters, each mutation
//! once, everything in one workspace. It can be copied, and counts what should not happen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use deadzone_contract::problem::{PROBLEM_JSON, Problem};
use deadzone_contract::seam::{BoxFuture, Transport, TransportError};
use deadzone_contract::wire::{
    FieldOp, FieldResult, Mutation, MutationKind, MutationResult, Outcome, PATH_TOKEN, PulledChange,
    PushAnswer, PushRequest, SCHEMA_VERSION, ServerField, ServerRecord, SyncPage, TokenAnswer,
};
use deadzone_contract::{Code, RecordId, Stamp, Value};

/// The most that one page carries: two, so that pulls take several.
const PAGE: usize = 2;

#[derive(Clone, Default)]
pub(crate) struct State {
    commits: u64,
    /// Each record with its last commit and what each device has in it.
    records: BTreeMap<RecordId, (u64, ServerRecord, BTreeMap<String, u64>)>,
    /// What was carried out, by device and number.
    answers: BTreeMap<(String, u64), String>,
    /// Who wrote what stands in a field that follows the rule `version`.
    writers: BTreeMap<(RecordId, String), (String, u64)>,
    /// Writes that were based on another version: conflicts, which these tests have no need of.
    pub(crate) conflicts: u64,
    /// How often a number came back with other content.
    pub(crate) reused: u64,
    /// How often each number came.
    pub(crate) asked: BTreeMap<(String, u64), u64>,
}

/// The server, and the way to it.
#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) state: Arc<Mutex<State>>,
    /// Requests get no answer while this is set.
    pub(crate) silent: Arc<Mutex<bool>>,
}

impl Server {
    /// Another server that has the same.
    pub(crate) fn copy(state: State) -> Server {
        Server { state: Arc::new(Mutex::new(state)), ..Server::default() }
    }

    pub(crate) fn transport(&self) -> Transport {
        let this = self.clone();
        Transport::new(tower::service_fn(move |request: http::Request<Bytes>| {
            let this = this.clone();
            let answer: BoxFuture<'static, _> = Box::pin(async move {
                let answer = this.state.lock().unwrap().answer(&request);
                if *this.silent.lock().unwrap() {
                    return Err(TransportError("the answer is lost".to_owned()));
                }
                Ok(answer)
            });
            answer
        }))
    }

    /// What another device of the user does.
    pub(crate) fn create(&self, id: &str, title: &str) {
        let mut state = self.state.lock().unwrap();
        let number = state.commits + 1;
        let mutation = Mutation {
            number: Some(number),
            record: RecordId(id.to_owned()),
            kind: MutationKind::Create { entity: "project".into(), workspace: "home".into(), parent: None },
            stamp: Stamp { ms: 1, n: 0, device: "elsewhere".into() },
            fields: BTreeMap::from([("title".to_owned(), FieldOp::Put { value: Value::text(title) })]),
        };
        state.carry_out("elsewhere", &mutation);
    }

    /// Somebody else with the same name has used a number of it for other work.
    pub(crate) fn use_number(&self, device: &str, number: u64) {
        let mut state = self.state.lock().unwrap();
        state.answers.insert((device.to_owned(), number), "other work".to_owned());
    }

    /// The highest number of each device that sent any.
    pub(crate) fn devices(&self) -> BTreeMap<String, u64> {
        let state = self.state.lock().unwrap();
        state.asked.keys().map(|(device, number)| (device.clone(), *number)).collect()
    }

    /// A field of the record with this title.
    pub(crate) fn field(&self, title: &str, field: &str) -> Option<Value> {
        let state = self.state.lock().unwrap();
        let titled =
            |fields: &BTreeMap<String, ServerField>| value(fields, "title") == Some(Value::text(title));
        let (_, record, _) = state.records.values().find(|(_, record, _)| titled(&record.fields))?;
        value(&record.fields, field)
    }

    /// Every record as devices show it.
    pub(crate) fn everything(&self) -> BTreeMap<RecordId, BTreeMap<String, Value>> {
        let state = self.state.lock().unwrap();
        let shown = |record: &ServerRecord| {
            record.fields.keys().map(|name| (name.clone(), value(&record.fields, name).unwrap())).collect()
        };
        state.records.iter().map(|(id, (_, record, _))| (id.clone(), shown(record))).collect()
    }

    pub(crate) fn titled(&self, title: &str) -> usize {
        self.everything().values().filter(|fields| fields.get("title") == Some(&Value::text(title))).count()
    }
}

fn value(fields: &BTreeMap<String, ServerField>, name: &str) -> Option<Value> {
    match fields.get(name)? {
        ServerField::Lww { value, .. }
        | ServerField::Version { value, .. }
        | ServerField::Fixed { value } => Some(value.clone()),
        ServerField::Counter { total } => Some(Value::Int(*total)),
        ServerField::Set { .. } => None,
    }
}

impl State {
    fn answer(&mut self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        let device = request.headers().get("device-id").unwrap().to_str().unwrap().to_owned();
        let path = request.uri().path();
        let body = if path == PATH_TOKEN {
            serde_json::to_vec(&TokenAnswer {
                access_token: "access".into(),
                expires_in_ms: u64::MAX,
                refresh_token: "refresh".into(),
                user: "ana".into(),
                roles: BTreeMap::new(),
            })
        } else if path == "/sync" {
            let query = request.uri().query().unwrap();
            let since = query.split('&').find_map(|part| part.strip_prefix("since=")).unwrap();
            let since: u64 = since.parse().unwrap();
            if since > self.commits {
                return problem(410, Code::CursorExpired);
            }
            serde_json::to_vec(&self.pull(&device, since))
        } else {
            let push: PushRequest = serde_json::from_slice(request.body()).unwrap();
            let results = push.mutations.iter().map(|mutation| self.push(&device, mutation)).collect();
            serde_json::to_vec(&PushAnswer { results, server_time_ms: 0 })
        };
        http::Response::new(Bytes::from(body.unwrap()))
    }

    fn pull(&self, device: &str, since: u64) -> SyncPage {
        let mut changed: Vec<_> = self.records.values().filter(|(seq, ..)| *seq > since).collect();
        changed.sort_by_key(|(seq, ..)| *seq);
        let more = changed.len() > PAGE;
        changed.truncate(PAGE);
        let next = if more { changed.last().unwrap().0 } else { self.commits };
        let changes = changed.iter().map(|(_, record, _)| PulledChange::Record(self.seen(device, record)));
        SyncPage { changes: changes.collect(), next, more, server_time_ms: 0, schema_version: SCHEMA_VERSION }
    }

    fn seen(&self, device: &str, record: &ServerRecord) -> ServerRecord {
        let included = self.records[&record.record].2.get(device).copied();
        ServerRecord { included, ..record.clone() }
    }

    fn push(&mut self, device: &str, mutation: &Mutation) -> MutationResult {
        let number = mutation.number.unwrap();
        *self.asked.entry((device.to_owned(), number)).or_default() += 1;
        let Mutation { record, kind, fields, .. } = mutation;
        let content = serde_json::to_string(&(record, kind, fields)).unwrap();
        let outcome = match self.answers.get(&(device.to_owned(), number)) {
            Some(known) if *known != content => {
                self.reused += 1;
                rejected(Code::NumberReused)
            }
            None if !mutation_fits(mutation, &self.records) => rejected(Code::UnknownRecord),
            known => {
                if known.is_none() {
                    self.carry_out(device, mutation);
                }
                let applied = fields.keys().map(|name| (name.clone(), FieldResult::Applied));
                Outcome::Done { fields: applied.collect() }
            }
        };
        let state = self.records.get(record).map(|(_, record, _)| self.seen(device, record));
        MutationResult { number: mutation.number, record: record.clone(), outcome, state }
    }

    fn carry_out(&mut self, device: &str, mutation: &Mutation) {
        let Mutation { number, record, kind, stamp, fields } = mutation;
        let number = number.unwrap();
        self.answers
            .insert((device.to_owned(), number), serde_json::to_string(&(record, kind, fields)).unwrap());
        self.commits += 1;
        if let MutationKind::Create { entity, workspace, parent } = kind {
            let new = ServerRecord {
                record: record.clone(),
                entity: entity.clone(),
                workspace: workspace.clone(),
                parent: parent.clone(),
                version: 0,
                fields: BTreeMap::new(),
                conflicts: Vec::new(),
                included: None,
                deleted: false,
            };
            self.records.insert(record.clone(), (0, new, BTreeMap::new()));
        }
        let (seq, record, devices) = self.records.get_mut(record).unwrap();
        *seq = self.commits;
        record.version += 1;
        let highest = devices.entry(device.to_owned()).or_default();
        *highest = number.max(*highest);
        for (name, op) in fields {
            match (op, record.fields.get(name)) {
                (FieldOp::Put { .. }, Some(ServerField::Lww { stamp: theirs, .. })) if theirs >= stamp => {}
                (FieldOp::Put { value }, _) => {
                    let field = ServerField::Lww { value: value.clone(), stamp: stamp.clone() };
                    record.fields.insert(name.clone(), field);
                }
                (FieldOp::Add { by }, before) => {
                    let before = match before {
                        Some(ServerField::Counter { total }) => *total,
                        _ => 0,
                    };
                    record.fields.insert(name.clone(), ServerField::Counter { total: before + by });
                }
                (FieldOp::Write { value, base, .. }, before) => {
                    let version = match before {
                        Some(ServerField::Version { version, .. }) => *version,
                        _ => 0,
                    };
                    let place = (mutation.record.clone(), name.clone());
                    let mine = base.after.map(|after| (device.to_owned(), after));
                    let fits = version == base.version
                        || mine.is_some() && self.writers.get(&place) == mine.as_ref();
                    self.conflicts += u64::from(!fits);
                    if fits {
                        let field = ServerField::Version { value: value.clone(), version: version + 1 };
                        record.fields.insert(name.clone(), field);
                        self.writers.insert(place, (device.to_owned(), number));
                    }
                }
                other => panic!("the tests do not do that: {other:?}"),
            }
        }
    }
}

fn mutation_fits(
    mutation: &Mutation,
    records: &BTreeMap<RecordId, (u64, ServerRecord, BTreeMap<String, u64>)>,
) -> bool {
    match &mutation.kind {
        MutationKind::Create { parent, .. } => {
            parent.as_ref().is_none_or(|parent| records.contains_key(parent))
        }
        _ => records.contains_key(&mutation.record),
    }
}

fn rejected(code: Code) -> Outcome {
    Outcome::Rejected { code, detail: "no".into() }
}

fn problem(status: u16, code: Code) -> http::Response<Bytes> {
    let body = serde_json::to_vec(&Problem { status, code, detail: "no".into() }).unwrap();
    let answer = http::Response::builder().status(status).header(http::header::CONTENT_TYPE, PROBLEM_JSON);
    answer.body(Bytes::from(body)).unwrap()
}
