//! Whether the server is there and has the model.

use crate::endpoint::Endpoint;
use crate::error::{EndpointError, Result};
use crate::persist::{Attempt, message};
use crate::transport::Call;
use serde_json::Value;
use std::sync::atomic::AtomicBool;

/// Who starts a run wants to know soon that nobody answers, or that what answers is broken. A server
/// that says that it is loading its model is waited for as long as for any answer.
const RETRIES: u32 = 1;

/// Names of models that an error lists.
const LISTED: usize = 8;

impl Endpoint {
    /// Asks for the list of models. A server that has none is taken at its word later.
    ///
    /// # Errors
    /// Nobody answers, access is refused, the interface is at another address, or the list lacks
    /// the model.
    pub fn check(&self, stop: &AtomicBool) -> Result<()> {
        let attempt = Attempt {
            call: Call {
                name: "models",
                body: None,
            },
            number: 0,
            tokens: 0,
            retries: self.limits.retries,
            unheard: RETRIES,
            after_answer: RETRIES,
            stop,
        };
        let reply = self.attempt(&attempt, Ok)?;
        if reply.status == 404 {
            // The usual slip: the address without its last part.
            let below = self.transport.send(&Call {
                name: "v1/models",
                body: None,
            });
            if below.is_ok_and(|reply| reply.status == 200) {
                return Err(EndpointError::NoInterface {
                    server: self.name(),
                    name: "/models".to_owned(),
                    status: 404,
                    message: message(&reply.text),
                    advice: format!(
                        "There is one below it: set `url` to {}/v1",
                        self.server.address
                    ),
                });
            }
            return Ok(());
        }
        let list: Option<Value> = match reply.status {
            200 => serde_json::from_str(&reply.text).ok(),
            _ => None,
        };
        let models = list.as_ref().and_then(|list| list["data"].as_array());
        let Some(models) = models else {
            return Ok(());
        };
        let names: Vec<&str> = models.iter().filter_map(|m| m["id"].as_str()).collect();
        if names.is_empty() || names.contains(&self.server.model.as_str()) {
            return Ok(());
        }
        let mut known = names[..names.len().min(LISTED)].join(", ");
        if names.len() > LISTED {
            known.push_str(&format!(" and {} more", names.len() - LISTED));
        }
        Err(EndpointError::NoModel {
            server: self.name(),
            known,
        })
    }
}
