//! The collection types: each keeps its elements in the encoding that suits their number and size, small ones as a
//! listpack or intset, larger ones in a structure with the type's complexity. The thresholds come from the settings.

mod hash;
mod limits;
mod list;
mod members;
mod set;
mod sorted_set;

pub(crate) use hash::text_bytes;
pub use hash::{Field, FieldExpiry, Hash};
pub use limits::{PackLimits, SetLimits};
pub use list::List;
pub use members::{Members, element_of};
pub use set::{Choice, Set, scale, with_text};
pub use sorted_set::SortedSet;
