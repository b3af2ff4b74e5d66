//! Certificates for tests, made anew each time.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority that says who is who, with a directory for what it gave out.
#[derive(Debug)]
pub struct Authority {
    home: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, each in a file.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, that nobody trusts yet.
    ///
    /// # Errors
    /// Those of the file system, and of making keys.
    pub fn new() -> anyhow::Result<Self> {
        let home = tempfile::Builder::new().prefix("blotter-authority-").tempdir()?;
        let key = KeyPair::generate()?;
        let mut own = CertificateParams::default();
        // Who has the name of who gave it a certificate would be taken to have given it itself.
        own.distinguished_name.push(DnType::CommonName, "authority");
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(home.path().join("ca.pem"), own.self_signed(&key)?.pem())?;
        Ok(Self { home, issuer: Issuer::new(own, key) })
    }

    /// Its own certificate, for whoever is to trust it.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// A certificate for `name`, a host or whatever a client calls itself.
    ///
    /// # Errors
    /// Those of the file system, and of making keys.
    pub fn issue(&self, name: &str) -> anyhow::Result<Certificate> {
        let key = KeyPair::generate()?;
        let mut asked = CertificateParams::new([name.to_owned()])?;
        asked.distinguished_name.push(DnType::CommonName, name);
        let issued = asked.signed_by(&key, &self.issuer)?;
        let file = |ending: &str| self.home.path().join(format!("{name}.{ending}"));
        let (certificate, private) = (file("pem"), file("key"));
        fs::write(&certificate, issued.pem())?;
        fs::write(&private, key.serialize_pem())?;
        Ok(Certificate { certificate, key: private })
    }
}
