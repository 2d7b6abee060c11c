//! The rules: what parsing cannot prove. The only maker of a checked flow.
