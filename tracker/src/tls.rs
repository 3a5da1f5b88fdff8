//! Certificates and keys of TLS listeners, and what becomes of them when their files change.

mod validity;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

pub(crate) use watch::watch;

/// A certificate that handshakes take as it is at the moment.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    /// What the files were when they were read first.
    loaded_from: watch::Stamps,
    now: RwLock<Loaded>,
}

#[derive(Clone, Debug)]
struct Loaded {
    key: Arc<CertifiedKey>,
    /// When it ends, in seconds since 1970; none when it does not say it in a way we read.
    ends: Option<i64>,
}

impl Certificate {
    /// Reads the files.
    pub(crate) fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            // Before they are read: what changes meanwhile is seen as a change.
            loaded_from: watch::stamps(files),
            files: files.clone(),
            now: RwLock::new(load(files)?),
        })
    }

    /// What a listener needs.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let resolver: Arc<Self> = Arc::clone(self);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|config| config.with_no_client_auth().with_cert_resolver(resolver))
            .map_err(|error| self.unusable(error))?;
        config.alpn_protocols = vec![b"http/1.1".into()];
        // A client that returns brings its session along: no signature, and nothing kept here.
        config.ticketer = ring::Ticketer::new().map_err(|error| self.unusable(error))?;
        Ok(Arc::new(config).into())
    }

    /// When it ends, in seconds since 1970.
    pub(crate) fn ends(&self) -> Option<i64> {
        self.now().ends
    }

    /// Reads the files again. When they cannot be used, all stays as it is.
    fn reload(&self) -> Result<(), TlsError> {
        let loaded = load(&self.files)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    fn now(&self) -> Loaded {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    fn unusable(&self, error: rustls::Error) -> TlsError {
        TlsError::Pair {
            cert: self.files.cert.clone(),
            key: self.files.key.clone(),
            error,
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now().key)
    }
}

fn load(files: &TlsFiles) -> Result<Loaded, TlsError> {
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TlsError::Certificate {
            path: files.cert.clone(),
            error,
        })?;
    let Some(own) = chain.first() else {
        return Err(TlsError::NoCertificate {
            path: files.cert.clone(),
        });
    };
    let ends = validity::ends(own);
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsError::Key {
        path: files.key.clone(),
        error,
    })?;
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| {
        TlsError::Pair {
            cert: files.cert.clone(),
            key: files.key.clone(),
            error,
        }
    })?;
    Ok(Loaded {
        key: Arc::new(key),
        ends,
    })
}

/// Why a TLS listener cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file cannot be read.
    #[error("the certificate `{}` cannot be read: give a PEM file with the chain, the server's own certificate first", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: pem::Error,
    },
    /// The certificate file holds none.
    #[error("`{}` holds no certificate: give a PEM file with a `BEGIN CERTIFICATE` line", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read, or holds none.
    #[error("the private key `{}` cannot be read: give a PEM file with a PKCS #8, PKCS #1 or SEC 1 key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: pem::Error,
    },
    /// They do not belong together, or are of a kind that is not supported.
    #[error("the certificate `{}` and the key `{}` cannot be used: give the key the certificate was made for", cert.display(), key.display())]
    Pair {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        error: rustls::Error,
    },
}
