//! Events: `POST /v1/events` and `GET /v1/events`.

use super::JsonMap;
use model::{Millis, Name};
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    /// What kind of thing happened, such as `access`.
    pub kind: Name,
    /// What is to be kept about it; the whole line of the log is at most 16 KiB.
    pub data: JsonMap,
}

/// The answer of `POST /v1/events`, sent once the event is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventAppended {
    /// The node's count of its events.
    pub seq: u64,
    /// When, by the node's clock.
    pub at: Millis,
}

/// The query of `GET /v1/events`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Name>,
    /// Only with a greater `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many, oldest first; 100 if not said, 1000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl EventsQuery {
    /// How many are given if `limit` is not said.
    pub const DEFAULT_LIMIT: u64 = 100;
    /// The most that are given.
    pub const MAX_LIMIT: u64 = 1000;

    /// Writes the part of the URL after the `?`. Names need no escapes.
    pub fn to_query(&self) -> String {
        let kind = self.kind.as_ref().map(|kind| format!("kind={kind}"));
        let after = self.after.map(|seq| format!("after={seq}"));
        let limit = self.limit.map(|count| format!("limit={count}"));
        [kind, after, limit].into_iter().flatten().collect::<Vec<_>>().join("&")
    }
}

/// The answer of `GET /v1/events`: events of this dapp on this node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventList {
    /// The events, oldest first.
    pub events: Vec<EventRecord>,
}

/// An event of the asking dapp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The node's count of its events; a dapp's own have gaps.
    pub seq: u64,
    /// When, by the node's clock.
    pub at: Millis,
    /// What kind of thing happened.
    pub kind: Name,
    /// What was kept about it.
    pub data: JsonMap,
}

impl From<model::Event> for EventRecord {
    fn from(event: model::Event) -> Self {
        Self { seq: event.seq, at: event.at, kind: event.kind, data: event.data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_field_of_a_request_is_refused() {
        assert!(serde_json::from_str::<EventRequest>(r#"{"kind":"access","data":{}}"#).is_ok());
        for bad in [
            r#"{"kind":"access","data":{},"at":5}"#,
            r#"{"kind":"Access","data":{}}"#,
            r#"{"kind":"access"}"#,
            r#"{"kind":"access","data":[]}"#,
        ] {
            assert!(serde_json::from_str::<EventRequest>(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn a_query_says_only_what_is_asked() {
        assert_eq!(EventsQuery::default().to_query(), "");
        let query = EventsQuery { kind: "access".parse().ok(), after: Some(4), limit: None };
        assert_eq!(query.to_query(), "kind=access&after=4");
    }
}
