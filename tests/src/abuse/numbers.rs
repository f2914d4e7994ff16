//! Numbers and times at the edge: an error leaves the value as it was.

use super::commands::{Case, error, ok, play};
use super::site::Site;
use super::{Outcome, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B68", "counters at their limits", counters),
    Row::new("B68", "fields of hashes at their limits", fields),
    Row::new("B69", "every way to set a time to live, at its limits", times_to_live),
];

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

fn counters(site: &Site) -> Outcome {
    let overflow = error("ERR increment or decrement would overflow");
    let integer = error("ERR value is not an integer or out of range");
    let float = error("ERR value is not a valid float");
    let infinite = error("ERR increment would produce NaN or Infinity");
    let cases: Vec<Case<'_>> = vec![
        ("SET abuse:n 9223372036854775807", ok()),
        ("INCR abuse:n", overflow.clone()),
        ("INCRBY abuse:n 9223372036854775807", overflow.clone()),
        ("INCRBY abuse:n 9223372036854775808", integer.clone()),
        ("GET abuse:n", bulk("9223372036854775807")),
        ("SET abuse:n -9223372036854775808", ok()),
        ("DECR abuse:n", overflow.clone()),
        ("DECRBY abuse:n 1", overflow.clone()),
        ("DECRBY abuse:n -9223372036854775808", error("ERR decrement would overflow")),
        ("INCRBY abuse:n -1", overflow),
        ("GET abuse:n", bulk("-9223372036854775808")),
        ("SET abuse:n abc", ok()),
        ("INCR abuse:n", integer.clone()),
        ("INCRBYFLOAT abuse:n 1", float.clone()),
        ("GET abuse:n", bulk("abc")),
        ("SET abuse:n 01", ok()),
        ("INCR abuse:n", integer),
        ("SET abuse:n 3", ok()),
        ("INCRBYFLOAT abuse:n inf", infinite.clone()),
        ("INCRBYFLOAT abuse:n -inf", infinite),
        ("INCRBYFLOAT abuse:n nan", float.clone()),
        ("INCRBYFLOAT abuse:n 1x", float),
        ("GET abuse:n", bulk("3")),
    ];
    play(site, &cases)?;
    // Redis computes in long double: twice the nearest to 1e308 is no infinity, but has 309 digits.
    site.call("SET abuse:n 1e308")?;
    let sum = site.call("INCRBYFLOAT abuse:n 1e308")?;
    let long = matches!(&sum, Reply::Bulk(text) if text.len() == 309 && text.starts_with(b"19999999999999999999337"));
    ensure(long, || format!("1e308 twice: {sum:?}"))?;
    site.expect("DEL abuse:n", &Reply::Integer(1))
}

/// After each error the field reads as before (CVE-2023-28856).
fn fields(site: &Site) -> Outcome {
    if !site.has("HINCRBYFLOAT")? {
        return Ok(());
    }
    play(
        site,
        &[
            ("HINCRBYFLOAT abuse:h f nan", error("ERR value is not a valid float")),
            ("HINCRBYFLOAT abuse:h f inf", error("ERR value is NaN or Infinity")),
            ("EXISTS abuse:h", Reply::Integer(0)),
            ("HSET abuse:h f text n 9223372036854775807", Reply::Integer(2)),
            ("HINCRBYFLOAT abuse:h f 1", error("ERR hash value is not a float")),
            ("HINCRBY abuse:h f 1", error("ERR hash value is not an integer")),
            ("HINCRBY abuse:h n 1", error("ERR increment or decrement would overflow")),
            ("HGET abuse:h f", bulk("text")),
            ("HGET abuse:h n", bulk("9223372036854775807")),
            ("DEL abuse:h", Reply::Integer(1)),
        ],
    )
}

fn times_to_live(site: &Site) -> Outcome {
    let most = i64::MAX;
    let refused = [
        (format!("EXPIRE abuse:t {most}"), "expire"),
        (format!("EXPIRE abuse:t {}", i64::MIN), "expire"),
        (format!("PEXPIRE abuse:t {most}"), "pexpire"),
        (format!("EXPIREAT abuse:t {most}"), "expireat"),
        (format!("SET abuse:t w EX {most}"), "set"),
        ("SET abuse:t w EX 0".to_owned(), "set"),
        ("SET abuse:t w EX -1".to_owned(), "set"),
        ("SET abuse:t w PX 0".to_owned(), "set"),
        (format!("SET abuse:t w PX {most}"), "set"),
        (format!("SET abuse:t w EXAT {most}"), "set"),
        ("SET abuse:t w EXAT 0".to_owned(), "set"),
        ("SET abuse:t w PXAT 0".to_owned(), "set"),
        (format!("SETEX abuse:t {most} w"), "setex"),
        ("SETEX abuse:t 0 w".to_owned(), "setex"),
        (format!("PSETEX abuse:t {most} w"), "psetex"),
        ("PSETEX abuse:t 0 w".to_owned(), "psetex"),
        ("GETEX abuse:t EX 0".to_owned(), "getex"),
        (format!("GETEX abuse:t EX {most}"), "getex"),
        ("GETEX abuse:t PX -1".to_owned(), "getex"),
        (format!("GETEX abuse:t EXAT {most}"), "getex"),
        ("GETEX abuse:t PXAT 0".to_owned(), "getex"),
    ];
    site.call("SET abuse:t v")?;
    for (line, command) in &refused {
        site.expect(line, &error(&format!("ERR invalid expire time in '{command}' command")))?;
        site.expect("GET abuse:t", &bulk("v")).map_err(|fault| format!("after {line}: {fault}"))?;
        site.expect("PTTL abuse:t", &Reply::Integer(-1)).map_err(|fault| format!("after {line}: {fault}"))?;
    }
    for number in ["9223372036854775808", "x", "1.5", ""] {
        let reply = error("ERR value is not an integer or out of range");
        site.expect(&format!("EXPIRE abuse:t {number}"), &reply)?;
        site.expect(&format!("SET abuse:t w EX {number}"), &reply)?;
    }
    site.expect("GET abuse:t", &bulk("v"))?;
    // The far future is no error in milliseconds; the past deletes.
    for line in ["PEXPIREAT abuse:t -1", "EXPIRE abuse:t -1", "EXPIREAT abuse:t 1", "PEXPIREAT abuse:t 0"] {
        site.call("SET abuse:t v")?;
        site.expect(line, &Reply::Integer(1))?;
        site.expect("EXISTS abuse:t", &Reply::Integer(0)).map_err(|fault| format!("after {line}: {fault}"))?;
    }
    Ok(())
}
