//! The sections of INFO in their order, and their fields.
//!
//! redis-cli finds a field by the first place its name appears at, so a name that is part of another stands first.

use std::fmt::{self, Display, Formatter};

use super::facts::Facts;
use super::persistence;

/// One section.
pub(super) struct Section {
    /// How INFO's argument names it.
    pub name: &'static str,
    /// How its heading names it.
    pub title: &'static str,
    /// Shown when INFO is given no section.
    pub in_default: bool,
    /// Shown for `all`; `everything` shows it anyway.
    pub in_all: bool,
    /// Appends its fields.
    pub write: fn(&Facts, &mut String),
}

const fn section(name: &'static str, title: &'static str, write: fn(&Facts, &mut String)) -> Section {
    Section { name, title, in_default: true, in_all: true, write }
}

/// All sections. Latency is not kept, so there is no Latencystats.
pub(super) const SECTIONS: &[Section] = &[
    section("server", "Server", server),
    section("clients", "Clients", clients),
    section("memory", "Memory", memory),
    section("persistence", "Persistence", persistence::write),
    section("stats", "Stats", statistics),
    section("replication", "Replication", replication),
    section("cpu", "CPU", cpu),
    Section { in_all: false, ..section("modules", "Modules", |_, _| {}) },
    Section { in_default: false, ..section("commandstats", "Commandstats", command_statistics) },
    section("errorstats", "Errorstats", error_statistics),
    section("cluster", "Cluster", |_, out| field(out, "cluster_enabled", 0)),
    section("keyspace", "Keyspace", keyspace),
];

pub(super) fn field(out: &mut String, name: &str, value: impl Display) {
    line(out, name, &value);
}

/// One piece of code for the values of all types.
fn line(out: &mut String, name: &str, value: &dyn Display) {
    out.push_str(&format!("{name}:{value}\r\n"));
}

/// Fields whose values do not change.
pub(super) fn constants(out: &mut String, fields: &[(&str, &str)]) {
    fields.iter().for_each(|(name, value)| field(out, name, value));
}

/// A number of bytes, and the same for people.
fn bytes(out: &mut String, name: &str, value: u64) {
    field(out, name, value);
    field(out, &format!("{name}_human"), human(value));
}

/// A number of bytes with a unit: `512B`, `1.50K`.
fn human(bytes: u64) -> String {
    const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if bytes < 1024 { format!("{bytes}B") } else { format!("{}{}", Fixed::<2>(value), UNITS[unit]) }
}

/// A statistic with a fixed number of decimals; negative ones count as 0. Written with integers: core's own formatting
/// of floats is large, and a WASM module should not carry it for INFO alone.
pub(super) struct Fixed<const DECIMALS: u32>(pub f64);

impl<const DECIMALS: u32> Display for Fixed<DECIMALS> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let unit = 10u64.pow(DECIMALS);
        // The conversion saturates.
        let units = (self.0 * unit as f64 + 0.5) as u64;
        write!(out, "{}", units / unit)?;
        match DECIMALS {
            0 => Ok(()),
            _ => write!(out, ".{:0width$}", units % unit, width = DECIMALS as usize),
        }
    }
}

fn server(facts: &Facts, out: &mut String) {
    let uptime_seconds = facts.now_ms().saturating_sub(facts.started_ms) / 1000;
    field(out, "redis_version", crate::REDIS_VERSION);
    field(out, "larder_version", crate::VERSION);
    // What Redis says of a build outside of git.
    constants(out, &[("redis_git_sha1", "00000000"), ("redis_git_dirty", "0")]);
    field(out, "redis_build_id", format_args!("larder-{}", crate::VERSION));
    field(out, "redis_mode", "standalone");
    field(out, "os", &facts.process.os);
    field(out, "arch_bits", usize::BITS);
    field(out, "process_id", facts.process.pid);
    field(out, "process_supervised", "no");
    field(out, "run_id", &facts.run_id);
    field(out, "tcp_port", facts.port);
    field(out, "server_time_usec", facts.now_us);
    field(out, "uptime_in_seconds", uptime_seconds);
    field(out, "uptime_in_days", uptime_seconds / 86_400);
    field(out, "hz", facts.settings.hz);
    field(out, "configured_hz", facts.settings.hz);
    field(out, "lru_clock", (facts.now_ms() / 1000) & 0xff_ffff);
    field(out, "worker_threads", facts.process.threads);
    field(out, "executable", &facts.process.executable);
    field(out, "config_file", &facts.process.config_file);
    // Workers read and write themselves: no thread does this alone.
    constants(out, &[("io_threads_active", "0")]);
}

