//! Files as media, and files for what viewers send.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use kvs_media::{Codec as FileCodec, Frame, Player, Recorder, Source};
use smolrtc::rtp::Codec;
use smolrtc_base::Duration;

/// Why a media file cannot be used.
#[derive(Debug)]
pub struct MediaError {
    path: PathBuf,
    why: String,
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for MediaError {}

/// Opens a media file of the wanted kind.
///
/// # Errors
/// When it cannot be read or is not what it should be; the text says what and where.
pub fn open(path: &Path, video: bool) -> Result<Source<Vec<u8>>, MediaError> {
    let bytes = std::fs::read(path).map_err(|error| MediaError {
        path: path.to_owned(),
        why: unreadable(&error),
    })?;
    open_bytes(path, bytes, video)
}

/// The same for a file that is in memory already; `path` is its name in errors.
///
/// # Errors
/// When it is not what it should be.
pub fn open_bytes(path: &Path, bytes: Vec<u8>, video: bool) -> Result<Source<Vec<u8>>, MediaError> {
    let failed = |why: String| MediaError {
        path: path.to_owned(),
        why,
    };
    // The name tells which error to give; the content, what the file is.
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("");
    let source = match extension {
        "h264" | "264" => Source::open_annexb(bytes, FileCodec::H264),
        "h265" | "265" | "hevc" => Source::open_annexb(bytes, FileCodec::H265),
        _ => Source::open(bytes),
    }
    .map_err(|error| failed(error.to_string()))?;
    let is_video = source.codec().kind() == kvs_media::Kind::Video;
    if is_video == video {
        Ok(source)
    } else {
        let (is, flag) = if is_video {
            ("video", "--video")
        } else {
            ("audio", "--audio")
        };
        Err(failed(format!(
            "this is {is}, {}; give it to {flag}",
            source.codec().name()
        )))
    }
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file: check the path".into(),
        ErrorKind::PermissionDenied => "this user may not read it: check its permissions".into(),
        _ => error.to_string(),
    }
}

/// A player for up to two files.
#[must_use]
pub fn player(
    video: Option<Source<Vec<u8>>>,
    audio: Option<Source<Vec<u8>>>,
    looping: bool,
) -> Player<Vec<u8>> {
    Player::new(video, audio, looping)
}

/// The RTP codec of a file's codec; `None` for one that is not sent.
#[must_use]
pub const fn rtp_codec(codec: FileCodec) -> Option<Codec> {
    Some(match codec {
        FileCodec::H264 => Codec::H264,
        FileCodec::H265 => Codec::H265,
        FileCodec::Vp8 => Codec::Vp8,
        FileCodec::Opus => Codec::Opus,
        FileCodec::Pcmu => Codec::Pcmu,
        FileCodec::Pcma => Codec::Pcma,
        _ => return None,
    })
}

const fn file_codec(codec: Codec) -> FileCodec {
    match codec {
        Codec::H264 => FileCodec::H264,
        Codec::H265 => FileCodec::H265,
        Codec::Vp8 => FileCodec::Vp8,
        Codec::Opus => FileCodec::Opus,
        Codec::Pcmu => FileCodec::Pcmu,
        Codec::Pcma => FileCodec::Pcma,
    }
}

/// A received stream on its way into a file.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    file: File,
    recorder: Recorder,
    codec: Codec,
    bytes: Vec<u8>,
    clock: smolrtc_base::Extended32,
    first: Option<u64>,
    frames: u64,
}

impl Recording {
    /// Starts a file `stem` plus the codec's extension.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(stem: &Path, codec: Codec) -> Result<Self, MediaError> {
        let recorder = Recorder::new(file_codec(codec), 1);
        let mut path = stem.to_owned();
        path.as_mut_os_string()
            .push(format!(".{}", recorder.extension()));
        Self::create_at(path, codec)
    }

    /// Starts the file `path`, whatever its name.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_at(path: PathBuf, codec: Codec) -> Result<Self, MediaError> {
        let file = File::create(&path).map_err(|error| MediaError {
            path: path.clone(),
            why: error.to_string(),
        })?;
        Ok(Self {
            path,
            file,
            recorder: Recorder::new(file_codec(codec), 1),
            codec,
            bytes: Vec::new(),
            clock: smolrtc_base::Extended32::new(),
            first: None,
            frames: 0,
        })
    }

    /// What is recorded.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn frame(&mut self, timestamp: u32, key: bool, data: &[u8]) -> Result<(), MediaError> {
        let ticks = self.clock.extend(timestamp);
        let first = *self.first.get_or_insert(ticks);
        let ticks = u128::from(ticks.saturating_sub(first));
        let nanos = ticks * 1_000_000_000 / u128::from(self.codec.clock_rate());
        let frame = Frame {
            codec: file_codec(self.codec),
            pts: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            duration: Duration::ZERO,
            key,
            data,
        };
        self.recorder.frame(&frame, &mut self.bytes);
        self.frames += 1;
        self.write()
    }

    /// Ends the file: trailers, and the header with the counts known only now. Returns the frames
    /// written.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(PathBuf, u64), MediaError> {
        let header = self.recorder.finish(&mut self.bytes);
        self.write()?;
        if let Some(header) = header {
            self.file
                .seek(SeekFrom::Start(0))
                .and_then(|_| self.file.write_all(&header))
                .map_err(|error| self.failed(&error))?;
        }
        Ok((self.path, self.frames))
    }

    fn write(&mut self) -> Result<(), MediaError> {
        let written = self.file.write_all(&self.bytes);
        self.bytes.clear();
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> MediaError {
        MediaError {
            path: self.path.clone(),
            why: error.to_string(),
        }
    }
}
