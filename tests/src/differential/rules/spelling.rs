//! Numbers that are written differently and mean the same.

use crate::resp::Reply;

/// Whether two replies are the same but for the spelling of floating-point numbers.
pub fn same_numbers(a: &Reply, b: &Reply) -> bool {
    plainly_spelt(a) == plainly_spelt(b)
}

/// The reply with its texts that are fractions, or too large for all their digits, in one spelling.
pub fn plainly_spelt(reply: &Reply) -> Reply {
    let all = |elements: &[Reply]| elements.iter().map(plainly_spelt).collect();
    match reply {
        Reply::Bulk(text) => Reply::Bulk(respelt(text)),
        Reply::Double(text) => Reply::Double(respelt(text)),
        Reply::Array(elements) => Reply::Array(all(elements)),
        Reply::Map(elements) => Reply::Map(all(elements)),
        Reply::Set(elements) => Reply::Set(all(elements)),
        other => other.clone(),
    }
}

fn respelt(text: &[u8]) -> Vec<u8> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    match number.filter(|number| number.is_finite() && text.len() > 1) {
        Some(number) => format!("{number:e}").into_bytes(),
        None => text.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_many_spellings() {
        let bulk = |text: &str| Reply::Array(vec![Reply::Bulk(text.into())]);
        for (a, b, same) in [
            ("0.10000000000000001", "0.1", true),
            ("9.2233720368547758e+18", "9223372036854776000", true),
            ("1.6999999999999999e+308", "1.7e+308", true),
            ("0.1", "0.2", false),
            ("foo", "bar", false),
            ("inf", "-inf", false),
        ] {
            assert_eq!(same_numbers(&bulk(a), &bulk(b)), same, "{a} {b}");
        }
    }
}