fn clients(facts: &Facts, out: &mut String) {
    field(out, "connected_clients", facts.clients);
    field(out, "cluster_connections", 0);
    field(out, "maxclients", facts.settings.maxclients);
    field(out, "blocked_clients", facts.blocked_clients);
    constants(out, &[("tracking_clients", "0"), ("clients_in_timeout_table", "0")]);
}

fn memory(facts: &Facts, out: &mut String) {
    let (used, peak) = (facts.used_bytes() as u64, facts.peak_bytes as u64);
    let share = |part: u64, whole: u64| Fixed::<2>(part as f64 * 100.0 / whole.max(1) as f64);
    bytes(out, "used_memory", used);
    let resident = facts.process.resident_bytes;
    if resident > 0 {
        bytes(out, "used_memory_rss", resident);
    }
    bytes(out, "used_memory_peak", peak);
    field(out, "used_memory_peak_perc", format_args!("{}%", share(used, peak)));
    field(out, "used_memory_overhead", facts.client_bytes);
    // Data and clients are what is counted.
    constants(out, &[("used_memory_startup", "0")]);
    field(out, "used_memory_dataset", facts.data_bytes);
    field(out, "used_memory_dataset_perc", format_args!("{}%", share(facts.data_bytes as u64, used)));
    let system = facts.process.system_bytes;
    if system > 0 {
        bytes(out, "total_system_memory", system);
    }
    constants(
        out,
        &[
            ("used_memory_lua", "0"),
            ("used_memory_vm_eval", "0"),
            ("used_memory_lua_human", "0B"),
            ("used_memory_scripts_eval", "0"),
            ("number_of_cached_scripts", "0"),
            ("number_of_functions", "0"),
            ("number_of_libraries", "0"),
            ("used_memory_vm_functions", "0"),
            ("used_memory_vm_total", "0"),
            ("used_memory_vm_total_human", "0B"),
            ("used_memory_functions", "0"),
            ("used_memory_scripts", "0"),
            ("used_memory_scripts_human", "0B"),
        ],
    );
    bytes(out, "maxmemory", facts.settings.maxmemory_bytes);
    field(out, "maxmemory_policy", facts.settings.maxmemory_policy.word());
    if resident > 0 {
        field(out, "mem_fragmentation_ratio", Fixed::<2>(resident as f64 / used.max(1) as f64));
        field(out, "mem_fragmentation_bytes", resident.cast_signed() - used.cast_signed());
    }
    constants(
        out,
        &[
            ("mem_not_counted_for_evict", "0"),
            ("mem_replication_backlog", "0"),
            ("mem_total_replication_buffers", "0"),
            ("mem_clients_slaves", "0"),
        ],
    );
    field(out, "mem_clients_normal", facts.client_bytes);
    constants(out, &[("mem_cluster_links", "0"), ("mem_aof_buffer", "0")]);
    field(out, "mem_allocator", facts.allocator);
    constants(out, &[("active_defrag_running", "0")]);
    field(out, "lazyfree_pending_objects", facts.lazily_freed.0);
    field(out, "lazyfreed_objects", facts.lazily_freed.1);
}

