//! What people read when a script is wrong.
//!
//! Each case is a bad input; the snapshot has the errors as they are rendered. A case that
//! parses fails the test.

use std::fmt::Write;

use deadzone_contract::parameters::PARAMETERS;
use deadzone_script::{LINES_MAX, PROBLEMS_MAX, TEXT_BYTES_MAX, parse};

/// Stands above the lines of [`STEPS`]; it is right by itself.
const WORLD: &str = "\
scenario bad
workspace home: ana editor, ben viewer
device phone: ana
device laptop: ben
phone create project/p
phone create task/1 in project/p
";

/// Steps below [`WORLD`].
const STEPS: &[&str] = &[
    // How lines begin.
    "phnoe sync",
    "exepct no conflicts",
    "blah blah",
    "Phone sync",
    "create task/2 in project/p",
    "set task/1 title=x",
    "sync",
    "phone: sync",
    "fault: lose phone's next push",
    "phone, laptpo sync",
    "phone snyc",
    "phone",
    "phone dance",
    "phone power off",
    "3 phone sync",
    ", phone sync",
    "phone sync # at once",
    "phone sync now",
    "phone, phone sync",
    "server sync",
    "server create task/2 in project/p",
    // Labels and times.
    "heal: phone sync",
    "f.1: fault lose phone's next push",
    "at 3s f1: phone sync",
    "at 3 phone sync",
    "at 5s phone sync\nat 3s phone sync",
    "at soon phone sync",
    "at start phone sync",
    "at start fault lose phone's next push",
    "f1: device tablet: ana",
    "f1: heal\nf1: settle",
    "s5: heal\nsettle\nsettle",
    "f1: heal\nend f1",
    "fault loss phone 5%\nend s3",
    "f1: fault loss phone 5%\nend f2",
    "end f1\nf1: fault loss phone 5%",
    "f1: fault loss phone 5%\nheal\nend f1",
    "end",
    // Units and numbers.
    "wait 5sec",
    "wait 5",
    "wait 5 s",
    "wait 5parsecs",
    "wait 1s1m",
    "wait 0.1ms",
    "wait 36501d",
    "wait 99999999999999999999999999d",
    "fault loss phone 101%",
    "fault loss phone 0.001%",
    "fault loss phone 5",
    "fault bandwidth phone 10kb/s",
    "fault bandwidth phone 0B/s",
    "fault latency phone 2s..400ms",
    "fault latency phone fast",
    "fault reset phone's connection after many bytes",
    "fault jump phone's clock by -2x",
    "fault jump phone's clock by 40000d",
    // Faults.
    "fault",
    "fault lsoe phone's next push",
    "fault eat phone's next push",
    "fault lose phone next push",
    "fault lose server's next push",
    "fault lose tablet's next push",
    "fault lose phone's 2th push",
    "fault lose phone's second push",
    "fault lose phone's next psuh",
    "fault lose the answer of phone's next push",
    "fault delay the answer to phone's next push for 2m",
    "fault answer phone's next push with 99",
    "fault answer phone's next push with 700",
    "fault partition phone",
    "fault partition phone | laptop",
    "fault cut phone | server",
    "fault loss server 5%",
    "fault kill tablet at its 7th disk operation",
    "fault kill phone at its every disk operation",
    "fault kill phone at disk operation 7",
    "fault kill phone after 0 acknowledged",
    "fault kill server after 3 acknowledged",
    "fault kill phone after its 3rd disk write",
    "fault kill phone soon",
    "fault power loss keep-most on phone at its 7th disk operation",
    "fault power loss subset-0 on phone at its 7th disk operation",
    "fault power loss subset-many on phone at its 7th disk operation",
    "fault fill phone disk",
    "fault fail phone's next disk seek",
    "fault lie about server's disk syncs",
    "fault flip a bit of phone's ram",
    // Hosts and their disks.
    "phone power loss keep-most",
    "server suspend",
    "phone suspend\nphone set task/1 title=x",
    "phone resume",
    "phone restore b1",
    "phone backup b1\nphone backup b1",
    "phone backup b1\nlaptop restore b1",
    "phone, laptop backup b1",
    "phone wipe\nphone sync",
    "phone clone onto laptop",
    "phone clone onto phone",
    "phone sign on",
    // Records.
    "phone set task/2 title=x",
    "phone set task/2 title=x\nphone delete task/2\nphone create task/2 in project/p",
    "phone set taks/1 title=x",
    "phone create tsk/2 in project/p",
    "phone create task in project/p",
    "phone create task/- in project/p",
    "phone create task/2",
    "phone create task/2 in home",
    "phone create task/2 in task/1",
    "phone create task/2 in project/q",
    "phone create task/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx in project/p",
    "phone create project/q in hmoe",
    "phone create project/q in project/p",
    "phone create task/1 in project/p",
    "phone, laptop create task/2 in project/p",
    "phone create task/# in project/p",
    "9 times: phone create task/2 in project/p",
    "9 times: phone create task/# in project/p",
    "9 times: phone delete task/#",
    "0 times: phone delete task/1",
    "10001 times: phone delete task/1",
    "9 times phone delete task/1",
    "9 times within: phone delete task/1",
    "9 times: phone sync",
    "9 times: wait 1s",
    // Fields and values.
    "phone set task/1 completed_conut+=3",
    "phone set task/1 count+=3",
    "phone set task/1 colour=high",
    "phone cannot kill",
    "phone make zed viewer in home",
    "phone make ana king in home",
    "phone remove ana home",
    "phone sign in as zed",
    "phone upgrade to 9",
    "phone require app 4",
    "grant nowhere: ana viewer",
    "grant home: ana",
    "revoke home: zed",
    "expect task/1 in phone's tray because nothing",
    "expect alert loud",
    "phone set task/1",
    "phone set task/1 title",
    "phone set task/1 title=",
    "phone set task/1 title=Buy milk",
    "phone set task/1 title+=3",
    "phone set task/1 title=3",
    "phone set task/1 title=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "phone set task/1 title=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "phone set task/1 title=[a]",
    "phone set task/1 due=2026-01-01",
    "phone set task/1 due!=tomorrow",
    "phone set task/1 tags=home",
    "phone set task/1 tags=[home]",
    "phone set task/1 tags+=[home]",
    "phone set task/1 tags+=3",
    "phone set task/1 tags+=a tags-=a",
    "phone set task/1 completed_count=3",
    "phone set task/1 completed_count+=three",
    "phone set task/1 completed_count+=9223372036854775808",
    "phone set task/1 title=a status=b title=c",
    "phone create task/2 in project/p tags-=home",
    "phone add three to task/1 completed_count",
    "phone add 3 task/1 completed_count",
    "phone add 3 to task/1 title",
    "phone set task/1 title=\"no end",
    "phone set task/1 title=\"\\q\"",
    "phone set task/1 title=\"\\u{110000}\"",
    "phone set task/1 title=\u{201c}Milk\u{201d}",
    "phone set task/1\u{a0}title=x",
    "phone set task/1 title=\"\u{7}\"",
    "phone resolve task/1.title keep mine",
    "phone resolve task/1.state keep mine",
    "phone resolve task/1 keep mine",
    "phone resolve task/1.status keep theirs",
    "phone resolve task/1.status take mine",
    "phone resolve task/1.status merge 3",
    // Hosts.
    "phone restart",
    "phone online",
    "phone offline\nphone offline",
    "phone kill\nphone kill",
    "phone kill\nphone delete task/1",
    "phone, laptop power loss\nlaptop restart\nphone, laptop sync",
    "server kill\nexpect task/1 once on server",
    "phone kill\nexpect phone's tray empty",
    // Expectations.
    "expect",
    "expect all is well",
    "expect task/1 once",
    "expect task/1 once evrywhere",
    "expect task/1 on phone, server",
    "expect task/1 on tablet",
    "expect task/2 once everywhere",
    "expect task/1 title=[a] everywhere",
    "expect task/1 tags=home everywhere",
    "expect task/1 tags=[home, home] everywhere",
    "expect task/1 tags=[3] everywhere",
    "expect task/1 tags=[home everywhere",
    "expect task/1 completed_count=\"3\" everywhere",
    "expect task/1 completed_count+=3 everywhere",
    "expect task/1 title=a title=b everywhere",
    "expect task/1 titel=a everywhere",
    "expect conflict task/1.title shown on phone",
    "expect conflict task/1 shown on phone",
    "expect conflict task/1.status seen on phone",
    "expect no conflict",
    "expect phone's bagde synced",
    "expect phone's badge green",
    "expect phone's tray full",
    "expect task/1 in tray",
    // A declaration below.
    "device tablet: ana",
    "scenario again",
];

