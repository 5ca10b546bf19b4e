//! A second sync client: small, and built differently on purpose.
//!
//! It is a demonstration: it keeps the seam honest, and shows a stranger how little a client needs
//! to be tested, which is about 580 lines. It is not a client to build a product on. It keeps its
//! whole state as one JSON document in one row, which it writes anew with every change, where the
//! reference client has tables.
//!
//! | What it lacks | What the scenarios make of it |
//! |---|---|
//! | a hybrid logical clock: it stamps with the wall clock | fails `fast-clock-never-beats-a-write-that-had-seen-it` |
//! | a record of what its user has seen: an edit names the latest version that a pull brought | fails `an-edit-over-a-pull-that-nobody-saw` |
//! | new stamps for work that the server found ahead of its time: it goes to the tray | fails `the-servers-clock-is-set-back`; proves nothing in `stamped-anew-while-an-old-copy-is-under-way`, whose faults find nothing to strike |
//! | deleting, discarding, resolving | is not asked to run the scenarios that need one of these |
//!
//! Nor does it obey `Retry-After`, draw jitter, look for damage in its database, bound what it
//! keeps, or ask SQLite for more than its defaults, by which a power loss may undo the last commit.
//! What is left it does right: work that was saved arrives, once however often it is repeated, and
//! is found on every device.
//!
//! It depends on `contract` alone.

mod model;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use deadzone_contract::seam::{BoxFuture, ClientEnv, ClientStart};
use deadzone_contract::view::View;
use deadzone_contract::wire::{
    HEADER_DEVICE_ID, HEADER_SCHEMA_VERSION, PATH_MUTATIONS, PATH_SYNC, PATH_TOKEN, PushAnswer, PushRequest,
    SCHEMA_VERSION, SyncPage, TokenAnswer, TokenRequest,
};
use deadzone_contract::{Action, Capability, Client, Code, Device, Refusal, Rule, Saved};
use futures_util::future::{self, Either};
use http::Request;
use rusqlite::{Connection, OpenFlags};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tower::ServiceExt;

use model::State;

/// Makes devices that run the small client.
#[derive(Clone, Copy, Debug, Default)]
pub struct TinyClient;

impl Client for TinyClient {
    fn name(&self) -> &str {
        "tiny"
    }

    fn supports(&self, capability: &Capability) -> bool {
        match capability {
            Capability::Entity(_) | Capability::Retry => true,
            Capability::Rule(rule) => {
                matches!(rule, Rule::Lww | Rule::Version | Rule::Set | Rule::Counter)
            }
            _ => false,
        }
    }

    fn start(
        &self,
        start: ClientStart,
        env: ClientEnv,
    ) -> BoxFuture<'static, Result<Arc<dyn Device>, Refusal>> {
        Box::pin(async move {
            let place = env.env.disk.database("tiny.db");
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX; // a connection has one owner at a time
            let db = match &place.vfs {
                Some(vfs) => Connection::open_with_flags_and_vfs(&place.path, flags, vfs.as_str()),
                None => Connection::open_with_flags(&place.path, flags),
            };
            let mut state = State::default();
            let db = db.and_then(|db| {
                db.execute_batch("CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY, json TEXT)")?;
                let json =
                    db.query_row("SELECT json FROM state WHERE one = 1", [], |row| row.get::<_, String>(0));
                state = json.ok().and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
                Ok(db)
            });
            let db = db.map_err(|error| Refusal::new(Code::Storage, error.to_string()))?;
            if state.device.is_empty() {
                state.device = env.env.random.token("device id");
            }
            state.begin_again();
            let tiny = Tiny {
                env,
                start,
                db: Mutex::new(db),
                state: Mutex::new(state),
                round: AsyncMutex::new(()),
                wake: Notify::new(),
            };
            tiny.save()?;
            let tiny = Arc::new(tiny);
            tiny.env.env.spawner.spawn(Box::pin(Arc::clone(&tiny).run()));
            Ok(tiny as Arc<dyn Device>)
        })
    }
}

struct Tiny {
    env: ClientEnv,
    start: ClientStart,
    db: Mutex<Connection>,
    state: Mutex<State>,
    /// One round at a time.
    round: AsyncMutex<()>,
    wake: Notify,
}

