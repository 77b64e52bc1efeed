//! Credentials, region and endpoint: from options, AWS's variables and the shared files.

use std::path::{Path, PathBuf};

use kvs_signaling::url::Url;
use kvs_signaling::{
    ChannelRef, Config, ConfigError, Credentials, CredentialsError, Role, arn_parts,
    region_from_shared_file,
};
use tokio_rustls::TlsConnector;

use crate::tls;

/// Region of a service of one's own that says nothing else: what `kvs service` has by default.
pub const DEFAULT_REGION: &str = "us-west-2";

/// Why the settings cannot be used, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError(String);

impl std::fmt::Display for AwsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AwsError {}

impl From<CredentialsError> for AwsError {
    fn from(error: CredentialsError) -> Self {
        Self(error.to_string())
    }
}

impl From<tls::TlsError> for AwsError {
    fn from(error: tls::TlsError) -> Self {
        Self(error.to_string())
    }
}

/// Where settings come from: the process's own, or a test's.
pub(crate) struct Environment<'a> {
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) file: &'a dyn Fn(&Path) -> Option<String>,
}

/// This process's own.
fn surroundings() -> Environment<'static> {
    Environment {
        variable: &|name| std::env::var(name).ok(),
        file: &|path| std::fs::read_to_string(path).ok(),
    }
}

/// Everything that a call to AWS needs.
#[derive(Clone)]
pub struct Aws {
    /// Who signs.
    pub credentials: Credentials,
    /// The region signed for.
    pub region: String,
    /// Control plane other than Amazon's.
    pub endpoint: Option<Url>,
    /// TLS for every stream.
    pub tls: TlsConnector,
}

impl Aws {
    /// From this process's surroundings: AWS's own variables and shared files. What is given in
    /// `endpoint` and `region` goes first; `channel` may be an ARN, which names the region.
    ///
    /// # Errors
    /// One line that says what is missing or wrong, and what to do.
    pub fn resolve(
        endpoint: Option<&str>,
        region: Option<&str>,
        channel: Option<&str>,
    ) -> Result<Self, AwsError> {
        let credentials = surroundings().credentials()?;
        Self::with_credentials(credentials, endpoint, region, channel)
    }

    /// The same with credentials of the application's own.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve), but for credentials.
    pub fn with_credentials(
        credentials: Credentials,
        endpoint: Option<&str>,
        region: Option<&str>,
        channel: Option<&str>,
    ) -> Result<Self, AwsError> {
        let environment = surroundings();
        let endpoint = environment.endpoint(endpoint)?;
        let region = environment.region(region, channel, endpoint.as_ref())?;
        let bundle = environment.get("AWS_CA_BUNDLE").map(PathBuf::from);
        let tls = tls::connector(bundle.as_deref())?;
        Ok(Self {
            credentials,
            region,
            endpoint,
            tls,
        })
    }

    /// Signaling settings for a channel, by name or ARN, in a role.
    ///
    /// # Errors
    /// The name, the ARN or the region is malformed.
    pub fn signaling(&self, role: Role, channel: &str) -> Result<Config, ConfigError> {
        let channel = ChannelRef::parse(channel)?;
        let mut config = Config::new(role, channel, &self.region)?;
        config.endpoint.clone_from(&self.endpoint);
        Ok(config)
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Environment<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    fn profile(&self) -> String {
        self.get("AWS_PROFILE")
            .or_else(|| self.get("AWS_DEFAULT_PROFILE"))
            .unwrap_or("default".into())
    }

    /// One of the shared files: where a variable says, or in `~/.aws`.
    fn shared_file(&self, variable: &str, name: &str) -> Option<PathBuf> {
        let named = self.get(variable).map(PathBuf::from);
        named.or_else(|| Some(Path::new(&self.get("HOME")?).join(".aws").join(name)))
    }

    fn shared_files(&self) -> Vec<(PathBuf, String)> {
        let paths = [
            self.shared_file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            self.shared_file("AWS_CONFIG_FILE", "config"),
        ];
        let read = |path: PathBuf| (self.file)(&path).map(|text| (path, text));
        paths.into_iter().flatten().filter_map(read).collect()
    }

    pub(crate) fn endpoint(&self, option: Option<&str>) -> Result<Option<Url>, AwsError> {
        let named = option
            .map(str::to_owned)
            .or_else(|| self.get("AWS_ENDPOINT_URL_KINESIS_VIDEO"))
            .or_else(|| self.get("AWS_ENDPOINT_URL"));
        named
            .map(|url| Url::parse(url.trim()).map_err(|error| AwsError(format!("{error}: {url}"))))
            .transpose()
    }

    pub(crate) fn region(
        &self,
        option: Option<&str>,
        channel: Option<&str>,
        endpoint: Option<&Url>,
    ) -> Result<String, AwsError> {
        let of_arn = channel
            .and_then(arn_parts)
            .map(|(region, _)| region.to_owned());
        let of_file = || {
            let profile = self.profile();
            let mut files = self.shared_files().into_iter();
            files.find_map(|(_, text)| region_from_shared_file(&text, &profile).map(str::to_owned))
        };
        option
            .map(str::to_owned)
            .or(of_arn)
            .or_else(|| self.get("AWS_REGION"))
            .or_else(|| self.get("AWS_DEFAULT_REGION"))
            .or_else(of_file)
            .or_else(|| endpoint.map(|_| DEFAULT_REGION.to_owned()))
            .ok_or_else(|| {
                AwsError(
                    "no AWS region: give --region or set AWS_REGION, for example us-west-2".into(),
                )
            })
    }

    pub(crate) fn credentials(&self) -> Result<Credentials, AwsError> {
        match Credentials::from_env(|name| self.get(name)) {
            Err(CredentialsError::NotFound) => {}
            result => return result.map_err(AwsError::from),
        }
        let profile = self.profile();
        for (path, text) in self.shared_files() {
            match Credentials::from_shared_file(&text, &profile) {
                Err(CredentialsError::NotFound) => {}
                // The config file names profiles that have their keys in the other file.
                Err(CredentialsError::NoAccessKeyId) if path.ends_with("config") => {}
                Err(error) => {
                    return Err(AwsError(format!(
                        "profile {profile} in {}: {error}",
                        path.display()
                    )));
                }
                Ok(credentials) => return Ok(credentials),
            }
        }
        Err(match self.get("AWS_PROFILE") {
            Some(profile) => AwsError(format!(
                "no AWS credentials found: no shared file has keys for profile {profile}; correct \
                 AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )),
            None => AwsError::from(CredentialsError::NotFound),
        })
    }
}

#[cfg(test)]
mod tests;
