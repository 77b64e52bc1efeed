//! The sending side of a viewer.
