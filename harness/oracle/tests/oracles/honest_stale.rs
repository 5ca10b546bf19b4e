//! `honest`: the badge of a device whose last sync is old, and work on records that are gone.

use crate::builder::*;
use deadzone_contract::RecordState::{Failed, Modified, Retrying, Saved, Syncing};
use deadzone_contract::{Badge, RecordView};
use deadzone_trace::Event;
use insta::assert_snapshot;

const HOUR_MS: u64 = 3_600_000;

/// The phone has synced, and shown a record; hours pass.
fn hours_after(hours: u64) -> Run {
    let pulled = run().pulls_page("phone", "e1", &["task/1@1 title=T"]);
    pulled.shows("phone", task("task/1", &["title=T"])).wait_ms(hours * HOUR_MS)
}

fn says(run: Run, badge: Badge) -> Run {
    run.then("phone", Event::Status(status(badge, 0)))
}

#[test]
fn a_device_says_when_its_last_sync_is_old() {
    says(hours_after(5), Badge::Stale).passes("honest");
    says(hours_after(5), Badge::Error).passes("honest");
    says(hours_after(3), Badge::Offline).passes("honest");
    assert_snapshot!(says(hours_after(5), Badge::Offline).verdict("honest"), @r"
    fail
    stale-not-shown device: phone calls itself offline, 18000002 ms after its last sync
      expected: stale: the last sync is older than 14400000 ms
      evidence: delivered e1, status phone
    ");
    assert_snapshot!(says(hours_after(3), Badge::Stale).verdict("honest"), @r"
    fail
    stale-too-early device: phone calls itself stale, 10800002 ms after its last sync
      expected: stale only when the last sync is older than 14400000 ms
      evidence: delivered e1, status phone
    ");
    // What was shown before the time has come stays on the screen.
    let silent = says(hours_after(1), Badge::Synced).wait_ms(4 * HOUR_MS);
    silent.clone().pulls_page("phone", "e2", &[]).violates("honest stale-not-shown device");
    says(silent, Badge::Stale).violates("honest stale-not-shown device");
    let told = says(says(hours_after(1), Badge::Synced).wait_ms(3 * HOUR_MS + 30_000), Badge::Stale);
    told.wait_ms(HOUR_MS).pulls_page("phone", "e2", &[]).passes("honest");
}

#[test]
fn only_a_whole_pull_counts_as_a_sync() {
    let pulled = hours_after(5).pulls_page("phone", "e2", &[]);
    says(pulled.clone(), Badge::Synced).passes("honest");
    // Until it has kept the page, it has not synced.
    says(pulled.clone(), Badge::Stale).passes("honest");
    says(pulled.wait_ms(2_000), Badge::Stale).violates("honest stale-too-early device");
    // A hint that came before it has moved the cursor: the page may have to be asked for again.
    let hint = r#"data: {"changes":[{"record":{"record":"id:task/1","version":2}}]}"#;
    let overtaken = |hint: &str| {
        let asked = hours_after(5).asks("phone", "e2", "/sync?since=7").arrives("e2");
        let told = asked.gets("phone", "e3", "/sync/hints?since=7", &format!("event: hint\n{hint}\n\n"));
        let had = told.answered_with("e2", &page(&[], false)).delivered("e2");
        says(had.wait_ms(2_000), Badge::Stale)
    };
    overtaken(hint).passes("honest");
    overtaken("").violates("honest stale-too-early device");
    let part = hours_after(5).gets("phone", "e2", "/sync?since=7", &page(&[], true));
    says(part, Badge::Syncing).violates("honest stale-not-shown device");
    let pushed = hours_after(5).pushes("phone", "e2", &["task/1"]);
    says(pushed, Badge::Synced).violates("honest stale-not-shown device");
    // Who has never synced, nobody can tell.
    let never = run().shows("laptop", task("task/1", &[])).wait_ms(5 * HOUR_MS);
    says(never.clone(), Badge::Stale).passes("honest");
    says(never, Badge::Offline).passes("honest");
}

#[test]
fn who_lost_the_time_or_the_disk_cannot_tell() {
    let either = |run: Run| {
        says(run.clone(), Badge::Stale).passes("honest");
        says(run, Badge::Offline).passes("honest");
    };
    let jump = Event::FaultBegan { fault: "f1".to_owned(), text: "jump phone's clock by +9h".to_owned() };
    either(hours_after(1).then("world", jump));
    either(hours_after(5).then("phone", Event::Suspended).then("phone", Event::Resumed));
    either(hours_after(5).forgets("phone", 0));
    either(hours_after(5).signs_out("phone", "a2", true).signs_in("phone", "a3", "ana"));
    // It may have died before it could save the page.
    let died = hours_after(5).pulls_page("phone", "e2", &[]).restarts("phone");
    either(died);
    let full = hours_after(5).then("phone", Event::DiskFault { active: true });
    says(full.pulls_page("phone", "e2", &[]), Badge::Stale).passes("honest");
}

#[test]
fn an_app_that_starts_has_the_time_to_look_at_its_clock() {
    let up = hours_after(5).goes_down("phone").wait_ms(HOUR_MS).comes_up("phone");
    says(up.clone(), Badge::Offline).passes("honest");
    says(says(up, Badge::Offline).wait_ms(5 * 60_000), Badge::Syncing)
        .violates("honest stale-not-shown device");
}

fn t(title: &str) -> RecordView {
    task("task/1", &[title])
}

/// The phone's edit waits for another attempt.
fn retrying() -> Run {
    run()
        .does("phone", "task/1", create(&["title=T"]))
        .shows("phone", in_state(Saved, t("title=T")))
        .shows("phone", in_state(Syncing, t("title=T")))
        .sends("phone", "e1", &["task/1 create"])
        .arrives("e1")
        .fails("e1")
        .shows("phone", in_state(Retrying, t("title=T")))
}

fn removed(run: Run) -> Run {
    run.gets(
        "phone",
        "e2",
        "/sync?since=7",
        r#"{"changes":[{"removed":{"record":"id:task/1"}}],"more":false}"#,
    )
}

#[test]
fn waiting_work_fails_at_once_where_its_record_is_gone() {
    removed(retrying()).shows("phone", in_state(Failed, t("title=T"))).passes("honest");
    let failed = retrying().shows("phone", in_state(Failed, t("title=T")));
    failed.violates("honest illegal-move failed");
}

#[test]
fn work_in_the_tray_is_failed_when_its_record_comes_back() {
    let gone = run().pulls_page("phone", "e1", &["task/1@1 title=T"]).shows("phone", t("title=T"));
    let gone = gone.gone("phone", "task/1");
    let listed = gone.clone().then("phone", Event::Tray { items: vec![item("task/1", Failed)] });
    listed.shows("phone", in_state(Failed, t("title=T"))).passes("honest");
    gone.shows("phone", in_state(Failed, t("title=T"))).violates("honest illegal-start failed");
}

#[test]
fn what_was_deferred_is_tried_again() {
    let deferred = r#"{"results":[{"record":"id:task/1","outcome":"deferred"}]}"#;
    let run = run()
        .does("phone", "task/1", create(&["title=T"]))
        .shows("phone", in_state(Saved, t("title=T")))
        .shows("phone", in_state(Syncing, t("title=T")))
        .sends("phone", "e1", &["task/1 create"])
        .arrives("e1")
        .answered_with("e1", deferred)
        .delivered("e1");
    let waits = run.clone().shows("phone", in_state(Retrying, t("title=T")));
    waits.clone().shows("phone", in_state(Syncing, t("title=T"))).passes("honest");
    waits.shows("phone", in_state(Modified, t("title=T"))).passes("honest");
    run.shows("phone", t("title=T")).violates("honest synced-too-early synced");
}

#[test]
fn an_undo_is_work_like_any_other() {
    let synced = run()
        .does("phone", "task/1", create(&["title=T"]))
        .shows("phone", in_state(Saved, t("title=T")))
        .shows("phone", in_state(Syncing, t("title=T")))
        .pushes("phone", "e1", &["task/1 create"])
        .does("phone", "a2", edit("task/1", &["title=U"]))
        .pushes("phone", "e2", &["task/1 title=U@1"])
        .shows("phone", t("title=U"));
    let undone = synced.undoes("phone", "a3", "task/1", &["title=T"]);
    let shown = |run: Run| {
        run.shows("phone", in_state(Modified, t("title=T"))).shows("phone", in_state(Syncing, t("title=T")))
    };
    let pushed = shown(undone.clone()).pushes("phone", "e3", &["task/1 title=T@2"]);
    pushed.shows("phone", t("title=T")).passes("honest");
    shown(undone).shows("phone", t("title=T")).violates("honest synced-too-early synced");
}
