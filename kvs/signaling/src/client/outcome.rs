//! What came of calls and handshakes, and what follows from it.

use smolrtc_base::Instant;

use super::Client;
use super::keeper;
use super::links::{Effect, Effects};
use super::plane::{Answer, Input as Learned};
use crate::control::{ErrorKind, RoleName, ServiceError, skewed_time};
use crate::credentials::{Credentials, parse_answer};
use crate::event::{DisconnectReason, Error, Event, Input, Step, StreamId};
use crate::exchange::Outcome;
use crate::http::Response;
use crate::sigv4::parse_http_date;
use crate::store::ChannelRecord;

impl Client {
    /// Asks the hook. With an answer the call does not go out.
    pub(super) fn before(&mut self, now: Instant, step: Step) -> Option<Outcome> {
        self.diagnostics.step(step).start(now);
        let injected = self.hooks.as_mut()?.before(now, step)?;
        Some(injected.into_outcome())
    }

    /// Counts the end of a call and asks the hook, whose answer takes the place of the real one.
    fn after(&mut self, now: Instant, step: Step, outcome: Outcome) -> Outcome {
        let status = match &outcome {
            Ok(response) => Ok(response.status),
            Err(error) => Err(*error),
        };
        let hooks = self.hooks.as_mut();
        let injected = hooks.and_then(|hooks| hooks.after(now, step, status));
        let outcome = injected.map_or(outcome, crate::hooks::Injected::into_outcome);
        let good = outcome.as_ref().is_ok_and(|r| r.status == 200);
        self.diagnostics.step(step).end(now, good);
        outcome
    }

    pub(super) fn handle_outcome(&mut self, now: Instant, outcome: Outcome) {
        let Some(step) = self.plane.end() else {
            return;
        };
        let response = match self.after(now, step, outcome) {
            Ok(response) => response,
            Err(error) => return self.fail(now, Error::Transport { step, error }),
        };
        if response.status != 200 {
            return self.handle_refusal(now, step, &response);
        }
        let Some(answer) = self.plane.take(now, &self.config, step, &response) else {
            return self.fail(now, Error::Malformed { step });
        };
        self.skew_tried = false;
        match answer {
            Answer::Created => self.plane.backoff.reset(),
            Answer::Endpoints => {
                self.plane.backoff.reset();
                self.save(now);
            }
            Answer::Channel => {
                self.plane.backoff.reset();
                let created = core::mem::take(&mut self.plane.created);
                if let Some(arn) = self.plane.arn() {
                    let arn = arn.into();
                    self.outputs.push(Event::Channel { arn, created });
                }
            }
            Answer::IceServers => {
                self.stats.ice_refreshes = self.stats.ice_refreshes.saturating_add(1);
                let servers = self.plane.ice.all().to_vec();
                self.outputs.push(Event::IceServers(servers));
            }
        }
    }

    /// Somebody answered, and did not like the request.
    fn handle_refusal(&mut self, now: Instant, step: Step, response: &Response) {
        let error = ServiceError::of(response);
        // A refusal for the time names it; one for the signature may still be due to the time.
        if matches!(response.status, 400 | 401 | 403) && !self.skew_tried {
            let date = response.headers.get("date").and_then(parse_http_date);
            let date = date.or_else(|| skewed_time(response));
            let host = self.host_of(step);
            if let Some(seconds) = date.and_then(|date| self.clock.learn(now, &host, date)) {
                self.skew_tried = true;
                self.stats.clock_corrections = self.stats.clock_corrections.saturating_add(1);
                self.outputs.push(Event::ClockSkew { seconds });
                return;
            }
        }
        let create = step == Step::Describe && self.can_create();
        let learned = match (step, error.kind) {
            (_, ErrorKind::NotFound) => {
                self.unsave();
                Some(Learned::NotFound { create })
            }
            (Step::Create, ErrorKind::InUse) => Some(Learned::Exists),
            // Too often is no reason to do more: the same step again, later.
            (Step::Connect, ErrorKind::Throttled) => None,
            (Step::Connect, _) => Some(Learned::EndpointFailed),
            _ => None,
        };
        if let Some(learned) = learned {
            self.plane.transition(&self.config, learned);
        }
        if create && error.kind == ErrorKind::NotFound {
            return;
        }
        if matches!(response.status, 401 | 403) || error.kind == ErrorKind::ExpiredToken {
            let expired = error.kind == ErrorKind::ExpiredToken;
            let refused = keeper::Input::Refused { expired };
            self.keeper.transition(now, &mut self.rng, refused);
        }
        self.fail(now, Error::Service { step, error });
    }

    /// What came of IoT Core's endpoint.
    pub(super) fn handle_credentials(&mut self, now: Instant, outcome: Outcome) {
        let step = Step::GetCredentials;
        let outcome = self.after(now, step, outcome);
        self.keeper.http.close(&mut self.outputs);
        let error = match outcome {
            Err(error) => Error::Transport { step, error },
            Ok(response) if response.status != 200 => Error::Service {
                step,
                error: ServiceError::of(&response),
            },
            Ok(response) => match parse_answer(&response, self.clock.now(now)) {
                Some(credentials) => return self.take_credentials(now, credentials),
                None => Error::Malformed { step },
            },
        };
        let failed = keeper::Input::Failed;
        self.keeper.transition(now, &mut self.rng, failed);
        self.stats.failures = self.stats.failures.saturating_add(1);
        let retry_at = self.keeper.backoff.retry_at().unwrap_or(now);
        self.outputs.push(Event::Failed { error, retry_at });
    }

