//! A stranger on a nats-server: what is asked and published here goes through no code of ours.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

/// A connection in the protocol's own words.
pub struct NatsWire {
    from: BufReader<TcpStream>,
    to: TcpStream,
}

impl std::fmt::Debug for NatsWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NatsWire")
    }
}

impl NatsWire {
    /// Connects to `nats://HOST:PORT`.
    pub fn to(url: &str) -> Self {
        let host = url.trim_start_matches("nats://");
        let to = TcpStream::connect(host).expect("a server");
        let from = BufReader::new(to.try_clone().expect("a second handle"));
        let mut wire = Self { from, to };
        let _ = wire.line();
        wire.say("CONNECT {\"verbose\":false}\r\nSUB answers.> 1\r\nPING\r\n", b"");
        while wire.line() != "PONG" {}
        wire
    }

    fn say(&mut self, words: &str, bytes: &[u8]) {
        let sent = [words.as_bytes(), bytes].concat();
        self.to.write_all(&sent).expect("the server listens");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.from.read_line(&mut line).expect("the server speaks");
        assert!(read > 0, "the server hung up");
        line.trim_end().to_owned()
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, subject: &str, body: &[u8]) -> Value {
        let head = format!("PUB {subject} answers.1 {}\r\n", body.len());
        self.say(&head, &[body, b"\r\n"].concat());
        loop {
            let line = self.line();
            if line == "PING" {
                self.say("PONG\r\n", b"");
            }
            let Some(message) = line.strip_prefix("MSG ") else {
                assert!(!line.starts_with("-ERR"), "{line}");
                continue;
            };
            let length = message.rsplit(' ').next().and_then(|length| length.parse().ok());
            let mut answer = vec![0; length.expect("a length")];
            self.from.read_exact(&mut answer).expect("the answer");
            let _ = self.line();
            return serde_json::from_slice(&answer).expect("JSON");
        }
    }
}
