//! Disks that forget, by faults outside the model; copies of devices; and actions that nobody
//! confirmed. What only the disk held may be gone; nothing else is lost, invented or done twice.

use crate::builder::*;
use deadzone_contract::RecordState::{Modified, Saved};
use deadzone_contract::{Code, RecordView};
use deadzone_trace::Event;

const JUDGES: [&str; 4] = ["lost", "invented", "duplicated", "converged"];

#[track_caller]
fn fine(run: &Run) {
    run.passes_all(&JUDGES);
}

#[track_caller]
fn fails(run: &Run, key: &str) {
    run.violates(key);
}

/// The phone made a task and counted on it; nothing has left it.
fn unsent() -> Run {
    run().does("phone", "task/1", create(&["title=T", "completed_count=2"]))
}

fn t() -> RecordView {
    task("task/1", &["title=T", "completed_count=2"])
}

const CARRIED: [&str; 3] = ["task/1 create", "task/1 title=T@1", "task/1 completed_count+=2"];

#[test]
fn what_only_the_disk_held_may_be_gone() {
    let wiped = unsent().loses_all("phone");
    fine(&wiped.clone().ends_with(&[]));
    fine(&wiped.clone().pulls_page("phone", "e1", &[]).wait_ms(2_000).look("phone", &[], &[]).ends_with(&[]));
    fine(&wiped.ends_with(&[t()]));
    fails(&unsent().restarts("phone").ends_with(&[]), "lost at-end create");
    // What was saved after the damage, or is still there, is asked for.
    let later = unsent().loses_all("phone").does("phone", "task/2", create(&["title=U"]));
    fails(&later.ends_with(&[]), "lost at-end create");
    let kept = unsent();
    let since = kept.here();
    fails(
        &kept.goes_down("phone").forgets("phone", since).comes_up("phone").ends_with(&[]),
        "lost at-end create",
    );
}

#[test]
fn what_was_saved_beside_latent_damage_may_be_gone_once_it_is_met() {
    let beside = run().forgets("phone", 0).does("phone", "task/1", create(&["title=T"]));
    fails(&beside.clone().restarts("phone").ends_with(&[]), "lost at-end create");
    let met = beside.gives_up("phone");
    fine(&met.clone().ends_with(&[]));
    // And what is saved from then on is asked for.
    let later = met.does("phone", "task/3", create(&["title=V"]));
    fails(&later.ends_with(&[]), "lost at-end create");
    // The app that met it has to fetch everything anew, without another start.
    let done = unsent().pushes("phone", "e1", &CARRIED).shows("phone", t()).gives_up("phone");
    let pulled = done.clone().pulls_page("phone", "e2", &["task/1@1 title=T completed_count=2"]);
    fine(&done.look("phone", &[], &[]).ends_with(&[t()]));
    fails(&pulled.wait_ms(2_000).look("phone", &[], &[]), "lost record-gone create");
}

#[test]
fn what_the_server_called_done_has_to_come_back() {
    let sent = unsent().sends("phone", "e1", &CARRIED).arrives("e1");
    // Not even the answer has to arrive.
    let done = sent.clone().answered("e1").loses_all("phone");
    fine(&done.clone().ends_with(&[t()]));
    fails(&done.ends_with(&[]), "lost at-end create");
    let unanswered = sent.clone().loses_all("phone");
    fine(&unanswered.clone().ends_with(&[]));
    fine(&unanswered.clone().ends_with(&[t()]));
    // It may be carried out late; until a pull brings it, the device does not have it.
    let late =
        unanswered.pulls_page("phone", "e2", &[]).wait_ms(2_000).answered("e1").look("phone", &[], &[]);
    fine(&late.clone().ends_with(&[t()]));
    fails(&late.ends_with(&[]), "lost at-end create");
    let refusal = r#"{"record":"id:task/1","outcome":{"rejected":{"code":"forbidden"}}}"#;
    let refused = sent.answered_with("e1", &format!(r#"{{"results":[{refusal},{refusal},{refusal}]}}"#));
    fine(&refused.loses_all("phone").ends_with(&[]));
}

#[test]
fn each_effect_is_lost_or_done_by_itself() {
    let run = unsent().pushes("phone", "e1", &CARRIED);
    let edited =
        run.does("phone", "a2", edit("task/1", &["title=Later", "completed_count+=16", "tags+=home"]));
    let with = |title: &str, count: &str| task("task/1", &[title, count]);
    let wiped = edited.clone().loses_all("phone");
    fine(&wiped.clone().ends_with(&[with("title=T", "completed_count=2")]));
    fails(&wiped.clone().ends_with(&[with("title=T", "completed_count=0")]), "lost at-end counter add");
    fails(&wiped.ends_with(&[with("title=T", "completed_count=34")]), "duplicated counted-twice counter add");
    // The count left with a push, the title did not; the server refused the tag.
    let part =
        edited.sends("phone", "e2", &["task/1 completed_count+=16", "task/1 tags+=home"]).arrives("e2");
    let results = r#"{"results":[
        {"record":"id:task/1","outcome":{"done":{"fields":{"completed_count":"applied"}}}},
        {"record":"id:task/1","outcome":{"done":{"fields":{"tags":{"rejected":{"code":"invalid"}}}}}}]}"#;
    let wiped = part.answered_with("e2", results).loses_all("phone");
    fine(&wiped.clone().ends_with(&[with("title=T", "completed_count=18")]));
    fails(&wiped.ends_with(&[with("title=T", "completed_count=2")]), "lost at-end counter add");
}

