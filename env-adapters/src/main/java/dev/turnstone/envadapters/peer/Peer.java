package dev.turnstone.envadapters.peer;

import dev.turnstone.rollout.Environment.EnvironmentLost;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import okhttp3.Call;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okio.BufferedSource;

/// A service elsewhere that takes JSON over HTTP: a tool, a sandbox or a verifier. Blocks its
/// caller.
///
/// Retries belong here and nowhere else: [#MAX_BODY_BYTES] bounds what is read, the deadline bounds
/// all attempts together. Secrets that a peer repeats in its answer are blacked out.
public final class Peer {
  public static final long MAX_BODY_BYTES = 16L << 20;

  /// Tells the calls of one rollout from those of others.
  public static final String SESSION_HEADER = "X-Turnstone-Session";

  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final int SHOWN_CHARS = 300;

  private final OkHttpClient client;
  private final Endpoint endpoint;
  private final HttpUrl url;
  private final Function<String, Optional<String>> secrets;
  private final int attempts;
  private final Peers.Pause pause;

  public Peer(
      OkHttpClient client,
      Endpoint endpoint,
      Function<String, Optional<String>> secrets,
      int attempts,
      Peers.Pause pause) {
    this.client = client;
    this.endpoint = endpoint;
    this.url = HttpUrl.get(endpoint.url());
    this.secrets = secrets;
    this.attempts = attempts;
    this.pause = pause;
  }

  /// One request with its retries.
  ///
  /// @param timeout of each attempt
  /// @param deadline of all attempts together
  /// @throws EnvironmentLost if a secret is not set
  public Reply send(Exchange exchange, Duration timeout, Deadline deadline)
      throws EnvironmentLost, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      Duration limit = deadline.cap(timeout);
      if (!limit.isPositive()) return new Reply.TimedOut(Duration.ZERO, true);
      Reply reply = once(exchange, limit, limit.compareTo(timeout) < 0);
      if (attempt >= attempts || !worthAnother(reply)) return reply;
      Duration wait = backoff(attempt);
      if (wait.compareTo(deadline.remaining()) >= 0) return reply;
      pause.of(wait);
    }
  }

  /// What is sent.
  ///
  /// @param path appended to the endpoint's URL as it is, may be empty
  /// @param query added to the URL's own
  /// @param json the body; empty sends none
  /// @param session sent as [#SESSION_HEADER]
  public record Exchange(
      String method,
      String path,
      Map<String, String> query,
      Optional<String> json,
      String session) {
    /// A body without anything in the URL.
    public static Exchange post(String path, String json, String session) {
      return new Exchange("POST", path, Map.of(), Optional.of(json), session);
    }

    public static Exchange get(String path, String session) {
      return new Exchange("GET", path, Map.of(), Optional.empty(), session);
    }
  }

  /// The sentence for a reply that means the environment is broken.
  public EnvironmentLost lost(Reply reply) {
    String what =
        switch (reply) {
          case Reply.Answered a when a.status() >= 300 && a.status() < 400 ->
              "answered %d, and redirects are not followed".formatted(a.status());
          case Reply.Answered a when a.body().isBlank() -> "answered " + a.status();
          case Reply.Answered a -> "answered %d: %s".formatted(a.status(), shown(a.body()));
          case Reply.TimedOut t -> "did not answer within " + seconds(t.after());
          case Reply.Broken b -> "is not reachable: " + b.why();
        };
    return new EnvironmentLost(name() + " " + what);
  }

  public EnvironmentLost lost(String what) {
    return new EnvironmentLost(name() + " " + what);
  }

  public static String seconds(Duration time) {
    String seconds = String.valueOf(Math.max(1, time.toMillis()) / 1000.0);
    return (seconds.endsWith(".0") ? seconds.substring(0, seconds.length() - 2) : seconds) + " s";
  }

  private static String shown(String body) {
    String start = body.substring(0, Math.min(body.length(), SHOWN_CHARS));
    return start.strip().replaceAll("\\s+", " ");
  }

  /// A query may hold secrets, so it is left out.
  private String name() {
    return url.newBuilder().query(null).build().toString();
  }

  private Reply once(Exchange exchange, Duration limit, boolean ofSession)
      throws EnvironmentLost, InterruptedException {
    RequestHeaders headers = resolve();
    Request request = request(exchange, headers);
    Call call = client.newCall(request);
    call.timeout().timeout(limit.toNanos(), TimeUnit.NANOSECONDS);
    try (Response response = call.execute()) {
      return read(response, headers);
    } catch (SocketTimeoutException e) {
      return new Reply.Broken("it did not accept a connection in time", true);
    } catch (InterruptedIOException e) {
      if (Thread.interrupted()) throw interrupted(e);
      return new Reply.TimedOut(limit, ofSession);
    } catch (CheckedSockets.Refused e) {
      return new Reply.Broken(e.why(), false);
    } catch (UnknownHostException _) {
      return new Reply.Broken("its name does not resolve", true);
    } catch (IOException e) {
      if (Thread.interrupted()) throw interrupted(e);
      return new Reply.Broken(headers.blackOut(String.valueOf(e.getMessage())), true);
    }
  }

  private Request request(Exchange exchange, RequestHeaders headers) {
    HttpUrl.Builder target = url.newBuilder();
    if (!exchange.path().isEmpty()) target.addEncodedPathSegments(exchange.path());
    exchange.query().forEach(target::addQueryParameter);
    return new Request.Builder()
        .url(target.build())
        .headers(headers.headers())
        .header(SESSION_HEADER, exchange.session())
        .method(exchange.method(), exchange.json().map(JsonBody::new).orElse(null))
        .build();
  }

  private static Reply read(Response response, RequestHeaders headers) throws IOException {
    BufferedSource source = response.body().source();
    boolean whole = !source.request(MAX_BODY_BYTES + 1);
    String body =
        whole
            ? source.readString(StandardCharsets.UTF_8)
            : source.readString(MAX_BODY_BYTES, StandardCharsets.UTF_8);
    return new Reply.Answered(response.code(), headers.blackOut(body), whole);
  }

  private static boolean worthAnother(Reply reply) {
    return switch (reply) {
      case Reply.Answered a -> passing(a.status());
      case Reply.TimedOut _ -> false;
      case Reply.Broken b -> b.passing();
    };
  }

  /// Whether a status says that the peer is busy or down, rather than what it thinks of the
  /// request.
  public static boolean passing(int status) {
    return status >= 500 || status == 408 || status == 425 || status == 429;
  }

  /// Doubles from one second; the random half keeps rollouts from coming back all at once.
  private static Duration backoff(int attempt) {
    long most = FIRST_PAUSE.toMillis() << (attempt - 1);
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(most / 2, most + 1));
  }

  private RequestHeaders resolve() throws EnvironmentLost {
    try {
      return RequestHeaders.resolve(endpoint.headers(), secrets);
    } catch (RequestHeaders.Unresolved e) {
      throw lost(e.why());
    }
  }

  private static InterruptedException interrupted(IOException cause) {
    InterruptedException e = new InterruptedException("interrupted while waiting for a peer");
    e.initCause(cause);
    return e;
  }
}
