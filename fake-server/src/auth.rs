//! Who speaks: passwords, access tokens, refresh tokens.
//!
//! Tokens are kept as SHA-256 only: they are random, so a plain hash cannot be turned back, and
//! a stolen database signs nobody in. Passwords are salted and hashed once, which is enough for
//! the made-up passwords of tests and far too little for those of people.
//!
//! A refresh token is good for one use, but its answer can be lost. So a use retires what came
//! *before* the token, and the token itself stays until one of its successors is used: a device
//! that never got the successor asks again with what it has, however often that happens.

use axum::http::HeaderMap;
use deadzone_contract::seam::Random;
use deadzone_contract::wire::{TokenAnswer, TokenRequest};
use deadzone_contract::{Code, Parameters};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::shape::Shape;
use crate::{App, headers, records};

/// Expired tokens that one issue of tokens deletes, of each kind: more than it adds.
const EXPIRED_MAX: u32 = 8;

/// Whose request it is.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// By the access token.
    pub(crate) user: String,
    /// By the header; a pull can do without.
    pub(crate) device: Option<String>,
    /// What its app understands.
    pub(crate) shape: Shape,
    /// When the access token was got with a password; none: it was got by a refresh.
    signed_in_ms: Option<u64>,
}

impl Caller {
    /// Whether the user showed a password so short a time ago that a step-up operation is allowed.
    pub(crate) fn is_fresh(&self, now_ms: u64, parameters: &Parameters) -> bool {
        self.signed_in_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) <= parameters.step_up_life)
    }
}

/// Carries out `POST /auth/token`.
pub(crate) async fn token(app: &App, request: TokenRequest) -> Result<TokenAnswer, Failure> {
    let mut transaction = app.begin().await?;
    let issue = Issue {
        db: &transaction,
        random: app.env.random.as_ref(),
        parameters: &app.parameters,
        now_ms: app.now_ms(),
    };
    let answer = match request {
        TokenRequest::Password { user, password } => issue.sign_in(&user, &password),
        TokenRequest::Refresh { refresh_token } => issue.refresh(&refresh_token),
    }?;
    transaction.commit()?;
    Ok(answer)
}

/// One request for tokens.
struct Issue<'a> {
    db: &'a Connection,
    random: &'a dyn Random,
    parameters: &'a Parameters,
    now_ms: u64,
}

impl Issue<'_> {
    fn sign_in(&self, user: &str, password: &str) -> Result<TokenAnswer, Failure> {
        if !password_fits(self.db, user, password)? {
            let detail = "the user or the password is wrong";
            return Err(Failure::new(401, Code::Unauthenticated, detail));
        }
        let session = self.random.token("session");
        self.issue(user, &session, 0, Some(self.now_ms))
    }

    fn refresh(&self, token: &str) -> Result<TokenAnswer, Failure> {
        let hash = sha256(token);
        let known = self
            .db
            .prepare_cached(
                "SELECT user, session, generation FROM refresh_tokens WHERE hash = ?1 AND expires_ms > ?2",
            )?
            .query_row(params![hash, self.now_ms], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, u64>(2)?))
            })
            .optional()?;
        let Some((user, session, generation)) = known else {
            let detail = "the refresh token is not valid any more; sign in again, pending work is kept";
            return Err(Failure::new(401, Code::SignInAgain, detail));
        };
        // Its predecessor has done its duty, and so have the other successors of that one.
        self.db
            .prepare_cached(
                "DELETE FROM refresh_tokens WHERE session = ?1 AND generation <= ?2 AND hash <> ?3",
            )?
            .execute(params![session, generation, hash])?;
        self.issue(&user, &session, generation + 1, None)
    }

    fn issue(
        &self,
        user: &str,
        session: &str,
        generation: u64,
        signed_in_ms: Option<u64>,
    ) -> Result<TokenAnswer, Failure> {
        self.forget_expired()?;
        let access_token = self.random.token("access token");
        let refresh_token = self.random.token("refresh token");
        self.db
            .prepare_cached(
                "INSERT INTO access_tokens (hash, user, signed_in_ms, expires_ms) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                sha256(&access_token),
                user,
                signed_in_ms,
                later(self.now_ms, self.parameters.access_life)
            ])?;
        self.db
            .prepare_cached(
                "INSERT INTO refresh_tokens (hash, user, session, generation, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                sha256(&refresh_token),
                user,
                session,
                generation,
                later(self.now_ms, self.parameters.refresh_life)
            ])?;
        Ok(TokenAnswer {
            access_token,
            expires_in_ms: self.parameters.access_life,
            refresh_token,
            user: user.to_owned(),
            roles: records::roles(self.db, user)?,
        })
    }

    fn forget_expired(&self) -> rusqlite::Result<()> {
        for sql in [
            "DELETE FROM access_tokens WHERE hash IN
             (SELECT hash FROM access_tokens WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2)",
            "DELETE FROM refresh_tokens WHERE hash IN
             (SELECT hash FROM refresh_tokens WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2)",
        ] {
            self.db.prepare_cached(sql)?.execute(params![self.now_ms, EXPIRED_MAX])?;
        }
        Ok(())
    }
}

