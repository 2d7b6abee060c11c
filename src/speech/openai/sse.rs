//! Server-sent events (the WHATWG HTML standard), from bytes that may be cut anywhere. No I/O.

use std::mem;

/// No event of a chat completion comes near this.
const MAX_EVENT: usize = 1 << 20;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Empty if the event has no name.
    pub(super) name: String,
    /// Its `data` lines, joined by line feeds.
    pub(super) data: String,
}

/// An event or line over a megabyte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// The parser's memory between two pieces.
#[derive(Debug, Default)]
pub(super) struct Sse {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed right after it belongs to it.
    after_cr: bool,
    /// The first line is over; only that one may begin with a byte order mark.
    begun: bool,
    name: String,
    data: Option<String>,
}

impl Sse {
    /// Takes the next bytes and gives the events they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let ends_cr = mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if ends_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()?),
                _ => self.line.push(byte),
            }
            if self.line.len() > MAX_EVENT {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    /// The stream is over: what stands unfinished counts if it is whole but for its blank line.
    pub(super) fn finish(mut self) -> Option<Event> {
        if !self.line.is_empty() {
            self.end_line().ok()?;
        }
        self.dispatch()
    }

    fn end_line(&mut self) -> Result<Option<Event>, TooLong> {
        // Whole lines only, so that a character cut in two by the network is whole again.
        let bytes = mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let first = !mem::replace(&mut self.begun, true);
        let line = if first { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add_data(value)?,
            "event" => self.name = value.to_owned(),
            // Comments have an empty field name; `id` and `retry` are for reconnecting, which a reply cannot.
            _ => {}
        }
        Ok(None)
    }

    fn add_data(&mut self, value: &str) -> Result<(), TooLong> {
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
        let length = self.data.as_ref().map_or(0, String::len);
        if length > MAX_EVENT { Err(TooLong) } else { Ok(()) }
    }

    fn dispatch(&mut self) -> Option<Event> {
        let name = mem::take(&mut self.name);
        self.data.take().map(|data| Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&[u8]]) -> Vec<Event> {
        let mut sse = Sse::default();
        let mut events: Vec<_> = pieces.iter().flat_map(|piece| sse.push(piece).unwrap()).collect();
        events.extend(sse.finish());
        events
    }

    fn data(text: &str) -> Event {
        Event { name: String::new(), data: text.to_owned() }
    }

    #[test]
    fn all_line_ends_comments_and_names_are_understood() {
        let text = "\u{feff}data: a\r\n\r\n: comment\ndata:b\ndata:  c\n\nevent: error\rdata: d\r\rid: 7\nretry: 1\ndata\n\n";
        let events = parse(&[text.as_bytes()]);
        let error = Event { name: "error".into(), data: "d".into() };
        assert_eq!(events, [data("a"), data("b\n c"), error, data("")]);
    }

    #[test]
    fn a_name_without_data_is_no_event_and_does_not_stick() {
        assert_eq!(parse(&[b"event: error\n\ndata: x\n\n"]), [data("x")]);
    }

    #[test]
    fn a_missing_last_blank_line_is_forgiven() {
        assert_eq!(parse(&[b"data: [DONE]"]), [data("[DONE]")]);
        assert_eq!(parse(&[b"data: [DONE]\n"]), [data("[DONE]")]);
    }

    #[test]
    fn invalid_utf8_is_replaced_and_does_not_stop_the_stream() {
        assert_eq!(parse(&[b"data: a\xff\n\ndata: b\n\n"]), [data("a\u{fffd}"), data("b")]);
    }

    #[test]
    fn endless_lines_and_events_are_refused() {
        let mut sse = Sse::default();
        assert_eq!(sse.push(&vec![b'x'; MAX_EVENT + 1]), Err(TooLong));
        let mut sse = Sse::default();
        let line = format!("data: {}\n", "x".repeat(1000));
        let result = (0..2000).try_for_each(|_| sse.push(line.as_bytes()).map(drop));
        assert_eq!(result, Err(TooLong));
    }

    proptest! {
        #[test]
        fn where_the_network_cuts_makes_no_difference(
            text in "(data|event|x)?(: ?[é€a\u{1F600}:]{0,4})?(\r\n|\n|\r)?((data: [é€a]{0,3}|:c)?(\r\n|\n|\r)){0,12}",
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(parse(&pieces), parse(&[bytes]));
        }

        #[test]
        fn no_bytes_can_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&[&bytes]);
        }
    }
}