fn statistics(facts: &Facts, out: &mut String) {
    field(out, "total_connections_received", facts.connections);
    field(out, "total_commands_processed", facts.commands.iter().map(|command| command.calls).sum::<u64>());
    if let Some([commands, ..]) = facts.rates {
        field(out, "instantaneous_ops_per_sec", Fixed::<0>(commands));
    }
    field(out, "total_net_input_bytes", facts.received_bytes);
    field(out, "total_net_output_bytes", facts.sent_bytes);
    constants(out, &[("total_net_repl_input_bytes", "0"), ("total_net_repl_output_bytes", "0")]);
    if let Some([_, received, sent]) = facts.rates {
        field(out, "instantaneous_input_kbps", Fixed::<2>(received / 1024.0));
        field(out, "instantaneous_output_kbps", Fixed::<2>(sent / 1024.0));
        constants(out, &[("instantaneous_input_repl_kbps", "0.00"), ("instantaneous_output_repl_kbps", "0.00")]);
    }
    field(out, "rejected_connections", facts.rejected_connections);
    constants(out, &[("sync_full", "0"), ("sync_partial_ok", "0"), ("sync_partial_err", "0")]);
    field(out, "expired_keys", facts.keys.expired);
    field(out, "evicted_keys", facts.keys.evicted);
    field(out, "evicted_clients", 0);
    field(out, "keyspace_hits", facts.keys.hits);
    field(out, "keyspace_misses", facts.keys.misses);
    constants(
        out,
        &[
            ("pubsub_channels", "0"),
            ("pubsub_patterns", "0"),
            ("pubsubshard_channels", "0"),
            ("latest_fork_usec", "0"),
            ("total_forks", "0"),
            ("migrate_cached_sockets", "0"),
            ("slave_expires_tracked_keys", "0"),
            ("active_defrag_hits", "0"),
            ("active_defrag_misses", "0"),
            ("active_defrag_key_hits", "0"),
            ("active_defrag_key_misses", "0"),
            ("total_active_defrag_time", "0"),
            ("current_active_defrag_time", "0"),
            ("tracking_total_keys", "0"),
            ("tracking_total_items", "0"),
            ("tracking_total_prefixes", "0"),
            ("unexpected_error_replies", "0"),
        ],
    );
    field(out, "total_error_replies", facts.errors.iter().map(|(_, count)| count).sum::<u64>());
    constants(out, &[("io_threaded_reads_processed", "0"), ("io_threaded_writes_processed", "0")]);
}

fn replication(facts: &Facts, out: &mut String) {
    constants(out, &[("role", "master"), ("connected_slaves", "0"), ("master_failover_state", "no-failover")]);
    // No replica outlives a run: its data is a history of its own.
    field(out, "master_replid", &facts.run_id);
    constants(
        out,
        &[
            ("master_replid2", "0000000000000000000000000000000000000000"),
            ("master_repl_offset", "0"),
            ("second_repl_offset", "-1"),
            ("repl_backlog_active", "0"),
        ],
    );
    field(out, "repl_backlog_size", facts.settings.repl_backlog_size_bytes);
    constants(out, &[("repl_backlog_first_byte_offset", "0"), ("repl_backlog_histlen", "0")]);
}

fn cpu(facts: &Facts, out: &mut String) {
    field(out, "used_cpu_sys", Fixed::<6>(facts.process.system_seconds));
    field(out, "used_cpu_user", Fixed::<6>(facts.process.user_seconds));
    constants(out, &[("used_cpu_sys_children", "0.000000"), ("used_cpu_user_children", "0.000000")]);
}

fn command_statistics(facts: &Facts, out: &mut String) {
    for command in facts.commands.iter().filter(|command| command.calls + command.rejected > 0) {
        let average = if command.calls == 0 { 0.0 } else { command.microseconds as f64 / command.calls as f64 };
        field(
            out,
            &format!("cmdstat_{}", command.name),
            format_args!(
                "calls={},usec={},usec_per_call={},rejected_calls={},failed_calls={}",
                command.calls,
                command.microseconds,
                Fixed::<2>(average),
                command.rejected,
                command.failed
            ),
        );
    }
}

fn error_statistics(facts: &Facts, out: &mut String) {
    for (prefix, count) in &facts.errors {
        field(out, &format!("errorstat_{prefix}"), format_args!("count={count}"));
    }
}

fn keyspace(facts: &Facts, out: &mut String) {
    for database in &facts.databases {
        field(
            out,
            &format!("db{}", database.number),
            format_args!(
                "keys={},expires={},avg_ttl={}",
                database.keys, database.with_deadline, database.average_ttl_ms
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Fixed, human};

    #[test]
    fn fixed_decimals() {
        assert_eq!(Fixed::<2>(0.0).to_string(), "0.00");
        assert_eq!(Fixed::<2>(99.996).to_string(), "100.00");
        assert_eq!(Fixed::<2>(12.3449).to_string(), "12.34");
        assert_eq!(Fixed::<6>(1.000_002_6).to_string(), "1.000003");
        assert_eq!(Fixed::<0>(1.5).to_string(), "2");
        assert_eq!(Fixed::<2>(-1.0).to_string(), "0.00");
        assert_eq!(Fixed::<2>(f64::NAN).to_string(), "0.00");
    }

    #[test]
    fn bytes_for_people() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1536, "1.50K"), (1 << 20, "1.00M"), (u64::MAX, "16.00E")]
        {
            assert_eq!(human(bytes), text);
        }
    }
}
