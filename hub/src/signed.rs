//! Who asks: reads a laptop's request, and lets it through only with the signature of a laptop that the hub knows.
//!
//! The nonce moves on with every request that is let through. A request over the nonce before is let through as well
//! (the answer to it was lost) and moves nothing: a recorded request sent again cannot get a laptop out of step.

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use shared::ids::ReplicaId;
use shared::joining::messages::Reason;
use shared::joining::signature::{Claim, Nonce, Signed};

use crate::body;
use crate::devices::{self, Device};
use crate::opened::Hub;
use crate::refusal::Refusal;

/// A request that is known to come from a laptop.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// Which laptop.
    pub(crate) replica: ReplicaId,
    /// The whole body.
    pub(crate) body: Vec<u8>,
    /// The nonce for its next request.
    pub(crate) nonce: Nonce,
}

/// Reads a request with a body of at most `body_bytes_max`.
///
/// # Errors
/// Why it is not let through.
pub(crate) async fn admit(
    hub: &Hub,
    request: Request,
    body_bytes_max: usize,
) -> Result<Admitted, Refusal> {
    let claim = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| Claim::from_header(value.to_str().ok()?))
        .ok_or(Reason::Unsigned)?;
    let replica = claim.replica;
    // Strangers are turned away before anything of theirs is read.
    let device = known(hub, replica).await?;
    let (head, body) = request.into_parts();
    let body = body::read(body, body_bytes_max).await?;
    let signed = Signed {
        method: head.method.as_str(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()),
        body: &body,
    };
    let fits = |nonce: &Nonce| claim.is_of(&device.public_key, signed, *nonce);
    let used = [Some(device.nonce), device.nonce_before];
    let Some(used) = used.into_iter().flatten().find(fits) else {
        return Err(Refusal::stale(device.nonce));
    };
    let nonce = move_on(hub, replica, used).await?;
    Ok(Admitted {
        replica,
        body,
        nonce,
    })
}

/// The laptop as it is registered.
///
/// # Errors
/// It is not, or no longer.
pub(crate) async fn known(hub: &Hub, replica: ReplicaId) -> Result<Device, Refusal> {
    let found = hub.site().read(move |c| Ok(devices::find(c, replica)?));
    match found.await? {
        None => Err(Reason::LaptopUnknown.into()),
        Some(device) if device.revoked.is_some() => Err(Reason::LaptopRevoked.into()),
        Some(device) => Ok(device),
    }
}

/// Notes the contact and answers the nonce for the laptop's next request.
async fn move_on(hub: &Hub, replica: ReplicaId, used: Nonce) -> Result<Nonce, Refusal> {
    let fresh = Nonce::fresh().map_err(|error| Refusal::unable(&error))?;
    let now = hub.site().clock().now();
    let noted = hub
        .site()
        .store()
        .write(move |tx| devices::note_contact(tx, replica, used, fresh, now));
    // It may have been revoked while its body was on the way.
    noted
        .await
        .map_err(|error| Refusal::unable(&error))?
        .ok_or_else(|| Reason::LaptopRevoked.into())
}
