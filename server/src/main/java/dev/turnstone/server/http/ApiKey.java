package dev.turnstone.server.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/// A key and what it opens. Only its digest is kept, so it cannot reach a log.
public final class ApiKey {
  private final byte[] digest;
  private final Scope scope;
  private final KeyLimit limit;

  public ApiKey(String key, Scope scope, KeyLimit limit) {
    this.digest = digest(key);
    this.scope = scope;
    this.limit = limit;
  }

  Scope scope() {
    return scope;
  }

  KeyLimit limit() {
    return limit;
  }

  /// Takes the same time for every key of one length.
  boolean opens(String key) {
    return MessageDigest.isEqual(digest, digest(key));
  }

  private static byte[] digest(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return "key with scope " + scope.wire();
  }
}
