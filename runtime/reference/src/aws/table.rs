//! `dynamodb_query`: a page of the items of a table that the deployment allows.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mcp_lambda_aws::signed::Service;
use rmcp::{
    Json, RoleServer,
    handler::server::wrapper::Parameters,
    model::CallToolResult,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Action, Input, icon, in_time,
    values::{KeyValue, plain_item},
};
use crate::{server::Reference, tools::refused};

const SERVICE: Service = Service { id: "DynamoDB", name: "dynamodb" };
/// The largest page, in bytes of its JSON.
const LARGEST_PAGE: usize = 256 * 1024;
const LARGEST_CURSOR: usize = 8 * 1024;
const MOST_ITEMS: u32 = 100;
const MOST_ATTRIBUTES: usize = 50;

#[derive(Deserialize, JsonSchema)]
struct Query {
    /// The table: its name, or its ARN.
    #[schemars(length(min = 1, max = 1024))]
    table: String,
    /// The name of an index. Without one the table itself is queried.
    #[serde(default)]
    #[schemars(length(min = 3, max = 255))]
    index: Option<String>,
    /// The name of the partition key.
    #[schemars(length(min = 1, max = 255))]
    partition_key: String,
    /// The value of the partition key.
    partition_value: KeyValue,
    /// A condition for the sort key.
    #[serde(default)]
    sort_key: Option<SortKey>,
    /// The most items to return.
    #[serde(default = "some_items")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    /// Whether to return the items in descending order of the sort key.
    #[serde(default)]
    descending: bool,
    /// The names of the attributes to return. Without them, all are returned.
    #[serde(default)]
    #[schemars(length(max = 50))]
    attributes: Vec<String>,
    /// `next_cursor` of the page before, with the other arguments as they were.
    #[serde(default)]
    #[schemars(length(min = 1, max = 8192))]
    cursor: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct SortKey {
    /// The name of the sort key.
    #[schemars(length(min = 1, max = 255))]
    name: String,
    operator: Comparison,
    /// The value, or the lower one of `between`.
    value: KeyValue,
    /// The upper value of `between`.
    #[serde(default)]
    upper: Option<KeyValue>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    BeginsWith,
    Between,
}

fn some_items() -> u32 {
    25
}

#[derive(Serialize, JsonSchema)]
struct Page {
    /// The ARN of the table.
    table: String,
    /// The items. Sets are arrays, binary values are `{"$binary": "<base64>"}`, and long numbers are texts.
    items: Vec<Map<String, Value>>,
    /// The number of items.
    count: usize,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
    /// The read capacity units that the query consumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64")]
    consumed_capacity: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    #[serde(default)]
    items: Vec<Value>,
    last_evaluated_key: Option<Value>,
    consumed_capacity: Option<Capacity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: Option<f64>,
}

#[tool_router(router = table_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Query a DynamoDB table",
        description = "Returns a page of the items of a DynamoDB table with one partition key, as plain JSON. Only tables \
                       that the deployment allows; call it with any name to learn which.",
        icons = icon("M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zm0 0c0 4 16 4 16 0M4 12c0 4 16 4 16 0"),
        annotations(read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = true)
    )]
    async fn dynamodb_query(
        &self,
        Parameters(query): Parameters<Query>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Page>, CallToolResult> {
        in_time(&context, self.query(&query)).await.map(Json).map_err(refused)
    }

    async fn query(&self, query: &Query) -> Result<Page, String> {
        let table = self.aws.table(&query.table)?;
        let body = query.body(&table.arn)?;
        let resource = match &query.index {
            Some(index) => format!("{}/index/{index}", table.arn),
            None => table.arn.clone(),
        };
        let action = Action {
            service: SERVICE,
            name: "Query",
            permission: "dynamodb:Query",
            resource: &resource,
            place: &table.place,
        };
        let input = Input::Json { target: "DynamoDB_20120810", version: "application/x-amz-json-1.0", body };
        let response = self.aws.send(action, input).await?;
        let response: Response = serde_json::from_slice(&response)
            .map_err(|_| "the response of DynamoDB is malformed: repeat the call".to_owned())?;
        let items: Vec<_> = response.items.iter().map(plain_item).collect();
        let size = serde_json::to_vec(&items).map_or(0, |json| json.len());
        if size > LARGEST_PAGE {
            return Err(format!(
                "the page has {size} bytes, and {LARGEST_PAGE} at most are returned: ask with a smaller limit, or for some \
                 attributes"
            ));
        }
        Ok(Page {
            table: table.arn,
            count: items.len(),
            items,
            next_cursor: response
                .last_evaluated_key
                .map(|key| BASE64_URL_SAFE_NO_PAD.encode(key.to_string())),
            consumed_capacity: response.consumed_capacity.and_then(|capacity| capacity.capacity_units),
        })
    }
}

