//! A proxy between the devices and the server that keeps answers, as many companies and carriers
//! run one. It goes by the path alone: whoever asks for the same gets the same, unless the answer
//! said that it is for one pair of eyes.

use bytes::Bytes;
use deadzone_script::Fault;
use deadzone_trace::Exchange;
use http::header::CACHE_CONTROL;
use http::{Method, Response, StatusCode, Uri};

use super::Nemesis;
use crate::front::REPLACED;

/// What such a proxy keeps of an answer.
#[derive(Clone)]
pub(super) struct Kept {
    answer: Response<Bytes>,
    /// Who asked.
    device: String,
}

impl Nemesis {
    /// An answer that the proxy has for a request, which then never reaches the server.
    pub(crate) fn cached(&self, exchange: &Exchange, method: &Method, uri: &Uri) -> Option<Response<Bytes>> {
        let label = self.cache()?;
        if *method != Method::GET {
            return None;
        }
        let kept = self.lock().kept.get(&uri.to_string()).cloned()?;
        let asker = exchange.0.split('#').next().unwrap_or_default();
        self.strike(&label, format!("{asker} got what the proxy had kept of an answer to {}", kept.device));
        let mut answer = kept.answer;
        answer.headers_mut().insert(REPLACED, http::HeaderValue::from_static("1"));
        Some(answer)
    }

    /// Lets an answer of the server pass the proxy. One that it must not keep has shown what the
    /// proxy is there to show, too.
    pub(crate) fn pass_cache(
        &self,
        exchange: &Exchange,
        method: &Method,
        uri: &Uri,
        answer: &Response<Bytes>,
    ) {
        let Some(label) = self.cache() else { return };
        if *method != Method::GET || answer.status() != StatusCode::OK {
            return;
        }
        let path = uri.to_string();
        let control = answer.headers().get(CACHE_CONTROL).and_then(|control| control.to_str().ok());
        if control.is_some_and(|control| control.contains("private") || control.contains("no-store")) {
            return self.strike(&label, format!("the proxy was told not to keep the answer to {path}"));
        }
        let device = exchange.0.split('#').next().unwrap_or_default().to_owned();
        self.lock().kept.insert(path, Kept { answer: answer.clone(), device });
    }

    /// The label of the fault, while it acts.
    fn cache(&self) -> Option<String> {
        let state = self.lock();
        let active = state.active.iter().find(|active| matches!(active.fault, Fault::CacheAnswers))?;
        Some(active.label.clone())
    }
}
