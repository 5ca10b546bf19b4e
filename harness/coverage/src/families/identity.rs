//! Tokens, sign-ins and sign-outs, with work waiting.

use deadzone_contract::{Action, Code};
use deadzone_trace::Event;

use crate::met::Met;
use crate::state::Class;
use crate::table::Case;
use crate::walk::See;

pub(super) fn look(see: &See<'_, '_>, met: &mut Met) {
    match see.event {
        Event::Delivered { replaced, .. } => delivered(see, replaced.is_some(), met),
        Event::Saved { .. } => saved(see, met),
        Event::Refused { code, .. } => refused(see, *code, met),
        _ => {}
    }
}

fn delivered(see: &See<'_, '_>, replaced: bool, met: &mut Met) {
    let (Some(request), Some((_, device))) = (see.request, see.sender()) else { return };
    if !device.has_pending() {
        return;
    }
    let code = see.answer.and_then(|answer| answer.code);
    met.when(code == Some(Code::Unauthenticated), Case::TokenExpiresWithWork);
    if request.class == Class::Refresh {
        met.when(replaced, Case::IdentityProviderDownWithWork);
        met.when(code == Some(Code::SignInAgain), Case::RefreshTokenExpiresWithWork);
    }
}

fn saved(see: &See<'_, '_>, met: &mut Met) {
    let (Some((_, device)), Some(begun)) = (see.on(), see.begun) else { return };
    match begun.act {
        Action::SignIn { user, .. } if device.last_user != user => met.add(Case::AccountSwitched),
        Action::SignIn { .. } => met.when(device.has_pending(), Case::SignInWithWork),
        Action::SignOut { anyway } => {
            met.when(*anyway && device.has_pending(), Case::SignOutThrowsWorkAway);
            let others = see.state.devices.iter().filter(|other| other.user == device.user).count();
            met.when(others > 1, Case::SignOutOnOneOfTwoDevices);
        }
        _ => {}
    }
}

fn refused(see: &See<'_, '_>, code: Code, met: &mut Met) {
    let (Some((_, device)), Some(begun)) = (see.on(), see.begun) else { return };
    match (begun.act, code) {
        (Action::SignOut { .. }, Code::WorkPending) => met.add(Case::SignOutRefusedWithWork),
        (Action::SignIn { user, .. }, _) if device.last_user != user => met.add(Case::SecondAccountRefused),
        (Action::Delete { .. } | Action::SetRole { .. }, Code::Offline) => {
            met.add(Case::StepUpRefusedOffline);
        }
        (_, Code::SignedOut) => met.add(Case::WorkRefusedSignedOut),
        (Action::Edit { .. } | Action::Create { .. }, Code::Forbidden) => met.add(Case::WorkRefusedByRole),
        _ => {}
    }
}
