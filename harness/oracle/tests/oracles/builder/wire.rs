//! Requests and answers in few words.

use deadzone_trace::{ErrorKind, Event, Exchange};
use serde_json::{Value as Json, json};

use super::Run;
use super::bodies::{mutation, page};
use super::words::id;

impl Run {
    /// A push leaves a device. `carries` are records with the writes on them: `task/1 title=Milk@7`
    /// with the stamp's milliseconds, or `task/1` alone.
    pub(crate) fn sends(mut self, device: &str, exchange: &str, carries: &[&str]) -> Run {
        let mut names = Vec::new();
        let mutations: Vec<Json> = carries
            .iter()
            .map(|words| {
                let (name, write) = words.split_once(' ').unwrap_or((words, ""));
                names.push(name.to_owned());
                mutation(device, name, write)
            })
            .collect();
        self.pushes.insert(exchange.to_owned(), (device.to_owned(), names));
        self.push_entry(
            device,
            Event::Sent {
                exchange: Exchange(exchange.to_owned()),
                method: "POST".to_owned(),
                path: "/sync/mutations".to_owned(),
                headers: Vec::new(),
                body: json!({ "mutations": mutations }).to_string(),
            },
        );
        self
    }

    pub(crate) fn arrives(self, exchange: &str) -> Run {
        self.then("server", Event::Arrived { exchange: Exchange(exchange.to_owned()), copy: 1 })
    }

    /// The server says that everything was done.
    pub(crate) fn answered(self, exchange: &str) -> Run {
        let results: Vec<Json> = self.pushes[exchange]
            .1
            .iter()
            .map(|name| json!({ "record": id(name), "outcome": { "done": {} } }))
            .collect();
        self.answered_with(exchange, &json!({ "results": results }).to_string())
    }

    pub(crate) fn answered_with(self, exchange: &str, body: &str) -> Run {
        self.answered_as(exchange, 200, &[], body)
    }

    pub(crate) fn answered_as(
        self,
        exchange: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Run {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (exchange, body) = (Exchange(exchange.to_owned()), body.to_owned());
        self.then("server", Event::Answered { exchange, copy: 1, status, headers, body })
    }

    pub(crate) fn delivered(self, exchange: &str) -> Run {
        self.delivered_as(exchange, 200, None)
    }

    /// The device has an answer: the server's own, or what somebody else put in its place.
    pub(crate) fn delivered_as(self, exchange: &str, status: u16, replaced: Option<&str>) -> Run {
        let device = self.pushes[exchange].0.clone();
        let exchange = Exchange(exchange.to_owned());
        self.then(&device, Event::Delivered { exchange, status, replaced: replaced.map(str::to_owned) })
    }

    pub(crate) fn fails(self, exchange: &str) -> Run {
        let device = self.pushes[exchange].0.clone();
        let (kind, error) = (ErrorKind::Abandoned, "timed out".to_owned());
        self.then(&device, Event::Failed { exchange: Exchange(exchange.to_owned()), kind, error })
    }

    /// A push that does all it should.
    pub(crate) fn pushes(self, device: &str, exchange: &str, carries: &[&str]) -> Run {
        self.sends(device, exchange, carries).arrives(exchange).answered(exchange).delivered(exchange)
    }

    /// A pull that brings whatever the device shows next.
    pub(crate) fn pulls(self, device: &str, exchange: &str) -> Run {
        self.gets(device, exchange, "/sync?since=0&limit=9", "{}")
    }

    /// A pull that goes on from a cursor, and its last page: see [`page`].
    pub(crate) fn pulls_page(self, device: &str, exchange: &str, changes: &[&str]) -> Run {
        self.gets(device, exchange, "/sync?since=7&limit=9", &page(changes, false))
    }

    pub(crate) fn gets(self, device: &str, exchange: &str, path: &str, answer: &str) -> Run {
        self.asks(device, exchange, path)
            .arrives(exchange)
            .answered_with(exchange, answer)
            .delivered(exchange)
    }

    /// A request without a body leaves a device.
    pub(crate) fn asks(mut self, device: &str, exchange: &str, path: &str) -> Run {
        self.pushes.insert(exchange.to_owned(), (device.to_owned(), Vec::new()));
        let sent = Event::Sent {
            exchange: Exchange(exchange.to_owned()),
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        };
        self.then(device, sent)
    }

    /// A device asks for tokens, and gets two that begin with a word.
    pub(crate) fn refreshes(mut self, device: &str, exchange: &str, word: &str) -> Run {
        self.pushes.insert(exchange.to_owned(), (device.to_owned(), Vec::new()));
        let sent = Event::Sent {
            exchange: Exchange(exchange.to_owned()),
            method: "POST".to_owned(),
            path: "/auth/token".to_owned(),
            headers: Vec::new(),
            body: json!({ "grant": "refresh", "refresh_token": "old" }).to_string(),
        };
        let tokens = json!({ "access_token": format!("{word}-access"), "expires_in_ms": 9,
            "refresh_token": format!("{word}-refresh"), "user": "somebody", "roles": {} });
        self.then(device, sent)
            .arrives(exchange)
            .answered_with(exchange, &tokens.to_string())
            .delivered(exchange)
    }
}
