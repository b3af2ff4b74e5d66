//! A TCP proxy that does harm on request.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// What the proxy does to what passes through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Holds everything back, in both directions, until told otherwise.
    Stall,
    /// Holds back what comes from the server: requests arrive, answers do not.
    StallAnswers,
    /// Cuts every connection, and every new one at once.
    Refuse,
}

#[derive(Debug, Default)]
struct State {
    fault: Fault,
    /// Connections cut once this many more bytes have come from the client.
    cut_after: Option<u64>,
    /// Both ends of every connection.
    streams: Vec<TcpStream>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A proxy in front of a server on this machine.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy in front of `target`, a port of the loopback interface.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub fn in_front_of(target: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let of_listener = Arc::clone(&shared);
        let _ = std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let _ = of_listener.join(client, target);
            }
        });
        Ok(Self { port, shared })
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where clients of a nats-server connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// From now on this happens.
    pub fn set(&self, fault: Fault) {
        let mut state = self.shared.state();
        state.fault = fault;
        if fault == Fault::Refuse {
            state.cut();
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Cuts every connection; new ones are welcome.
    pub fn cut(&self) {
        self.shared.state().cut();
    }

    /// Cuts every connection once this many more bytes have come from clients.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.state().cut_after = Some(bytes);
    }
}

impl State {
    fn cut(&mut self) {
        for stream in self.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, client: TcpStream, target: u16) -> std::io::Result<()> {
        if self.state().fault == Fault::Refuse {
            return client.shutdown(Shutdown::Both);
        }
        let server = TcpStream::connect(("127.0.0.1", target))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.state().streams.extend([client.try_clone()?, server.try_clone()?]);
        self.pump(client.try_clone()?, server.try_clone()?, true);
        self.pump(server, client, false);
        Ok(())
    }

    fn pump(self: &Arc<Self>, mut from: TcpStream, mut to: TcpStream, of_client: bool) {
        let shared = Arc::clone(self);
        let _ = std::thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                let passes = shared.admit(read as u64, of_client);
                let passing = buffer.get(..passes as usize).unwrap_or_default();
                if to.write_all(passing).is_err() || passes < read as u64 {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }

    /// Waits while the proxy stalls; answers how many of `bytes` may pass.
    fn admit(&self, bytes: u64, of_client: bool) -> u64 {
        let mut state = self.state();
        while state.fault == Fault::Stall || (state.fault == Fault::StallAnswers && !of_client) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !of_client {
            return bytes;
        }
        match state.cut_after {
            Some(left) if left < bytes => {
                state.cut_after = None;
                left
            }
            Some(left) => {
                state.cut_after = Some(left - bytes);
                bytes
            }
            None => bytes,
        }
    }
}
