package dev.turnstone.upstream;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;

/// An engine as its operator names it.
///
/// @param url its address; with `dns` set, one whose host stands for as many engines as it has
///   addresses
/// @param key sent as bearer
/// @param dns whether the host is looked up again and again, as for a headless service
/// @param weights how it gets new weights
public record EngineSpec(Kind kind, URI url, Optional<String> key, boolean dns, WeightsBy weights) {

  /// Whose wire it speaks.
  public enum Kind {
    VLLM,
    SGLANG
  }

  /// How new weights come into an engine.
  public enum WeightsBy {
    /// It reads them from the folder, which it must see under the same path.
    DISK,
    /// It reads them as an adapter from the folder.
    LORA,
    /// The trainer sends them to it; we only pause, count and verify.
    EXTERNAL
  }

  public EngineSpec {
    String scheme = String.valueOf(url.getScheme());
    if (!scheme.equals("http") && !scheme.equals("https"))
      throw new IllegalArgumentException("an engine's url must be http or https, but is " + url);
    if (dns && !scheme.equals("http"))
      throw new IllegalArgumentException(
          "engines that are found by their addresses must be http, but this is " + url);
    if (url.getHost() == null || url.getRawUserInfo() != null || url.getRawQuery() != null)
      throw new IllegalArgumentException(
          "an engine's url must be a host and at most a path, without user or query, but that of host "
              + url.getHost()
              + " is not");
    if (!key.orElse("").chars().allMatch(c -> c > ' ' && c < 0x7f))
      throw new IllegalArgumentException(
          "the key of engine %s has characters that no header takes".formatted(url));
  }

  /// Reads `vllm=http://HOST:PORT`.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static EngineSpec parse(String text) {
    int at = text.indexOf('=');
    if (at < 0)
      throw new IllegalArgumentException(
          "an engine must be vllm=URL or sglang=URL, but is " + text);
    return new EngineSpec(
        kind(text.substring(0, at)),
        uri(text.substring(at + 1)),
        Optional.empty(),
        false,
        WeightsBy.DISK);
  }

  public static Kind kind(String text) {
    for (Kind kind : Kind.values()) if (kind.name().equalsIgnoreCase(text)) return kind;
    throw new IllegalArgumentException("an engine's kind must be vllm or sglang, but is " + text);
  }

  public static URI uri(String text) {
    try {
      return new URI(text);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("an engine's url is no URL: " + text, e);
    }
  }

  EngineSpec at(URI address) {
    return new EngineSpec(kind, address, key, false, weights);
  }

  /// Its address, for sentences.
  public String name() {
    return url.toString();
  }

  /// Without the key, which must not come into a log.
  @Override
  public String toString() {
    return kind + " " + url;
  }
}
