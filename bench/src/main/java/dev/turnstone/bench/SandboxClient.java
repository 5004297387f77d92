package dev.turnstone.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import okhttp3.ConnectionPool;
import okhttp3.Dispatcher;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/// A sandbox's client that times what it does.
final class SandboxClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final MediaType TYPE = MediaType.get("application/json");

  /// @param millis from sending to the answer's last byte
  /// @param queueMillis what of it the request waited for its turn, as the server tells; all of it
  ///   where it was turned away
  record Seen(int status, double millis, double queueMillis, String body) {
    Seen expected(int wanted) throws IOException {
      if (status == wanted) return this;
      throw new IOException("the sandbox answered " + status + ": " + body);
    }
  }

  private final HttpUrl url;
  private final OkHttpClient http =
      new OkHttpClient.Builder()
          .dispatcher(new Dispatcher())
          .connectionPool(new ConnectionPool(64, 1, TimeUnit.MINUTES))
          .readTimeout(Duration.ofMinutes(2))
          .connectTimeout(Duration.ofMinutes(1))
          .build();

  SandboxClient(String url) {
    this.url = HttpUrl.get(url);
  }

  Seen run(String body) throws IOException {
    return send("POST", "run_code", body);
  }

  String openSession() throws IOException {
    JsonNode session = JSON.readTree(send("POST", "v1/sessions", "{}").expected(201).body());
    return session.get("id").asText();
  }

  Seen call(String session, String what, String body) throws IOException {
    return send("POST", "v1/sessions/" + session + "/" + what, body);
  }

  boolean closeSession(String session) throws IOException {
    send("DELETE", "v1/sessions/" + session, "").expected(200);
    return true;
  }

  private Seen send(String method, String path, String body) throws IOException {
    Request request =
        new Request.Builder()
            .url(url.newBuilder().addPathSegments(path).build())
            .method(method, method.equals("DELETE") ? null : RequestBody.create(body, TYPE))
            .build();
    long started = System.nanoTime();
    try (Response response = http.newCall(request).execute()) {
      String answer = response.body().string();
      double millis = (System.nanoTime() - started) / 1e6;
      String queued = response.header("x-queue-ms");
      double waited = queued == null ? millis : Double.parseDouble(queued);
      return new Seen(response.code(), millis, waited, answer);
    }
  }
}
