//! The enumerated values of parameters.

use super::kind::choices;

choices! {
    /// When the log is flushed to stable storage.
    AppendFsync {
        /// Once a second.
        Everysec = "everysec",
        /// Before each reply to a write.
        Always = "always",
        /// When the operating system chooses.
        No = "no",
    }
    /// Which keys make room when memory is full.
    EvictionPolicy {
        /// Least recently used among keys with a TTL.
        VolatileLru = "volatile-lru",
        /// Least frequently used among keys with a TTL.
        VolatileLfu = "volatile-lfu",
        /// Any key with a TTL.
        VolatileRandom = "volatile-random",
        /// The key with a TTL that ends soonest.
        VolatileTtl = "volatile-ttl",
        /// Least recently used among all keys.
        AllkeysLru = "allkeys-lru",
        /// Least frequently used among all keys.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// None: writes are refused.
        Noeviction = "noeviction",
    }
    /// The least serious message that is logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Detail that is often useful.
        Verbose = "verbose",
        /// What an operator wants to know.
        Notice = "notice",
        /// Only what needs attention.
        Warning = "warning",
    }
    /// The form of a log line.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
    /// Who may use a guarded feature.
    Access {
        /// Nobody.
        No = "no",
        /// Every client.
        Yes = "yes",
        /// Clients on this machine.
        Local = "local",
    }
    /// The channels a new user may use.
    AclPubsubDefault {
        /// All of them.
        Allchannels = "allchannels",
        /// None.
        Resetchannels = "resetchannels",
    }
    /// For whom RESTORE checks a payload in depth.
    SanitizeDumpPayload {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Ordinary clients.
        Clients = "clients",
    }
}

impl EvictionPolicy {
    /// Whether the policy goes by how often a key is used, so that entries keep a counter instead of a time.
    pub fn is_lfu(self) -> bool {
        matches!(self, EvictionPolicy::VolatileLfu | EvictionPolicy::AllkeysLfu)
    }
}

impl Access {
    /// Whether a client on this machine is allowed.
    pub fn allows_local(self) -> bool {
        self != Access::No
    }

    /// Whether a client elsewhere is allowed.
    pub fn allows_remote(self) -> bool {
        self == Access::Yes
    }
}
