//! A client's byte stream: received bytes in, requests out, replies collected.

use crate::resp::{Arguments, Input, KeysAhead, Parser, ProtocolError, RequestLimits};
use crate::session::Session;
use crate::settings::Settings;

/// One client with its buffers.
#[derive(Debug)]
pub struct Connection {
    /// State across commands.
    pub session: Session,
    /// Received bytes.
    pub input: Input,
    /// Replies that are not sent yet.
    pub out: Vec<u8>,
    parser: Parser,
    /// Bytes of the request that the parser has found; consumed when the next one is asked for.
    consumed: usize,
}

impl Connection {
    /// A connection without bytes.
    pub fn new(session: Session) -> Self {
        Self { session, input: Input::new(), out: Vec::new(), parser: Parser::new(), consumed: 0 }
    }

    /// Moves on to the next whole request and says whether there is one. Call [`Connection::parts`] to work on it.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn advance(&mut self, settings: &Settings) -> Result<bool, ProtocolError> {
        self.finish_request();
        let limits = RequestLimits::new(settings.proto_max_bulk_len_bytes, settings.client_query_buffer_limit_bytes);
        let limits = if self.session.authenticated { limits } else { limits.unauthenticated() };
        self.consumed = self.parser.parse_input(&mut self.input, &limits)?.unwrap_or(0);
        Ok(self.consumed > 0)
    }

    /// What are probably the keys of the requests behind the present one, each with its next word.
    pub fn keys_ahead(&self) -> KeysAhead<'_> {
        KeysAhead::new(self.input.pending().get(self.consumed..).unwrap_or_default())
    }

    /// Leaves the request that was found for a later [`Connection::advance`].
    pub fn postpone_request(&mut self) {
        self.consumed = 0;
    }

    /// Drops the request that was worked on.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn finish_request(&mut self) {
        if self.consumed > 0 {
            self.input.consume(self.consumed);
            self.consumed = 0;
        }
    }

    /// The request that [`Connection::advance`] found, beside the session and the reply buffer.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn parts(&mut self) -> (&mut Session, Arguments<'_>, &mut Vec<u8>) {
        (&mut self.session, self.parser.arguments(self.input.pending()), &mut self.out)
    }
}
