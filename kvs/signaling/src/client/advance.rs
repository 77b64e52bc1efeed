//! Starting whatever is needed and can be started.

use smolrtc_base::Instant;

use super::Client;
use super::keeper::Need;
use super::socket::Socket;
use crate::control::RoleName;
use crate::credentials::IotCore;
use crate::event::{Error, Event, Step};
use crate::exchange::Origin;
use crate::prepare::Signing;
use crate::websocket;

/// IoT Core's endpoint is slow at times; so long the C SDK waits.
const CREDENTIALS_PATIENCE: smolrtc_base::Duration = smolrtc_base::Duration::from_secs(15);
/// A hook's answer may make another call possible at once; so often that is followed.
const ROUNDS: usize = 4;

impl Client {
    pub(super) fn advance(&mut self, now: Instant) {
        if !core::mem::replace(&mut self.started, true) {
            self.recall(now);
        }
        if self.stopped {
            return;
        }
        self.plane.ice.age(now);
        self.pump(now);
        for _ in 0..ROUNDS {
            let injected = self.start_credentials(now);
            if self.keeper.usable(now, &self.clock).is_none() {
                self.tell_expiry(now);
                if !injected {
                    return;
                }
                continue;
            }
            self.expiry_told = false;
            if !(injected | self.start_call(now) | self.start_socket(now)) {
                return;
            }
        }
    }

    /// Uses what an earlier client has learned.
    fn recall(&mut self, now: Instant) {
        let role = RoleName::from(&self.config.role).as_str();
        let name = self.config.channel.as_written();
        let store = self.store.as_mut();
        let record = store.and_then(|store| store.load(name, &self.config.region, role));
        let about = |r: &crate::ChannelRecord| r.is_about(name, &self.config.region, role);
        if let Some(record) = record
            .filter(about)
            .filter(|record| record.is_fresh(self.clock.now(now)))
        {
            self.plane.remember(&record);
        }
    }

    /// Nothing can be signed: said once.
    fn tell_expiry(&mut self, now: Instant) {
        if !core::mem::replace(&mut self.expiry_told, true) && self.keeper.has_expired() {
            let error = Error::CredentialsExpired;
            self.outputs.push(Event::Failed {
                error,
                retry_at: now,
            });
        }
    }

    /// Returns whether a hook has answered in the service's place.
    fn start_credentials(&mut self, now: Instant) -> bool {
        match self.keeper.next(now, &self.clock, &mut self.rng) {
            None => false,
            Some(Need::Ask) => {
                self.outputs.push(Event::CredentialsNeeded);
                false
            }
            Some(Need::Call(iot)) => self.call_iot(now, &iot),
        }
    }

    fn call_iot(&mut self, now: Instant, iot: &IotCore) -> bool {
        if let Some(outcome) = self.before(now, Step::GetCredentials) {
            self.handle_credentials(now, outcome);
            return true;
        }
        let request = iot.request(&self.config.user_agent);
        let origin = Origin::from(&iot.endpoint).with_certificate();
        self.keeper.http.start(
            now,
            &mut self.outputs,
            origin,
            request,
            &self.config.timeouts,
            CREDENTIALS_PATIENCE,
        );
        false
    }

    fn start_call(&mut self, now: Instant) -> bool {
        let Some((step, operation, endpoint)) = self.plane.next(now, &self.config) else {
            if self.plane.is_idle() {
                self.plane.http.close(&mut self.outputs);
            }
            return false;
        };
        let Some(credentials) = self.keeper.usable(now, &self.clock) else {
            return false;
        };
        let signing = Signing {
            credentials,
            region: &self.config.region,
            user_agent: &self.config.user_agent,
            time: self.clock.now_at(now, endpoint.host()),
            provider: self.provider,
        };
        let request = signing.call(endpoint, &operation);
        let origin = Origin::from(endpoint);
        self.plane.begin(step);
        self.stats.calls = self.stats.calls.saturating_add(1);
        if let Some(outcome) = self.before(now, step) {
            self.handle_outcome(now, outcome);
            return true;
        }
        let timeouts = &self.config.timeouts;
        let patience = if step == Step::Create {
            timeouts.create
        } else {
            timeouts.call
        };
        self.plane
            .http
            .start(now, &mut self.outputs, origin, request, timeouts, patience);
        false
    }

    fn start_socket(&mut self, now: Instant) -> bool {
        let credentials = self.keeper.usable(now, &self.clock);
        let (Some((arn, endpoints)), Some(credentials)) = (self.plane.ready(), credentials) else {
            return false;
        };
        if !self.links.wants_socket(now) {
            return false;
        }
        let signing = Signing {
            credentials,
            region: &self.config.region,
            user_agent: &self.config.user_agent,
            time: self.clock.now_at(now, endpoints.wss.host()),
            provider: self.provider,
        };
        let key = websocket::client_key(self.rng.array());
        let request = signing.upgrade(&endpoints.wss, arn, &self.config.role, &key);
        let accept = websocket::accept_key(self.provider, &key);
        let origin = Origin::from(&endpoints.wss);
        if let Some(outcome) = self.before(now, Step::Connect) {
            self.handle_connect_failure(now, outcome);
            return true;
        }
        let id = self.outputs.open(&origin);
        let timeouts = &self.config.timeouts;
        let socket = Socket::new(now, id, request, accept, timeouts, self.links.holds());
        self.links.start(socket);
        false
    }
}
