//! Parameters as a tree: `Entry.2.Id=a` is the value at `Entry`, `2`, `Id`.

use crate::wire::protocol::{
    budget::{Budget, Depth},
    scalar::Mismatch,
};
use std::collections::BTreeMap;

/// What stands at a place: a value, or what lies below it, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    pub(super) value: Option<String>,
    pub(super) below: BTreeMap<String, Form>,
}

impl Form {
    /// Reads `name=value` pairs with `&` between, percent escapes and `+` undone. What comes twice counts as
    /// it came last.
    ///
    /// # Errors
    /// For what is no UTF-8, too deep, or too much.
    pub fn read(pairs: &[u8]) -> Result<Self, Mismatch> {
        let mut form = Self::default();
        let budget = Budget::new();
        for pair in pairs.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            form.put(&decoded(name)?, decoded(value)?, &budget)?;
        }
        Ok(form)
    }

    /// The value of a parameter at the top.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.below.get(name)?.value.as_deref()
    }

    /// Sets a parameter at the top unless it is there.
    pub fn or_put(&mut self, name: &str, value: &str) {
        let place = self.below.entry(name.to_owned()).or_default();
        place.value.get_or_insert_with(|| value.to_owned());
    }

    fn put(&mut self, name: &str, value: String, budget: &Budget) -> Result<(), Mismatch> {
        let (mut place, mut depth) = (self, Depth::default());
        for step in name.split('.') {
            depth = depth.deeper()?;
            budget.take(1)?;
            place = place.below.entry(step.to_owned()).or_default();
        }
        place.value = Some(value);
        Ok(())
    }

    /// What lies below numbers, in their order.
    pub(super) fn items(&self) -> Vec<&Self> {
        let numbered = self.below.iter().filter_map(|(step, form)| Some((step.parse::<u32>().ok()?, form)));
        let mut numbered: Vec<(u32, &Self)> = numbered.collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, form)| form).collect()
    }
}

fn decoded(text: &[u8]) -> Result<String, Mismatch> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        match (first, escape(others)) {
            (b'+', _) => bytes.push(b' '),
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            (plain, _) => bytes.push(*plain),
        }
    }
    String::from_utf8(bytes).map_err(|_| "The request is no UTF-8".to_owned())
}

fn escape(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}
