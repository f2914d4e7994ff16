//! The one list of what Larder does not do, or what is not tested here, each with its reason.

/// Something expected of a row that is not asserted.
pub struct Gap {
    /// Number of the row.
    pub row: &'static str,
    /// What is left out.
    pub part: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// All known gaps, printed at the end of a run.
pub const GAPS: &[Gap] = &[
    Gap {
        row: "B13",
        part: "least rate for a client that has logged in",
        reason: "its connection has no timer by design; `timeout` ends it, and memory follows the bytes that came",
    },
    Gap { row: "B17", part: "with TLS", reason: "the server has no TLS listener yet" },
    Gap {
        row: "B41",
        part: "`private` on a value behind a token",
        reason: "RFC 9111 forbids shared caches to keep it anyway; those that ignore the RFC need the word",
    },
    Gap {
        row: "B63",
        part: "a peer that is not on this machine",
        reason: "tests bind loopback addresses only; the guard's unit tests hold the rule",
    },
    Gap { row: "B66", part: "random commands against the reference", reason: "tests/src/differential does that" },
];
