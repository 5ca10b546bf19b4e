//! Signing in, staying signed in, and answers that are lost on the way.

use deadzone_contract::problem::Problem;
use deadzone_contract::wire::{TokenAnswer, TokenRequest};
use insta::assert_snapshot;

use crate::lab::Lab;
use crate::render;

fn refresh(lab: &Lab, token: &str) -> Result<TokenAnswer, Problem> {
    lab.token(&TokenRequest::Refresh { refresh_token: token.into() })
}

fn refused(lab: &Lab, token: &str) -> String {
    render::problem(&refresh(lab, token).expect_err("it was good"))
}

#[test]
fn a_sign_in_tells_what_its_user_may() {
    let lab = Lab::with(|p| p.access_life = 5_000);
    let answer = lab.sign_in("ana");
    assert_eq!((answer.user.as_str(), answer.expires_in_ms), ("ana", 5_000));
    assert_eq!(format!("{:?}", answer.roles), r#"{"home": Editor}"#);
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_alike() {
    let lab = Lab::new();
    let attempt = |user: &str, password: &str| {
        let request = TokenRequest::Password { user: user.into(), password: password.into() };
        render::problem(&lab.token(&request).unwrap_err())
    };
    assert_snapshot!(attempt("ana", "ben-pw"), @"401 unauthenticated: the user or the password is wrong");
    assert_eq!(attempt("ana", "ben-pw"), attempt("nobody", "ben-pw"));
}

#[test]
fn an_access_token_ends_with_its_life() {
    let lab = Lab::with(|p| p.access_life = 5_000);
    lab.pull("ana/phone", "");
    lab.pass(4_999);
    assert!(lab.try_pull("ana/phone", "").is_ok());
    lab.pass(1);
    assert_snapshot!(lab.pull("ana/phone", ""), @"401 unauthenticated: the access token is not valid any more");
}

#[test]
fn a_used_token_dies_when_its_successor_is_used() {
    let lab = Lab::new();
    let first = lab.sign_in("ana").refresh_token;
    let second = refresh(&lab, &first).unwrap().refresh_token;
    let third = refresh(&lab, &second).unwrap().refresh_token;
    assert_snapshot!(refused(&lab, &first), @"401 sign-in-again: the refresh token is not valid any more; sign in again, pending work is kept");
    assert!(refresh(&lab, &third).is_ok());
    assert_snapshot!(refused(&lab, &second), @"401 sign-in-again: the refresh token is not valid any more; sign in again, pending work is kept");
}

#[test]
fn a_lost_answer_signs_nobody_out() {
    let lab = Lab::new();
    let first = lab.sign_in("ana").refresh_token;
    // Three answers are lost or late; whichever arrives is good.
    let answers: Vec<_> = (0..3).map(|_| refresh(&lab, &first).unwrap().refresh_token).collect();
    let next = refresh(&lab, &answers[0]).unwrap().refresh_token;
    // From then on the others are nobody's.
    for dead in [&first, &answers[1], &answers[2]] {
        refused(&lab, dead);
    }
    assert!(refresh(&lab, &next).is_ok());
}

#[test]
fn sessions_do_not_end_each_other() {
    let lab = Lab::new();
    let phone = lab.sign_in("ana").refresh_token;
    let tablet = lab.sign_in("ana").refresh_token;
    let phone = refresh(&lab, &phone).unwrap().refresh_token;
    refresh(&lab, &phone).unwrap();
    assert!(refresh(&lab, &tablet).is_ok());
}

#[test]
fn a_refresh_token_ends_with_its_life() {
    let lab = Lab::with(|p| p.refresh_life = 5_000);
    let token = lab.sign_in("ana").refresh_token;
    lab.pass(4_999);
    assert!(refresh(&lab, &token).is_ok());
    lab.pass(1);
    assert_snapshot!(refused(&lab, &token), @"401 sign-in-again: the refresh token is not valid any more; sign in again, pending work is kept");
}

#[test]
fn no_token_and_no_password_stands_in_the_database() {
    let lab = Lab::new();
    let answer = lab.sign_in("ana");
    let dump: Vec<u8> = ["users", "access_tokens", "refresh_tokens"]
        .into_iter()
        .flat_map(|table| {
            let mut statement = lab.anchor.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            let mut bytes = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    match row.get_ref(column).unwrap() {
                        rusqlite::types::ValueRef::Text(b) | rusqlite::types::ValueRef::Blob(b) => {
                            bytes.extend_from_slice(b);
                        }
                        _ => {}
                    }
                }
            }
            bytes
        })
        .collect();
    assert!(dump.windows(3).any(|w| w == b"ana"), "the dump shows what is there");
    for secret in ["ana-pw", &answer.access_token, &answer.refresh_token] {
        assert!(!dump.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret}");
    }
}

#[test]
fn expired_tokens_do_not_pile_up() {
    let lab = Lab::with(|p| (p.access_life, p.refresh_life) = (1_000, 1_000));
    for _ in 0..50 {
        lab.sign_in("ana");
        lab.pass(500);
    }
    let count = |table| {
        let sql = format!("SELECT count(*) FROM {table}");
        lab.anchor.query_row(&sql, [], |row| row.get::<_, u64>(0)).unwrap()
    };
    assert!(count("access_tokens") <= 3 && count("refresh_tokens") <= 3);
}
