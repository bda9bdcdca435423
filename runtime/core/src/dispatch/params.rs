//! A request in rmcp's type.
//!
//! By its method, not by rmcp's untagged union: wrong parameters are then -32602 with a reason and not an unknown
//! method. And not by rmcp's readers of whole messages, which hold all values twice while they read.

use rmcp::model::{
    ClientCapabilities, ClientNotification, ClientRequest, ConstString, CustomNotification, CustomRequest,
    DiscoverRequestParams, Extensions, InitializeRequestParams, InitializedNotification,
    InitializedNotificationMethod, NotificationMetaObject, PaginatedRequestParams, ProtocolVersion,
    Request as Typed, RequestMetaObject, RequestOptionalParam, RequestParamsMeta,
    RootsListChangedNotification, RootsListChangedNotificationMethod,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use crate::protocol::{
    Fault, Method, Notification, Request, client,
    meta::{CLIENT_CAPABILITIES, CLIENT_INFO},
};

/// Reads the parameters of a request.
pub(crate) fn typed(request: &Request) -> Result<ClientRequest, Fault> {
    Ok(match &request.method {
        Method::Initialize => ClientRequest::InitializeRequest(initialize(request)?),
        Method::Discover => ClientRequest::DiscoverRequest(discover(request)?),
        Method::Complete => ClientRequest::CompleteRequest(required(request)?),
        Method::SetLogLevel => ClientRequest::SetLevelRequest(required(request)?),
        Method::GetPrompt => ClientRequest::GetPromptRequest(required(request)?),
        Method::ListPrompts => ClientRequest::ListPromptsRequest(page(request)?),
        Method::ListResources => ClientRequest::ListResourcesRequest(page(request)?),
        Method::ListResourceTemplates => ClientRequest::ListResourceTemplatesRequest(page(request)?),
        Method::ReadResource => ClientRequest::ReadResourceRequest(required(request)?),
        Method::SubscribeResource => ClientRequest::SubscribeRequest(required(request)?),
        Method::UnsubscribeResource => ClientRequest::UnsubscribeRequest(required(request)?),
        Method::Listen => ClientRequest::SubscriptionsListenRequest(required(request)?),
        Method::CallTool => ClientRequest::CallToolRequest(required(request)?),
        Method::ListTools => ClientRequest::ListToolsRequest(page(request)?),
        Method::GetTask => ClientRequest::GetTaskRequest(required(request)?),
        Method::UpdateTask => ClientRequest::UpdateTaskRequest(required(request)?),
        Method::CancelTask => ClientRequest::CancelTaskRequest(required(request)?),
        Method::ListSkills => ClientRequest::ListSkillsRequest(page(request)?),
        Method::GetSkill => ClientRequest::GetSkillRequest(required(request)?),
        Method::ReadResourceDirectory => ClientRequest::ReadResourceDirectoryRequest(required(request)?),
        // Served without the handler, or of a kind that rmcp has no type for.
        Method::Ping | Method::TaskResult | Method::ListTasks | Method::Other(_) => custom(request)?,
    })
}

/// A request that has parameters.
fn required<M: Default, P: DeserializeOwned + RequestParamsMeta>(
    request: &Request,
) -> Result<Typed<M, P>, Fault> {
    let mut params: P = request.parse()?;
    let meta = params.meta_mut().take();
    let mut typed = Typed::new(params);
    typed.extensions = extensions(meta);
    Ok(typed)
}

/// A request for a page of a list.
fn page<M: Default>(request: &Request) -> Result<RequestOptionalParam<M, PaginatedRequestParams>, Fault> {
    let mut params: PaginatedRequestParams = request.parse()?;
    let meta = params.meta.take();
    let mut typed = RequestOptionalParam::with_param(params);
    typed.extensions = extensions(meta);
    Ok(typed)
}

/// `initialize`. Clients send more than the schema has: what is not needed to open a session does not refuse one.
fn initialize<M: Default>(request: &Request) -> Result<Typed<M, InitializeRequestParams>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        #[serde(default, rename = "_meta")]
        meta: Option<RequestMetaObject>,
        protocol_version: ProtocolVersion,
        capabilities: Option<Box<RawValue>>,
        client_info: Option<Box<RawValue>>,
    }
    let sent: Params = request.parse()?;
    let invalid = |error| Fault::invalid_params(format!("{}: {error}", request.method));
    let capabilities = match &sent.capabilities {
        Some(raw) => client::capabilities(raw, "params.capabilities").map_err(invalid)?,
        None => ClientCapabilities::default(),
    };
    let params =
        InitializeRequestParams::new(capabilities, client::implementation(sent.client_info.as_deref()));
    let mut typed = Typed::new(params.with_protocol_version(sent.protocol_version));
    typed.extensions = extensions(sent.meta);
    Ok(typed)
}

fn discover<M: Default>(request: &Request) -> Result<Typed<M, DiscoverRequestParams>, Fault> {
    #[derive(Deserialize)]
    struct Params {
        #[serde(default, rename = "_meta")]
        meta: Option<RequestMetaObject>,
    }
    let sent: Params = request.parse()?;
    let mut typed = Typed::new(DiscoverRequestParams {});
    typed.extensions = extensions(sent.meta);
    Ok(typed)
}

/// A method that MCP does not define.
fn custom(request: &Request) -> Result<ClientRequest, Fault> {
    let mut params: Map<String, Value> = request.parse()?;
    let meta = params.remove("_meta");
    let params = (!params.is_empty() || request.params.is_sent()).then_some(Value::Object(params));
    let mut custom = CustomRequest::new(request.method.to_string(), params);
    if let Some(Value::Object(meta)) = meta {
        custom.extensions = extensions(Some(meta.into()));
    }
    Ok(ClientRequest::CustomRequest(custom))
}

fn extensions(meta: Option<RequestMetaObject>) -> Extensions {
    let mut extensions = Extensions::new();
    if let Some(mut meta) = meta {
        mend(&mut meta);
        extensions.insert(meta);
    }
    extensions
}

/// Makes what a 2026-07-28 client says about itself readable for rmcp, which refuses a request otherwise.
fn mend(meta: &mut RequestMetaObject) {
    let raw = |value: &Value| serde_json::value::to_raw_value(value).ok();
    if meta.client_capabilities().is_none()
        && let Some(sent) = meta.get(CLIENT_CAPABILITIES).and_then(raw)
        && let Ok(capabilities) = client::capabilities(&sent, CLIENT_CAPABILITIES)
    {
        meta.set_client_capabilities(capabilities);
    }
    if meta.client_info().is_none()
        && let Some(sent) = meta.get(CLIENT_INFO).and_then(raw)
    {
        meta.set_client_info(client::implementation(Some(&sent)));
    }
}

/// Reads a notification for the handler. What is wrong with parameters that nothing reads does not refuse it.
pub(super) fn notification(sent: &Notification) -> Result<ClientNotification, String> {
    let mut params: Map<String, Value> = sent.params.read()?;
    Ok(match sent.method.as_str() {
        InitializedNotificationMethod::VALUE => {
            ClientNotification::InitializedNotification(InitializedNotification::default())
        }
        RootsListChangedNotificationMethod::VALUE => {
            ClientNotification::RootsListChangedNotification(RootsListChangedNotification::default())
        }
        method => {
            let meta = params.remove("_meta");
            let mut custom = CustomNotification::new(method, Some(Value::Object(params)));
            if let Some(Value::Object(meta)) = meta {
                custom.extensions.insert(NotificationMetaObject::from(meta));
            }
            ClientNotification::CustomNotification(custom)
        }
    })
}
