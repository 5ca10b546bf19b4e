//! What a request says of itself in its headers.

use axum::http::{HeaderMap, header};
use deadzone_contract::wire::HEADER_DEVICE_ID;

use crate::failure::Failure;

/// A device id is a header and half of a key; longer ones are refused.
const DEVICE_ID_LEN_MAX: usize = 128;

/// The token that it shows.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The device that speaks.
pub(crate) fn device(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(HEADER_DEVICE_ID) else { return Ok(None) };
    match value.to_str() {
        Ok(id) if (1..=DEVICE_ID_LEN_MAX).contains(&id.len()) => Ok(Some(id.to_owned())),
        _ => Err(Failure::malformed(format!("a device id is 1 to {DEVICE_ID_LEN_MAX} ASCII characters"))),
    }
}

/// A header that is a whole number.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Failure> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match value.to_str().ok().and_then(|value| value.parse().ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(Failure::malformed(format!("the header `{name}` is a whole number"))),
    }
}
