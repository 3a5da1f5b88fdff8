//! What a client speaks through: a TCP socket, or TLS on it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// How connections are made.
#[derive(Debug)]
pub(crate) struct Connector {
    address: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Connector {
    /// Connects to `address`, with TLS to `host` if it is `secure`.
    pub(crate) fn new(address: SocketAddr, host: &str, secure: bool) -> io::Result<Self> {
        let tls = || -> io::Result<_> {
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            Ok((Arc::new(client().map_err(io::Error::other)?), name))
        };
        Ok(Self {
            address,
            tls: secure.then(tls).transpose()?,
        })
    }

    /// Starts a connection.
    pub(crate) fn connect(&self) -> io::Result<Link> {
        let socket = TcpStream::connect(self.address)?;
        let tls = self.tls.clone().map(|(config, name)| {
            let session = ClientConnection::new(config, name);
            session.map(Box::new).map_err(io::Error::other)
        });
        Ok(Link {
            socket,
            tls: tls.transpose()?,
        })
    }
}

fn client() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    // Each connection stands for a client of its own, with a whole handshake.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Takes any certificate: what is sent is no secret, and whose tracker it is was told.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection, and the session on it if there is one.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Link {
    /// Ends both directions.
    pub(crate) fn shutdown(&self) {
        // The remote may have done it already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Read for Link {
    /// Fills `buffer` as far as the socket has bytes for it.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { socket, tls } = self;
        let Some(session) = tls else {
            return socket.read(buffer);
        };
        let mut filled = 0;
        while let Some(room @ [_, ..]) = buffer.get_mut(filled..) {
            match session.reader().read(room) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match session.read_tls(socket) {
                        Ok(_) => {}
                        Err(error) if filled > 0 && error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error),
                    }
                    session.process_new_packets().map_err(io::Error::other)?;
                    // A step of the handshake may be to send.
                    write_out(session, socket)?;
                }
                Err(error) if filled > 0 && error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { socket, tls } = self;
        let Some(session) = tls else {
            return socket.write(bytes);
        };
        let taken = session.writer().write(bytes)?;
        write_out(session, socket)?;
        match taken {
            0 => Err(ErrorKind::WouldBlock.into()),
            taken => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(session) => write_out(session, &mut self.socket),
            None => Ok(()),
        }
    }
}

/// Sends what the socket takes.
fn write_out(session: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    while session.wants_write() {
        match session.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
