//! The route on which a laptop trades its ticket for a registration, or the letter of an earlier one that the hub has lost.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::routing::post;
use axum::{Extension, Json, Router};
use shared::domain::catalog::{Catalog, Replica, catalog_id};
use shared::exchange::stick;
use shared::joining::messages::{JOIN_PATH, JoinRequest, Joined, Reason};
use shared::joining::signature::Nonce;
use shared::ledger::hub_key;
use shared::request::{Allowance, Arrival};

use crate::body;
use crate::devices::Device;
use crate::devices::tickets::{self, Trade};
use crate::opened::{Hub, PROGRAM};
use crate::refusal::Refusal;

/// A request is some 300 bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;

/// A source may ask this often in vain, at once...
const VAIN_BURST: u32 = 10;
/// ... and then once in this time, in milliseconds: nobody guesses 128 bits, but each guess costs the hub a write.
const VAIN_EVERY_MS: u32 = 20_000;

pub(crate) fn routes() -> Router<Hub> {
    let allowance = Arc::new(Allowance::new(VAIN_BURST, VAIN_EVERY_MS));
    Router::new()
        .route(JOIN_PATH, post(join))
        .layer(Extension(allowance))
}

/// Lets a source try for as long as it is not too often in vain.
async fn join(
    State(hub): State<Hub>,
    Extension(allowance): Extension<Arc<Allowance>>,
    request: Request,
) -> Result<Json<Joined>, Refusal> {
    let source = request.extensions().get::<Arrival>().map(|a| a.source);
    let now = hub.site().clock().wall();
    if source.is_some_and(|source| !allowance.take(source, now)) {
        return Err(Reason::TooOften.into());
    }
    let joined = trade(&hub, request).await?;
    if let Some(source) = source {
        allowance.give_back(source);
    }
    Ok(joined)
}

async fn trade(hub: &Hub, request: Request) -> Result<Json<Joined>, Refusal> {
    let body = body::read(request.into_body(), BODY_BYTES_MAX).await?;
    let request: JoinRequest = serde_json::from_slice(&body).map_err(|_| Reason::Malformed)?;
    let (secret_hash, key) = request.verified().ok_or(Reason::Malformed)?;
    let JoinRequest {
        replica, letter, ..
    } = request;
    let nonce = Nonce::fresh().map_err(|error| Refusal::unable(&error))?;
    let now = hub.site().clock().now();
    let (trade, own_key, recipient) = hub
        .site()
        .write(move |work| {
            let c = work.connection();
            let own_key = hub_key::ensure_own(c)?;
            let recipient = stick::ensure_recipient(c)?;
            let trade = match &letter {
                None => tickets::trade(c, &secret_hash, replica, &key, nonce, now)?,
                Some(letter) => tickets::trade_letter(c, letter, replica, &key, nonce, now)?,
            };
            if let Trade::Joined(device) = &trade {
                // The histories that pages show name it, on every site.
                let name = device.name.clone();
                work.edit(catalog_id(), PROGRAM, |catalog: &mut Catalog| {
                    catalog.replicas.insert(replica, Replica { name });
                })?;
            }
            Ok((trade, own_key, recipient))
        })
        .await
        .map_err(|error| Refusal::unable(&error))?;
    let device = match trade {
        Trade::Joined(device) => device,
        Trade::Unknown => return Err(Reason::TicketUnknown.into()),
        Trade::Expired => return Err(Reason::TicketExpired.into()),
        Trade::Used => return Err(Reason::TicketUsed.into()),
        Trade::KeyChanged => return Err(Reason::KeyChanged.into()),
        Trade::Revoked => return Err(Reason::LaptopRevoked.into()),
    };
    tracing::info!(laptop = %replica, "registered");
    let (own_id, Device { name, nonce, .. }) = (hub.site().replica(), *device);
    let joined = Joined::new(name, own_id, nonce, &own_key, &key);
    Ok(Json(joined.with_stick_recipient(recipient)))
}
