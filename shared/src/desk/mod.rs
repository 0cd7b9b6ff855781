//! The agents' pages (« desk »), mounted by both programs: one file per page, beside its template.
//!
//! What pages share: [`page`] is the frame that `base.html` draws, [`form`] what the field macros of `parts.html`
//! draw, [`assets`] the style sheet and the script. The desk does not know whether it runs on a laptop or at the hub.

pub mod assets;
pub mod form;
pub mod page;
