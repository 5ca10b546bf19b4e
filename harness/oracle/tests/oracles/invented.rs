//! `invented`.

use crate::builder::*;
use deadzone_contract::{
    Action, RecordId,
    RecordState::{Discarded, Retrying},
};
use insta::assert_snapshot;

fn shared() -> Run {
    run().does("phone", "task/1", create(&["title=Draft", "tags=[home]"]))
}

fn seen(run: &Run, fields: &[&str]) -> String {
    run.clone().shows("laptop", task("task/1", fields)).verdict("invented")
}

#[test]
fn what_was_written_may_be_seen() {
    let run = shared().does("phone", "a2", edit("task/1", &["title=Final", "completed_count+=2"]));
    assert_eq!(seen(&run, &["title=Draft", "tags=[home]", "completed_count=0"]), "pass");
    assert_eq!(seen(&run, &["title=Final", "tags=[]", "completed_count=2"]), "pass");
}

#[test]
fn a_value_that_nobody_wrote() {
    assert_snapshot!(seen(&shared(), &["title=Other"]), @r"
    fail
    value-from-nowhere lww put: laptop shows title=Other on task/1, which nobody wrote
      expected: only what somebody wrote into title of task/1
      evidence: shown laptop
    ");
    assert_snapshot!(seen(&shared(), &["title=Draft", "status=open"]), @r"
    fail
    value-from-nowhere version put: laptop shows status=open on task/1, which nobody wrote
      expected: only what somebody wrote into status of task/1
      evidence: shown laptop
    ");
    assert_snapshot!(seen(&shared(), &["title=Draft", "tags=[home office]"]), @r"
    fail
    value-from-nowhere set insert: laptop shows tags=office on task/1, which nobody wrote
      expected: only what somebody wrote into tags of task/1
      evidence: shown laptop
    ");
    assert_snapshot!(seen(&shared(), &["title=Draft", "completed_count=1"]), @r"
    fail
    value-from-nowhere counter add: laptop shows completed_count=1 on task/1, which nobody wrote
      expected: only what somebody wrote into completed_count of task/1
      evidence: shown laptop
    ");
    assert_snapshot!(seen(&shared(), &["title=Draft", "tags=home"]), @r"
    fail
    value-from-nowhere set insert: laptop shows tags=home on task/1, which nobody wrote
      expected: only what somebody wrote into tags of task/1
      evidence: shown laptop
    ");
}

#[test]
fn a_value_written_elsewhere_or_later_is_nobodys() {
    let run = shared().does("laptop", "task/2", create(&["title=Other"]));
    assert_snapshot!(seen(&run, &["title=Other"]), @r"
    fail
    value-from-nowhere lww put: laptop shows title=Other on task/1, which nobody wrote
      expected: only what somebody wrote into title of task/1
      evidence: shown laptop
    ");
    let early = shared().shows("laptop", task("task/1", &["title=Final"]));
    let early = early.does("phone", "a2", edit("task/1", &["title=Final"]));
    assert_snapshot!(early.verdict("invented"), @r"
    fail
    value-from-nowhere lww put: laptop shows title=Final on task/1, which nobody wrote
      expected: only what somebody wrote into title of task/1
      evidence: shown laptop
    ");
}

#[test]
fn a_total_below_everything_that_was_taken_away() {
    let run = shared().does("phone", "a2", edit("task/1", &["completed_count+=-1"]));
    assert_eq!(seen(&run, &["title=Draft", "completed_count=-1"]), "pass");
    assert_snapshot!(seen(&run, &["title=Draft", "completed_count=-2"]), @r"
    fail
    value-from-nowhere counter add: laptop shows completed_count=-2 on task/1, which nobody wrote
      expected: only what somebody wrote into completed_count of task/1
      evidence: shown laptop
    ");
}

#[test]
fn a_record_that_nobody_created() {
    assert_snapshot!(shared().shows("laptop", task("task/9", &["title=Ghost"])).verdict("invented"), @r"
    fail
    record-from-nowhere create: laptop shows a task that nobody created: title=Ghost
      expected: only records that somebody created
      evidence: shown laptop
    ");
    assert_snapshot!(shared().shows("laptop", task("task/9", &[])).verdict("invented"), @r"
    fail
    record-from-nowhere create: laptop shows a task that nobody created: record id:task/9
      expected: only records that somebody created
      evidence: shown laptop
    ");
}

#[test]
fn a_record_of_an_unanswered_create_is_recognised_by_its_values() {
    let run = run().begin("phone", "task/1", create(&["title=Draft", "tags=[home]"])).indefinite("task/1");
    let mut other = task("x", &["title=Draft", "tags=[home]"]);
    other.record = RecordId("0123456789".to_owned());
    run.clone().shows("laptop", other.clone()).passes("invented");
    other.fields.insert("title".to_owned(), value("Ghost"));
    assert_snapshot!(run.shows("laptop", other).verdict("invented"), @r"
    fail
    record-from-nowhere create: laptop shows a task that nobody created: title=Ghost
      expected: only records that somebody created
      evidence: shown laptop
    ");
}

#[test]
fn a_record_that_is_somewhere_else() {
    let mut moved = task("task/1", &["title=Draft"]);
    moved.workspace = "office".to_owned();
    moved.parent = Some(id("task/1"));
    assert_snapshot!(shared().shows("laptop", moved).verdict("invented"), @r"
    fail
    place create: laptop shows task/1 as a task in office under task/1
      expected: a task in home under nothing
      evidence: invoked task/1, saved task/1, shown laptop
    ");
}

#[test]
fn refused_work_is_not_seen() {
    let run = shared().begin("phone", "a2", edit("task/1", &["title=Final"]));
    // Until it is refused, its own device may show it.
    run.clone().shows("phone", task("task/1", &["title=Final"])).refused("a2").passes("invented");
    let run = run.refused("a2");
    assert_snapshot!(seen(&run, &["title=Final"]), @r"
    fail
    refused-work lww put: laptop shows title=Final, but phone's title=Final on task/1 (a2) was refused
      expected: nothing of it is visible anywhere
      evidence: invoked a2, refused a2, shown laptop
    ");
    // What somebody else wrote as well is not the refused one.
    let run = run.does("laptop", "a3", edit("task/1", &["title=Final"]));
    assert_eq!(seen(&run, &["title=Final"]), "pass");
}

#[test]
fn a_refused_creation_is_not_seen() {
    let run = run().begin("phone", "task/1", create(&["title=Draft"])).refused("task/1");
    assert_snapshot!(run.shows("laptop", task("task/1", &["title=Draft"])).verdict("invented"), @r"
    fail
    refused-work create: laptop shows a task that phone refused to create (task/1): title=Draft
      expected: nothing of it is visible anywhere
      evidence: invoked task/1, refused task/1, shown laptop
    ");
}

/// The phone discards an edit whose only attempt never arrived.
fn discarded(changes: &[&str]) -> Run {
    shared()
        .pushes("phone", "e1", &["task/1"])
        .shows("phone", task("task/1", &["title=Draft"]))
        .does("phone", "a2", edit("task/1", changes))
        .sends("phone", "e2", &["task/1"])
        .fails("e2")
        .shows("phone", in_state(Retrying, task("task/1", &["title=Draft"])))
        .begin("phone", "a3", discard("task/1"))
        .shows("phone", in_state(Discarded, task("task/1", &["title=Draft"])))
        .saved("a3")
}

#[test]
fn what_was_discarded_before_it_left_is_seen_nowhere() {
    let run = discarded(&["title=Final"]);
    assert_eq!(seen(&run, &["title=Draft"]), "pass");
    assert_snapshot!(seen(&run, &["title=Final"]), @r"
    fail
    discarded-work lww put: laptop shows title=Final, but phone's title=Final on task/1 (a2) was discarded before it had left the device
      expected: nothing of it is visible anywhere
      evidence: invoked a2, saved a2, invoked a3, shown laptop
    ");
    let at_home = run.clone().shows("phone", task("task/1", &["title=Final"]));
    assert_snapshot!(at_home.verdict("invented"), @r"
    fail
    discarded-work lww put: phone shows title=Final, but phone's title=Final on task/1 (a2) was discarded before it had left the device
      expected: nothing of it is visible anywhere
      evidence: invoked a2, saved a2, invoked a3, shown phone
    ");
    // A farewell to it is not the work come back.
    run.clone().shows("phone", in_state(Discarded, task("task/1", &["title=Final"]))).passes("invented");
    // That it stands there is not the loss of what stood there before.
    let end = run.ends_with(&[task("task/1", &["title=Final", "tags=[home]"])]);
    assert!(end.verdict("invented").starts_with("fail\ndiscarded-work lww put"));
    assert!(!end.verdict("lost").contains("at-end"));
    let run = discarded(&["tags+=office"]);
    assert_snapshot!(seen(&run, &["title=Draft", "tags=[home office]"]), @r"
    fail
    discarded-work set insert: laptop shows tags=office, but phone's tags+=office on task/1 (a2) was discarded before it had left the device
      expected: nothing of it is visible anywhere
      evidence: invoked a2, saved a2, invoked a3, shown laptop
    ");
    let run = discarded(&["completed_count+=3"]);
    assert_snapshot!(seen(&run, &["title=Draft", "completed_count=3"]), @r"
    fail
    discarded-work counter add: laptop shows completed_count=3, but phone's completed_count+=3 on task/1 (a2) was discarded before it had left the device
      expected: nothing of it is visible anywhere
      evidence: invoked a2, saved a2, invoked a3, shown laptop
    ");
}

#[test]
fn what_left_before_it_was_discarded_may_be_seen() {
    // The request was only late: the server has it after all.
    let run = discarded(&["title=Final", "completed_count+=3"]).arrives("e2");
    assert_eq!(seen(&run, &["title=Final", "completed_count=3"]), "pass");
}

#[test]
fn a_discard_without_an_answer_may_have_happened_or_not() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["title=Final"]))
        .begin("phone", "a3", discard("task/1"))
        .indefinite("a3");
    assert_eq!(seen(&run, &["title=Final"]), "pass");
    run.clone().ends_with(&[task("task/1", &["title=Final", "tags=[home]"])]).passes("lost");
    run.ends_with(&[task("task/1", &["title=Draft", "tags=[home]"])]).passes("lost");
}

#[test]
fn a_creation_discarded_before_it_left_is_seen_nowhere() {
    let run = shared().shows("phone", in_state(Retrying, task("task/1", &["title=Draft"])));
    let run = run.does("phone", "a3", discard("task/1"));
    assert_snapshot!(seen(&run, &["title=Draft"]), @r"
    fail
    discarded-work create: laptop shows task/1, but phone's creation of task/1 (task/1) was discarded before it had left the device
      expected: nothing of it is visible anywhere
      evidence: invoked task/1, saved task/1, invoked a3, shown laptop
    ");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=Draft"])]).verdict("invented"), @r"
    fail
    discarded-work create: the server, asked by ana, shows task/1, but phone's creation of task/1 (task/1) was discarded before it had left the device
      expected: nothing of it is visible anywhere
      evidence: invoked task/1, saved task/1, invoked a3, audited ana
    ");
}

#[test]
fn a_discarded_increment_hides_among_others() {
    // 4 was discarded and 1 stands: a total of 5 lacks nothing and repeats nothing.
    let run = discarded(&["completed_count+=4"]);
    let run = run.does("laptop", "a4", edit("task/1", &["completed_count+=1"]));
    let end = |total: &str| run.clone().ends_with(&[task("task/1", &["title=Draft", "tags=[home]", total])]);
    end("completed_count=1").passes("invented");
    let verdict = end("completed_count=5").verdict("invented");
    assert_snapshot!(verdict, @r"
    fail
    discarded-work counter add: the server, asked by ana, shows completed_count=5, but phone's completed_count+=4 on task/1 (a2) was discarded before it had left the device
      expected: nothing of it is visible anywhere
      evidence: invoked a2, saved a2, invoked a3, audited ana
    ");
    assert!(!end("completed_count=5").verdict("lost").contains("at-end"));
    end("completed_count=5").passes("duplicated");
}

#[test]
fn a_conflict_between_values_that_nobody_wrote() {
    let run = shared().does("phone", "a2", edit("task/1", &["status=open"]));
    assert_eq!(seen(&run, &["title=Draft", "status=open", "status:open<open"]), "pass");
    assert_snapshot!(seen(&run, &["title=Draft", "status=open", "status:done<open"]), @r"
    fail
    conflict-from-nowhere version conflict: laptop shows a conflict about status=done of task/1, which nobody wrote
      expected: only conflicts between values that somebody wrote
      evidence: shown laptop
    ");
}

#[test]
fn where_nothing_is_shown_nothing_can_be_told() {
    assert_snapshot!(shared().verdict("invented"), @r"
    unknown
    unknown: nothing was ever shown
    ");
}

#[test]
fn signing_in_shows_nothing() {
    let sign_in = Action::SignIn { user: "ana".to_owned(), password: "x".to_owned() };
    assert_snapshot!(run().does("phone", "a1", sign_in).verdict("invented"), @r"
    unknown
    unknown: nothing was ever shown
    ");
}
