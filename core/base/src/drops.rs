//! Named reasons for throwing input away, with a counter each.

/// Declares a closed set of drop reasons and the table that counts them.
///
/// Bad input from the network is no error: it is dropped and counted under a name that the
/// statistics show.
///
/// ```
/// smolrtc_base::drop_reasons! {
///     /// Why a datagram was dropped.
///     pub enum DropReason, counted by
///     /// Datagrams dropped, by reason.
///     pub struct Drops {
///         /// Shorter than a header.
///         TooShort = "too_short",
///         /// The tag did not match.
///         BadTag = "bad_tag",
///     }
/// }
/// let mut drops = Drops::default();
/// drops.count(DropReason::BadTag);
/// assert_eq!(drops.get(DropReason::BadTag), 1);
/// assert_eq!(drops.iter().next(), Some(("too_short", 0)));
/// ```
#[macro_export]
macro_rules! drop_reasons {
    (
        $(#[$em:meta])* pub enum $reason:ident, counted by
        $(#[$sm:meta])* pub struct $table:ident {
            $($(#[$vm:meta])* $variant:ident = $name:literal),+ $(,)?
        }
    ) => {
        $(#[$em])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $reason { $($(#[$vm])* $variant),+ }

        impl $reason {
            /// Every reason, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name under which the statistics show this reason.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        $(#[$sm])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $table([u32; $reason::ALL.len()]);

        impl Default for $table {
            fn default() -> Self {
                Self([0; $reason::ALL.len()])
            }
        }

        impl $table {
            /// Counts one drop; the counter saturates.
            pub fn count(&mut self, reason: $reason) {
                if let Some(counter) = self.0.get_mut(reason as usize) {
                    *counter = counter.saturating_add(1);
                }
            }

            /// Drops for `reason` so far.
            #[must_use]
            pub fn get(&self, reason: $reason) -> u32 {
                self.0.get(reason as usize).copied().unwrap_or(0)
            }

            /// Drops for all reasons together.
            #[must_use]
            pub fn total(&self) -> u32 {
                self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
            }

            /// Names and counts, in the order of declaration.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> + '_ {
                $reason::ALL.iter().map(|reason| (reason.name(), self.get(*reason)))
            }
        }
    };
}
