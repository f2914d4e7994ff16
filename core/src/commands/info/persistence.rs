//! INFO persistence: Redis's fields, whose snapshots and rewrites of the log are one thing here, and our own.

use super::facts::Facts;
use super::sections::{Fixed, constants, field};

pub(super) fn write(facts: &Facts, out: &mut String) {
    let persistence = &facts.persistence;
    let (processed, total) = persistence.progress;
    let share = processed as f64 * 100.0 / total.max(1) as f64;
    let is_running = u64::from(persistence.running_since_ms.is_some());
    let running_seconds = persistence.running_since_ms.map(|since_ms| facts.now_ms().saturating_sub(since_ms) / 1000);
    let last_seconds = persistence.last_duration_ms.map(|duration_ms| duration_ms / 1000);
    let status = if persistence.last_error.is_some() { "err" } else { "ok" };

    constants(out, &[("loading", "0"), ("async_loading", "0")]);
    // No process is forked, so no memory is copied for one.
    constants(out, &[("current_cow_peak", "0"), ("current_cow_size", "0"), ("current_cow_size_age", "0")]);
    field(out, "current_fork_perc", Fixed::<2>(share));
    field(out, "current_save_keys_processed", processed);
    field(out, "current_save_keys_total", total);
    field(out, "rdb_changes_since_last_save", facts.keys.dirty.saturating_sub(persistence.saved_changes));
    field(out, "rdb_bgsave_in_progress", is_running);
    field(out, "rdb_last_save_time", persistence.last_save_ms / 1000);
    field(out, "rdb_last_bgsave_status", status);
    seconds(out, "rdb_last_bgsave_time_sec", last_seconds);
    seconds(out, "rdb_current_bgsave_time_sec", running_seconds);
    field(out, "rdb_saves", persistence.snapshots);
    constants(out, &[("rdb_last_cow_size", "0"), ("rdb_last_load_keys_expired", "0")]);
    field(out, "rdb_last_load_keys_loaded", persistence.loaded_keys);
    field(out, "aof_enabled", u64::from(persistence.has_log));
    let rewriting = if persistence.has_log { is_running } else { 0 };
    field(out, "aof_rewrite_in_progress", rewriting);
    constants(out, &[("aof_rewrite_scheduled", "0")]);
    seconds(out, "aof_last_rewrite_time_sec", last_seconds.filter(|_| persistence.has_log));
    seconds(out, "aof_current_rewrite_time_sec", running_seconds.filter(|_| persistence.has_log));
    field(out, "aof_last_bgrewrite_status", if persistence.has_log { status } else { "ok" });
    field(out, "aof_rewrites", if persistence.has_log { persistence.snapshots } else { 0 });
    constants(out, &[("aof_rewrites_consecutive_failures", "0")]);
    field(out, "aof_last_write_status", if facts.log_fault.is_some() { "err" } else { "ok" });
    constants(out, &[("aof_last_cow_size", "0"), ("module_fork_in_progress", "0"), ("module_fork_last_cow_size", "0")]);
    if persistence.has_log {
        log(facts, out);
    }
}

/// A time in whole seconds, −1 where there is none.
fn seconds(out: &mut String, name: &str, seconds: Option<u64>) {
    match seconds {
        Some(seconds) => field(out, name, seconds),
        None => field(out, name, -1),
    }
}

/// What stands there only with a log.
fn log(facts: &Facts, out: &mut String) {
    let (persistence, store) = (&facts.persistence, facts.store.clone().unwrap_or_default());
    field(out, "aof_current_size", store.snapshot_bytes + store.log_bytes);
    field(out, "aof_base_size", store.snapshot_bytes);
    constants(
        out,
        &[
            ("aof_pending_rewrite", "0"),
            ("aof_buffer_length", "0"),
            ("aof_pending_bio_fsync", "0"),
            ("aof_delayed_fsync", "0"),
        ],
    );
    field(out, "store", store.backend);
    field(out, "log_policy", facts.settings.appendfsync.word());
    field(out, "log_appended_lsn", store.appended);
    field(out, "log_flushed_lsn", store.flushed);
    field(out, "log_flushes", facts.log_flushes);
    field(out, "log_heals", persistence.heals);
    field(out, "log_truncated_bytes", persistence.truncated_bytes);
    field(out, "log_fault", facts.log_fault.as_deref().unwrap_or_default());
    field(out, "snapshot_lsn", store.snapshot_lsn);
    field(out, "snapshot_bytes", store.snapshot_bytes);
    field(out, "snapshot_error", persistence.last_error.as_deref().unwrap_or_default());
    field(out, "load_ms", persistence.load_ms);
}
