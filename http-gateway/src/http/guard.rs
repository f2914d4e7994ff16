//! Who may come in. A server on the own machine is within reach of every web page its user visits: pages can send
//! simple requests without asking, and rebinding a name makes them ask as one of ours.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use axum::http::{StatusCode, Version};
use larder_core::rest::token_matches;
use larder_core::settings::Settings;

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The server has no password.
    Open,
    /// With the password as its token.
    Token,
    /// The server has a password and the request none. A WebSocket may still log in with AUTH.
    Stranger,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// From elsewhere, while there is no password.
    Protected,
    /// The token is missing or wrong.
    Token,
    /// Not exactly one Host header.
    HostHeader,
    /// A name that is not ours.
    Host,
    /// From a page of another site.
    Site,
    /// A POST that any page could send.
    ContentType,
}

impl Refusal {
    /// Its status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Protected | Self::Site => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::HostHeader => StatusCode::BAD_REQUEST,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// What the client reads.
    pub fn text(self) -> &'static str {
        match self {
            Self::Protected => "DENIED protected mode: without a password (requirepass) only this machine may connect",
            Self::Token => "WRONGPASS invalid or missing auth token",
            Self::HostHeader => "ERR exactly one Host header is required",
            Self::Host => "ERR the Host header names neither this machine nor an address of http-bind; send the token",
            Self::Site => "ERR pages of other sites may not send requests here without the token",
            Self::ContentType => "ERR a POST without a bearer token needs Content-Type: application/json",
        }
    }
}

/// What the guard looks at.
pub struct Visit<'a> {
    /// Headers of the request.
    pub headers: &'a HeaderMap,
    /// Version of HTTP.
    pub version: Version,
    /// Host and port of the request line, where it has them.
    pub authority: Option<&'a str>,
    /// `_token` of the query.
    pub query_token: Option<&'a [u8]>,
    /// The peer is on this machine.
    pub is_local: bool,
    /// The address that was connected to.
    pub server: IpAddr,
}

/// Whether a request may come in. With the right token it may from anywhere: no page can know it.
pub fn admit(visit: &Visit<'_>, settings: &Settings) -> Result<Access, Refusal> {
    let access = if settings.requirepass.is_empty() {
        if settings.protected_mode && !visit.is_local {
            return Err(Refusal::Protected);
        }
        Access::Open
    } else {
        match bearer(visit.headers).or(visit.query_token) {
            Some(token) if token_matches(&settings.requirepass, token) => return Ok(Access::Token),
            Some(_) => return Err(Refusal::Token),
            None => Access::Stranger,
        }
    };
    let addresses = settings.http_bind.0.iter().chain(&settings.bind.0);
    let host = host(visit)?;
    if host.is_some_and(|host| !is_ours(host, visit.server, addresses.map(String::as_str))) {
        return Err(Refusal::Host);
    }
    if is_foreign(visit.headers, host) {
        return Err(Refusal::Site);
    }
    Ok(access)
}

/// Whether a POST may run. Without a bearer token it must have a type that makes browsers ask first.
pub fn may_post(headers: &HeaderMap, access: Access) -> bool {
    access == Access::Token || bearer(headers).is_some() || is_json(headers)
}

/// The token of `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return false };
    let essence = kind.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Host and port that the request is for. HTTP/1.0 may leave them out; no browser speaks it.
fn host<'a>(visit: &Visit<'a>) -> Result<Option<&'a [u8]>, Refusal> {
    let mut hosts = visit.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(Refusal::HostHeader),
        (None, None) if visit.version == Version::HTTP_10 => Ok(visit.authority.map(str::as_bytes)),
        (None, None) => Err(Refusal::HostHeader),
        (Some(host), None) => Ok(Some(visit.authority.map_or(host.as_bytes(), str::as_bytes))),
    }
}

