//! Every request to a vendor carries the call's id.
