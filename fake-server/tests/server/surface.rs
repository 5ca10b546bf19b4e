//! HTTP: statuses, headers, forms.

use bytes::Bytes;
use deadzone_contract::problem::Problem;
use deadzone_contract::wire::PushRequest;
use http::{Method, Request, Response};
use insta::assert_snapshot;

use crate::lab::Lab;
use crate::rules::lab;
use crate::write::{base, update};

fn show(response: &Response<Bytes>) -> String {
    let mut shown = response.status().to_string();
    for (name, value) in response.headers() {
        shown.push_str(&format!("\n{name}: {}", value.to_str().unwrap()));
    }
    shown.push_str(&format!("\n\n{}", String::from_utf8_lossy(response.body())));
    shown
}

#[test]
fn a_push_and_its_answer_as_they_go_over_the_wire() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    let body = br#"{"mutations":[{"number":7,"record":"t","kind":"update",
        "stamp":{"ms":1000007,"n":0,"device":"phone"},
        "fields":{"title":{"put":{"value":"Oat milk"}},
                  "status":{"write":{"value":"done","base":{"version":0,"after":null},"closes":null}}}}]}"#;
    let request = lab.request("ana/phone", Method::POST, "/sync/mutations", &body[..]);
    assert_snapshot!(show(&lab.send(request)), @r#"
    200 OK
    content-type: application/json
    cache-control: private, no-store
    content-length: 565

    {"results":[{"number":7,"record":"t","outcome":{"done":{"fields":{"status":{"conflict":{"open":{"id":"phone:7:status","field":"status","mine":"done","theirs":"open","version":1}}},"title":"applied"}}},"state":{"record":"t","entity":"task","workspace":"home","parent":"p","version":3,"fields":{"status":{"version":{"value":"open","version":1}},"title":{"lww":{"value":"Oat milk","stamp":{"ms":1000007,"n":0,"device":"phone"}}}},"conflicts":[{"id":"phone:7:status","field":"status","mine":"done","theirs":"open","version":1}],"included":7}}],"server_time_ms":1000000}
    "#);
    let request = lab.request("ana/phone", Method::GET, "/sync?since=2", Bytes::new());
    assert_snapshot!(show(&lab.send(request)), @r#"
    200 OK
    content-type: application/json
    cache-control: private, no-store
    content-length: 419

    {"changes":[{"record":{"record":"t","entity":"task","workspace":"home","parent":"p","version":3,"fields":{"status":{"version":{"value":"open","version":1}},"title":{"lww":{"value":"Oat milk","stamp":{"ms":1000007,"n":0,"device":"phone"}}}},"conflicts":[{"id":"phone:7:status","field":"status","mine":"done","theirs":"open","version":1}],"included":7}}],"next":4,"more":false,"server_time_ms":1000000,"schema_version":4}
    "#);
}

#[test]
fn what_is_not_of_the_contracts_form_is_a_problem() {
    let lab = Lab::new();
    let ask = |method: Method, path: &str, body: &'static str| {
        show(&lab.send(lab.request("ana/phone", method, path, body)))
    };
    assert_snapshot!(ask(Method::GET, "/nowhere", ""), @r#"
    404 Not Found
    content-type: application/problem+json
    cache-control: private, no-store
    content-length: 74

    {"status":404,"code":"malformed","detail":"there is nothing at this path"}
    "#);
    assert_snapshot!(ask(Method::DELETE, "/sync", ""), @r#"
    405 Method Not Allowed
    content-type: application/problem+json
    cache-control: private, no-store
    allow: GET,HEAD
    content-length: 80

    {"status":405,"code":"malformed","detail":"this path does not take that method"}
    "#);
    assert_snapshot!(ask(Method::POST, "/sync/mutations", "{"), @r#"
    400 Bad Request
    content-type: application/problem+json
    cache-control: private, no-store
    content-length: 91

    {"status":400,"code":"malformed","detail":"EOF while parsing an object at line 1 column 1"}
    "#);
    assert_snapshot!(ask(Method::POST, "/auth/token", r#"{"grant":"wish"}"#), @r#"
    400 Bad Request
    content-type: application/problem+json
    cache-control: private, no-store
    content-length: 121

    {"status":400,"code":"malformed","detail":"unknown variant `wish`, expected `password` or `refresh` at line 1 column 15"}
    "#);
    assert_snapshot!(ask(Method::GET, "/sync?since=yesterday", ""), @r#"
    400 Bad Request
    content-type: application/problem+json
    cache-control: private, no-store
    content-length: 117

    {"status":400,"code":"malformed","detail":"Failed to deserialize query string: since: invalid digit found in string"}
    "#);
    assert_snapshot!(ask(Method::GET, "/healthz", ""), @r"
    200 OK
    content-type: text/plain; charset=utf-8
    cache-control: private, no-store
    content-length: 3

    ok
    ");
}

#[test]
fn a_request_without_a_valid_token_learns_nothing() {
    let lab = lab();
    let request = |value: Option<&str>| {
        let builder = Request::get("/sync?since=0");
        let builder = value.into_iter().fold(builder, |b, value| b.header("authorization", value));
        show(&lab.send(builder.body(Bytes::new()).unwrap()))
    };
    assert_snapshot!(request(None), @r#"
    401 Unauthorized
    content-type: application/problem+json
    cache-control: private, no-store
    www-authenticate: Bearer
    content-length: 86

    {"status":401,"code":"unauthenticated","detail":"the request carries no access token"}
    "#);
    assert_snapshot!(request(Some("Bearer guessed")), @r#"
    401 Unauthorized
    content-type: application/problem+json
    cache-control: private, no-store
    www-authenticate: Bearer
    content-length: 89

    {"status":401,"code":"unauthenticated","detail":"the access token is not valid any more"}
    "#);
    assert_eq!(request(None), request(Some("Basic YW5hOmFuYS1wdw==")));
    let push = Request::post("/sync/mutations").body(Bytes::from_static(b"not even JSON")).unwrap();
    assert_eq!(lab.send(push).status(), 401);
}

#[test]
fn limits_are_exact() {
    let lab = Lab::with(|p| p.push_max = 3);
    let push = |count| lab.push("ana/phone", (1..=count).map(|n| update(n, "t")));
    assert_eq!(push(3).lines().count(), 3);
    assert_snapshot!(push(4), @"400 malformed: a push carries at most 3 mutations, not 4");
    let body = |len: usize| Bytes::from(vec![b' '; len]);
    let status =
        |len| lab.send(lab.request("ana/phone", Method::POST, "/sync/mutations", body(len))).status();
    assert_eq!(status(4 * 1024 * 1024), 400);
    assert_eq!(status(4 * 1024 * 1024 + 1), 413);
}

#[test]
fn a_push_names_its_device() {
    let lab = lab();
    let send = |device: Option<&str>| {
        let mut request = lab.request("ana/phone", Method::POST, "/sync/mutations", Bytes::new());
        request.headers_mut().remove("device-id");
        if let Some(device) = device {
            request.headers_mut().insert("device-id", device.parse().unwrap());
        }
        *request.body_mut() = serde_json::to_vec(&PushRequest { mutations: vec![] }).unwrap().into();
        let response = lab.send(request);
        serde_json::from_slice::<Problem>(response.body()).map(|problem| problem.detail)
    };
    assert_snapshot!(send(None).unwrap(), @"a push names its device in the header `Device-Id`");
    assert_snapshot!(send(Some("")).unwrap(), @"a device id is 1 to 128 ASCII characters");
    assert_snapshot!(send(Some(&"d".repeat(129))).unwrap(), @"a device id is 1 to 128 ASCII characters");
    assert!(send(Some(&"d".repeat(128))).is_err());
}

#[test]
fn a_failing_database_is_a_problem_that_tells_nothing_of_what_is_in_it() {
    let lab = lab();
    lab.pull("ana/phone", "");
    lab.anchor.execute_batch("ALTER TABLE fields RENAME TO hidden_fields").unwrap();
    let request = lab.request("ana/phone", Method::GET, "/sync?since=0", Bytes::new());
    assert_snapshot!(show(&lab.send(request)), @r#"
    500 Internal Server Error
    content-type: application/problem+json
    cache-control: private, no-store
    content-length: 109

    {"status":500,"code":"internal","detail":"the server failed (Unknown); whether anything happened is unknown"}
    "#);
    lab.anchor.execute_batch("ALTER TABLE hidden_fields RENAME TO fields; BEGIN IMMEDIATE").unwrap();
    let push = |number| lab.push("ana/phone", [update(number, "t").put("title", "x")]);
    assert_snapshot!(push(1), @"503 unavailable: the server cannot reach what it keeps (another process uses its database); whether anything happened is unknown");
    lab.anchor.execute_batch("ROLLBACK").unwrap();
    assert_snapshot!(push(2), @"2 done -> t@2 title=x includes 2");
}
