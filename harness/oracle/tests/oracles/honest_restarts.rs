//! `honest`, over restarts, on disks that forgot, and once all is quiet.

use crate::builder::*;
use deadzone_contract::RecordState::{self, Conflict, Failed, Modified, Saved, Synced, Syncing};
use deadzone_contract::view::View;
use deadzone_contract::{Action, Badge, RecordView};
use deadzone_trace::Event;
use insta::assert_snapshot;

fn as_is(state: RecordState) -> RecordView {
    in_state(state, task("task/1", &["title=T"]))
}

fn created() -> Run {
    run().does("phone", "task/1", create(&["title=T"])).shows("phone", as_is(Saved))
}

fn tray(run: Run, states: &[RecordState]) -> Run {
    let items = states.iter().map(|&state| item("task/1", state)).collect();
    run.then("phone", Event::Tray { items })
}

#[test]
fn what_was_never_sent_is_not_synced_after_a_crash() {
    let run = created().shows("phone", as_is(Syncing)).restarts("phone");
    run.clone().shows("phone", as_is(Saved)).passes("honest");
    run.clone().pushes("phone", "e1", &["task/1"]).shows("phone", as_is(Synced)).passes("honest");
    assert_snapshot!(run.shows("phone", as_is(Synced)).verdict("honest"), @r"
    fail
    synced-too-early synced: phone shows task/1 as synced after task/1, but no push has carried it yet
      expected: synced only once the server's answer is there
      evidence: invoked task/1, saved task/1, shown phone
    ");
}

#[test]
fn a_record_whose_creation_nobody_confirmed_is_not_synced_before_it_was_sent() {
    let died = run().begin("phone", "task/1", create(&["title=T"])).goes_down("phone").indefinite("task/1");
    let run = died.comes_up("phone").shows("phone", as_is(Saved)).shows("phone", as_is(Syncing));
    run.clone().pushes("phone", "e1", &["task/1"]).shows("phone", as_is(Synced)).passes("honest");
    let early = run.shows("phone", as_is(Synced)).verdict("honest");
    assert!(early.starts_with("fail\nsynced-too-early synced: phone shows task/1"), "{early}");
}

#[test]
fn failed_work_is_in_the_tray_after_a_restart() {
    let failed = tray(created().shows("phone", as_is(Failed)), &[Failed]).restarts("phone");
    let kept = tray(failed.clone().shows("phone", as_is(Failed)), &[Failed]);
    kept.passes("honest");
    assert_snapshot!(failed.clone().shows("phone", as_is(Synced)).verdict("honest"), @r"
    fail
    illegal-move synced: phone shows task/1 as synced right after failed
      expected: after failed: syncing, discarded
      evidence: shown phone, shown phone
    synced-too-early synced: phone shows task/1 as synced after task/1, but no push has carried it yet
      expected: synced only once the server's answer is there
      evidence: invoked task/1, saved task/1, shown phone
    ");
    assert_snapshot!(failed.look("phone", &[], &[]).verdict("honest"), @r"
    fail
    tray-forgotten failed: phone's tray had `set status=done` on task/1 in it, and has not after a restart
      expected: task/1 in phone's tray until somebody decides
      evidence: tray phone, viewed phone
    ");
    // Its user threw it away, and nobody knows whether that was kept.
    let thrown = tray(created().shows("phone", as_is(Failed)), &[Failed])
        .begin("phone", "a2", discard("task/1"))
        .goes_down("phone")
        .indefinite("a2")
        .comes_up("phone");
    thrown.look("phone", &[as_is(Synced)], &[]).passes("honest");
}

#[test]
fn an_open_conflict_is_in_the_tray_until_the_server_says_otherwise() {
    let asked = tray(created().shows("phone", as_is(Conflict)), &[Conflict]).restarts("phone");
    assert!(
        asked.clone().look("phone", &[], &[]).verdict("honest").starts_with("fail\ntray-forgotten conflict")
    );
    asked.pulls("phone", "e1").look("phone", &[], &[]).passes("honest");
}

#[test]
fn on_a_disk_that_forgot_every_badge_begins_anew() {
    let synced = created().pushes("phone", "e1", &["task/1"]).shows("phone", as_is(Syncing));
    let synced = synced.shows("phone", as_is(Synced)).goes_down("phone");
    let shows = |run: Run, state| run.comes_up("phone").shows("phone", as_is(state));
    // The copy was made before the push.
    let restored = synced.clone().forgets("phone", 6);
    let restored = restored.then("phone", Event::Restored { backup: "monday".to_owned() });
    shows(restored.clone(), Saved).passes("honest");
    shows(restored.clone(), Modified).passes("honest");
    shows(restored.clone(), Failed).passes("honest");
    assert!(shows(synced, Saved).verdict("honest").starts_with("fail\nillegal-move saved"));
    // It goes on by the table.
    let jump = shows(restored.clone(), Saved).shows("phone", as_is(Synced)).verdict("honest");
    assert!(jump.starts_with("fail\nillegal-move synced"), "{jump}");
    // What is made afterwards begins as everything does.
    let made = restored.comes_up("phone").does("phone", "task/2", create(&["title=U"]));
    let made = made.shows("phone", in_state(Syncing, task("task/2", &["title=U"]))).verdict("honest");
    assert!(made.starts_with("fail\nillegal-start syncing"), "{made}");
}

#[test]
fn what_the_server_never_had_is_new_again_after_a_crash() {
    let between_attempts = |run: Run| {
        let edited = run.shows("phone", as_is(Syncing)).does("phone", "a2", edit("task/1", &["title=U"]));
        edited.shows("phone", as_is(Modified))
    };
    let again = |run: Run| run.restarts("phone").shows("phone", as_is(Saved));
    let unsent = between_attempts(created()).sends("phone", "e1", &["task/1"]);
    again(unsent.clone().fails("e1")).passes("honest");
    // Without a restart it is not.
    let at_once = unsent.fails("e1").shows("phone", as_is(Saved)).verdict("honest");
    assert!(at_once.starts_with("fail\nillegal-move saved"), "{at_once}");
    // The server told of it, and the device has had the time to keep that.
    let pulled = |run: Run| run.pulls_page("phone", "e1", &["task/1@1 title=T"]);
    let told = |ms: u64| between_attempts(pulled(created().shows("phone", as_is(Syncing))).wait_ms(ms));
    let known = again(told(60_000)).verdict("honest");
    assert!(known.starts_with("fail\nillegal-move saved"), "{known}");
    // It went down as the answer came.
    let died = pulled(between_attempts(created())).restarts("phone").shows("phone", as_is(Modified));
    again(died).passes("honest");
}

#[test]
fn a_copy_starts_from_what_it_copied() {
    let copy = created().becomes("tablet", "phone").shows("tablet", as_is(Saved));
    copy.passes("honest");
    let other = created().shows("tablet", as_is(Saved)).verdict("honest");
    assert!(other.starts_with("fail\nillegal-start saved"), "{other}");
}

#[test]
fn a_wiped_tray_is_empty() {
    let failed = tray(created().shows("phone", as_is(Failed)), &[Failed]);
    failed.loses_all("phone").look_with_queue("phone", &[], 0).passes("honest");
}

#[test]
fn what_was_lost_with_its_disk_is_not_waited_for() {
    let wiped = created().loses_all("phone").pulls_page("phone", "e1", &[]);
    wiped.shows("phone", as_is(Synced)).passes("honest");
}

fn ends(badge: Badge, queued: u64, run: Run) -> Run {
    let view = View { records: vec![as_is(Synced)], tray: Vec::new(), status: status(badge, queued) };
    run.then("phone", Event::Viewed(view))
}

#[test]
fn once_all_is_quiet_a_device_is_neither_offline_nor_busy() {
    let quiet = || created().pushes("phone", "e1", &["task/1"]).shows("phone", as_is(Syncing)).settles();
    ends(Badge::Synced, 0, quiet()).passes("honest");
    ends(Badge::Error, 0, quiet()).passes("honest");
    assert_snapshot!(ends(Badge::Offline, 0, quiet()).verdict("honest"), @r"
    fail
    offline-although-connected device: phone calls itself offline, although it is connected and all is quiet
      expected: synced, or error where something needs its user
      evidence: settled world, viewed phone
    ");
    assert_snapshot!(ends(Badge::Syncing, 0, quiet()).verdict("honest"), @r"
    fail
    busy-with-nothing device: phone calls itself syncing with nothing queued, although it is connected and all is quiet
      expected: synced, or error where something needs its user
      evidence: settled world, viewed phone
    ");
    // It was taken off the network, or did not have to settle.
    let offline = quiet().then("phone", Event::Connectivity { online: false });
    ends(Badge::Offline, 0, offline).passes("honest");
    let exempt = created().pushes("phone", "e1", &["task/1"]).shows("phone", as_is(Syncing));
    ends(Badge::Offline, 0, exempt.exempt("phone").settles()).passes("honest");
    ends(Badge::Offline, 0, created().pushes("phone", "e1", &["task/1"]).shows("phone", as_is(Syncing)))
        .passes("honest");
}

#[test]
fn where_nobody_is_signed_in_the_device_asks_for_it() {
    let shows = |run: Run, badge| run.then("phone", Event::Status(status(badge, 0)));
    let out = || created().pushes("phone", "e1", &["task/1"]).signs_out("phone", "a2", false);
    shows(out(), Badge::Error).passes("honest");
    assert_snapshot!(shows(out(), Badge::Offline).verdict("honest"), @r"
    fail
    sign-in-not-asked-for device: phone calls itself offline, although nobody is signed in
      expected: error: it needs a sign-in, and syncs nothing until then
      evidence: saved a2, status phone
    ");
    let asks = "honest sign-in-not-asked-for device";
    shows(out().restarts("phone"), Badge::Synced).violates(asks);
    shows(out().begin("phone", "a3", sign_in("ana")), Badge::Synced).passes("honest");
    shows(created().loses_all("phone").then("phone", Event::Wiped), Badge::Synced).violates(asks);
    // Nobody confirmed that it has happened.
    let torn =
        created().begin("phone", "a2", Action::SignOut { anyway: true }).goes_down("phone").indefinite("a2");
    shows(torn.comes_up("phone"), Badge::Offline).passes("honest");
}

#[test]
fn what_stands_in_the_tray_as_failed_shows_so() {
    let looks = |state| {
        let run = created().shows("phone", as_is(Syncing));
        run.look("phone", &[as_is(state)], &[item("task/1", Failed)])
    };
    looks(Failed).passes("honest");
    // One of two edits is on its way; a conflict needs its user just as well.
    looks(Syncing).passes("honest");
    looks(Conflict).passes("honest");
    assert_snapshot!(looks(Modified).verdict("honest"), @r"
    fail
    failed-not-shown modified: phone shows task/1 as modified, but its tray has `set status=done` on it as failed
      expected: task/1 as failed, until its user decides
      evidence: viewed phone
    ");
}

#[test]
fn syncing_is_shown_while_something_is_on_its_way() {
    let syncing = || created().shows("phone", as_is(Syncing));
    let looks = |run: Run| run.look_with_queue("phone", &[as_is(Syncing)], 1);
    let idle = "honest syncing-with-nothing-sent syncing";
    assert_snapshot!(looks(syncing().wait_ms(63_000)).verdict("honest"), @r"
    fail
    syncing-with-nothing-sent syncing: phone shows task/1 as syncing, but no push with work on it is under way
      expected: syncing only while something is on its way
      evidence: shown phone, viewed phone
    ");
    // It may have to get new tokens first, and then waits for an answer.
    looks(syncing().wait_ms(61_000)).passes("honest");
    let sent = || syncing().sends("phone", "e1", &["task/1 create"]);
    looks(sent().wait_ms(600_000)).passes("honest");
    let failed = || sent().wait_ms(10_000).fails("e1");
    looks(failed().wait_ms(61_000)).passes("honest");
    looks(failed().wait_ms(63_000)).violates(idle);
    looks(syncing().wait_ms(63_000).shows("phone", as_is(Modified))).passes("honest");
    // While it slept its timers stood; a disk that fails cannot note that nothing came of it.
    let slept = syncing().then("phone", Event::Suspended).wait_ms(63_000).then("phone", Event::Resumed);
    looks(slept.clone()).passes("honest");
    looks(slept.wait_ms(63_000)).violates(idle);
    looks(syncing().then("phone", Event::DiskFault { active: true }).wait_ms(63_000)).passes("honest");
}
