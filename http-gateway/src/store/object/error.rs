//! What went wrong in a bucket, in one line without secrets.

use larder_core::store::StoreError;
use object_store::Error;

/// Longest text that is taken over from a service.
const TEXT_CHARS_MAX: usize = 300;

/// Longest chain of causes that is followed.
const CAUSES_MAX: usize = 20;

/// Words by which services tell that the bucket itself is missing.
const NO_BUCKET: &[&str] = &["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"];

/// Whether it is only this object that is missing.
pub fn is_missing(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) && !has_no_bucket(error)
}

fn has_no_bucket(error: &Error) -> bool {
    let text = error.to_string();
    NO_BUCKET.iter().any(|word| text.contains(word))
}

/// What failed at which place, and why.
pub fn failure(place: &str, what: &str, error: &Error) -> StoreError {
    StoreError::Io(match error {
        _ if has_no_bucket(error) => format!("{place}: the bucket does not exist"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            format!("{place}: access is denied ({})", plain(&with_cause(error)))
        }
        _ => format!("{place}: cannot {what}: {}", plain(&with_cause(error))),
    })
}

/// The text of an error, and of what lies at its bottom unless it says so itself.
pub fn with_cause(error: &Error) -> String {
    let text = error.to_string();
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    match chain.take(CAUSES_MAX).last().map(ToString::to_string) {
        Some(cause) if !text.contains(&cause) => format!("{text}: {cause}"),
        _ => text,
    }
}

/// A text in one line of bounded length, without what may hold a signature or a token.
pub fn plain(text: &str) -> String {
    // The answer of a service: its code and message say it all.
    let tag = |name: &str| Some(text.split_once(&format!("<{name}>"))?.1.split_once("</")?.0);
    if let Some(code) = tag("Code") {
        return cut(&match tag("Message") {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        });
    }
    let words = text.split_whitespace().map(without_query);
    cut(&without_duration(&words.collect::<Vec<_>>().join(" ")))
}

/// A text without `in 1.2ms, after 3 retries, …`: the same failure shall have the same text.
fn without_duration(text: &str) -> String {
    let is_number = |at: &usize| text[at + 4..].starts_with(|first: char| first.is_ascii_digit());
    let begin = text.match_indices(" in ").map(|(at, _)| at).find(is_number);
    match begin.and_then(|begin| Some((begin, begin + text[begin..].find(" - ")?))) {
        Some((begin, end)) => format!("{}{}", &text[..begin], &text[end..]),
        None => text.to_owned(),
    }
}

/// A word without the query of a URL: that is where signatures stand.
fn without_query(word: &str) -> &str {
    match word.split_once('?') {
        Some((url, _)) if url.contains("://") => url,
        _ => word,
    }
}

fn cut(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_lines_are_cut() {
        let cases = [
            ("PUT https://a.blob/b?sv=1&sig=secret, after 3\n retries", "PUT https://a.blob/b after 3 retries"),
            ("what? nothing", "what? nothing"),
            ("GET http://a/b in 5.1ms, after 3 retries - no route", "GET http://a/b - no route"),
            ("x <Error><Code>Denied</Code><Message>No\nway</Message><StringToSign>s", "Denied: No way"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected);
        }
        assert_eq!(plain(&"x".repeat(1000)).chars().count(), TEXT_CHARS_MAX + 1);
    }

    #[test]
    fn missing_buckets_are_told_from_missing_objects() {
        let error = |text: &str| Error::NotFound { path: "a/manifest".to_owned(), source: text.into() };
        assert!(is_missing(&error("NoSuchKey")));
        assert!(!is_missing(&error("<Code>NoSuchBucket</Code>")));
        let failure = failure("s3://a", "read the manifest", &error("<Code>NoSuchBucket</Code>"));
        assert_eq!(failure, StoreError::Io("s3://a: the bucket does not exist".to_owned()));
    }
}