    pub(super) fn take_credentials(&mut self, now: Instant, credentials: Credentials) {
        let given = keeper::Input::Given(credentials);
        self.keeper.transition(now, &mut self.rng, given);
        self.stats.credentials = self.stats.credentials.saturating_add(1);
        self.expiry_told = false;
        self.plane.backoff.reset();
        self.plane.ice.backoff.reset();
        self.links.retry.reset();
    }

    /// What happened to a socket's stream.
    pub(super) fn handle_socket(&mut self, now: Instant, id: StreamId, input: Input<'_>) {
        let (links, mut cx) = self.links(now);
        match input {
            Input::StreamOpened(_) => {
                let effects = links.handle_opened(id, &mut cx);
                self.handle_effects(now, effects);
            }
            Input::StreamClosed(_, reason) => {
                let effects = links.handle_closed(id, reason, &mut cx);
                self.handle_effects(now, effects);
            }
            Input::StreamBytes(_, bytes) => {
                let mut rest = bytes;
                while let Some(effects) = {
                    let (links, mut cx) = self.links(now);
                    links.handle_bytes(id, &mut rest, &mut cx)
                } {
                    self.handle_effects(now, effects);
                }
            }
        }
    }

    pub(super) fn handle_effects(&mut self, now: Instant, effects: Effects) {
        for effect in effects.into_iter().flatten() {
            self.handle_effect(now, effect);
        }
    }

    fn handle_effect(&mut self, now: Instant, effect: Effect) {
        match effect {
            Effect::Text { text, current } => self.handle_message(now, &text, current),
            Effect::Connected => {
                if self.stats.connections > 0 {
                    self.stats.reconnects = self.stats.reconnects.saturating_add(1);
                }
                let first = now.since(self.created);
                self.diagnostics.start_to_connected.get_or_insert(first);
                self.connected(now);
                self.outputs.push(Event::Connected);
            }
            Effect::Rotated => {
                self.stats.rotations = self.stats.rotations.saturating_add(1);
                self.connected(now);
                self.outputs.push(Event::Rotated);
            }
            Effect::Refused(response) => {
                self.handle_connect_failure(now, Ok(response));
            }
            Effect::Failed(error) => self.handle_connect_failure(now, Err(error)),
            Effect::Lost(reason) => self.lost(reason),
            Effect::Replaced { retry_at } => {
                self.stats.replaced = self.stats.replaced.saturating_add(1);
                self.outputs.push(Event::Replaced { retry_at });
            }
        }
    }

    fn connected(&mut self, now: Instant) {
        self.stats.connections = self.stats.connections.saturating_add(1);
        self.diagnostics.step(Step::Connect).end(now, true);
        if let Some(hooks) = &mut self.hooks {
            // What is open cannot be made to have failed.
            hooks.after(now, Step::Connect, Ok(101));
        }
        self.skew_tried = false;
        self.outbox.new_socket();
    }

    fn lost(&mut self, reason: DisconnectReason) {
        self.outputs.push(Event::Disconnected { reason });
        if self.stopped {
            return;
        }
        self.stats.runtime_errors = self.stats.runtime_errors.saturating_add(1);
        self.outbox.forget_candidates();
        let learned = match reason {
            DisconnectReason::GoAway => Learned::GoAway,
            // The endpoint is as good as it was.
            DisconnectReason::Replaced => return,
            _ => Learned::EndpointFailed,
        };
        self.plane.transition(&self.config, learned);
    }

    /// A handshake was refused, or not answered.
    pub(super) fn handle_connect_failure(&mut self, now: Instant, outcome: Outcome) {
        let step = Step::Connect;
        match self.after(now, step, outcome) {
            Ok(response) => self.handle_refusal(now, step, &response),
            Err(error) => {
                self.plane.transition(&self.config, Learned::EndpointFailed);
                self.fail(now, Error::Transport { step, error });
            }
        }
    }

    fn can_create(&self) -> bool {
        self.config.create_channel && self.config.channel.name().is_some()
    }

    fn host_of(&self, step: Step) -> alloc::string::String {
        let ready = self.plane.ready();
        let url = match (step, ready) {
            (Step::Connect, Some((_, endpoints))) => Some(&endpoints.wss),
            (Step::GetIceServers, Some((_, endpoints))) => endpoints.https.as_ref(),
            _ => None,
        };
        url.unwrap_or(self.plane.endpoint()).host().into()
    }

    fn save(&mut self, now: Instant) {
        let (Some(store), Some((arn, endpoints))) = (&mut self.store, self.plane.ready()) else {
            return;
        };
        store.save(&ChannelRecord {
            channel: self.config.channel.as_written().into(),
            region: self.config.region.clone(),
            role: RoleName::from(&self.config.role).as_str().into(),
            arn: arn.clone(),
            wss: alloc::format!("{}", endpoints.wss),
            https: endpoints.https.as_ref().map(|url| alloc::format!("{url}")),
            saved: self.clock.now(now).as_secs(),
        });
    }

    fn unsave(&mut self) {
        if let Some(store) = &mut self.store {
            let role = RoleName::from(&self.config.role).as_str();
            let name = self.config.channel.as_written();
            store.forget(name, &self.config.region, role);
        }
    }

    fn fail(&mut self, now: Instant, error: Error) {
        self.stats.failures = self.stats.failures.saturating_add(1);
        let step = match error {
            Error::Transport { step, .. }
            | Error::Service { step, .. }
            | Error::Malformed { step } => step,
            Error::CredentialsExpired => Step::Connect,
        };
        let backoff = match step {
            Step::GetIceServers => &mut self.plane.ice.backoff,
            Step::Connect => &mut self.links.retry,
            _ => &mut self.plane.backoff,
        };
        let retry_at = backoff.fail(now, &mut self.rng);
        self.outputs.push(Event::Failed { error, retry_at });
    }
}
