//! A server of the contract, as short as it can be: each mutation once, everything for everybody
//! unless it is hidden. It can be copied, counts what should not happen, and answers whatever a
//! test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use deadzone_contract::problem::{PROBLEM_JSON, Problem};
use deadzone_contract::seam::{BoxFuture, Transport, TransportError};
use deadzone_contract::wire::{
    FieldOp, FieldResult, Hint, MemberChange, Mutation, MutationKind, MutationResult, Outcome, PATH_HINTS,
    PATH_MEMBERS, PATH_MUTATIONS, PATH_SYNC, PATH_TOKEN, PulledChange, PushAnswer, PushRequest, Role,
    SCHEMA_VERSION, SyncPage, TokenAnswer, TokenRequest,
};
use deadzone_contract::{Code, RecordId, Stamp, Value};
use http::{Request, Response};
use serde::Serialize;

use super::rules::{Row, rejected, spoken, understood, value};

/// The most that one page carries: two, so that pulls take several.
const PAGE: usize = 2;

/// How long a request for hints waits, in seconds.
pub(crate) const HOLD_S: u64 = 30;

#[derive(Clone)]
pub(crate) struct State {
    commits: u64,
    pub(crate) records: BTreeMap<RecordId, Row>,
    /// What was carried out, by device and number: its content and its result.
    answers: BTreeMap<(String, u64), (String, BTreeMap<String, FieldResult>)>,
    /// How many writes became conflicts.
    pub(crate) conflicts: u64,
    /// How often a number came back with other content.
    pub(crate) reused: u64,
    /// How often each number came.
    pub(crate) asked: BTreeMap<(String, u64), u64>,
    pub(crate) roles: BTreeMap<String, Role>,
    /// Whose rights were changed, and to what.
    pub(crate) members: Vec<(String, Option<Role>)>,
    /// How often tokens were asked for.
    pub(crate) tokens: u64,
    /// What an answer says in which something is deferred, in seconds.
    pub(crate) retry_after: u64,
}

impl Default for State {
    fn default() -> State {
        State {
            commits: 0,
            records: BTreeMap::new(),
            answers: BTreeMap::new(),
            conflicts: 0,
            reused: 0,
            asked: BTreeMap::new(),
            roles: BTreeMap::from([("home".to_owned(), Role::Editor)]),
            members: Vec::new(),
            tokens: 0,
            retry_after: 10,
        }
    }
}

/// Looks at a request first; what it answers is the answer.
type Intercept = Box<dyn FnMut(&Request<Bytes>) -> Option<Response<Bytes>> + Send>;
/// Looks at a mutation first; its outcome is the outcome, and nothing of it is kept.
type Verdict = Box<dyn FnMut(&Mutation) -> Option<Outcome> + Send>;

/// Requests, with when they came.
pub(crate) type Log = Arc<Mutex<Vec<(tokio::time::Instant, Request<Bytes>)>>>;

/// The server, and the way to it.
#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) state: Arc<Mutex<State>>,
    /// Requests get no answer while this is set.
    pub(crate) silent: Arc<Mutex<bool>>,
    /// How long requests and answers are on their way.
    pub(crate) slow: Arc<Mutex<std::time::Duration>>,
    /// How many requests for hints wait.
    pub(crate) listeners: Arc<AtomicUsize>,
    /// How many waited at once, at most.
    pub(crate) most_listeners: Arc<AtomicUsize>,
    intercept: Arc<Mutex<Option<Intercept>>>,
    verdict: Arc<Mutex<Option<Verdict>>>,
    /// Every request so far.
    pub(crate) log: Log,
}