impl Query {
    /// The request. Its expressions use names and values of expression attributes, so that no text of the caller is part of one.
    fn body(&self, table: &str) -> Result<Value, String> {
        if !(1..=MOST_ITEMS).contains(&self.limit) {
            return Err(format!("limit is {}: expected a number from 1 to {MOST_ITEMS}", self.limit));
        }
        if self.attributes.len() > MOST_ATTRIBUTES {
            return Err(format!(
                "attributes has {} names: expected {MOST_ATTRIBUTES} at most",
                self.attributes.len()
            ));
        }
        let mut condition = "#p = :p".to_owned();
        let mut names = Map::from_iter([("#p".to_owned(), json!(self.partition_key))]);
        let mut values = Map::from_iter([(":p".to_owned(), self.partition_value.attribute())]);
        if let Some(sort) = &self.sort_key {
            condition = format!("{condition} AND {}", sort.condition()?);
            names.insert("#s".to_owned(), json!(sort.name));
            values.insert(":s".to_owned(), sort.value.attribute());
            if let Some(upper) = &sort.upper {
                values.insert(":u".to_owned(), upper.attribute());
            }
        }
        let wanted: Vec<_> = (0..self.attributes.len()).map(|at| format!("#a{at}")).collect();
        names.extend(wanted.iter().cloned().zip(self.attributes.iter().map(|name| json!(name))));
        let mut body = json!({
            "TableName": table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "Limit": self.limit,
            "ScanIndexForward": !self.descending,
            "ReturnConsumedCapacity": "TOTAL",
        });
        if let Some(index) = &self.index {
            body["IndexName"] = json!(index);
        }
        if !wanted.is_empty() {
            body["ProjectionExpression"] = json!(wanted.join(","));
        }
        if let Some(cursor) = &self.cursor {
            body["ExclusiveStartKey"] = start(cursor)?;
        }
        Ok(body)
    }
}

/// The key after which a page begins. DynamoDB checks that it is one of the table.
fn start(cursor: &str) -> Result<Value, String> {
    let bytes = Some(cursor).filter(|cursor| cursor.len() <= LARGEST_CURSOR);
    let bytes = bytes.and_then(|cursor| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok());
    let key: Option<Value> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.filter(Value::is_object)
        .ok_or_else(|| "cursor is not the next_cursor of a page of this tool".to_owned())
}

impl SortKey {
    fn condition(&self) -> Result<&'static str, String> {
        if (self.operator == Comparison::Between) != self.upper.is_some() {
            return Err("sort_key.upper belongs to the operator between, and to no other".to_owned());
        }
        Ok(match self.operator {
            Comparison::Equal => "#s = :s",
            Comparison::Less => "#s < :s",
            Comparison::LessOrEqual => "#s <= :s",
            Comparison::Greater => "#s > :s",
            Comparison::GreaterOrEqual => "#s >= :s",
            Comparison::BeginsWith => "begins_with(#s, :s)",
            Comparison::Between => "#s BETWEEN :s AND :u",
        })
    }
}
