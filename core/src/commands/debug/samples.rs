//! DEBUG PROTOCOL: one reply of every type, with the values that client libraries expect of Redis.

use crate::context::Context;
use crate::error::CommandError;
use crate::resp::Protocol;

/// What Redis answers: clients compare the digits.
#[expect(clippy::approx_constant, reason = "it is not pi that clients expect")]
const DOUBLE: f64 = 3.141;

pub(super) fn protocol(cx: &mut Context) -> Result<(), CommandError> {
    let (name, reply) = (cx.arg(2).to_ascii_lowercase(), &mut cx.reply);
    match name.as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(DOUBLE),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            // In RESP2 a push would pass for the reply itself.
            if reply.protocol() == Protocol::Resp3 {
                reply.push(2);
                reply.bulk(b"server-cpu-usage");
                reply.integer(42);
            }
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => {
            return Err(CommandError::fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
