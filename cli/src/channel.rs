//! `kvs channel`

use kvs_host::aws::Aws;
use kvs_host::call::{CallError, Caller};
use kvs_signaling::control::wire::ChannelInfo;
use kvs_signaling::{CallResult, Command, Role};

use crate::args::{self, ChannelAction, OneChannel};
use crate::failure::Failure;
use crate::output::say;

pub(crate) async fn run(args: args::Channel) -> Result<(), Failure> {
    let (aws, name, command) = match args.action {
        ChannelAction::Create(OneChannel { name, aws }) => (aws, Some(name), Command::Create),
        ChannelAction::Describe(OneChannel { name, aws }) => (aws, Some(name), Command::Describe),
        ChannelAction::Delete(OneChannel { name, aws }) => (aws, Some(name), Command::Delete),
        ChannelAction::List { name, aws } => (aws, None, Command::List { prefix: name }),
    };
    let aws = Aws::resolve(
        aws.endpoint.as_deref(),
        aws.region.as_deref(),
        name.as_deref(),
    )?;
    // A list concerns no channel; the settings want one nevertheless.
    let shown = name.as_deref().unwrap_or("all");
    let config = aws.signaling(Role::Master, shown)?;
    let caller = Caller::new(aws.tls);
    let result = caller.call(config, command, aws.credentials).await;
    match result.map_err(|error| explain(&error, shown))? {
        CallResult::Created(arn) => say(&arn),
        CallResult::Described(info) => {
            let json = serde_json::to_string_pretty(&info);
            say(&json.map_err(Failure::from)?);
        }
        CallResult::Listed(channels) => channels.iter().for_each(list),
        CallResult::Deleted => say(&format!("{shown} is deleted")),
        _ => {}
    }
    if caller.skew_seconds() != 0 {
        crate::output::complain(&skew_line(caller.skew_seconds()));
    }
    Ok(())
}

fn list(channel: &ChannelInfo) {
    let status = channel.channel_status.as_deref().unwrap_or("-");
    say(&format!(
        "{}\t{status}\t{}",
        channel.channel_name, channel.channel_arn
    ));
}

/// The error with the channel's name in it.
pub(crate) fn explain(error: &CallError, channel: &str) -> Failure {
    match error {
        CallError::Config(error) => Failure::from(*error),
        CallError::Call(error) => explain_signaling(error, channel),
    }
}

/// The error with the channel's name in it.
pub(crate) fn explain_signaling(error: &kvs_signaling::Error, channel: &str) -> Failure {
    use kvs_signaling::control::ErrorKind;
    match error {
        kvs_signaling::Error::Service { error, .. } if error.kind == ErrorKind::NotFound => {
            Failure::new(format!(
                "there is no channel {channel} in this region: check the name, or create it with \
                 `kvs channel create {channel}`"
            ))
        }
        kvs_signaling::Error::Service { error, .. } if error.kind == ErrorKind::InUse => {
            Failure::new(format!(
                "the channel {channel} exists already, or is being changed"
            ))
        }
        error => Failure::from(*error),
    }
}

/// What to say about a clock that is off.
pub(crate) fn skew_line(seconds: i64) -> String {
    let side = if seconds > 0 { "behind" } else { "ahead of" };
    format!(
        "this machine's clock is {} s {side} the service's, whose time is used for signatures; set \
         the clock",
        seconds.unsigned_abs()
    )
}
