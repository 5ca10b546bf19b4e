//! Disks that are older than what became of them, and disks that two phones have: every piece of
//! work counts once, and none is taken for another.

use deadzone_client::{ClientPolicy, Numbers};
use deadzone_contract::{Badge, RecordId, Value};
use deadzone_disk::Outcome;

use crate::phone::{App, Phone, story};
use crate::server::Server;

fn counted(server: &Server) -> i64 {
    match server.field("Roof", "completed_count") {
        Some(Value::Int(counted)) => counted,
        _ => 0,
    }
}

async fn house_with_a_roof(app: &App) -> RecordId {
    let project = app.create("House").await.unwrap();
    let task = app.task(&project, "Roof").await.unwrap();
    app.settle().await;
    task
}

/// The increments after a backup, and those after it was restored; all the same, so that nothing
/// but their numbers tells them apart.
fn restored(policy: ClientPolicy) -> (i64, usize) {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.policy = policy;
    story(async {
        let app = phone.signed_in(&server).await;
        let task = house_with_a_roof(&app).await;
        app.device.connectivity(false);
        app.add(&task, 1).await.unwrap();
        let backup = phone.disk.snapshot();
        app.settle().await;
        app.add(&task, 10).await.unwrap();
        app.create("Garden").await.unwrap();
        app.settle().await;
        app.kill().await;
        phone.disk.restore(&backup);
        let app = phone.start(&server, false).await.unwrap();
        app.add(&task, 10).await.unwrap();
        app.create("Shed").await.unwrap();
        app.settle().await;
        assert_eq!(app.view().await.status.badge, Badge::Synced);
        assert_eq!(app.shown().await, server.everything());
        let found = server.titled("Garden") + server.titled("Shed");
        app.kill().await;
        (counted(&server), found)
    })
}

#[test]
fn work_after_a_restored_backup_is_not_taken_for_work_before_it() {
    assert_eq!(restored(ClientPolicy::default()), (21, 2));
}

#[test]
fn numbers_that_are_given_again_lose_work() {
    let policy = ClientPolicy { numbers: Numbers::Reused, ..ClientPolicy::default() };
    assert_ne!(restored(policy), (21, 2));
}

#[test]
fn work_that_was_answered_since_the_backup_is_not_done_again() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let task = house_with_a_roof(&app).await;
        app.device.connectivity(false);
        for by in [1, 2, 4] {
            app.add(&task, by).await.unwrap();
        }
        app.set(&task, "status", "open").await.unwrap();
        app.set(&task, "status", "done").await.unwrap();
        let backup = phone.disk.snapshot();
        app.settle().await;
        app.kill().await;
        phone.disk.restore(&backup);
        let app = phone.start(&server, false).await.unwrap();
        // Made upon work that the server has, which this phone does not know.
        app.set(&task, "status", "open").await.unwrap();
        app.settle().await;
        assert_eq!(counted(&server), 7);
        assert_eq!(server.field("Roof", "status"), Some(Value::text("open")));
        let state = server.state.lock().unwrap().clone();
        assert_eq!((state.reused, state.conflicts), (0, 0));
        app.kill().await;
    });
}

/// Pending work of which some numbers came before with other content. The first attempt reached
/// the server, and its answer is lost.
fn used_before(used: &[u64], goes_on: bool) {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let task = house_with_a_roof(&app).await;
        app.device.connectivity(false);
        let (device, last) = server.devices().pop_first().unwrap();
        for number in used {
            server.use_number(&device, last + number);
        }
        app.add(&task, 1).await.unwrap();
        app.set(&task, "status", "open").await.unwrap();
        app.add(&task, 2).await.unwrap();
        let garden = app.create("Garden").await.unwrap();
        app.set(&garden, "title", "Herbs").await.unwrap();
        app.set(&task, "status", "done").await.unwrap();
        app.add(&task, 4).await.unwrap();
        *server.silent.lock().unwrap() = true;
        app.device.connectivity(true);
        app.device.sync().await.unwrap_err();
        *server.silent.lock().unwrap() = false;
        app.add(&task, 8).await.unwrap();
        let mut status = "done";
        if goes_on {
            status = "open";
            app.set(&task, "status", status).await.unwrap();
        }
        app.settle().await;
        let view = app.view().await;
        assert!(view.tray.is_empty(), "{used:?}: {:?}", view.tray);
        assert_eq!(counted(&server), 15, "{used:?}");
        assert_eq!(server.field("Roof", "status"), Some(Value::text(status)), "{used:?}");
        assert_eq!((server.titled("Herbs"), server.titled("Garden")), (1, 0), "{used:?}");
        assert_eq!(server.state.lock().unwrap().conflicts, 0, "{used:?}");
        assert_eq!(app.shown().await, server.everything(), "{used:?}");
        assert!(server.devices().len() <= 1 + used.len().min(1), "{used:?}: {:?}", server.devices());
        app.kill().await;
    });
}

