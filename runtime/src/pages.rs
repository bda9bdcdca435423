//! Compiles the Rust of the README, of pages in docs/, of the guides and of the skill.

#[doc = include_str!("../../README.md")]
struct Readme;

#[doc = include_str!("../../docs/configuration.md")]
struct Configuration;

#[cfg(feature = "stdio")]
#[doc = include_str!("../../docs/stdio.md")]
struct Stdio;

#[doc = include_str!("../../skills/mcp-lambda-server/SKILL.md")]
struct Skill;

#[doc = include_str!("../../docs/guides/auth.md")]
struct AuthGuide;

#[doc = include_str!("../../docs/guides/events.md")]
struct EventsGuide;

#[doc = include_str!("../../docs/guides/first-server.md")]
struct FirstServerGuide;

#[doc = include_str!("../../docs/guides/migrating.md")]
struct MigratingGuide;

#[doc = include_str!("../../docs/guides/questions.md")]
struct QuestionsGuide;

#[doc = include_str!("../../docs/guides/state.md")]
struct StateGuide;

#[doc = include_str!("../../docs/guides/streaming.md")]
struct StreamingGuide;

#[doc = include_str!("../../docs/guides/tasks.md")]
struct TasksGuide;

#[doc = include_str!("../../docs/guides/testing.md")]
struct TestingGuide;
