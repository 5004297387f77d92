package dev.turnstone.envadapters.peer;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/// Where a tool, sandbox or verifier answers.
///
/// @param url http or https, without user and fragment, as it was registered
/// @param headers sent with every request
/// @param timeout of one call, to the millisecond
public record Endpoint(String url, Map<String, HeaderValue> headers, Duration timeout) {
  public Endpoint {
    headers = Collections.unmodifiableMap(new LinkedHashMap<>(headers));
  }
}
