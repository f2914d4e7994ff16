//! Bugs that the harness plants in order to show that it would find them.
//!
//! Without the feature `planted-bugs` none can be chosen, and the questions for them cost nothing.

/// A bug of a file store, as people write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Records stay in memory until the next ones come.
    AckBeforeWrite,
    /// A flush reaches no file.
    NoFlush,
    /// Creations and removals are left to the operating system.
    NoFolderFlush,
    /// Checksums of records are not looked at.
    NoChecksum,
    /// The last record is not replayed.
    SkipLastRecord,
    /// What is whole of a torn record's requests is replayed.
    SplitTransaction,
    /// Changes are replayed as if they happened when the last one did.
    ResurrectExpired,
    /// A failed flush is tried again on the same file.
    RetryFlush,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AckBeforeWrite,
        Self::NoFlush,
        Self::NoFolderFlush,
        Self::NoChecksum,
        Self::SkipLastRecord,
        Self::SplitTransaction,
        Self::ResurrectExpired,
        Self::RetryFlush,
    ];
}