/// Says whose request it is, by its headers. What its app understands is agreed on by who admits it.
pub(crate) fn identify(db: &Connection, headers: &HeaderMap, now_ms: u64) -> Result<Caller, Failure> {
    let Some(token) = headers::bearer(headers) else {
        return Err(Failure::new(401, Code::Unauthenticated, "the request carries no access token"));
    };
    let known = db
        .prepare_cached("SELECT user, signed_in_ms FROM access_tokens WHERE hash = ?1 AND expires_ms > ?2")?
        .query_row(params![sha256(token), now_ms], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((user, signed_in_ms)) = known else {
        return Err(Failure::new(401, Code::Unauthenticated, "the access token is not valid any more"));
    };
    Ok(Caller { user, device: headers::device(headers)?, shape: Shape::PRESENT, signed_in_ms })
}

/// Whether a request comes from the operator. Without an operator's token there is none.
pub(crate) fn is_operator(headers: &HeaderMap, operator_token: &str) -> bool {
    !operator_token.is_empty()
        && headers::bearer(headers).is_some_and(|token| sha256(token) == sha256(operator_token))
}

/// Whether there is such a user.
pub(crate) fn is_user(db: &Connection, user: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM users WHERE name = ?1")?.exists([user])
}

/// Whether `user` exists and has this password.
pub(crate) fn password_fits(db: &Connection, user: &str, password: &str) -> rusqlite::Result<bool> {
    let known = db
        .prepare_cached("SELECT password_salt, password_hash FROM users WHERE name = ?1")?
        .query_row([user], |row| Ok((row.get::<_, String>(0)?, row.get::<_, [u8; 32]>(1)?)))
        .optional()?;
    Ok(known.is_some_and(|(salt, hash)| salted(&salt, password) == hash))
}

/// Makes a user or changes the password of one.
pub(crate) fn set_password(
    db: &Connection,
    random: &dyn Random,
    user: &str,
    password: &str,
) -> rusqlite::Result<()> {
    let salt = random.token("password salt");
    db.prepare_cached(
        "INSERT INTO users (name, password_salt, password_hash) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET password_salt = excluded.password_salt,
                                   password_hash = excluded.password_hash",
    )?
    .execute(params![user, salt, salted(&salt, password)])?;
    Ok(())
}

fn salted(salt: &str, password: &str) -> [u8; 32] {
    sha256(&format!("{salt}:{password}"))
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// `now_ms + life_ms`, as far as the database can tell time.
fn later(now_ms: u64, life_ms: u64) -> i64 {
    i64::try_from(now_ms.saturating_add(life_ms)).unwrap_or(i64::MAX)
}
