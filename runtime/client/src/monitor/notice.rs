//! What hears of alerts.

use crate::aws;

/// The most words of a command.
const LONGEST: usize = 64;

/// What hears of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A program with its arguments. It is started without a shell, and has the alert as JSON on stdin.
    Command(Vec<String>),
    /// The ARN of an SNS topic.
    Topic(String),
}

impl Notice {
    /// What a rule names.
    pub(super) fn of(command: Option<&[String]>, topic: Option<&str>) -> Result<Vec<Self>, String> {
        let mut notices = Vec::new();
        if let Some(command) = command {
            if command.first().is_none_or(String::is_empty) || command.len() > LONGEST {
                return Err(format!(
                    "command: expected a program and its arguments, {LONGEST} words at most"
                ));
            }
            notices.push(Self::Command(command.to_vec()));
        }
        if let Some(topic) = topic {
            if aws::region_of_topic(topic).is_none() {
                return Err(format!("topic: {topic:?} is not the ARN of an SNS topic"));
            }
            notices.push(Self::Topic(topic.to_owned()));
        }
        Ok(notices)
    }
}
