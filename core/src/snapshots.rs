//! What is there only while a snapshot is being taken.

/// Nothing, but while a snapshot is being taken. A copy has nothing: what goes on stays with the original.
///
/// Without the feature `snapshots` there is never anything, and the compiler leaves out all that would be done with it:
/// a build that takes none is smaller so.
#[derive(Debug)]
pub(crate) struct DuringSnapshot<T>(Option<Box<T>>);

impl<T> DuringSnapshot<T> {
    /// Nothing goes on.
    pub const NOTHING: Self = Self(None);

    /// This goes on.
    pub fn begin(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// What goes on.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if cfg!(feature = "snapshots") { self.0.as_deref() } else { None }
    }

    /// What goes on, to be changed.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if cfg!(feature = "snapshots") { self.0.as_deref_mut() } else { None }
    }

    /// Takes out what goes on.
    #[inline]
    pub fn take(&mut self) -> Self {
        if cfg!(feature = "snapshots") { Self(self.0.take()) } else { Self::NOTHING }
    }
}

impl<T> Default for DuringSnapshot<T> {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl<T> Clone for DuringSnapshot<T> {
    fn clone(&self) -> Self {
        Self::NOTHING
    }
}
