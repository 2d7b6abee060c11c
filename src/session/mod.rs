//! One task per call: the only place that sees both a decision and a vendor.
