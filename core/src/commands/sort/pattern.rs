//! Patterns of BY and GET: the key, or the field of a hash, that an element leads to.

use crate::keyspace::Keyspace;
use crate::keyspace::entry::Value;
use crate::keyspace::object::Object;
use crate::structure::listpack::Item;

/// Between a key and a field.
const ARROW: &[u8] = b"->";

/// A pattern of BY or GET.
pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// The element stands where the star was.
    Key { before: &'a [u8], after: &'a [u8], field: Option<&'a [u8]> },
    /// No star: leads nowhere.
    Nowhere,
}

impl<'a> Pattern<'a> {
    pub(super) fn new(pattern: &'a [u8]) -> Self {
        if pattern == b"#" {
            return Self::Element;
        }
        let Some(star) = memchr::memchr(b'*', pattern) else { return Self::Nowhere };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = after.windows(ARROW.len()).position(|bytes| bytes == ARROW);
        match arrow {
            Some(at) if at + ARROW.len() < after.len() => {
                Self::Key { before, after: &after[..at], field: Some(&after[at + ARROW.len()..]) }
            }
            _ => Self::Key { before, after, field: None },
        }
    }

    pub(super) fn has_star(&self) -> bool {
        matches!(self, Self::Key { .. })
    }

    /// What GET answers for an element: itself, or the string it leads to.
    pub(super) fn value_for<'k>(&self, keys: &'k mut Keyspace<'_>, element: &'k [u8]) -> Option<Item<'k>> {
        match self {
            Self::Element => Some(Item::Text(element)),
            _ => self.stored_for(keys, element),
        }
    }

    /// The string under the key that the pattern makes of an element.
    pub(super) fn stored_for<'k>(&self, keys: &'k mut Keyspace<'_>, element: &[u8]) -> Option<Item<'k>> {
        let Self::Key { before, after, field } = self else { return None };
        let hasher = keys.layout().hasher();
        let key = [before, element, after].concat();
        let slot = keys.read(&key);
        match (keys.entry(slot)?.value(), field) {
            (Value::Integer(integer), None) => Some(Item::Integer(integer)),
            (Value::Bytes(text), None) => Some(Item::Text(text)),
            (Value::Object(Object::Raw(text)), None) => Some(Item::Text(text)),
            (Value::Object(Object::Hash(hash)), Some(field)) => hash.get(field, hasher),
            _ => None,
        }
    }
}
