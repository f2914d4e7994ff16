//! Values as servers without expiries of fields can take them.

use super::Limits;
use crate::keyspace::entry::{Entry, NewValue, Value};
use crate::keyspace::object::{Object, Stored};
use crate::value::{FieldExpiry, Hash};

/// An entry for RDB versions below 12.
#[derive(Debug)]
pub enum Portable {
    /// It can be written as it is.
    AsItIs,
    /// A hash whose fields expired, without their expiries.
    Changed(Entry),
    /// The time of all its fields has come.
    Gone,
}

/// Takes the expiries from the fields of a hash. Fields whose time has come are left out.
pub fn without_field_expiries(entry: &Entry, limits: &Limits, now_ms: u64) -> Portable {
    let Value::Object(Object::Hash(hash)) = entry.value() else { return Portable::AsItIs };
    if hash.next_deadline().is_none() {
        return Portable::AsItIs;
    }
    let mut plain = Hash::default();
    for (field, value, deadline_ms) in hash.iter() {
        if deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms) {
            plain.store(&field.to_vec(), value, FieldExpiry::Never, limits.hash, limits.hasher);
        }
    }
    if plain.is_empty() {
        return Portable::Gone;
    }
    let value = NewValue::Object(Box::new(plain.into_object()));
    Portable::Changed(Entry::new(entry.key(), value, entry.deadline_ms(), entry.clock()))
}
