use super::*;
use crate::command::registry;

/// Writes a tree so that a test can show it: `?` optional, `*` multiple, `+` multiple with its token.
fn show(arguments: &[Argument]) -> String {
    arguments.iter().map(show_one).collect::<Vec<_>>().join(" ")
}

fn show_one(argument: &Argument) -> String {
    let inner = match &argument.kind {
        Kind::OneOf(children) => format!("({})", children.iter().map(show_one).collect::<Vec<_>>().join(" | ")),
        Kind::Block(children) => format!("{{{}}}", show(children)),
        Kind::PureToken => String::new(),
        kind => format!("{}:{}", argument.name, kind.name()),
    };
    let token = argument.token.as_deref().map(|token| format!("'{token}'")).unwrap_or_default();
    let repeat = match (argument.multiple, argument.multiple_token) {
        (false, _) => "",
        (true, false) => "*",
        (true, true) => "+",
    };
    format!("{token}{inner}{}{repeat}", if argument.optional { "?" } else { "" })
}

#[test]
fn texts_and_their_trees() {
    for (syntax, tree) in [
        ("", ""),
        ("key", "key:key"),
        ("[message]", "message:string?"),
        ("key value [NX|XX] [GET]", "key:key value:string ('NX' | 'XX')? 'GET'?"),
        (
            "key [EX seconds|PXAT unix-time-milliseconds|PERSIST]",
            "key:key ('EX'seconds:integer | 'PXAT'unix-time-milliseconds:unix-time | 'PERSIST')?",
        ),
        ("key [key ...]", "key:key*"),
        ("[category [category ...]]", "category:string?*"),
        ("key value [key value ...]", "{key:key value:string}*"),
        ("key [GET pattern [GET pattern ...]]", "key:key 'GET'pattern:pattern?+"),
        ("[BY pattern] [LIMIT offset count]", "'BY'pattern:pattern? 'LIMIT'{offset:integer count:integer}?"),
        ("key [start [end [BYTE|BIT]]]", "key:key {start:integer {end:integer ('BYTE' | 'BIT')?}?}?"),
        ("<AND|OR> destkey key [key ...]", "('AND' | 'OR') destkey:key key:key*"),
        ("[COUNT count [ANY]]", "{'COUNT'count:integer 'ANY'?}?"),
        ("[COUNT count] STREAMS key [key ...] ID [ID ...]", "'COUNT'count:integer? 'STREAMS'{key:key* id:string*}"),
        ("key [NOMKSTREAM] <*|id> field", "key:key 'NOMKSTREAM'? ('*' | id:string) field:string"),
        ("member1 [m|km]", "member1:string ('m' | 'km')?"),
        ("BYRADIUS radius <m|km>", "'BYRADIUS'{radius:double ('m' | 'km')}"),
        ("<lib-name libname|lib-ver libver>", "('lib-name'libname:string | 'lib-ver'libver:string)"),
        ("[TYPE normal|master]", "'TYPE'('normal' | 'master')?"),
        ("[AGGREGATE SUM|MIN|MAX]", "'AGGREGATE'('SUM' | 'MIN' | 'MAX')?"),
        (
            "[FILTERBY MODULE module-name|PATTERN pattern]",
            "'FILTERBY'('MODULE'module-name:string | 'PATTERN'pattern:pattern)?",
        ),
        ("<host port|NO ONE>", "({host:string port:integer} | {'NO' 'ONE'})"),
        ("FIELDS numfields field [field ...]", "'FIELDS'{numfields:integer field:string*}"),
        (
            "key [GET encoding offset|[OVERFLOW WRAP|SAT] <SET offset|INCRBY offset> \
             [GET encoding offset|[OVERFLOW WRAP|SAT] <SET offset|INCRBY offset> ...]]",
            "key:key ('GET'{encoding:string offset:integer} | \
             {'OVERFLOW'('WRAP' | 'SAT')? ('SET'offset:integer | 'INCRBY'offset:integer)})?*",
        ),
        (
            "<ip:port|<[ID client-id]|[SKIPME YES|NO]> [<[ID client-id]|[SKIPME YES|NO]> ...]>",
            "(ip:port:string | ('ID'client-id:integer? | 'SKIPME'('YES' | 'NO')?)*)",
        ),
    ] {
        let parsed = parse(syntax).unwrap_or_else(|error| panic!("{syntax}: {error}"));
        assert_eq!(show(&parsed), tree, "{syntax}");
    }
}

#[test]
fn mistakes_are_refused() {
    let deep = format!("{}x{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
    for (syntax, expected) in [
        ("[key", SyntaxError::Unbalanced("[key".to_owned())),
        ("key]", SyntaxError::Unbalanced("key]".to_owned())),
        ("[key>", SyntaxError::Unbalanced("[key>".to_owned())),
        ("key  value", SyntaxError::Empty("key  value".to_owned())),
        ("[]", SyntaxError::Empty(String::new())),
        ("<A|>", SyntaxError::Empty(String::new())),
        ("key [value ...]", SyntaxError::Repetition("[value ...]".to_owned())),
        ("[value ...]", SyntaxError::Repetition("[value ...]".to_owned())),
        (&deep, SyntaxError::TooDeep(deep.clone())),
    ] {
        assert_eq!(parse(syntax), Err(expected), "{syntax}");
    }
}

#[test]
fn every_row_parses() {
    // Containers, and DEBUG, have no syntax of their own, yet want a subcommand.
    let says_nothing = |row: &Command| row.arity < 0 && row.syntax.is_empty();
    for id in registry().iter().filter(|id| !says_nothing(id.row())) {
        let row = id.row();
        let arguments = arguments(row).unwrap_or_else(|error| panic!("{}: {error}", id.full_name()));
        let name_words = 1 + usize::from(id.parent().is_some());
        let fewest = name_words + fewest_words(&arguments);
        // Redis checks some bounds by arity and some in the command, so the arity may only ask for less.
        assert!(
            usize::from(row.arity.unsigned_abs()) <= fewest,
            "{}: the syntax is shorter than the arity",
            id.full_name()
        );
        if row.arity > 0 {
            assert_eq!(fewest, usize::from(row.arity.unsigned_abs()), "{}", id.full_name());
        }
    }
}

fn fewest_words(arguments: &[Argument]) -> usize {
    arguments.iter().filter(|argument| !argument.optional).map(fewest_words_of).sum()
}

/// Words of an argument that is there.
fn fewest_words_of(argument: &Argument) -> usize {
    let own = match &argument.kind {
        Kind::PureToken => 0,
        Kind::OneOf(choices) => choices.iter().map(fewest_words_of).min().unwrap_or(0),
        Kind::Block(children) => fewest_words(children),
        _ => 1,
    };
    own + usize::from(argument.token.is_some())
}

#[test]
fn a_command_corrects_what_names_suggest() {
    let row = Command { name: "incrbyfloat", syntax: "key increment", ..Command::ROW };
    assert_eq!(show(&arguments(&row).expect("a good syntax")), "key:key increment:double");
}