impl Tiny {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }

    /// Writes the whole state, then shows what changed in it.
    fn save(&self) -> Result<(), Refusal> {
        let mut state = self.state();
        let json = serde_json::to_string(&*state).expect("the state is plain data");
        let db = self.db.lock().expect("nothing panics while it holds this lock");
        db.execute("INSERT OR REPLACE INTO state (one, json) VALUES (1, ?1)", [json])
            .map_err(|error| Refusal::new(Code::Storage, error.to_string()))?;
        state.show(&*self.env.screen);
        Ok(())
    }

    async fn run(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            let pause = match failures {
                0 => self.start.parameters.sync_every,
                n => {
                    (self.start.parameters.backoff_first << n.min(16)).min(self.start.parameters.backoff_max)
                }
            };
            let clock = &self.env.env.clock;
            future::select(Box::pin(self.wake.notified()), clock.sleep(Duration::from_millis(pause))).await;
            if self.state().online() {
                failures = if self.round().await.is_ok() { 0 } else { failures + 1 };
            }
        }
    }

    async fn round(&self) -> Result<(), String> {
        let _one = self.round.lock().await;
        let result = self.exchange().await;
        let mut state = self.state();
        state.error = result.clone().err();
        if result.is_err() {
            state.give_back();
        } else {
            state.last_sync_ms = Some(self.env.env.clock.wall_ms());
        }
        drop(state);
        self.save().map_err(|refusal| refusal.detail)?;
        result
    }

    async fn exchange(&self) -> Result<(), String> {
        loop {
            let mutations = self.state().take(self.start.parameters.push_max as usize);
            if mutations.is_empty() {
                break;
            }
            self.save().map_err(|refusal| refusal.detail)?;
            let body = serde_json::to_vec(&PushRequest { mutations }).expect("mutations are plain data");
            let answer: PushAnswer = self.call(PATH_MUTATIONS, body).await?;
            self.state().answered(answer);
            self.save().map_err(|refusal| refusal.detail)?;
        }
        loop {
            let path = format!("{PATH_SYNC}?since={}&limit=1000", self.state().cursor);
            let page: SyncPage = self.call(&path, Vec::new()).await?;
            let more = page.more;
            self.state().pulled(page);
            self.save().map_err(|refusal| refusal.detail)?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Sends a request; where its token is not valid any more, gets another one first.
    async fn call<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, String> {
        let answer = self.send(path, body.clone()).await?;
        if answer.status() != 401 {
            return read(&answer);
        }
        let refresh_token = self.env.secrets.get("refresh").ok_or("sign in first")?;
        self.fetch_tokens(&TokenRequest::Refresh { refresh_token }).await?;
        read(&self.send(path, body).await?)
    }

    async fn fetch_tokens(&self, request: &TokenRequest) -> Result<(), String> {
        let body = serde_json::to_vec(request).expect("a token request is plain data");
        let tokens: TokenAnswer = read(&self.send(PATH_TOKEN, body).await?)?;
        self.env.secrets.set("refresh", Some(tokens.refresh_token));
        self.env.secrets.set("access", Some(tokens.access_token));
        Ok(())
    }

    async fn send(&self, path: &str, body: Vec<u8>) -> Result<http::Response<Bytes>, String> {
        let request = Request::builder()
            .method(if body.is_empty() { "GET" } else { "POST" })
            .uri(path)
            .header(HEADER_DEVICE_ID, &self.state().device)
            .header(HEADER_SCHEMA_VERSION, SCHEMA_VERSION)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.env.secrets.get("access").unwrap_or_default()))
            .body(Bytes::from(body))
            .map_err(|error| error.to_string())?;
        let patience = Duration::from_millis(self.start.parameters.request_timeout);
        let answer = self.env.transport.clone().oneshot(request);
        match future::select(answer, self.env.env.clock.sleep(patience)).await {
            Either::Left((answer, _)) => answer.map_err(|error| error.to_string()),
            Either::Right(_) => Err("no answer".to_owned()),
        }
    }
}

fn read<T: DeserializeOwned>(answer: &http::Response<Bytes>) -> Result<T, String> {
    serde_json::from_slice(answer.body()).map_err(|_| format!("status {}", answer.status().as_u16()))
}

impl Device for Tiny {
    fn act(&self, action: Action) -> BoxFuture<'_, Result<Saved, Refusal>> {
        Box::pin(async move {
            if let Action::SignIn { user, password } = action {
                let tokens = self.fetch_tokens(&TokenRequest::Password { user, password }).await;
                tokens.map_err(|error| Refusal::new(Code::Offline, error))?;
                self.state().set_online(self.start.online);
                self.wake.notify_one();
                return Ok(Saved::of(None));
            }
            let wall_ms = self.env.env.clock.wall_ms();
            let id = self.env.env.random.token("record id");
            let record = self.state().act(action, wall_ms, id)?;
            self.save()?;
            self.wake.notify_one();
            Ok(Saved::of(Some(record)))
        })
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.round())
    }

    fn connectivity(&self, online: bool) {
        self.state().set_online(online);
        self.wake.notify_one();
    }

    fn view(&self) -> BoxFuture<'_, View> {
        Box::pin(async move { self.state().view() })
    }
}