/// A request that waits.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(open: &Arc<AtomicUsize>) -> Open {
        open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    /// Another server that has the same.
    pub(crate) fn copy(state: State) -> Server {
        Server { state: Arc::new(Mutex::new(state)), ..Server::default() }
    }

    pub(crate) fn transport(&self) -> Transport {
        let this = self.clone();
        Transport::new(tower::service_fn(move |request: Request<Bytes>| {
            let this = this.clone();
            let answer: BoxFuture<'static, _> = Box::pin(async move {
                let slow = *this.slow.lock().unwrap();
                tokio::time::sleep(slow).await;
                let _open = this.wait_for_news(&request).await;
                let answer = this.serve(request);
                tokio::time::sleep(slow).await;
                answer
            });
            answer
        }))
    }

    /// Keeps a request for hints waiting until there is something to tell.
    async fn wait_for_news(&self, request: &Request<Bytes>) -> Option<Open> {
        if request.uri().path() != PATH_HINTS {
            return None;
        }
        let open = Open::new(&self.listeners);
        let now = self.listeners.load(Ordering::Relaxed);
        self.most_listeners.fetch_max(now, Ordering::Relaxed);
        let since: u64 = asked(request.uri().query().unwrap(), "since").unwrap().parse().unwrap();
        for _ in 0..HOLD_S * 100 {
            let has_news = self.state.lock().unwrap().commits != since;
            if has_news || self.intercept.lock().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Some(open)
    }

    fn serve(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.log.lock().unwrap().push((tokio::time::Instant::now(), request.clone()));
        let intercepted = self.intercept.lock().unwrap().as_mut().and_then(|look| look(&request));
        let answer = match intercepted {
            Some(answer) => answer,
            None => self.answer(&request),
        };
        if *self.silent.lock().unwrap() {
            return Err(TransportError("the answer is lost".to_owned()));
        }
        Ok(answer)
    }

    /// From now on `look` sees each request first.
    pub(crate) fn intercept(
        &self,
        look: impl FnMut(&Request<Bytes>) -> Option<Response<Bytes>> + Send + 'static,
    ) {
        *self.intercept.lock().unwrap() = Some(Box::new(look));
    }

    /// From now on `judge` sees each mutation first.
    pub(crate) fn judge(&self, judge: impl FnMut(&Mutation) -> Option<Outcome> + Send + 'static) {
        *self.verdict.lock().unwrap() = Some(Box::new(judge));
    }

    /// Everything is answered as it should be again.
    pub(crate) fn behave(&self) {
        *self.intercept.lock().unwrap() = None;
        *self.verdict.lock().unwrap() = None;
    }

    /// The mutations that came, each time that they did.
    pub(crate) fn pushed(&self) -> Vec<Mutation> {
        let log = self.log.lock().unwrap();
        let pushes = log.iter().filter(|(_, request)| request.uri().path() == PATH_MUTATIONS);
        let push = |body: &Bytes| serde_json::from_slice::<PushRequest>(body).unwrap();
        pushes.flat_map(|(_, request)| push(request.body()).mutations).collect()
    }

    /// When requests came, in ms since the first one.
    pub(crate) fn times(&self) -> Vec<u64> {
        let log = self.log.lock().unwrap();
        let since = |(at, _): &(tokio::time::Instant, _)| at.duration_since(log[0].0).as_millis() as u64;
        log.iter().map(since).collect()
    }

    /// How many requests to a path have come.
    pub(crate) fn requests(&self, path: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|(_, request)| request.uri().path() == path).count()
    }

    /// What another device does.
    pub(crate) fn does(&self, record: &RecordId, kind: MutationKind, fields: &[(&str, FieldOp)]) {
        let mut state = self.state.lock().unwrap();
        let number = state.commits + 1;
        let mutation = Mutation {
            number: Some(number),
            record: record.clone(),
            kind,
            stamp: Stamp { ms: number, n: 0, device: "elsewhere".into() },
            fields: fields.iter().map(|(name, op)| ((*name).to_owned(), op.clone())).collect(),
        };
        state.carry_out("elsewhere", &mutation);
    }

    /// Another device makes a project.
    pub(crate) fn create(&self, id: &str, title: &str) {
        self.create_in("home", id, title);
    }

    /// Another device makes a project in any workspace.
    pub(crate) fn create_in(&self, workspace: &str, id: &str, title: &str) {
        let (entity, workspace) = ("project".into(), workspace.to_owned());
        let kind = MutationKind::Create { entity, workspace, parent: None };
        let title = FieldOp::Put { value: Value::text(title) };
        self.does(&RecordId(id.to_owned()), kind, &[("title", title)]);
    }

    /// Another device changes a field that has versions, knowing what stands there.
    pub(crate) fn write(&self, record: &RecordId, field: &str, words: &str) {
        let version = match self.state.lock().unwrap().records[record].record.fields.get(field) {
            Some(deadzone_contract::wire::ServerField::Version { version, .. }) => *version,
            _ => 0,
        };
        let base = deadzone_contract::wire::Base { version, after: None };
        let op = FieldOp::Write { value: Value::text(words), base, closes: None };
        self.does(record, MutationKind::Update, &[(field, op)]);
    }

    /// Somebody else with the same name has used a number of it for other work.
    pub(crate) fn use_number(&self, device: &str, number: u64) {
        let mut state = self.state.lock().unwrap();
        state.answers.insert((device.to_owned(), number), ("other work".to_owned(), BTreeMap::new()));
    }

    /// The highest number of each device that sent any.
    pub(crate) fn devices(&self) -> BTreeMap<String, u64> {
        let state = self.state.lock().unwrap();
        state.asked.keys().map(|(device, number)| (device.clone(), *number)).collect()
    }

    /// A field of the record with this title.
    pub(crate) fn field(&self, title: &str, field: &str) -> Option<Value> {
        let state = self.state.lock().unwrap();
        let titled = |row: &&Row| value(&row.record.fields, "title") == Some(Value::text(title));
        value(&state.records.values().find(titled)?.record.fields, field)
    }

    /// Every record as devices show it.
    pub(crate) fn everything(&self) -> BTreeMap<RecordId, BTreeMap<String, Value>> {
        let state = self.state.lock().unwrap();
        let shown = |row: &Row| {
            let fields = &row.record.fields;
            fields.keys().map(|name| (name.clone(), value(fields, name).unwrap())).collect()
        };
        let there = |row: &Row| !(row.record.deleted || row.hidden);
        state.records.iter().filter(|(_, row)| there(row)).map(|(id, row)| (id.clone(), shown(row))).collect()
    }

    pub(crate) fn titled(&self, title: &str) -> usize {
        self.everything().values().filter(|fields| fields.get("title") == Some(&Value::text(title))).count()
    }

    pub(crate) fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let device = request.headers()["device-id"].to_str().unwrap();
        let schema: u32 = request.headers()["schema-version"].to_str().unwrap().parse().unwrap();
        let mut state = self.state.lock().unwrap();
        match request.uri().path() {
            PATH_TOKEN => state.sign_in(request),
            PATH_HINTS => state.hint(device, schema, request.uri().query().unwrap()),
            PATH_MEMBERS => {
                let change: MemberChange = serde_json::from_slice(request.body()).unwrap();
                state.members.push((change.user, change.role));
                Response::builder().status(204).body(Bytes::new()).unwrap()
            }
            PATH_SYNC => state.pull(device, schema, request.uri().query().unwrap()),
            _ => {
                let mut push: PushRequest = serde_json::from_slice(request.body()).unwrap();
                for mutation in &mut push.mutations {
                    let fields = std::mem::take(&mut mutation.fields).into_iter();
                    mutation.fields = fields.map(|(name, op)| (understood(&name, schema), op)).collect();
                }
                let mut verdict = self.verdict.lock().unwrap();
                let push_one = |mutation: &Mutation| match verdict.as_mut().and_then(|judge| judge(mutation))
                {
                    Some(outcome) => state.result(device, schema, mutation, outcome),
                    None => state.push(device, schema, mutation),
                };
                let results: Vec<_> = push.mutations.iter().map(push_one).collect();
                let deferred = results.iter().any(|result| result.outcome == Outcome::Deferred);
                let answer = json(&PushAnswer { results, server_time_ms: 0 });
                if deferred { and_wait(answer, state.retry_after) } else { answer }
            }
        }
    }
}

