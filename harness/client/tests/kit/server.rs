//! A server of the contract, as short as it can be: each mutation once, everything for everybody
//! unless it is hidden. It can be copied, counts what should not happen, and answers whatever a
//! test wants it to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use deadzone_contract::seam::{BoxFuture, Transport, TransportError};
use deadzone_contract::wire::{
    FieldOp, MemberChange, Mutation, MutationKind, Outcome, PATH_HINTS, PATH_MEMBERS, PATH_MUTATIONS,
    PATH_SYNC, PATH_TOKEN, PushAnswer, PushRequest,
};
use deadzone_contract::{RecordId, Stamp, Value};
use http::{Request, Response};

use super::answers::{and_wait, asked, json};
use super::rules::{Row, understood, value};
pub(crate) use super::state::State;

/// How long a request for hints waits, in seconds.
pub(crate) const HOLD_S: u64 = 30;

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

    /// Another device makes a record under another one.
    pub(crate) fn create_under(&self, entity: &str, parent: &str, id: &str, title: &str) {
        let (parent, workspace) = (Some(RecordId(parent.to_owned())), "home".to_owned());
        let kind = MutationKind::Create { entity: entity.to_owned(), workspace, parent };
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
