//! What text means: yes or no, and which intent. Deterministic.