/// An answer of the contract.
pub(crate) fn json(body: &impl Serialize) -> Response<Bytes> {
    Response::new(Bytes::from(serde_json::to_vec(body).unwrap()))
}

/// A refusal of a whole request.
pub(crate) fn problem(status: u16, code: Code) -> Response<Bytes> {
    let body = serde_json::to_vec(&Problem { status, code, detail: "no".into() }).unwrap();
    let answer = Response::builder().status(status).header(http::header::CONTENT_TYPE, PROBLEM_JSON);
    answer.body(Bytes::from(body)).unwrap()
}

/// A stream of hints.
pub(crate) fn hints(hints: &[Hint]) -> Response<Bytes> {
    let event = |hint| format!("event: hint\ndata: {}\n\n", serde_json::to_string(hint).unwrap());
    let body: String = hints.iter().map(event).collect();
    let answer = Response::builder().header(http::header::CONTENT_TYPE, "text/event-stream");
    answer.body(Bytes::from(body)).unwrap()
}

/// A value in a query.
fn asked<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// An answer that asks to wait, in seconds.
pub(crate) fn and_wait(mut answer: Response<Bytes>, seconds: u64) -> Response<Bytes> {
    answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    answer
}

/// What somebody answers who is not the server.
pub(crate) fn page(status: u16) -> Response<Bytes> {
    let answer = Response::builder().status(status).header(http::header::CONTENT_TYPE, "text/html");
    answer.body(Bytes::from_static(b"<html>Welcome to our hotel</html>")).unwrap()
}

impl State {
    fn sign_in(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        self.tokens += 1;
        let user = match serde_json::from_slice(request.body()).unwrap() {
            TokenRequest::Password { password, .. } if password != "secret" => {
                return problem(401, Code::Unauthenticated);
            }
            TokenRequest::Password { user, .. } => user,
            TokenRequest::Refresh { refresh_token } => refresh_token.replace("refresh of ", ""),
        };
        json(&TokenAnswer {
            access_token: format!("access of {user}"),
            expires_in_ms: u64::MAX,
            refresh_token: format!("refresh of {user}"),
            user,
            roles: self.roles.clone(),
        })
    }