#[test]
fn work_that_only_looks_like_other_work_is_not_done_with_it() {
    let five = |run: Run, action| run.does("phone", action, edit("task/1", &["completed_count+=5"]));
    let with = |count: &str| task("task/1", &["title=T", count]);
    let run = five(unsent().pushes("phone", "e1", &CARRIED), "a2");
    let run = five(run.pushes("phone", "e2", &["task/1 completed_count+=5"]), "a3").loses_all("phone");
    fine(&run.clone().ends_with(&[with("completed_count=7")]));
    let run = five(run, "a4").pushes("phone", "e3", &["task/1 completed_count+=5"]);
    fine(&run.clone().ends_with(&[with("completed_count=12")]));
    fails(&run.ends_with(&[with("completed_count=7")]), "lost at-end counter add");
}

#[test]
fn the_device_may_show_less_until_it_has_pulled_everything() {
    let wiped = unsent().pushes("phone", "e1", &CARRIED).shows("phone", t()).loses_all("phone");
    let bare = wiped.look("phone", &[], &[]);
    let pulled = bare.clone().pulls_page("phone", "e2", &["task/1@1 title=T completed_count=2"]);
    fine(&pulled.clone().ends_with(&[t()]));
    fails(&pulled.wait_ms(2_000).look("phone", &[], &[]), "lost record-gone create");
    // Older content, from a backup: the count of before the push is missing.
    let older =
        bare.shows("phone", task("task/1", &["title=T"])).pulls_page("phone", "e2", &[]).wait_ms(2_000);
    fine(&older.clone().ends_with(&[t()]));
    fails(&older.shows("phone", task("task/1", &["title=T"])), "lost on-own-device counter add");
}

#[test]
fn a_backup_brings_back_what_was_discarded_after_it() {
    let begun = unsent();
    let backup = begun.here();
    let discarded = begun.does("phone", "a2", discard("task/1")).gone("phone", "task/1").goes_down("phone");
    let restored = discarded.clone().forgets("phone", backup);
    let restored = restored.then("phone", Event::Restored { backup: "monday".to_owned() }).comes_up("phone");
    let back = restored.shows("phone", in_state(Saved, t()));
    fine(&back.clone().ends_with(&[t()]));
    fine(&back.ends_with(&[]));
    // Without the backup, or with one that was made after the discard, it does not come back.
    fails(&discarded.clone().comes_up("phone").ends_with(&[t()]), "invented discarded-work create");
    let later = discarded.here();
    let untouched = discarded.forgets("phone", later).comes_up("phone");
    fails(&untouched.ends_with(&[t()]), "invented discarded-work create");
}

#[test]
fn a_copy_sends_the_work_of_its_origin_and_it_counts_once() {
    let copied = unsent().becomes("tablet", "phone").shows("tablet", in_state(Saved, t()));
    let both = copied.pushes("phone", "e1", &CARRIED).pushes("tablet", "e2", &CARRIED);
    fine(&both.clone().ends_with(&[t()]));
    fails(
        &both.clone().ends_with(&[task("task/1", &["title=T", "completed_count=4"])]),
        "duplicated counted-twice counter add",
    );
    let mut twice = t();
    twice.record = deadzone_contract::RecordId("another".to_owned());
    fails(&both.ends_with(&[t(), twice]), "duplicated made-twice create");
}

#[test]
fn what_its_copy_sent_is_not_lost_with_the_origin() {
    let copied = unsent().becomes("tablet", "phone").pushes("tablet", "e1", &CARRIED).loses_all("phone");
    fails(&copied.clone().ends_with(&[]), "lost at-end create");
    fine(&copied.ends_with(&[t()]));
}

#[test]
fn a_copy_keeps_what_its_origin_discarded_later() {
    let copied = unsent().becomes("tablet", "phone").does("phone", "a2", discard("task/1"));
    fine(&copied.gone("phone", "task/1").ends_with(&[t()]));
    // Discarded before it was copied, it is nowhere.
    let before = unsent().does("phone", "a2", discard("task/1")).gone("phone", "task/1");
    fails(&before.becomes("tablet", "phone").ends_with(&[t()]), "invented discarded-work create");
}

