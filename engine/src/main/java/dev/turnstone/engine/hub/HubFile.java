package dev.turnstone.engine.hub;

/// A file of a model on the hub.
///
/// @param etag name of its blob: the sha256 of a large file's content, of others git's sha1
/// @param size in bytes
record HubFile(String name, String etag, long size) {
  /// The hash that its etag is: SHA-256 if the file is large.
  boolean large() {
    return etag.length() == 64;
  }

  boolean weights() {
    return name.endsWith(".safetensors");
  }
}