    /// The rows that changed after a commit, in order.
    fn changed(&self, query: &str) -> (u64, Vec<&Row>) {
        let since: u64 = asked(query, "since").unwrap().parse().unwrap();
        let scope: Option<BTreeSet<&str>> = asked(query, "scope").map(|scope| scope.split(',').collect());
        let in_scope =
            |row: &&Row| scope.as_ref().is_none_or(|scope| scope.contains(row.record.workspace.as_str()));
        let mut changed: Vec<_> =
            self.records.values().filter(|row| row.commit > since).filter(in_scope).collect();
        changed.sort_by_key(|row| row.commit);
        (since, changed)
    }

    fn hint(&self, device: &str, schema: u32, query: &str) -> Response<Bytes> {
        let (since, changed) = self.changed(query);
        if since == self.commits {
            return hints(&[]);
        }
        let changes = Some(changed.into_iter().map(|row| change(row, device, schema)).collect());
        hints(&[Hint { since, next: self.commits, changes, server_time_ms: 0 }])
    }

    fn pull(&self, device: &str, schema: u32, query: &str) -> Response<Bytes> {
        let (since, mut changed) = self.changed(query);
        if since > self.commits {
            return problem(410, Code::CursorExpired);
        }
        let more = changed.len() > PAGE;
        changed.truncate(PAGE);
        let next = if more { changed.last().unwrap().commit } else { self.commits };
        let changes = changed.into_iter().map(|row| change(row, device, schema)).collect();
        json(&SyncPage { changes, next, more, server_time_ms: 0, schema_version: SCHEMA_VERSION })
    }

    fn push(&mut self, device: &str, schema: u32, mutation: &Mutation) -> MutationResult {
        let number = mutation.number.unwrap();
        *self.asked.entry((device.to_owned(), number)).or_default() += 1;
        let outcome = match self.answers.get(&(device.to_owned(), number)) {
            Some((known, _)) if *known != content(mutation) => {
                self.reused += 1;
                rejected(Code::NumberReused)
            }
            Some((_, fields)) => Outcome::Done { fields: fields.clone() },
            None => match self.misfit(mutation) {
                Some(code) => rejected(code),
                None => Outcome::Done { fields: self.carry_out(device, mutation) },
            },
        };
        self.result(device, schema, mutation, outcome)
    }

    /// An outcome, with the state of its record as far as the device may see it.
    fn result(&self, device: &str, schema: u32, mutation: &Mutation, outcome: Outcome) -> MutationResult {
        let row = self.records.get(&mutation.record);
        let deletes = matches!(mutation.kind, MutationKind::Delete { .. });
        let may_see = |row: &&Row| !(row.hidden || row.record.deleted && deletes);
        let state = row.filter(may_see).map(|row| row.seen(device, schema));
        let mut outcome = outcome;
        if let Outcome::Done { fields } = &mut outcome {
            let results = std::mem::take(fields).into_iter();
            *fields = results.filter_map(|(name, r)| Some((spoken(&name, schema)?.to_owned(), r))).collect();
        }
        MutationResult { number: mutation.number, record: mutation.record.clone(), outcome, state }
    }

    fn misfit(&self, mutation: &Mutation) -> Option<Code> {
        let there = |record: &RecordId| self.records.get(record).filter(|row| !row.hidden);
        match &mutation.kind {
            MutationKind::Create { parent: Some(parent), .. } if there(parent).is_none() => {
                Some(Code::UnknownRecord)
            }
            MutationKind::Create { .. } => None,
            _ => match there(&mutation.record) {
                None => Some(Code::UnknownRecord),
                Some(row) if row.is_gone() => Some(Code::Gone),
                Some(_) => None,
            },
        }
    }

    fn carry_out(&mut self, device: &str, mutation: &Mutation) -> BTreeMap<String, FieldResult> {
        self.commits += 1;
        if let Some(row) = Row::new(mutation) {
            self.records.insert(mutation.record.clone(), row);
        }
        let row = self.records.get_mut(&mutation.record).unwrap();
        row.commit = self.commits;
        let (results, conflicts) = row.apply(device, mutation);
        self.conflicts += conflicts;
        let key = (device.to_owned(), mutation.number.unwrap());
        self.answers.insert(key, (content(mutation), results.clone()));
        results
    }

    /// From now on nobody may see a record.
    pub(crate) fn hide(&mut self, record: &RecordId) {
        self.commits += 1;
        let row = self.records.get_mut(record).unwrap();
        row.commit = self.commits;
        row.hidden = true;
    }
}

fn change(row: &Row, device: &str, schema: u32) -> PulledChange {
    let record = row.record.record.clone();
    if row.hidden {
        PulledChange::Removed { record }
    } else if row.record.deleted {
        let included = row.devices.get(device).copied();
        PulledChange::Tombstone { record, version: row.record.version, included }
    } else {
        PulledChange::Record(row.seen(device, schema))
    }
}

fn content(mutation: &Mutation) -> String {
    serde_json::to_string(&(&mutation.record, &mutation.kind, &mutation.fields)).unwrap()
}