/// Whether a Host is this server: this machine's own names, the address that was connected to, or a configured one.
/// The port does not matter: forwarding changes it.
fn is_ours<'s>(host: &[u8], server: IpAddr, mut configured: impl Iterator<Item = &'s str>) -> bool {
    let Some(name) = without_port(host) else { return false };
    if name == b"127.0.0.1" || name.eq_ignore_ascii_case(b"localhost") {
        return true;
    }
    let Ok(name) = str::from_utf8(name) else { return false };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let address = address.parse::<IpAddr>().map(|address| address.to_canonical()).ok();
    // 0.0.0.0 reaches this machine too, which is why pages try it.
    if address.is_some_and(|address| address.is_unspecified()) {
        return false;
    }
    if address.is_some_and(|address| address.is_loopback() || address == server.to_canonical()) {
        return true;
    }
    configured.any(|known| {
        let known = known.strip_prefix('-').unwrap_or(known);
        known.eq_ignore_ascii_case(name) || address.is_some() && known.parse().ok() == address
    })
}

/// The host of `host:port`, in brackets if it is an IPv6 address.
fn without_port(host: &[u8]) -> Option<&[u8]> {
    let end = match host.first()? {
        b'[' => host.iter().position(|&byte| byte == b']')? + 1,
        _ => host.iter().position(|&byte| byte == b':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let is_port = port.is_empty() || port[0] == b':' && port[1..].iter().all(u8::is_ascii_digit);
    is_port.then_some(name)
}

/// Whether a browser says that a page of another site sends this.
fn is_foreign(headers: &HeaderMap, host: Option<&[u8]>) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN).map(|origin| origin.as_bytes()) else { return false };
    let authority = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    match (authority, host) {
        (Some(authority), Some(host)) => !authority.eq_ignore_ascii_case(host),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::{HeaderName, HeaderValue};

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        map
    }

    fn visit(headers: &HeaderMap, is_local: bool) -> Visit<'_> {
        let server = if is_local { "127.0.0.1" } else { "10.0.0.5" };
        let server = server.parse().unwrap();
        Visit { headers, version: Version::HTTP_11, authority: None, query_token: None, is_local, server }
    }

    fn settings(password: &str) -> Settings {
        Settings { requirepass: password.to_owned(), ..Settings::default() }
    }

    fn check(password: &str, is_local: bool, lines: &[(&str, &str)], expected: Result<Access, Refusal>) {
        let headers = headers(lines);
        assert_eq!(admit(&visit(&headers, is_local), &settings(password)), expected, "{password:?} {lines:?}");
    }

    const HOME: (&str, &str) = ("host", "localhost:7379");

    #[test]
    fn without_a_password_only_this_machine() {
        check("", true, &[HOME], Ok(Access::Open));
        check("", true, &[HOME, ("authorization", "Bearer anything")], Ok(Access::Open));
        check("", false, &[("host", "10.0.0.5:7379")], Err(Refusal::Protected));
        let open = Settings { protected_mode: false, ..settings("") };
        let host = headers(&[("host", "10.0.0.5:7379")]);
        assert_eq!(admit(&visit(&host, false), &open), Ok(Access::Open));
    }

    #[test]
    fn tokens() {
        let token = |value: &'static str| [HOME, ("authorization", value)];
        check("s3", true, &token("Bearer s3"), Ok(Access::Token));
        check("s3", false, &token("bEARER  s3 "), Ok(Access::Token));
        check("s3", true, &[HOME], Ok(Access::Stranger));
        for wrong in ["Bearer s4", "Bearer ", "Bearer s3x"] {
            check("s3", true, &token(wrong), Err(Refusal::Token));
        }
        check("s3", true, &token("Basic czM6"), Ok(Access::Stranger));
        let home = headers(&[HOME]);
        let query = |token: &'static [u8]| Visit { query_token: Some(token), ..visit(&home, true) };
        assert_eq!(admit(&query(b"s3"), &settings("s3")), Ok(Access::Token));
        assert_eq!(admit(&query(b"s4"), &settings("s3")), Err(Refusal::Token));
    }

    #[test]
    fn hosts() {
        let ours = [
            "localhost",
            "LocalHost:80",
            "127.0.0.1",
            "127.0.0.1:7379",
            "[::1]",
            "[::1]:7379",
            "127.0.0.2:1",
            "[::ffff:127.0.0.1]:7379",
            "localhost:",
        ];
        for host in ours {
            check("", true, &[("host", host)], Ok(Access::Open));
        }
        let others = [
            "evil.test",
            "evil.test:7379",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "localhost.",
            "evil.test.",
            "0.0.0.0:7379",
            "[::]:7379",
            "10.0.0.5",
            "127.0.0.1:80:80",
            "[::1",
            "[::1]x",
            "localhost:7a",
            "",
            ":7379",
            "user@localhost",
            "localhost evil.test",
        ];
        for host in others {
            check("", true, &[("host", host)], Err(Refusal::Host));
            check("s3", true, &[("host", host)], Err(Refusal::Host));
            check("s3", true, &[("host", host), ("authorization", "Bearer s3")], Ok(Access::Token));
        }
        check("", true, &[], Err(Refusal::HostHeader));
        check("", true, &[HOME, HOME], Err(Refusal::HostHeader));
    }

    #[test]
    fn configured_addresses_are_ours() {
        let mut settings = Settings { protected_mode: false, ..settings("") };
        settings.http_bind.0 = vec!["cache.lan".to_owned(), "-10.0.0.9".to_owned()];
        for (host, expected) in [
            ("cache.lan:1", Ok(Access::Open)),
            ("CACHE.LAN", Ok(Access::Open)),
            ("10.0.0.9", Ok(Access::Open)),
            ("10.0.0.5:7379", Ok(Access::Open)),
            ("10.0.0.6", Err(Refusal::Host)),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!(admit(&visit(&headers, false), &settings), expected, "{host}");
        }
    }

    #[test]
    fn an_authority_in_the_request_line_wins() {
        let headers = headers(&[HOME]);
        let visit = Visit { authority: Some("evil.test"), ..visit(&headers, true) };
        assert_eq!(admit(&visit, &settings("")), Err(Refusal::Host));
    }

    #[test]
    fn http_1_0_may_lack_a_host() {
        let headers = headers(&[]);
        let visit = Visit { version: Version::HTTP_10, ..visit(&headers, true) };
        assert_eq!(admit(&visit, &settings("")), Ok(Access::Open));
    }

    #[test]
    fn pages_of_other_sites() {
        let own = [("origin", "http://localhost:7379"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")];
        for line in own {
            check("", true, &[HOME, line], Ok(Access::Open));
        }
        let foreign = [
            ("origin", "http://evil.test"),
            ("origin", "null"),
            ("origin", "http://localhost:7380"),
            ("origin", "http://localhost"),
            ("origin", "http://localhost:7379.evil.test"),
            ("origin", ""),
            ("origin", "file://"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ];
        for line in foreign {
            check("", true, &[HOME, line], Err(Refusal::Site));
            check("", true, &[HOME, line, ("authorization", "Bearer x")], Err(Refusal::Site));
            check("s3", true, &[HOME, line], Err(Refusal::Site));
            check("s3", true, &[HOME, line, ("authorization", "Bearer s3")], Ok(Access::Token));
        }
    }

    #[test]
    fn posts_that_any_page_could_send() {
        let kind = |value: &str| headers(&[("content-type", value)]);
        for json in ["application/json", "Application/JSON; charset=utf-8"] {
            assert!(may_post(&kind(json), Access::Open), "{json}");
        }
        for simple in
            ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/plain; application/json", ""]
        {
            assert!(!may_post(&kind(simple), Access::Open), "{simple}");
            assert!(may_post(&kind(simple), Access::Token), "{simple}");
        }
        assert!(!may_post(&HeaderMap::new(), Access::Open));
        assert!(may_post(&headers(&[("authorization", "Bearer x")]), Access::Open));
    }
}
