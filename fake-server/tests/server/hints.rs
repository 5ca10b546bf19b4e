//! Requests that wait for something to tell.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use deadzone_contract::wire::{Hint, Role};
use http::{Method, Response};
use insta::assert_snapshot;
use tower::ServiceExt;

use crate::lab::{Lab, parsed};
use crate::render;
use crate::rules::prepared;
use crate::write::{base, create, task, update};

/// Requests are held for ten seconds.
fn lab() -> Lab {
    prepared(Lab::with(|p| p.hint_hold = 10_000))
}

/// A request that may be held.
struct Held(Pin<Box<dyn Future<Output = Response<Bytes>>>>);

impl Held {
    fn ask(lab: &Lab, who: &str, query: &str) -> Held {
        let request = lab.request(who, Method::GET, &format!("/sync/hints?{query}"), Bytes::new());
        let answer = lab.service().oneshot(request);
        Held(Box::pin(async move {
            let Ok(response) = answer.await;
            response
        }))
    }

    /// The answer, if it has come by now.
    fn poll(&mut self) -> Option<Response<Bytes>> {
        let mut context = Context::from_waker(Waker::noop());
        (0..20).find_map(|_| match self.0.as_mut().poll(&mut context) {
            Poll::Ready(response) => Some(response),
            Poll::Pending => None,
        })
    }

    fn told(&mut self) -> String {
        let Some(response) = self.poll() else { return "held".to_owned() };
        if !response.status().is_success() {
            return render::problem(&parsed::<()>(&response).unwrap_err());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "private, no-store");
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        let data = body.strip_prefix("event: hint\ndata: ").and_then(|rest| rest.strip_suffix("\n\n"));
        match data {
            Some(data) => render::hint(&serde_json::from_str::<Hint>(data).unwrap()),
            None => body,
        }
    }
}

/// What a request is told that is not held.
pub(crate) fn told(lab: &Lab, who: &str, query: &str) -> String {
    Held::ask(lab, who, query).told()
}

