//! The rules, and where they come from.

use serde::Serialize;

use crate::check::links::{JSON_SCHEMA, METADATA, RESOURCES, TOOLS};

/// A rule that listed things have to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its id. Ids are stable.
    pub id: &'static str,
    /// The rule, in this project's words.
    pub text: &'static str,
    /// The place that it comes from.
    pub link: &'static str,
    /// The day on which that place was read.
    pub read: &'static str,
}

const PROMPTS: &str = "https://modelcontextprotocol.io/specification/2026-07-28/server/prompts";
const TEMPLATES: &str = "https://www.rfc-editor.org/rfc/rfc6570#section-2";
const VALIDATION: &str = "https://json-schema.org/draft/2020-12/json-schema-validation#section-9.2";
const APPLICATORS: &str = "https://json-schema.org/draft/2020-12/json-schema-core#section-10.3.2.3";
const OPENAI_FUNCTIONS: &str = "https://platform.openai.com/docs/api-reference/chat/create";
const OPENAI_ROOT: &str = "https://github.com/langchain-ai/langchainjs/issues/9804";
const OPENAI_STRUCTURED: &str =
    "https://platform.openai.com/docs/guides/structured-outputs#supported-schemas";
const ANTHROPIC: &str = "https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use";
const ANTHROPIC_ROOT: &str = "https://github.com/anthropics/claude-code/issues/40075";
const GEMINI: &str = "https://ai.google.dev/api/caching#FunctionDeclaration";
const GEMINI_SCHEMA: &str = "https://ai.google.dev/api/caching#Schema";
const GEMINI_TYPE: &str = "https://github.com/google-gemini/gemini-cli/issues/17235";
const BEDROCK: &str =
    "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html";

macro_rules! rules {
    ($($name:ident = $id:literal, $text:literal, $link:expr, $read:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, text: $text, link: $link, read: $read };)*

        /// Every rule: those of MCP and JSON Schema, then those of the APIs of language models.
        pub const RULES: &[Rule] = &[$($name,)*];
    };
}

rules! {
    LIST = "list", "A list that the server declares can be read to its end.", TOOLS, "2026-11-20";
    TOOL_NAME = "tool-name", "The name of a tool has 1 to 128 of the characters A-Z, a-z, 0-9, _, - and dot, and is unique.", TOOLS, "2026-11-20";
    INPUT_SCHEMA = "input-schema", "A tool has an inputSchema: an object with the type \"object\".", TOOLS, "2026-11-20";
    OUTPUT_SCHEMA = "output-schema", "An outputSchema is an object; before 2026-07-28 it has the type \"object\".", TOOLS, "2026-11-20";
    DIALECT = "dialect", "A schema is of 2020-12, or names in $schema a dialect that is known.", JSON_SCHEMA, "2026-11-20";
    JSON_SCHEMA_RULE = "json-schema", "A schema is valid: keywords have the values that their dialect allows, and patterns are regular expressions.", JSON_SCHEMA, "2026-11-20";
    REFERENCE = "reference", "A $ref points into its own schema. Clients do not fetch others.", TOOLS, "2026-11-20";
    SATISFIABLE = "satisfiable", "No property is required that additionalProperties forbids: no arguments would be valid.", APPLICATORS, "2026-11-27";
    DEFAULT = "default", "A default is valid for its own schema.", VALIDATION, "2026-11-27";
    HEADER = "x-mcp-header", "x-mcp-header names a token, unique in its schema, on a string, integer or boolean that is reached through properties alone.", METADATA, "2026-11-20";
    OUTPUT = "output", "The structuredContent of a result conforms to the outputSchema of its tool, which requires it.", TOOLS, "2026-11-20";
    PROMPT = "prompt", "A prompt has a name that is unique, and so has each of its arguments.", PROMPTS, "2026-11-20";
    RESOURCE = "resource", "A resource has a name, and a URI that is absolute and unique.", RESOURCES, "2026-11-20";
    TEMPLATE = "template", "A resource template has a name, and a uriTemplate as RFC 6570 defines it.", TEMPLATES, "2026-11-27";

    OPENAI_NAME = "openai-name", "OpenAI: the name of a function has 1 to 64 letters, digits, _ and -.", OPENAI_FUNCTIONS, "2026-11-26";
    OPENAI_DESCRIPTION = "openai-description", "OpenAI: the description of a function has at most 1,024 characters.", OPENAI_FUNCTIONS, "2026-11-26";
    OPENAI_TOP = "openai-root", "OpenAI: the root of parameters has the type \"object\", and no anyOf, oneOf, allOf, enum or not.", OPENAI_ROOT, "2026-11-27";
    OPENAI_SIZE = "openai-size", "OpenAI: structured outputs take objects in 10 levels, 5,000 properties, 1,000 values of enums, and names of 120,000 characters in all.", OPENAI_STRUCTURED, "2026-11-26";
    ANTHROPIC_NAME = "anthropic-name", "Anthropic: the name of a tool has 1 to 128 letters, digits, _ and -.", ANTHROPIC, "2026-11-26";
    ANTHROPIC_TOP = "anthropic-root", "Anthropic: the root of input_schema has no anyOf, oneOf or allOf.", ANTHROPIC_ROOT, "2026-11-27";
    ANTHROPIC_PROPERTY = "anthropic-property", "Anthropic: the name of a property has 1 to 64 letters, digits, _, - and dots.", ANTHROPIC, "2026-11-26";
    GEMINI_NAME = "gemini-name", "Gemini: the name of a function begins with a letter or _, and has at most 64 letters, digits, _, -, dots and colons.", GEMINI, "2026-11-26";
    GEMINI_ENUM = "gemini-enum", "Gemini: the values of an enum are strings.", GEMINI_SCHEMA, "2026-11-26";
    GEMINI_ITEMS = "gemini-items", "Gemini: an array names the schema of its items.", GEMINI_SCHEMA, "2026-11-26";
    GEMINI_PROPERTY = "gemini-type", "Gemini: a property has one type, unless it refers to another schema or combines several.", GEMINI_TYPE, "2026-11-26";
    BEDROCK_NAME = "bedrock-name", "Bedrock: the name of a tool has 1 to 64 letters, digits, _ and -.", BEDROCK, "2026-11-27";
    BEDROCK_DESCRIPTION = "bedrock-description", "Bedrock: a description is not empty.", BEDROCK, "2026-11-27";
}
