//! What the platform and the user do to a running app.

use std::sync::Arc;

use deadzone_contract::seam::BoxFuture;
use deadzone_contract::view::View;
use deadzone_contract::{Action, Code, Device, Refusal, Saved};
use tokio::sync::oneshot;

use crate::app::App;
use crate::policy::{Answering, Reconnect};

/// What the world holds of a running app.
pub(crate) struct Handle(pub(crate) Arc<App>);

impl Handle {
    async fn save(&self, action: Action) -> Result<Saved, Refusal> {
        let app = &self.0;
        match crate::act::act(app, action.clone()).await {
            // The database failed or turned out to be damaged before anything was committed. It
            // is opened anew, mended if need be, and the user need not try again.
            Err(refusal) if refusal.code == Code::Storage && !app.store.lock().await.is_open() => {
                if app.open_store().await.map(drop).is_err() {
                    app.wake.notify_one();
                    return Err(refusal);
                }
                if matches!(action, Action::SignOut { .. }) {
                    return Ok(Saved::of(None)); // whoever opens the database goes on with that
                }
                crate::act::act(app, action).await
            }
            other => other,
        }
    }

    async fn round(&self) -> Result<(), String> {
        let (done, answer) = oneshot::channel();
        self.0.shared().waiters.push(done);
        self.0.nudge(true);
        answer.await.unwrap_or_else(|_| Err("the app is gone".to_owned()))
    }
}

impl Device for Handle {
    fn act(&self, action: Action) -> BoxFuture<'_, Result<Saved, Refusal>> {
        Box::pin(async move {
            let saved = self.save(action).await?;
            self.0.nudge(false);
            if self.0.policy.answering == Answering::AfterRound {
                let _ = self.round().await; // saved it is, however that went
            }
            Ok(saved)
        })
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.round())
    }

    fn connectivity(&self, online: bool) {
        if online && self.0.policy.reconnect == Reconnect::StayQuiet {
            return;
        }
        self.0.shared().online = online;
        self.0.listen.notify_one();
        self.0.nudge(online);
    }

    fn view(&self) -> BoxFuture<'_, View> {
        Box::pin(async move {
            // The lock orders this after whatever is being committed.
            let _store = self.0.store.lock().await;
            self.0.shared().shown.view()
        })
    }
}
