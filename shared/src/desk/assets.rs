//! The three files that pages load beside their HTML, compiled into the program: style sheet, script, icon.
//!
//! Their addresses carry a version that is a digest of their content, so browsers may keep them for ever.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = include_str!("icon.svg");

/// The policy under which every page works: nothing inline, nothing from elsewhere, no frame around it.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A year: the address changes with the content.
const KEEP: &str = "public, max-age=31536000, immutable";

/// `/style.css`, `/script.js` and `/icon.svg`; open to browsers that are not signed in.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |kind: &'static str, content: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEEP)], content) })
    };
    Router::new()
        .route("/style.css", file("text/css; charset=utf-8", STYLE))
        .route("/script.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/icon.svg", file("image/svg+xml", ICON))
}

/// Eight characters that change when any of the files does.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let digest = Sha256::new()
            .chain_update(STYLE)
            .chain_update(SCRIPT)
            .chain_update(ICON)
            .finalize();
        HEXLOWER.encode(&digest[..4])
    });
    &VERSION
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt;

    #[tokio::test]
    async fn the_style_sheet_is_served_with_its_type() {
        let request = Request::get("/style.css?v=1").body(Body::empty());
        let response = routes::<()>()
            .oneshot(request.expect("a request"))
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
    }

    #[test]
    fn style_and_script_ask_for_nothing_from_elsewhere() {
        for file in [STYLE, SCRIPT] {
            assert!(
                !file.contains("http:") && !file.contains("https:") && !file.contains("@import")
            );
        }
    }
}