/// Whole files.
const FILES: &[&str] = &[
    "",
    "# only a comment\n",
    "suite pr\n",
    "suite pr\nscenario late\n",
    "scenario\n",
    "scenario 1st\n",
    "scenario x\nsuite hourly\n",
    "scenario x\nseed 18446744073709551616\n",
    "scenario x\nseed -1\n",
    "scenario x\nclient ./mine\n",
    "scenario x\ndigest 3f2a\n",
    "scenario x\nviolates lost\n",
    "scenario x\nreaches\n",
    "scenario x\nreaches \"a word\"\n",
    "scenario x\nreaches a\nreaches b\n",
    "scenario x\nset push_mx 3\n",
    "scenario x\nset push_max 0\n",
    "scenario x\nset push_max 3s\n",
    "scenario x\nset push_max lots\n",
    "scenario x\nset sync_every 30\n",
    "scenario x\nset sync_every 0s\n",
    "scenario x\nset push_max 3\nset push_max 4\n",
    "scenario x\nworkspace home\n",
    "scenario x\nworkspace home: ana\n",
    "scenario x\nworkspace home: ana editr\n",
    "scenario x\nworkspace home: ana editor, ana viewer\n",
    "scenario x\nworkspace home: ana editor\nworkspace home: ben editor\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: anna\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana\ndevice phone: ana\n",
    "scenario x\nworkspace home: ana editor\ndevice server: ana\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana drift 200000ppm\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana drift 1%\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana slow\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana scope work\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana scope home, home\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana entities\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana entities project, taks\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana entities project, project\n",
    "scenario x\nworkspace home: ana editor\ndevice phone: ana scope home entities comment, project\n",
    "scenario x\nworkspace home: ana editor\nworkspace work: ana editor\ndevice phone: ana\nphone create project/p\n",
    "scenario x\nscenario y\nseed 1\nseed 2\n",
    // Every line that cannot be read is told of, and nothing that follows from them.
    "scenario x\nworkspace home: ana editor\ndevice phone: ana clok +3m\nphone create project/p titel\nphone dance\nphone set task/1\n",
    // Every use of what is not there is told of once.
    "scenario x\nworkspace home: ana editor\ntablet create project/p\ntablet sync\ntablet set project/q title=x\ntablet delete project/q\n",
];

