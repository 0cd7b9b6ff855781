//! Who asks: reads a laptop's request, and lets it through only with the signature of a laptop that the hub knows.
//!
//! The nonce moves on with every request that is let through. A request over the nonce before, with the trial that is
//! known, is let through as well (the answer to it was lost) and moves nothing: a recorded request sent again cannot
//! get a laptop out of step. A copy that asks for an id of its own moves nothing either: what it asked under belongs to
//! the laptop that it was copied from. Why, see `shared::joining::lease`.

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use shared::domain::catalog::{Catalog, Replica, catalog_id};
use shared::ids::ReplicaId;
use shared::joining::messages::Reason;
use shared::joining::signature::{Claim, Nonce, Signed};

use crate::body;
use crate::devices::incarnations::{self, Incarnated};
use crate::devices::{self, Device};
use crate::opened::{Hub, PROGRAM};
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
    let used = used(&device, &claim, signed).ok_or_else(|| Refusal::stale(device.nonce))?;
    let (replica, nonce) = match claim.incarnation {
        Some(incarnation) => (incarnation, incarnate(hub, device, incarnation).await?),
        None => (replica, move_on(hub, &claim, used).await?),
    };
    Ok(Admitted {
        replica,
        body,
        nonce,
    })
}

/// The nonce that the request was signed over, if that one still counts.
fn used(device: &Device, claim: &Claim, signed: Signed<'_>) -> Option<Nonce> {
    let fits = |nonce: &Nonce| claim.is_of(&device.public_key, signed, *nonce);
    if fits(&device.nonce) {
        return Some(device.nonce);
    }
    let before = device.nonce_before.filter(fits)?;
    let is_repeated = match (device.trial, claim.trial) {
        (Some(first), Some(trial)) => first == trial,
        // Laptops of the first version draw none.
        _ => true,
    };
    (is_repeated || claim.incarnation.is_some()).then_some(before)
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
async fn move_on(hub: &Hub, claim: &Claim, used: Nonce) -> Result<Nonce, Refusal> {
    let fresh = Nonce::fresh().map_err(|error| Refusal::unable(&error))?;
    let now = hub.site().clock().now();
    let (replica, trial) = (claim.replica, claim.trial);
    let noted = hub
        .site()
        .store()
        .write(move |tx| devices::note_contact(tx, replica, (used, trial), fresh, now));
    // It may have been revoked while its body was on the way.
    noted
        .await
        .map_err(|error| Refusal::unable(&error))?
        .ok_or_else(|| Reason::LaptopRevoked.into())
}

/// Lets a copy bear an id of its own and answers the nonce for its first request under it.
async fn incarnate(hub: &Hub, former: Device, incarnation: ReplicaId) -> Result<Nonce, Refusal> {
    let fresh = Nonce::fresh().map_err(|error| Refusal::unable(&error))?;
    let now = hub.site().clock().now();
    let laptop = former.replica;
    let incarnated = hub.site().write(move |work| {
        let name = former.name.clone();
        let outcome = incarnations::incarnate(work.connection(), &former, incarnation, fresh, now)?;
        if let Incarnated::Now(_) = outcome {
            // The histories that pages show name it, on every site.
            work.edit(catalog_id(), PROGRAM, |catalog: &mut Catalog| {
                catalog.replicas.insert(incarnation, Replica { name });
            })?;
        }
        Ok(outcome)
    });
    match incarnated.await? {
        Incarnated::Now(nonce) => {
            tracing::warn!(%laptop, %incarnation, "a copy or an old image of a laptop was noticed");
            Ok(nonce)
        }
        Incarnated::Before(nonce) => Ok(nonce),
        Incarnated::Taken => Err(Reason::IncarnationTaken.into()),
    }
}
