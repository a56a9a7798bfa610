//! Compiled code to an instance: stores, linking, entities, and the embedder interface.
