//! Values that have memory of their own.

/// A value too large or too lively to stand inside its entry's block.
#[derive(Clone, Debug)]
pub enum Object {
    /// A string with spare capacity, made by commands that grow strings in place.
    Raw(Vec<u8>),
}

impl Object {
    /// Heap bytes of the object, its box included.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Raw(bytes) => bytes.capacity(),
            }
    }

    /// The type name that TYPE answers.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Raw(_) => "string",
        }
    }
}
