//! Tools, and the states that call them.
#![expect(dead_code, reason = "mirror types: only their shape is used")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::kinds::Retry;
use super::sections::Type;
use super::words::{Assigned, Duration, Json, NAME, Path, Text};

/// Something that may be asked of a server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Tool {
    /// When the model should use it, in a sentence. Needed if a `converse` offers it.
    #[schemars(extend("examples" = ["The caller asks where an order is."]))]
    when: Option<String>,
    /// What it is called with. In the texts of `http`, parameters stand as `{{ name }}`.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"order_id": "text", "details": {"type": "bool", "optional": true}}]))]
    params: Option<BTreeMap<String, ParamOrType>>,
    /// What it does to the world: `read` (nothing, if left out) or `write`.
    #[schemars(extend("enum" = ["read", "write"]))]
    effect: Option<String>,
    /// The longest one request may take, 500ms to 60s; 10s if left out.
    timeout: Option<Duration>,
    /// What makes two requests the same one, sent as the header `Idempotency-Key`. A tool that writes needs it.
    #[schemars(extend("examples" = ["{{ call.id }}-{{ order_id }}"]))]
    idempotency: Option<Text>,
    /// What becomes of it when the caller goes on talking or the state is left. If left out: `cancel` for a tool
    /// that reads, `finish` for one that writes.
    #[schemars(extend("enum" = ["finish", "cancel"]))]
    on_interrupt: Option<String>,
    /// The request.
    http: Http,
}

/// A parameter, or only its type.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum ParamOrType {
    /// Its type.
    Type(Type),
    /// All of it.
    Param(Param),
}

/// What a tool is called with.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Param {
    /// Its type.
    r#type: Type,
    /// The words of an enum.
    #[schemars(extend("examples" = [["sales", "support"]]))]
    values: Option<Vec<String>>,
    /// Whether it may be left out; `false` if left out.
    optional: Option<bool>,
    /// What it is; the model reads it.
    #[schemars(extend("examples" = ["The number on the receipt."]))]
    description: Option<String>,
}

/// A request over HTTP.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Http {
    /// The method. If left out: `POST` with `json` or `body`, `GET` without.
    #[schemars(extend("enum" = ["GET", "POST", "PUT", "PATCH", "DELETE"]))]
    method: Option<String>,
    /// Where it goes. The host is text of the flow or comes from `env.`; what follows may hold parameters, which
    /// are encoded.
    #[schemars(length(min = 1), extend("examples" = ["https://api.example.com/orders/{{ order_id }}", "{{ env.SHOP_API }}/orders/{{ order_id }}"]))]
    url: String,
    /// Headers. What the environment puts here is a secret: it may not be spoken or shown to the model.
    #[schemars(extend("propertyNames" = {"pattern": "^[A-Za-z0-9_-]+$"}, "examples" = [{"Authorization": "Bearer {{ env.SHOP_KEY }}"}]))]
    headers: Option<BTreeMap<String, Assigned>>,
    /// What is added to the URL behind `?`. An entry whose only parameter has no value is left out.
    #[schemars(extend("examples" = [{"details": "{{ details }}"}]))]
    query: Option<BTreeMap<String, Assigned>>,
    /// The body as JSON. `"{{ name }}"` alone keeps the parameter's type, and is left out if it has no value.
    #[schemars(extend("examples" = [{"order": "{{ order_id }}", "notify": true}]))]
    json: Option<Json>,
    /// The body as text that is JSON. Each `{{ name }}` becomes a JSON value, quotes included.
    #[schemars(extend("examples" = ["{\"order\": {{ order_id }}}"]))]
    body: Option<Text>,
}

/// The name of a tool, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum ToolOrCall {
    /// The tool.
    Tool(String),
    /// All of it.
    Call(CallApi),
}

/// Asks a server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallApi {
    /// The tool, declared under `tools:`.
    #[schemars(extend("examples" = ["order_status"]))]
    tool: String,
    /// What it is called with. A parameter that is not named here takes the variable of its name.
    #[schemars(extend("examples" = [{"order_id": "{{ order_id }}"}]))]
    args: Option<BTreeMap<String, Assigned>>,
    /// The longest each request may take, 500ms to 60s; that of the tool if left out.
    timeout: Option<Duration>,
    /// Further attempts, when the server cannot be reached, is too slow or fails.
    retry: Option<Retry>,
    /// Said if it takes longer than a second.
    #[schemars(extend("examples" = ["Let me look."]))]
    fill: Option<Text>,
    /// Which variables take what from the answer. What is not there, or not of the variable's type, is `failed`.
    #[schemars(extend("examples" = [{"status": "result.status"}]))]
    save: Option<BTreeMap<String, Path>>,
}
