//! The third opinion: the same client and server over the machine's own sockets, files and clock,
//! with `reqwest` under the client. Only that it works at all is asked here; what it does when
//! things break is asked in worlds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadzone_client::{ReferenceClient, system};
use deadzone_contract::seam::{ClientEnv, ClientStart, HttpService, Screen, Secrets, ServerStart};
use deadzone_contract::wire::{Role, SCHEMA_VERSION};
use deadzone_contract::{
    Action, Change, Client, Device, FieldChange, Parameters, RecordId, RecordView, Server, Status, TrayItem,
    Value,
};
use deadzone_server::ReferenceServer;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

/// Nobody looks at it.
struct NoScreen;

impl Screen for NoScreen {
    fn record(&self, _: &RecordView) {}
    fn gone(&self, _: &RecordId) {}
    fn tray(&self, _: &[TrayItem]) {}
    fn status(&self, _: &Status) {}
}

#[derive(Default)]
struct Keychain(Mutex<BTreeMap<String, String>>);

impl Secrets for Keychain {
    fn get(&self, name: &str) -> Option<String> {
        self.0.lock().expect("a map").get(name).cloned()
    }
    fn set(&self, name: &str, secret: Option<String>) {
        let mut secrets = self.0.lock().expect("a map");
        match secret {
            Some(secret) => secrets.insert(name.to_owned(), secret),
            None => secrets.remove(name),
        };
    }
}

/// Serves on a free port of the loopback interface; answers with its base URL.
async fn serve(service: HttpService) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("it is bound"));
    #[expect(clippy::disallowed_methods, reason = "a real server has real tasks")]
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let service = service.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.expect("a whole request").to_bytes();
                    let answer = service.oneshot(http::Request::from_parts(head, body)).await;
                    Ok::<_, Infallible>(answer.expect("infallible").map(Full::new))
                }
            });
            let socket = hyper_util::rt::TokioIo::new(socket);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(socket, service));
        }
    });
    base
}

async fn device(base: &str, folder: &Path) -> Arc<dyn Device> {
    std::fs::create_dir(folder).expect("a new folder");
    let env = ClientEnv {
        env: system::env(folder.to_owned()),
        transport: system::transport(reqwest::Client::new(), base),
        secrets: Arc::new(Keychain::default()),
        screen: Arc::new(NoScreen),
    };
    let start = ClientStart {
        user: "ana".to_owned(),
        parameters: Parameters::default(),
        online: true,
        app_version: SCHEMA_VERSION,
        scope: None,
        entities: None,
    };
    let device = ReferenceClient::default().start(start, env).await.expect("a fresh database opens");
    let sign_in = Action::SignIn { user: "ana".to_owned(), password: "secret".to_owned() };
    device.act(sign_in).await.expect("the password is right");
    device
}

fn put(field: &str, words: &str) -> FieldChange {
    FieldChange { field: field.to_owned(), change: Change::Put(Value::text(words)) }
}

#[test]
fn two_devices_sync_over_real_sockets_and_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let story = async {
        let start = ServerStart {
            passwords: BTreeMap::from([("ana".to_owned(), "secret".to_owned())]),
            grants: vec![("home".to_owned(), "ana".to_owned(), Role::Editor)],
            parameters: Parameters::default(),
            operator_token: String::new(),
        };
        let server_folder = folder.path().join("server");
        std::fs::create_dir(&server_folder).expect("a new folder");
        let server = ReferenceServer::default().start(start, system::env(server_folder)).await;
        let base = serve(server.expect("a fresh database opens")).await;
        let laptop = device(&base, &folder.path().join("laptop")).await;
        let phone = device(&base, &folder.path().join("phone")).await;

        let create = Action::Create {
            entity: "project".to_owned(),
            workspace: "home".to_owned(),
            parent: None,
            changes: vec![put("title", "House")],
        };
        let project = laptop.act(create).await.expect("saved").record.expect("a create makes a record");
        laptop.sync().await.expect("the server is there");
        phone.sync().await.expect("the server is there");
        let edit = Action::Edit { record: project, changes: vec![put("title", "Garden")] };
        phone.act(edit).await.expect("saved");
        phone.sync().await.expect("the server is there");
        laptop.sync().await.expect("the server is there");
        (laptop.view().await.records, phone.view().await.records)
    };
    let (on_laptop, on_phone) = runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), story).await.expect("loopback is not that slow")
    });
    assert_eq!(on_laptop, on_phone);
    assert_eq!(on_laptop.len(), 1);
    assert_eq!(on_laptop[0].fields["title"], Value::text("Garden"));
}
