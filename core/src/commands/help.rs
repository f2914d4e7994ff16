//! HELP of the containers, made from their rows.

use crate::command::registry;
use crate::context::Context;
use crate::error::CommandError;

/// Handler of every container's HELP: each subcommand with its arguments, its summary below.
pub(crate) fn help(cx: &mut Context) -> Result<(), CommandError> {
    let container = registry().find(cx.arg(0)).expect("the command being run is in the registry").row();
    let name = container.name.to_ascii_uppercase();
    let usages: Vec<Usage> =
        container.subcommands.iter().map(|row| (row.name, with_brackets(row.syntax), row.summary)).collect();
    write(cx, &name, &usages);
    Ok(())
}

/// A subcommand in any case, its arguments and what it does.
pub(crate) type Usage = (&'static str, String, &'static str);

/// Writes the lines that every HELP of Redis has.
pub(crate) fn write(cx: &mut Context, container: &str, usages: &[Usage]) {
    let reply = &mut cx.reply;
    reply.array(1 + 2 * usages.len());
    reply.status(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (name, arguments, summary) in usages {
        reply.status(format!("{} {arguments}", name.to_ascii_uppercase()).trim_end());
        reply.status(&format!("    {summary}"));
    }
}

/// `key [SAMPLES count]` as people are used to read it: `<key> [SAMPLES <count>]`.
fn with_brackets(syntax: &str) -> String {
    let mut marked = String::with_capacity(syntax.len() + 8);
    let mut rest = syntax;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_alphanumeric()) {
        let word = &rest[start..];
        let end = word.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').unwrap_or(word.len());
        marked.push_str(&rest[..start]);
        let is_placeholder = word.starts_with(|letter: char| letter.is_ascii_lowercase());
        match is_placeholder {
            true => marked.extend(["<", &word[..end], ">"]),
            false => marked.push_str(&word[..end]),
        }
        rest = &word[end..];
    }
    marked + rest
}

#[cfg(test)]
mod tests {
    use super::with_brackets;

    #[test]
    fn placeholders_get_brackets_and_keywords_none() {
        for (syntax, expected) in [
            ("", ""),
            ("key", "<key>"),
            ("key [SAMPLES count]", "<key> [SAMPLES <count>]"),
            ("[ASYNC|SYNC]", "[ASYNC|SYNC]"),
            ("key [key ...] unix-time", "<key> [<key> ...] <unix-time>"),
        ] {
            assert_eq!(with_brackets(syntax), expected);
        }
    }
}
