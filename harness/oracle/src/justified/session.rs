//! Nobody is asked to sign in while the refresh token is good.

use std::collections::BTreeMap;

use deadzone_contract::{Badge, Code, Status};
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::{Class, History};

/// Judges what every device says of its session.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let mut sessions: BTreeMap<&str, Session> = BTreeMap::new();
    let closed: BTreeMap<usize, usize> = history
        .wire
        .requests()
        .iter()
        .enumerate()
        .filter_map(|(i, request)| Some((request.closed?, i)))
        .collect();
    let devices = history.header.devices.keys().map(String::as_str);
    let mut sign_outs: Vec<(usize, &str)> = devices
        .flat_map(|device| history.users.sign_outs(device).map(move |out| (out.begun, device)))
        .collect();
    sign_outs.sort_unstable();
    let mut sign_outs = sign_outs.into_iter().peekable();
    for (at, entry) in history.entries.iter().enumerate() {
        while let Some((begun, device)) = sign_outs.next_if(|(begun, _)| *begun <= at) {
            sessions.insert(device, Session { begun: None, ended: begun });
        }
        if !matters(&entry.event) {
            continue;
        }
        let session = sessions.entry(&entry.host).or_default();
        match &entry.event {
            Event::Delivered { .. } => {
                if let Some(request) = closed.get(&at).map(|&i| &history.wire.requests()[i]) {
                    // What was asked for before a sign-out is not for anybody any more.
                    let hands_out = request.class == Class::Token
                        && request.accepted == Some(at)
                        && request.sent >= session.ended;
                    let ends = request.answers.iter().any(|a| a.content.problem == Some(Code::SignInAgain));
                    if hands_out && request.answers.iter().any(|answer| !answer.content.tokens.is_empty()) {
                        session.begun = Some(at);
                    } else if ends {
                        session.begun = None;
                    }
                }
            }
            // The secrets are gone, or those of somebody else.
            Event::Wiped | Event::Cloned { .. } | Event::Restored { .. } => session.begun = None,
            Event::Status(status) => session.judge(history, at, entry, status, findings),
            Event::Viewed(view) => session.judge(history, at, entry, &view.status, findings),
            _ => {}
        }
    }
}

/// Events that change a session, or show it.
fn matters(event: &Event) -> bool {
    matches!(
        event,
        Event::Delivered { .. }
            | Event::Wiped
            | Event::Cloned { .. }
            | Event::Restored { .. }
            | Event::Status(_)
            | Event::Viewed(_)
    )
}

/// What one device can know of its session.
#[derive(Default)]
struct Session {
    /// When it last got tokens that nothing has ended since.
    begun: Option<usize>,
    /// When somebody last signed out.
    ended: usize,
}

impl Session {
    fn judge(
        &self,
        history: &History<'_>,
        at: usize,
        entry: &Entry,
        status: &Status,
        findings: &mut Findings,
    ) {
        let Some(begun) = self.begun else { return };
        let asks = status.last_error.as_deref().is_some_and(asks_to_sign_in);
        let age_us = entry.at_us.saturating_sub(history.entries[begun].at_us);
        let parameters = &history.header.parameters;
        // It has had the time to keep its tokens, and they are not too old.
        let good = (parameters.save_bound..parameters.refresh_life).contains(&(age_us / 1_000));
        if status.badge != Badge::Error || !asks || !good {
            return;
        }
        let device = entry.host.as_str();
        let case = Case::new("signed-out-needlessly", "session").device(device).evidence([begun, at]);
        findings.report(case.says(
            format!(
                "{device} asks its user to sign in (`{}`), although nobody has refused its tokens",
                status.last_error.as_deref().unwrap_or_default(),
            ),
            "a refresh: the refresh token is good",
        ));
    }
}

/// Whether an error is about signing in.
fn asks_to_sign_in(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    let words = ["sign in again", "sign-in-again", "signed-out", "signed out", "nobody is signed in"];
    words.iter().any(|words| error.contains(words))
}
