//! The arguments of a request: borrowed from a buffer, or owned.

use super::ProtocolError;
use std::fmt;

/// Where an argument lies in its buffer: `start..end`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let narrow = |at| u32::try_from(at).expect("requests stay under max_request_bytes");
        Self { start: narrow(start), end: narrow(end) }
    }
}

/// The arguments of one request, the command's name first. Copying it copies two references.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    /// The bytes begin with the request as it came over the wire, an array of strings.
    is_framed: bool,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans, is_framed: false }
    }

    /// Of bytes that begin with these very arguments as an array of strings.
    pub(super) fn framed(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans, is_framed: true }
    }

    /// The request as it came over the wire, if it came as an array of strings.
    #[inline]
    pub fn wire(&self) -> Option<&'a [u8]> {
        let last = self.spans.last().filter(|_| self.is_framed)?;
        self.bytes.get(..last.end as usize + 2)
    }

    /// How many arguments there are, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`; the command's name is at 0.
    ///
    /// # Panics
    /// When there is no such argument: check the arity first, or use
    /// [`try_get`](Self::try_get).
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn get(&self, index: usize) -> &'a [u8] {
        self.slice(self.spans[index])
    }

    /// The argument at `index`, if there is one.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn try_get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|&span| self.slice(span))
    }

    /// The arguments from `index` on; none when there are fewer.
    #[must_use]
    pub fn tail(&self, index: usize) -> Self {
        Self::new(self.bytes, self.spans.get(index..).unwrap_or_default())
    }

    /// All arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| &bytes[span.start as usize..span.end as usize])
    }

    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn slice(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }
}

impl fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|argument| argument.escape_ascii().to_string())).finish()
    }
}

/// A request that owns its bytes: queued by MULTI, waiting for a key, or built by an edge.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestBuf {
    /// The arguments behind each other, without framing.
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl RequestBuf {
    /// A request without arguments. Allocates nothing.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), spans: Vec::new() }
    }

    /// Appends an argument.
    ///
    /// # Panics
    /// When the arguments together reach 4 GiB. Where nothing bounded them before, as in scripts,
    /// use [`try_push`](Self::try_push).
    pub fn push(&mut self, argument: &[u8]) {
        self.try_push(argument).expect("the edge bounds its requests below 4 GiB");
    }

    /// Appends an argument.
    ///
    /// # Errors
    /// [`ProtocolError::RequestTooLarge`] when the arguments together would reach 4 GiB; the
    /// request is then as before.
    pub fn try_push(&mut self, argument: &[u8]) -> Result<(), ProtocolError> {
        let start = self.bytes.len();
        let end = start as u64 + argument.len() as u64;
        if end > u64::from(u32::MAX) {
            return Err(ProtocolError::RequestTooLarge);
        }
        self.bytes.extend_from_slice(argument);
        self.spans.push(Span::new(start, self.bytes.len()));
        Ok(())
    }

    /// Removes all arguments and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    /// The arguments, borrowed.
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments::new(&self.bytes, &self.spans)
    }

    /// Bytes of memory held, for the accounting of clients.
    pub fn allocated_bytes(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

impl From<Arguments<'_>> for RequestBuf {
    /// Copies the arguments, and nothing of what lies between them.
    fn from(arguments: Arguments<'_>) -> Self {
        let mut request = Self {
            bytes: Vec::with_capacity(arguments.iter().map(<[u8]>::len).sum()),
            spans: Vec::with_capacity(arguments.len()),
        };
        arguments.iter().for_each(|argument| request.push(argument));
        request
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for RequestBuf {
    fn from_iter<I: IntoIterator<Item = T>>(arguments: I) -> Self {
        let mut request = Self::new();
        for argument in arguments {
            request.push(argument.as_ref());
        }
        request
    }
}

impl fmt::Debug for RequestBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arguments().fmt(f)
    }
}
