//! Rule `custom`: of two concurrent writes the server makes one.
//!
//! There is one such field, a task's priority, and one merge: the more urgent stays. It takes two
//! values and no history, so that devices end alike in whatever order their writes arrive.

use std::cmp::Ordering;

use deadzone_contract::Value;
use deadzone_contract::wire::Base;

use super::Effects;
use crate::failure::Unfit;

/// From the least to the most urgent; what is not here is below all of them.
const URGENCIES: [&str; 4] = ["low", "normal", "high", "urgent"];

impl Effects<'_> {
    pub(super) fn merge(&mut self, field: &str, value: &Value, base: &Base) -> Result<(), Unfit> {
        let current = self.current(field)?;
        let against = match &current {
            Some(other) if !self.fits(field, Some(other), base)? => other,
            _ => return Ok(self.replace(field, value, current.as_ref())?),
        };
        match urgency(&against.value).cmp(&urgency(value)) {
            Ordering::Less => self.replace(field, value, Some(against))?,
            Ordering::Equal => self.agree(field, against)?,
            Ordering::Greater => {}
        }
        Ok(())
    }
}

/// A total order: words of the same urgency go by their letters.
fn urgency(value: &Value) -> (Option<usize>, &Value) {
    let rank = URGENCIES.iter().position(|word| matches!(value, Value::Text(text) if text == word));
    (rank, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_values_have_an_order() {
        let ascending = [Value::Int(7), Value::text("asap"), Value::text("whenever")]
            .into_iter()
            .chain(URGENCIES.map(Value::text));
        let ascending: Vec<_> = ascending.collect();
        assert!(ascending.is_sorted_by(|a, b| urgency(a) < urgency(b)), "{ascending:?}");
    }
}
