//! A certificate from PEM files, as certificate authorities and their tools write them.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use super::{CertificateError, Shown};
use crate::config::CertificateFiles;

pub(super) fn read(files: &CertificateFiles) -> Result<Shown, CertificateError> {
    let in_file = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    let of_chain = in_file(&files.certificate);
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(of_chain)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(in_file(&files.key))?;
    let all = chain.iter().map(|certificate| &certificate[..]);
    let mut source = Sha256::new();
    all.chain([key.secret_der()])
        .for_each(|der| source.update(der));
    Ok(Shown {
        source: source.finalize().into(),
        chain,
        key,
    })
}
