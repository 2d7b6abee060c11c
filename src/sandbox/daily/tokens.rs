//! Meeting tokens: `POST /meeting-tokens`, `GET /meeting-tokens/:token`.
//!
//! A token looks like a JWT and carries its own properties, signed with a key of this sandbox; nothing is
//! stored, so tokens leave nothing behind.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{ApiError, body::Body};
use crate::sandbox::clock::unix_now;
use crate::sandbox::world::World;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a token says about its holder: the properties that this emulator acts on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Valid for this room only; for every room if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) room_name: Option<String>,
    #[serde(default)]
    pub(crate) is_owner: bool,
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<f64>,
    #[serde(default)]
    pub(crate) eject_at_token_exp: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct NewToken {
    #[serde(default)]
    properties: Claims,
}

pub(super) async fn create(
    State(world): State<Arc<World>>,
    Body(request): Body<NewToken>,
) -> Result<Json<Value>, ApiError> {
    let claims = request.properties;
    if claims.exp.is_some_and(|exp| exp <= unix_now()) {
        return Err(ApiError::invalid("exp is in the past"));
    }
    Ok(Json(json!({"token": world.tokens.sign(&claims)})))
}

pub(super) async fn get(
    State(world): State<Arc<World>>,
    Path(token): Path<String>,
) -> Result<Json<Claims>, ApiError> {
    world.tokens.verify(&token).map(Json).ok_or_else(|| ApiError::invalid("invalid token"))
}

/// Signs and verifies the tokens of one sandbox.
pub(crate) struct Tokens {
    key: [u8; 16],
}

impl Tokens {
    /// With a key of its own.
    pub(crate) fn new() -> Self {
        Self { key: Uuid::new_v4().into_bytes() }
    }

    /// The token that says this.
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let payload = serde_json::to_vec(claims).expect("claims are plain data");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of a token of ours; whether it has expired is the caller's question.
    pub(crate) fn verify(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        self.mac(signed).verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let (_, payload) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_by_its_own_sandbox_only() {
        let tokens = Tokens::new();
        let claims = Claims { room_name: Some("a".to_owned()), is_owner: true, ..Claims::default() };
        let token = tokens.sign(&claims);
        assert_eq!(tokens.verify(&token), Some(claims));
        assert_eq!(Tokens::new().verify(&token), None);
        assert_eq!(tokens.verify(&token[..token.len() - 2]), None);
        assert_eq!(tokens.verify("nonsense"), None);
    }
}
