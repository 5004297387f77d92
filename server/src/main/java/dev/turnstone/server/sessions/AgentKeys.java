package dev.turnstone.server.sessions;

import dev.turnstone.server.http.StartupError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// Keys of sessions: the session's id and a code that only this server can make. Nothing is kept
/// but one secret, in a file that a restart finds again.
public final class AgentKeys {
  private static final String PREFIX = "ts-";
  private static final int SECRET_BYTES = 32;

  private final byte[] secret;

  private AgentKeys(byte[] secret) {
    this.secret = secret;
  }

  /// Reads the secret in a data folder, or makes one.
  public static AgentKeys open(Path data) {
    Path file = data.resolve("agent-secret");
    try {
      if (Files.notExists(file, LinkOption.NOFOLLOW_LINKS)) create(data, file);
      byte[] secret = Files.readAllBytes(file);
      if (secret.length == SECRET_BYTES) return new AgentKeys(secret);
      throw new StartupError(
          "%s has %d bytes, not %d: delete it, and agents get new keys"
              .formatted(file, secret.length, SECRET_BYTES));
    } catch (IOException e) {
      throw new StartupError("the secret of the agent keys in %s cannot be read".formatted(file));
    }
  }

  private static void create(Path folder, Path file) {
    byte[] secret = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(secret);
    try {
      Files.createDirectories(folder);
      Path part =
          Files.createTempFile(
              folder,
              "agent-secret",
              ".part",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      try {
        // A disk that is full must not leave half a secret under its name, nor beside it.
        Files.write(part, secret);
        // Unlike a move this fails if another server was faster, whose secret then counts.
        Files.createLink(file, part);
      } catch (FileAlreadyExistsException _) {
        // It is read as if it had always been there.
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      throw StartupError.unwritable(folder, e);
    }
  }

  String key(String session) {
    return PREFIX + session + "." + code(session);
  }

  /// The session that a key opens; empty if it is no agent's key, or a forged one.
  public Optional<String> session(String key) {
    int dot = key.lastIndexOf('.');
    if (!key.startsWith(PREFIX) || dot < PREFIX.length()) return Optional.empty();
    String session = key.substring(PREFIX.length(), dot);
    byte[] given = key.substring(dot + 1).getBytes(StandardCharsets.UTF_8);
    byte[] right = code(session).getBytes(StandardCharsets.UTF_8);
    return MessageDigest.isEqual(given, right) ? Optional.of(session) : Optional.empty();
  }

  private String code(String session) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      byte[] code = mac.doFinal(session.getBytes(StandardCharsets.UTF_8));
      return Base64.getUrlEncoder().withoutPadding().encodeToString(code).substring(0, 32);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has HMAC-SHA256", e);
    }
  }
}
