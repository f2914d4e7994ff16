//! Redis directives without a row: harmless ones are accepted at start, the others must not pass in silence.

/// What a start-up directive without a row means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inert {
    /// Accepted in a file and without effect.
    Harmless,
    /// Accepted with this value alone: any other would promise something Larder does not do.
    Only(&'static str),
    /// Refused: a server without it would be unsafe or hold other data than its owner expects.
    Unsupported,
}

impl Inert {
    /// Looks a directive up, in any case. `None` means that Redis 7.2 has no such directive.
    pub fn find(name: &[u8]) -> Option<Inert> {
        let known = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        let only = ONLY.iter().find(|(only, _)| known(&[only])).map(|(_, value)| Inert::Only(value));
        only.or_else(|| known(UNSUPPORTED).then_some(Inert::Unsupported))
            .or_else(|| known(HARMLESS).then_some(Inert::Harmless))
    }

    /// Whether a directive with this value may stand in a configuration.
    pub fn accepts(self, value: &[u8]) -> bool {
        match self {
            Inert::Harmless => true,
            Inert::Only(only) => value.eq_ignore_ascii_case(only.as_bytes()),
            Inert::Unsupported => false,
        }
    }
}

const ONLY: &[(&str, &str)] = &[
    ("aclfile", ""),
    ("cluster-enabled", "no"),
    ("enable-module-command", "no"),
    ("replicaof", "no one"),
    ("slaveof", "no one"),
    ("syslog-enabled", "no"),
    ("tls-cluster", "no"),
    ("tls-port", "0"),
    ("tls-replication", "no"),
];

const UNSUPPORTED: &[&str] = &["loadmodule", "rename-command", "user"];

#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    // The process, the operating system and the allocator.
    "activedefrag", "active-defrag-cycle-max", "active-defrag-cycle-min", "active-defrag-ignore-bytes",
    "active-defrag-max-scan-fields", "active-defrag-threshold-lower", "active-defrag-threshold-upper",
    "activerehashing", "always-show-logo", "aof_rewrite_cpulist", "bgsave_cpulist", "bind-source-addr",
    "bio_cpulist", "crash-log-enabled", "crash-memcheck-enabled", "daemonize", "disable-thp", "ignore-warnings",
    "io-threads", "io-threads-do-reads", "jemalloc-bg-thread", "locale-collate", "oom-score-adj",
    "oom-score-adj-values", "pidfile", "proc-title-template", "server_cpulist", "set-proc-title",
    "shutdown-on-sigint", "shutdown-on-sigterm", "socket-mark-id", "supervised", "syslog-facility", "syslog-ident",
    // What Redis itself no longer has.
    "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands",
    // Files of Redis that Larder names otherwise.
    "aof-disable-auto-gc", "aof-rewrite-incremental-fsync", "aof-timestamp-enabled", "appenddirname",
    "appendfilename", "rdb-del-sync-files", "rdb-save-incremental-fsync",
    // Replication and cluster, which are off.
    "cluster-allow-pubsubshard-when-down", "cluster-allow-reads-when-down", "cluster-allow-replica-migration",
    "cluster-announce-bus-port", "cluster-announce-hostname", "cluster-announce-human-nodename",
    "cluster-announce-ip", "cluster-announce-port", "cluster-announce-tls-port", "cluster-config-file",
    "cluster-link-sendbuf-limit", "cluster-migration-barrier", "cluster-node-timeout", "cluster-port",
    "cluster-preferred-endpoint-type", "cluster-replica-no-failover", "cluster-replica-validity-factor",
    "cluster-require-full-coverage", "cluster-slave-no-failover", "cluster-slave-validity-factor", "masteruser",
    "propagation-error-behavior", "repl-backlog-ttl", "repl-disable-tcp-nodelay", "repl-diskless-load",
    "repl-diskless-sync", "repl-diskless-sync-delay", "repl-diskless-sync-max-replicas", "repl-timeout",
    "replica-announce-ip", "replica-announce-port", "replica-announced", "replica-ignore-disk-write-errors",
    "replica-ignore-maxmemory", "replica-lazy-flush", "slave-announce-ip", "slave-announce-port",
    "slave-ignore-maxmemory", "slave-lazy-flush",
    // TLS, which is off without a port.
    "tls-auth-clients", "tls-ca-cert-dir", "tls-ca-cert-file", "tls-cert-file", "tls-ciphers", "tls-ciphersuites",
    "tls-client-cert-file", "tls-client-key-file", "tls-client-key-file-pass", "tls-dh-params-file", "tls-key-file",
    "tls-key-file-pass", "tls-prefer-server-ciphers", "tls-protocols", "tls-session-cache-size",
    "tls-session-cache-timeout", "tls-session-caching",
];

#[cfg(test)]
mod tests {
    use super::super::Parameter;
    use super::*;

    #[test]
    fn no_directive_stands_in_two_lists() {
        let only = ONLY.iter().map(|(name, _)| name);
        let mut all: Vec<&str> = HARMLESS.iter().chain(UNSUPPORTED).chain(only).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        let rows: Vec<_> = all.iter().filter(|name| Parameter::find(name.as_bytes()).is_some()).collect();
        assert!(rows.is_empty(), "{rows:?}");
    }
}