#[test]
fn every_error() {
    let steps = STEPS.iter().map(|steps| (*steps, format!("{WORLD}{steps}\n")));
    let files = FILES.iter().map(|file| (*file, (*file).to_owned()));
    let mut table = String::new();
    for (case, text) in steps.chain(files) {
        match parse(&text) {
            Ok(_) => panic!("this parses:\n{case}"),
            Err(errors) => writeln!(table, "{:=<100}\n{}", "", errors.render("bad.scn", false)).unwrap(),
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_stands_above_the_steps_is_right_by_itself() {
    parse(WORLD).unwrap();
}

#[test]
fn colours_are_there_when_asked_for() {
    let errors = parse("scenario x\nphnoe sync\n").unwrap_err();
    let colored = errors.render("bad.scn", true);
    assert!(colored.contains("\u{1b}["), "{colored}");
    assert!(!errors.render("bad.scn", false).contains('\u{1b}'));
}

#[test]
fn places_are_told_in_characters_from_one() {
    let text = "\u{feff}scenario x\r\n# Gr\u{fc}\u{df}e\r\n\tfault \"\u{fc}\u{fc}\" x\r\n";
    let errors = parse(text).unwrap_err();
    let first = errors.iter().next().unwrap();
    assert_eq!((first.line, first.column, first.span.clone()), (3, 8, 7..13));
    assert!(errors.to_string().starts_with("3:8: expected a fault"), "{errors}");
}

#[test]
fn a_script_is_bounded() {
    let long = format!("scenario x\n#{}\n", "x".repeat(TEXT_BYTES_MAX));
    let errors = parse(&long).unwrap_err();
    assert!(errors.render("long.scn", false).contains("longer than"), "{errors}");
    let many = format!("scenario x\n{}", "\n".repeat(LINES_MAX));
    assert!(parse(&many).unwrap_err().to_string().contains("more than 20000 lines"));
    parse(many.strip_suffix('\n').unwrap()).unwrap();
    // Short as a text, but not when it is printed: a column takes more than a space.
    let wide = format!("{WORLD}{}", format!("phone set task/1 title={}\n", "x".repeat(60)).repeat(12_450));
    assert!(wide.len() < TEXT_BYTES_MAX);
    assert!(parse(&wide).unwrap_err().to_string().contains("longer than"));
    let actions = format!("{WORLD}{}", "10000 times: phone delete task/1\n".repeat(11));
    assert!(parse(&actions).unwrap_err().to_string().contains("more than 100000 user actions"));
}

#[test]
fn an_unknown_parameter_is_told_with_all_that_there_are() {
    let errors = parse("scenario x\nset speed 3\n").unwrap_err().to_string();
    assert!(errors.contains("there is no parameter `speed`"), "{errors}");
    assert!(PARAMETERS.iter().all(|decl| errors.contains(decl.name)), "{errors}");
}

#[test]
fn after_the_first_few_errors_the_parser_stops() {
    // The first is a syntax error, the second is found by the check.
    for line in ["oops\n", "phone sync\nphone restart\n"] {
        let errors = parse(&format!("{WORLD}{}", line.repeat(PROBLEMS_MAX + 5))).unwrap_err();
        assert_eq!(errors.iter().count(), PROBLEMS_MAX);
        assert!(errors.render("bad.scn", false).ends_with("\nstopped after 5 errors\n"));
    }
}

#[test]
fn a_large_script_that_is_wrong_everywhere_is_refused_at_once() {
    let declared: String = (0..9_000).map(|n| format!("device d{n}: ana\n")).collect();
    let used: String = (0..9_000).map(|n| format!("x{n}, y{n} set task/{n} title=x\n")).collect();
    let text = format!("scenario x\nworkspace home: ana editor\n{declared}{used}");
    assert_eq!(parse(&text).unwrap_err().iter().count(), PROBLEMS_MAX);
}

#[test]
fn a_line_of_a_quarter_mebibyte_is_read_and_refused_without_harm() {
    let world = WORLD.len();
    for line in ["[", "\"", "\\", "x ", "#", "task/1=", "phone,", "1s", "\u{fc}"] {
        let text = format!(
            "{WORLD}phone set task/1 title={}",
            line.repeat((TEXT_BYTES_MAX / 4 - world) / line.len())
        );
        let errors = parse(&text).unwrap_err();
        assert!(errors.render("bad.scn", false).contains("bad.scn:7:"), "{line}");
    }
}