#[test]
fn a_hint_as_it_goes_over_the_wire() {
    let lab = lab();
    let response = Held::ask(&lab, "ben/laptop", "since=1").poll().unwrap();
    assert_snapshot!(String::from_utf8_lossy(response.body()), @r#"
    event: hint
    data: {"since":1,"next":2,"changes":[{"record":{"record":"t","entity":"task","workspace":"home","parent":"p","version":1,"fields":{"title":{"lww":{"value":"Milk","stamp":{"ms":1000000,"n":0,"device":"d"}}}},"conflicts":[],"included":null}}],"server_time_ms":1000000}
    "#);
}

#[test]
fn who_stands_behind_is_told_at_once() {
    let lab = lab();
    assert_snapshot!(told(&lab, "ben/laptop", ""), @r"
    p@1 title=House
    t@1 title=Milk
    since=0 next=2
    ");
    assert_snapshot!(told(&lab, "ana/tablet", "since=1"), @r"
    t@1 title=Milk includes 2
    since=1 next=2
    ");
    assert_snapshot!(told(&lab, "ben/laptop", "since=2"), @"held");
    assert_snapshot!(told(&lab, "ben/laptop", "since=7"), @"410 cursor-expired: the cursor is older than the tombstones that are kept; pull everything anew");
}

#[test]
fn who_has_everything_is_told_of_what_comes_next() {
    let lab = lab();
    let mut ben = Held::ask(&lab, "ben/laptop", "since=2");
    let mut vic = Held::ask(&lab, "vic/tv", "since=2");
    assert_eq!((ben.told(), vic.told()), ("held".into(), "held".into()));
    lab.push("ana/phone", [update(1, "t").put("title", "Oat milk")]);
    let told = ben.told();
    assert_snapshot!(told, @r#"
    t@2 title="Oat milk"
    since=2 next=3
    "#);
    assert_eq!(vic.told(), told);
}

#[test]
fn nothing_is_said_when_the_time_is_over() {
    let lab = lab();
    let mut ben = Held::ask(&lab, "ben/laptop", "since=2");
    assert_eq!(ben.told(), "held");
    lab.pass(9_999);
    assert_eq!(ben.told(), "held");
    lab.pass(1);
    assert_eq!(ben.told(), ": nothing\n\n");
}

#[test]
fn what_others_do_where_one_may_not_look_wakes_nobody() {
    let lab = lab();
    lab.grant("home", "ana", Some(Role::Admin));
    lab.grant("away", "ben", Some(Role::Editor));
    let mut away = Held::ask(&lab, "ben/laptop", "since=2&scope=away");
    let mut home = Held::ask(&lab, "ben/laptop", "since=2&scope=home");
    let mut vic = Held::ask(&lab, "vic/tv", "since=2");
    assert_eq!((away.told(), home.told(), vic.told()), ("held".into(), "held".into(), "held".into()));
    lab.push("ana/phone", [task(1, "s").put("private", "yes").put("assignee", "ben").put("title", "Gift")]);
    assert_eq!((away.told(), vic.told()), ("held".into(), "held".into()));
    assert_snapshot!(home.told(), @r"
    s@1 assignee=ben private=yes for ever title=Gift
    since=2 next=3
    ");
    lab.push("eve/pad", [create(1, "e", "project", "away", None)]);
    assert_eq!(vic.told(), "held");
    assert_snapshot!(away.told(), @r"
    e@1
    since=2 next=4
    ");
}

#[test]
fn what_is_not_subscribed_to_wakes_nobody() {
    let lab = lab();
    let mut watch = Held::ask(&lab, "ben/laptop", "since=2&entities=project");
    assert_eq!(watch.told(), "held");
    lab.push("ana/phone", [task(1, "u"), update(2, "t").put("title", "Oat milk")]);
    assert_eq!(watch.told(), "held");
    lab.push("ana/phone", [create(3, "q", "project", "home", None)]);
    assert_snapshot!(watch.told(), @r"
    q@1
    since=2 next=5
    ");
}

#[test]
fn rights_are_those_of_the_moment_in_which_the_hint_is_written() {
    let lab = lab();
    lab.grant("away", "ana", Some(Role::Editor));
    let mut eve = Held::ask(&lab, "eve/pad", "since=2");
    assert_eq!(eve.told(), "held");
    // Woken twice before it can look.
    lab.push("ana/phone", [create(1, "e", "project", "away", None).put("title", "Surprise")]);
    lab.grant("away", "eve", None);
    assert_snapshot!(eve.told(), @r"
    e removed
    since=2 next=4
    ");
    // A change of rights is something to tell, too.
    let mut ben = Held::ask(&lab, "ben/laptop", "since=4");
    assert_eq!(ben.told(), "held");
    lab.grant("home", "ben", None);
    assert_snapshot!(ben.told(), @r"
    p removed
    t removed
    since=4 next=6
    ");
}

#[test]
fn a_token_that_expires_while_its_request_is_held_opens_nothing() {
    let lab = prepared(Lab::with(|p| (p.hint_hold, p.access_life) = (10_000, 5_000)));
    let mut ben = Held::ask(&lab, "ben/laptop", "since=2");
    assert_eq!(ben.told(), "held");
    lab.pass(5_000);
    lab.grant("home", "ben", None);
    assert_snapshot!(ben.told(), @"401 unauthenticated: the access token is not valid any more");
}

#[test]
fn much_is_only_hinted_at() {
    let lab = lab();
    lab.push("ana/phone", (1..=20).map(|n| task(n, &format!("t{n}"))));
    assert_eq!(told(&lab, "ben/laptop", "since=2").lines().count(), 21);
    lab.push("ana/phone", [task(21, "t21")]);
    assert_snapshot!(told(&lab, "ben/laptop", "since=2"), @r"
    too much
    since=2 next=23
    ");
    assert_eq!(told(&lab, "ben/laptop", "since=3").lines().count(), 21);
}

#[test]
fn an_older_app_is_told_in_its_own_shape() {
    let lab = lab();
    lab.push("ana/phone", [update(1, "t").set("due", "monday", base(0)).set("priority", "high", base(0))]);
    assert_snapshot!(told(&lab, "ben/laptop/3", "since=2"), @r"
    t@2 deadline=monday@1 title=Milk
    since=2 next=3
    ");
}

#[test]
fn what_a_device_told_of_its_queue_is_not_told_again_when_it_is_woken() {
    let lab = lab();
    let report = |path: &str, age: &str| {
        let mut request = lab.request("ben/laptop", Method::GET, path, Bytes::new());
        request.headers_mut().insert("queue-age", age.parse().unwrap());
        Box::pin(lab.service().oneshot(request))
    };
    let mut context = Context::from_waker(Waker::noop());
    let mut held = report("/sync/hints?since=2", "7");
    assert!((0..20).all(|_| held.as_mut().poll(&mut context).is_pending()));
    let _ = crate::lab::block_on(report("/sync", "99"));
    lab.push("ana/phone", [update(1, "t").put("title", "Oat milk")]);
    assert!((0..20).any(|_| held.as_mut().poll(&mut context).is_ready()));
    let metrics = lab.send(http::Request::get("/metrics").body(Bytes::new()).unwrap());
    let metrics = String::from_utf8_lossy(metrics.body()).into_owned();
    assert!(metrics.contains(r#"{device="laptop"} 0.099"#), "{metrics}");
}

#[test]
fn a_server_may_give_no_hints() {
    let lab = prepared(Lab::new());
    assert_snapshot!(told(&lab, "ben/laptop", "since=0"), @"404 malformed: this server gives no hints");
}