#[test]
fn only_work_whose_number_was_used_before_gets_another() {
    for used in
        [&[][..], &[1], &[2], &[3], &[4], &[5], &[7], &[1, 2, 3], &[4, 5], &[2, 6], &[1, 2, 3, 4, 5, 6, 7]]
    {
        used_before(used, false);
        used_before(used, true);
    }
}

#[test]
fn a_number_that_was_used_before_says_nothing_of_the_work_behind_it() {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.parameters.push_max = 2;
    story(async {
        let app = phone.signed_in(&server).await;
        let task = house_with_a_roof(&app).await;
        app.device.connectivity(false);
        let (device, last) = server.devices().pop_first().unwrap();
        for by in [1, 10, 100, 1_000, 10_000] {
            app.add(&task, by).await.unwrap();
        }
        let backup = phone.disk.snapshot();
        app.settle().await;
        app.kill().await;
        phone.disk.restore(&backup);
        server.use_number(&device, last + 1);
        let app = phone.start(&server, true).await.unwrap();
        app.settle().await;
        // The first one is new work to the server; it knows the others.
        assert_eq!(counted(&server), 11_112);
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

#[test]
fn work_under_a_new_name_goes_on_from_work_under_the_old_one() {
    for reached_before in [false, true] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let task = house_with_a_roof(&app).await;
            app.device.connectivity(false);
            app.set(&task, "status", "open").await.unwrap();
            *server.silent.lock().unwrap() = true;
            if reached_before {
                app.device.connectivity(true);
                app.device.sync().await.unwrap_err();
                app.device.connectivity(false);
            }
            *server.silent.lock().unwrap() = false;
            app.end().await;
            phone.disk.power_loss(Outcome::KeepAll);
            let whole = phone.disk.snapshot();
            // Any damage that leaves the pending work whole will do.
            let mut mended = 0;
            for draw in 0..300u64 {
                phone.disk.restore(&whole);
                phone.disk.flip_bit("ana.db", draw.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let server = Server::copy(server.state.lock().unwrap().clone());
                let app = phone.start(&server, false).await.unwrap();
                let told = app.view().await.status.last_error;
                let damaged = told.is_some_and(|told| told.contains("was damaged"));
                let set = app.set(&task, "status", "done").await.is_ok();
                if damaged && set && app.view().await.status.queued == 2 {
                    mended += 1;
                    app.set(&task, "status", "open").await.unwrap();
                    app.settle().await;
                    assert_eq!(server.field("Roof", "status"), Some(Value::text("open")), "flip {draw}");
                    assert_eq!(server.state.lock().unwrap().conflicts, 0, "flip {draw}");
                    assert_eq!(app.shown().await, server.everything(), "flip {draw}");
                }
                app.kill().await;
            }
            assert!(mended > 5, "{mended}");
        });
    }
}

#[test]
fn two_phones_with_one_name_lose_and_double_nothing() {
    let (phone, server) = (Phone::new(1), Server::default());
    let tablet = Phone::new(2);
    story(async {
        let on_phone = phone.signed_in(&server).await;
        let on_tablet = tablet.signed_in(&server).await;
        on_tablet.kill().await;
        let task = house_with_a_roof(&on_phone).await;
        on_phone.device.connectivity(false);
        on_phone.add(&task, 1).await.unwrap();
        tablet.disk.restore(&phone.disk.snapshot());
        let on_tablet = tablet.start(&server, false).await.unwrap();
        let mut expected = 1;
        for round in 1..6 {
            for (app, by) in [(&on_phone, 10_i64.pow(round)), (&on_tablet, 3 * 10_i64.pow(round))] {
                app.add(&task, by).await.unwrap();
                expected += by;
            }
            if round % 2 == 0 {
                on_tablet.settle().await;
            }
            on_phone.settle().await;
            on_tablet.settle().await;
            on_phone.settle().await;
            assert_eq!(counted(&server), expected, "round {round}");
            assert_eq!(on_phone.shown().await, server.everything(), "round {round}");
            assert_eq!(on_tablet.shown().await, server.everything(), "round {round}");
        }
        let devices = server.devices();
        assert!(devices.len() > 1, "they have one name still: {devices:?}");
        on_phone.kill().await;
        on_tablet.kill().await;
    });
}

#[test]
fn a_server_with_an_older_history_is_pulled_anew() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let older = server.state.lock().unwrap().clone();
        for n in 0..5 {
            server.create(&n.to_string(), &n.to_string());
        }
        app.settle().await;
        *server.state.lock().unwrap() = older;
        server.create("other", "other");
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

#[test]
fn a_wiped_phone_gets_everything_back() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        house_with_a_roof(&app).await;
        app.kill().await;
        phone.disk.wipe();
        let app = phone.signed_in(&server).await;
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.create("Garden").await.unwrap();
        app.settle().await;
        assert_eq!(server.titled("Garden"), 1);
        app.kill().await;
    });
}