#[test]
fn a_removal_of_what_a_copy_sent_was_made_in_knowledge_of_it() {
    let added = unsent().pushes("phone", "e1", &CARRIED).does("phone", "a2", edit("task/1", &["tags+=home"]));
    let copied = added.becomes("tablet", "phone").pushes("tablet", "e2", &["task/1 tags+=home"]);
    let pulled = copied.pulls("laptop", "e3");
    fine(&pulled.does("laptop", "a3", edit("task/1", &["tags-=home"])).ends_with(&[t()]));
}

#[test]
fn a_device_is_not_sure_to_know_what_its_disk_forgot() {
    // The new title may lose: its stamp need not be above one that the disk forgot.
    let wiped = unsent().pushes("phone", "e1", &CARRIED).loses_all("phone");
    let pulled = wiped.pulls_page("phone", "e2", &[]).shows("phone", task("task/1", &["completed_count=2"]));
    let run = pulled.does("phone", "a2", edit("task/1", &["title=U"]));
    fine(&run.clone().ends_with(&[t()]));
    fine(&run.ends_with(&[task("task/1", &["title=U", "completed_count=2"])]));
    let whole = unsent().pushes("phone", "e1", &CARRIED).does("phone", "a2", edit("task/1", &["title=U"]));
    fails(&whole.ends_with(&[t()]), "lost at-end lww put");
}

#[test]
fn a_removal_on_a_disk_that_forgot_may_have_missed_an_addition() {
    let added = unsent().pushes("phone", "e1", &CARRIED).does("phone", "a2", edit("task/1", &["tags+=home"]));
    let wiped = added.pushes("phone", "e2", &["task/1 tags+=home"]).loses_all("phone");
    let run = wiped.does("phone", "a3", edit("task/1", &["tags-=home"]));
    fine(&run.clone().ends_with(&[task("task/1", &["title=T", "completed_count=2", "tags=[home]"])]));
    fine(&run.ends_with(&[t()]));
}

/// The phone dies while it saves a task.
fn died() -> Run {
    run()
        .begin("phone", "task/1", create(&["title=T", "completed_count=2"]))
        .goes_down("phone")
        .indefinite("task/1")
}

#[test]
fn a_creation_that_nobody_confirmed_was_kept_or_was_not() {
    let up = died().comes_up("phone");
    fine(&up.clone().look("phone", &[], &[]).ends_with(&[]));
    // Nobody ever told the script what the record is called.
    let mut kept = t();
    kept.record = deadzone_contract::RecordId("r1".to_owned());
    let shown = up.shows("phone", in_state(Saved, kept.clone()));
    fine(&shown.clone().ends_with(std::slice::from_ref(&kept)));
    // It is explained once.
    let mut again = kept.clone();
    again.record = deadzone_contract::RecordId("r2".to_owned());
    fails(&shown.ends_with(&[kept, again]), "duplicated made-twice create");
    let mut other = t();
    other.fields.insert("title".to_owned(), value("Other"));
    fails(&died().comes_up("phone").ends_with(&[other]), "invented record-from-nowhere create");
}

#[test]
fn an_edit_that_nobody_confirmed_was_kept_or_was_not() {
    let run = unsent().pushes("phone", "e1", &CARRIED);
    let died =
        run.begin("phone", "a2", edit("task/1", &["title=U", "completed_count+=5"])).goes_down("phone");
    let up = died.indefinite("a2").comes_up("phone");
    fine(&up.clone().shows("phone", t()).ends_with(&[t()]));
    let kept = task("task/1", &["title=U", "completed_count=7"]);
    fine(&up.clone().shows("phone", in_state(Modified, kept.clone())).ends_with(&[kept]));
    fails(
        &up.ends_with(&[task("task/1", &["title=U", "completed_count=12"])]),
        "duplicated counted-twice counter add",
    );
}

#[test]
fn nothing_is_kept_of_what_the_storage_refused() {
    let refuses = |run: Run, action: &str, code| {
        run.then("phone", Event::Refused { action: action.to_owned(), code, detail: "disk full".to_owned() })
    };
    let created = refuses(run().begin("phone", "task/1", create(&["title=T"])), "task/1", Code::Storage);
    fine(&created.clone().restarts("phone").ends_with(&[]));
    fails(
        &created.restarts("phone").ends_with(&[task("task/1", &["title=T"])]),
        "invented refused-work create",
    );
    let run = unsent().pushes("phone", "e1", &CARRIED);
    let edited = refuses(run.begin("phone", "a2", edit("task/1", &["title=U"])), "a2", Code::Storage);
    fine(&edited.clone().restarts("phone").ends_with(&[t()]));
    let kept = task("task/1", &["title=U", "completed_count=2"]);
    fails(&edited.restarts("phone").shows("phone", kept), "invented refused-work lww put");
}
